/*
 * Requests that create, read and delete a stream, in a worker.  What the
 * registry does goes on without them: a request only hears of its end, if it
 * still waits.
 */


#include "ngx_ess_decode.h"
#include "ngx_ess_header.h"
#include "ngx_ess_wait.h"
#include "ngx_ess_api_body.h"
#include "ngx_ess_api_request.h"
#include "ngx_ess_api_streams.h"
#include "ngx_ess_registry.h"


/* bytes of a stream as JSON, without the URL: its routing key and its rule take
   up to six times their length, numbers and names the rest */
#define NGX_ESS_API_STREAM_SIZE                                               \
    (6 * (NGX_ESS_MAX_KEY + NGX_ESS_MAX_RULE) + NGX_ESS_MAX_NAME + 768)


/* a request that waits for the registry; in the request's pool */

typedef struct {
    ngx_http_request_t      *request;
    ngx_http_cleanup_t      *cleanup;
    ngx_ess_registry_op_t   *op;
    unsigned                 declare:1;     /* the source is to declare it */
} ngx_ess_api_wait_t;


static ngx_uint_t ngx_ess_api_streams_is_json(ngx_http_request_t *r);
static void ngx_ess_api_streams_create_body(ngx_http_request_t *r);
static void ngx_ess_api_streams_decoded(ngx_ess_decode_t *decode,
    ngx_int_t rc);
static ngx_int_t ngx_ess_api_streams_parse(ngx_ess_decode_t *decode,
    ngx_int_t rc);
static void ngx_ess_api_streams_undecoded(void *data);
static ngx_int_t ngx_ess_api_streams_create_begin(ngx_http_request_t *r,
    ngx_ess_api_body_t *body);
static void ngx_ess_api_streams_created(void *data,
    ngx_ess_registry_result_e result, ngx_ess_stream_info_t *info,
    const char *text);
static ngx_int_t ngx_ess_api_streams_answer(ngx_http_request_t *r,
    ngx_ess_stream_info_t *info);
static u_char *ngx_ess_api_stream_attr(u_char *p, ngx_ess_stream_info_t *info);
static ngx_int_t ngx_ess_api_streams_location(ngx_http_request_t *r,
    uint64_t id);
static void ngx_ess_api_streams_deleted(void *data,
    ngx_ess_registry_result_e result, ngx_ess_stream_info_t *info,
    const char *text);
static ngx_ess_api_wait_t *ngx_ess_api_streams_wait(ngx_http_request_t *r);
static ngx_http_request_t *ngx_ess_api_streams_wake(ngx_ess_api_wait_t *wait);
static void ngx_ess_api_streams_gone(void *data);


ngx_int_t
ngx_ess_api_streams_create(ngx_http_request_t *r,
    ngx_ess_api_target_t *target)
{
    ngx_int_t  rc;

    if (r->headers_in.content_type == NULL
        || r->headers_in.content_type->value.len == 0)
    {
        return ngx_ess_api_problem(r, 415, "there is no content type, "
                                   "application/json is expected");
    }

    if (!ngx_ess_api_streams_is_json(r)) {
        return ngx_ess_api_problem(r, 415, "the content type is \"%V\", "
                                   "application/json is expected",
                                   &r->headers_in.content_type->value);
    }

    if (r->headers_in.content_length_n > NGX_ESS_API_MAX_BODY) {
        return ngx_ess_api_problem(r, 413, "the body is over the limit of %d "
                                   "bytes", NGX_ESS_API_MAX_BODY);
    }

    rc = ngx_ess_decode_known(r);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    rc = ngx_http_read_client_request_body(r, ngx_ess_api_streams_create_body);

    return (rc >= NGX_HTTP_SPECIAL_RESPONSE) ? rc : NGX_DONE;
}


/* No web page may send this type without being asked for leave. */

static ngx_uint_t
ngx_ess_api_streams_is_json(ngx_http_request_t *r)
{
    u_char     *p;
    size_t      len;
    ngx_str_t  *type;

    type = &r->headers_in.content_type->value;
    len = sizeof("application/json") - 1;

    if (type->len < len
        || ngx_strncasecmp(type->data, (u_char *) "application/json", len)
           != 0)
    {
        return 0;
    }

    p = type->data + len;

    return type->len == len || *p == ';' || *p == ' ' || *p == '\t';
}


static void
ngx_ess_api_streams_create_body(ngx_http_request_t *r)
{
    ngx_int_t          rc;
    ngx_ess_decode_t  *decode;

    decode = ngx_pcalloc(r->pool, sizeof(ngx_ess_decode_t));

    if (decode == NULL
        || ngx_ess_wait(r, ngx_ess_api_streams_undecoded, decode) == NULL)
    {
        ngx_http_finalize_request(r, NGX_ERROR);
        return;
    }

    /* one byte over the limit is taken, so that the parser refuses it */

    decode->request = r;
    decode->pool = r->pool;
    decode->handler = ngx_ess_api_streams_decoded;
    decode->sent = NGX_ESS_API_MAX_BODY + 1;
    decode->max = NGX_ESS_API_MAX_BODY;

    rc = ngx_ess_decode(decode);

    if (rc != NGX_AGAIN) {
        rc = ngx_ess_api_streams_parse(decode, rc);
    }

    if (rc != NGX_AGAIN) {
        ngx_http_finalize_request(r, rc);
    }
}


static void
ngx_ess_api_streams_decoded(ngx_ess_decode_t *decode, ngx_int_t rc)
{
    rc = ngx_ess_api_streams_parse(decode, rc);

    if (rc != NGX_AGAIN) {
        ngx_ess_wait_finish(decode->request, rc);
    }
}


/* NGX_AGAIN: the stream is being made. */

static ngx_int_t
ngx_ess_api_streams_parse(ngx_ess_decode_t *decode, ngx_int_t rc)
{
    ngx_http_request_t   *r;
    ngx_ess_api_body_t    body;
    ngx_ess_loc_conf_t   *lcf;
    ngx_ess_main_conf_t  *mcf;

    r = decode->request;

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_DECLINED) {
        return ngx_ess_decode_broken(decode);
    }

    if (rc == NGX_ABORT) {
        return ngx_ess_api_problem(r, 413, "the body is over the limit of %d "
                                   "bytes", NGX_ESS_API_MAX_BODY);
    }

    lcf = ngx_http_get_module_loc_conf(r, ngx_ess_module);
    mcf = ngx_http_get_module_main_conf(r, ngx_ess_module);

    if (ngx_ess_api_body_parse(decode->text.data, decode->text.len,
                               mcf->sources, lcf->source, &body)
        != NGX_OK)
    {
        return ngx_ess_api_problem(r, body.status, "%s", body.detail);
    }

    return ngx_ess_api_streams_create_begin(r, &body);
}


static void
ngx_ess_api_streams_undecoded(void *data)
{
    ngx_ess_decode_cancel(data);
}


/* NGX_AGAIN: under way. */

static ngx_int_t
ngx_ess_api_streams_create_begin(ngx_http_request_t *r,
    ngx_ess_api_body_t *body)
{
    uint64_t                 epoch;
    ngx_int_t                rc;
    ngx_str_t                key;
    ngx_ess_api_wait_t      *wait;
    const ngx_ess_source_t  *row;

    key.data = body->key;
    key.len = body->key_len;

    row = body->source->row;
    epoch = 0;

    if (row->kind.follows && body->source->conf == NULL) {
        return ngx_ess_api_problem(r, 422, "a stream with \"source\": \"%V\" "
                                   "needs \"%V\"", &row->name,
                                   &row->directive);
    }

    if (row->epoch) {
        epoch = row->epoch(body->source->conf, &key);
    }

    wait = ngx_ess_api_streams_wait(r);
    if (wait == NULL) {
        return NGX_ERROR;
    }

    wait->declare = (body->declare != 0);

    rc = ngx_ess_registry_create(ngx_ess_api_zone(r), &key,
                                 &row->kind, epoch, &body->attr,
                                 body->declare ? &body->options : NULL,
                                 ngx_ess_api_streams_created, wait, &wait->op);
    if (rc == NGX_OK) {
        return NGX_AGAIN;
    }

    (void) ngx_ess_api_streams_wake(wait);

    if (rc == NGX_DECLINED) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "ess: the zone is full, no stream can be created; "
                      "make \"ess_zone\" larger");

        return ngx_ess_api_problem(r, 507, "the zone has no room for another "
                                   "stream; delete some, or make \"ess_zone\" "
                                   "larger");
    }

    if (rc == NGX_ABORT) {
        return ngx_ess_api_problem(r, 409, "another stream has the name "
                                   "\"%V\"", &body->attr.name);
    }

    return ngx_ess_api_problem(r, 500, "there is no memory, or no uuid could "
                               "be made");
}


static void
ngx_ess_api_streams_created(void *data, ngx_ess_registry_result_e result,
    ngx_ess_stream_info_t *info, const char *text)
{
    ngx_ess_api_wait_t *wait = data;

    ngx_int_t            rc;
    ngx_http_request_t  *r;

    r = ngx_ess_api_streams_wake(wait);

    switch (result) {

    case NGX_ESS_REGISTRY_OK:
        rc = ngx_ess_api_streams_answer(r, info);
        break;

    case NGX_ESS_REGISTRY_STORE:
        rc = ngx_ess_api_problem(r, 503, "the stream cannot be stored: %s",
                                 text);
        break;

    case NGX_ESS_REGISTRY_BUSY:
        rc = ngx_ess_api_retry_after(r);

        if (rc == NGX_OK) {
            rc = ngx_ess_api_problem(r, 503, "%s", text);
        }

        break;

    default: /* NGX_ESS_REGISTRY_CONFLICT, NGX_ESS_REGISTRY_REFUSED */

        if (text[0] == '\0') {
            rc = ngx_ess_api_problem(r, 503, "the routing key could not be "
                                     "bound");
            break;
        }

        rc = ngx_ess_api_problem(r, result == NGX_ESS_REGISTRY_CONFLICT ? 409
                                                                        : 503,
                                 "the broker refused to %s: %s",
                                 wait->declare ? "declare the stream"
                                               : "bind the routing key", text);
    }

    ngx_ess_wait_finish(r, rc);
}


static ngx_int_t
ngx_ess_api_streams_answer(ngx_http_request_t *r, ngx_ess_stream_info_t *info)
{
    u_char                  *p;
    ngx_str_t                json, key;
    const char              *advice;
    ngx_ess_main_conf_t     *mcf;
    ngx_ess_source_entry_t  *source;

    mcf = ngx_http_get_module_main_conf(r, ngx_ess_module);
    source = ngx_ess_source_entry(mcf->sources, info->kind.source);
    advice = NULL;

    if (source && source->conf && source->row->advise) {
        key.data = info->key;
        key.len = info->key_len;
        advice = source->row->advise(source->conf, &key);
    }

    if (ngx_ess_api_streams_location(r, info->ref.id) != NGX_OK) {
        return NGX_ERROR;
    }

    json.data = ngx_pnalloc(r->pool, ngx_ess_api_stream_size(r));
    if (json.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_ess_api_stream_json(json.data, r, info, NGX_ESS_API_STREAM_CREATED);

    if (advice) {
        p = ngx_sprintf(p - 1, ",\"warning\":\"%s\"}", advice);
    }

    json.len = p - json.data;

    return ngx_ess_api_send(r, NGX_HTTP_CREATED, &json);
}


/*
 * The path of all streams and the id.  An internal location cannot be reached
 * by that: there it is the path that the client itself asked for.  The field
 * is an ordinary one, for nginx would make a Location of its own absolute.
 */

static ngx_int_t
ngx_ess_api_streams_location(ngx_http_request_t *r, uint64_t id)
{
    size_t                     i;
    u_char                    *p;
    ngx_str_t                 *path, value;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);
    path = clcf->internal ? &r->main->unparsed_uri : &r->uri;

    p = ngx_pnalloc(r->pool, path->len * 3 + 2 + NGX_INT64_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    value.data = p;

    /* "//x" would name a host */

    for (i = 0; i + 1 < path->len && path->data[i + 1] == '/'; i++) {
        /* void */
    }

    if (clcf->internal) {
        for ( /* void */ ; i < path->len; i++) {
            if (path->data[i] == '?' || path->data[i] == '#') {
                break;
            }

            *p++ = path->data[i];
        }

    } else {
        p = (u_char *) ngx_escape_uri(p, path->data + i, path->len - i,
                                      NGX_ESCAPE_URI);
    }

    if (p == value.data || p[-1] != '/') {
        *p++ = '/';
    }

    p = ngx_sprintf(p, "%uL", id);

    value.len = p - value.data;

    return ngx_ess_header_add(r, "Location", value.data, value.len);
}


ngx_int_t
ngx_ess_api_streams_get(ngx_http_request_t *r, ngx_ess_api_target_t *target)
{
    ngx_str_t              json;
    ngx_ess_stream_info_t  info;

    if (ngx_ess_api_find(r, target, &info) != NGX_OK) {
        return ngx_ess_api_problem(r, 404, "there is no stream at \"%V\"",
                                   &r->uri);
    }

    json.data = ngx_pnalloc(r->pool, ngx_ess_api_stream_size(r));
    if (json.data == NULL) {
        return NGX_ERROR;
    }

    json.len = ngx_ess_api_stream_json(json.data, r, &info,
                                       NGX_ESS_API_STREAM_ALL)
               - json.data;

    return ngx_ess_api_send(r, NGX_HTTP_OK, &json);
}


ngx_int_t
ngx_ess_api_streams_delete(ngx_http_request_t *r,
    ngx_ess_api_target_t *target)
{
    ngx_int_t               rc;
    ngx_ess_api_wait_t     *wait;
    ngx_ess_stream_info_t   info;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    wait = ngx_ess_api_streams_wait(r);
    if (wait == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_ess_api_find(r, target, &info);

    if (rc == NGX_OK && info.declared) {
        (void) ngx_ess_api_streams_wake(wait);

        return ngx_ess_api_problem(r, 409, "the stream is one that nginx.conf "
                                   "declares: it goes when its \"ess_stream\" "
                                   "does");
    }

    if (rc == NGX_OK) {
        rc = ngx_ess_registry_delete(ngx_ess_api_zone(r), &info,
                                     ngx_ess_api_streams_deleted, wait,
                                     &wait->op);
    }

    if (rc == NGX_OK) {
        r->main->count++;
        return NGX_DONE;
    }

    (void) ngx_ess_api_streams_wake(wait);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    return ngx_ess_api_problem(r, 404, "there is no stream at \"%V\"", &r->uri);
}


static void
ngx_ess_api_streams_deleted(void *data, ngx_ess_registry_result_e result,
    ngx_ess_stream_info_t *info, const char *text)
{
    ngx_int_t            rc;
    ngx_http_request_t  *r;

    r = ngx_ess_api_streams_wake(data);

    if (result == NGX_ESS_REGISTRY_OK) {
        rc = ngx_ess_api_send(r, NGX_HTTP_NO_CONTENT, NULL);

    } else {
        rc = ngx_ess_api_problem(r, 503, "the stream cannot be removed from "
                                 "the store: %s", text);
    }

    ngx_ess_wait_finish(r, rc);
}


/* Should the request end before, nobody waits any more.  NULL: no memory. */

static ngx_ess_api_wait_t *
ngx_ess_api_streams_wait(ngx_http_request_t *r)
{
    ngx_ess_api_wait_t  *wait;

    wait = ngx_pcalloc(r->pool, sizeof(ngx_ess_api_wait_t));
    if (wait == NULL) {
        return NULL;
    }

    wait->request = r;
    wait->cleanup = ngx_ess_wait(r, ngx_ess_api_streams_gone, wait);

    return wait->cleanup ? wait : NULL;
}


/* The request that waited, which is then the caller's. */

static ngx_http_request_t *
ngx_ess_api_streams_wake(ngx_ess_api_wait_t *wait)
{
    wait->cleanup->handler = NULL;

    return wait->request;
}


static void
ngx_ess_api_streams_gone(void *data)
{
    ngx_ess_api_wait_t *wait = data;

    ngx_ess_registry_forget(wait->op);
}


size_t
ngx_ess_api_stream_size(ngx_http_request_t *r)
{
    ngx_ess_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_ess_module);

    return lcf->public_url.len + NGX_ESS_API_STREAM_SIZE;
}


u_char *
ngx_ess_api_stream_json(u_char *p, ngx_http_request_t *r,
    ngx_ess_stream_info_t *info, ngx_ess_api_stream_e what)
{
    ngx_ess_loc_conf_t      *lcf;
    ngx_ess_main_conf_t     *mcf;
    ngx_ess_source_entry_t  *source;

    lcf = ngx_http_get_module_loc_conf(r, ngx_ess_module);
    mcf = ngx_http_get_module_main_conf(r, ngx_ess_module);

    p = ngx_sprintf(p, "{\"id\":%uL,\"location\":\"%V", info->ref.id,
                    &lcf->public_url);
    p = ngx_ess_stream_uuid_text(p, info->uuid);
    *p++ = '"';

    if (what == NGX_ESS_API_STREAM_CREATED) {
        *p++ = '}';
        return p;
    }

    p = ngx_sprintf(p, ",\"routing_key\":\"");
    p = (u_char *) ngx_escape_json(p, info->key, info->key_len);
    *p++ = '"';

    source = ngx_ess_source_entry(mcf->sources, info->kind.source);

    if (source && info->kind.source != NGX_ESS_SOURCE_DEFAULT) {
        p = ngx_sprintf(p, ",\"source\":\"%V\"", &source->row->name);
    }

    p = ngx_ess_api_stream_attr(p, info);

    if (what == NGX_ESS_API_STREAM_ALL) {
        p = ngx_sprintf(p, ",\"subscribers\":%uL,\"events\":%uL,"
                        "\"bytes\":%uL",
                        info->subscribers, info->events, info->bytes);

        p = info->unknown
            ? ngx_sprintf(p, ",\"first_ordinal\":null,\"last_ordinal\":null")
            : ngx_sprintf(p, ",\"first_ordinal\":%uL,\"last_ordinal\":%uL",
                          info->first_ordinal, info->last_ordinal);
    }

    *p++ = '}';

    return p;
}


static u_char *
ngx_ess_api_stream_attr(u_char *p, ngx_ess_stream_info_t *info)
{
    const char  *comma;

    /* a name has nothing to be escaped */

    if (info->name_len) {
        p = ngx_sprintf(p, ",\"name\":\"%*s\"", info->name_len, info->name);
    }

    if (info->rule_len) {
        p = ngx_sprintf(p, ",\"key\":\"");
        p = (u_char *) ngx_escape_json(p, info->rule, info->rule_len);
        *p++ = '"';
    }

    if (info->declared) {
        p = ngx_sprintf(p, ",\"declared\":true");
    }

    if (info->created) {
        p = ngx_sprintf(p, ",\"created\":true");
    }

    if (!(info->kind.attr & NGX_ESS_ATTR_LOG)) {
        return p;
    }

    p = ngx_sprintf(p, ",\"log\":{");
    comma = "";

    if (info->log_size) {
        p = ngx_sprintf(p, "\"size\":%uL", info->log_size);
        comma = ",";
    }

    if (info->log_count) {
        p = ngx_sprintf(p, "%s\"count\":%uD", comma, info->log_count);
        comma = ",";
    }

    if (info->log_age) {
        p = ngx_sprintf(p, "%s\"age\":%uL", comma, info->log_age / 1000);
    }

    *p++ = '}';

    return p;
}
