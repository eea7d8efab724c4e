
/*
 * Templates as messages of a WebSocket, plain or deflated, and as events of an
 * event stream.  They are the configuration's.  Runs in workers.
 */


#include "ngx_ess_encoding_template.h"
#include "ngx_ess_encoding_message.h"
#include "ngx_ess_encoding_sse.h"


#define ngx_ess_encoding_template(encoding)                                   \
    (((const ngx_ess_encoding_templated_t *) (encoding))->template)


static ngx_int_t ngx_ess_encoding_template_ws(
    const ngx_ess_encoding_t *encoding, ngx_ess_encoding_event_t *event,
    ngx_uint_t one, ngx_ess_encoding_frame_t *out, ngx_log_t *log);
static ngx_int_t ngx_ess_encoding_template_sse(
    const ngx_ess_encoding_t *encoding, ngx_ess_encoding_event_t *event,
    ngx_uint_t one, ngx_ess_encoding_frame_t *out, ngx_log_t *log);


ngx_int_t
ngx_ess_encoding_template_init(ngx_ess_encoding_template_t *et,
    ngx_pool_t *pool, ngx_str_t *text, ngx_ess_template_error_t *error)
{
    ngx_int_t            rc;
    ngx_uint_t           i;
    ngx_ess_encoding_t  *ws, *sse;

    ngx_memzero(et, sizeof(ngx_ess_encoding_template_t));

    et->text = *text;

    rc = ngx_ess_template_compile(&et->template, pool, text, error);

    if (rc != NGX_OK) {
        return rc;
    }

    for (i = 0; i < 2; i++) {
        et->ws[i].template = &et->template;
        et->sse[i].template = &et->template;

        ws = &et->ws[i].encoding;
        sse = &et->sse[i].encoding;

        ws->encode = ngx_ess_encoding_template_ws;
        ws->deflated = i;

        sse->encode = ngx_ess_encoding_template_sse;
        sse->gap = ngx_ess_encoding_sse_gap;
        sse->chunked = i;

        ws->templated = 1;
        sse->templated = 1;

        ws->labelled = et->template.named;
        sse->labelled = et->template.named;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_encoding_template_ws(const ngx_ess_encoding_t *encoding,
    ngx_ess_encoding_event_t *event, ngx_uint_t one,
    ngx_ess_encoding_frame_t *out, ngx_log_t *log)
{
    u_char                     *p;
    const ngx_ess_template_t   *t;
    ngx_ess_template_values_t   values;

    t = ngx_ess_encoding_template(encoding);

    if (ngx_ess_template_values(t, event, &values) != NGX_OK) {
        return NGX_DECLINED;
    }

    p = ngx_ess_encoding_message(out, NGX_ESS_WS_TEXT, 0, values.len, log);
    if (p == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_ess_template_write(p, t, &values);

    if (encoding->deflated && !one) {
        ngx_ess_encoding_message_deflate(out, values.len, values.len, log);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_encoding_template_sse(const ngx_ess_encoding_t *encoding,
    ngx_ess_encoding_event_t *event, ngx_uint_t one,
    ngx_ess_encoding_frame_t *out, ngx_log_t *log)
{
    ngx_int_t                   rc;
    const ngx_ess_template_t   *t;
    ngx_ess_encoding_event_t    text;
    ngx_ess_template_values_t   values;

    t = ngx_ess_encoding_template(encoding);

    if (ngx_ess_template_values(t, event, &values) != NGX_OK) {
        return NGX_DECLINED;
    }

    text = *event;
    text.body.len = values.len;
    text.body.data = ngx_alloc(ngx_max(values.len, 1), log);
    if (text.body.data == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_ess_template_write(text.body.data, t, &values);

    rc = ngx_ess_encoding_sse_event(encoding, &text, 1, out, log);

    ngx_free(text.body.data);

    return rc;
}
