
/*
 * Publishing over HTTP, in a worker: who is meant, what is published, and the
 * answer when the source has it.  All memory is the request's; should that end
 * before, the publication is cancelled.
 */


#include "ngx_ess_decode.h"
#include "ngx_ess_header.h"
#include "ngx_ess_publish.h"
#include "ngx_ess_publish_create.h"
#include "ngx_ess_publish_events.h"
#include "ngx_ess_publish_key.h"
#include "ngx_ess_publish_once.h"
#include "ngx_ess_wait.h"
#include "ngx_ess_api_request.h"


/* events of a batch, unless the directive says otherwise */
#define NGX_ESS_PUBLISH_BATCH        1000

/* bytes of an id in the answer, at most */
#define NGX_ESS_PUBLISH_ID           (sizeof("\"-\",") + 16 + NGX_INT64_LEN)

#define NGX_ESS_PUBLISH_TOO_LARGE                                             \
    "an event is larger than \"ess_max_event\" allows"


typedef struct {
    ngx_http_request_t        *request;
    ngx_ess_decode_t       decode;      /* the body */
    ngx_ess_publish_events_t   events;      /* of a batch */
    ngx_ess_source_publish_t   pub;
    ngx_ess_publish_create_t   create;      /* its stream, on demand */
    ngx_ess_publish_once_t     once;
    ngx_str_t                  name;        /* the routing key, or the uuid */
    ngx_uint_t                 by_uuid;
    ngx_ess_stream_info_t      info;        /* by uuid */
    ngx_uint_t                 batch;
    unsigned                   publishing:1;

    ngx_uint_t                 status;      /* of what is wrong */
    const char                *detail;
} ngx_ess_publish_t;


static void ngx_ess_publish_body(ngx_http_request_t *r);
static ngx_int_t ngx_ess_publish_begin(ngx_http_request_t *r);
static ngx_int_t ngx_ess_publish_decode(ngx_http_request_t *r,
    ngx_ess_publish_t *p);
static size_t ngx_ess_publish_max(ngx_http_request_t *r,
    ngx_ess_publish_t *p);
static void ngx_ess_publish_decoded(ngx_ess_decode_t *decode,
    ngx_int_t rc);
static void ngx_ess_publish_finish(ngx_ess_publish_t *p, ngx_int_t rc);
static ngx_int_t ngx_ess_publish_go_on(ngx_http_request_t *r,
    ngx_ess_publish_t *p, ngx_int_t rc);
static ngx_int_t ngx_ess_publish_take_apart(ngx_http_request_t *r,
    ngx_ess_publish_t *p);
static void ngx_ess_publish_taken(ngx_ess_publish_events_t *events,
    ngx_int_t rc);
static ngx_int_t ngx_ess_publish_batch(ngx_http_request_t *r,
    ngx_ess_publish_t *p, ngx_int_t rc);
static ngx_int_t ngx_ess_publish_send(ngx_http_request_t *r,
    ngx_ess_publish_t *p, ngx_int_t rc);
static void ngx_ess_publish_made(ngx_ess_publish_create_t *create,
    ngx_int_t rc);
static ngx_int_t ngx_ess_publish_hand_over(ngx_http_request_t *r,
    ngx_ess_publish_t *p, ngx_int_t rc);
static ngx_int_t ngx_ess_publish_target(ngx_http_request_t *r,
    ngx_ess_publish_t *p);
static ngx_int_t ngx_ess_publish_find(ngx_http_request_t *r,
    ngx_ess_publish_t *p);
static ngx_int_t ngx_ess_publish_repeated(ngx_http_request_t *r,
    ngx_ess_publish_t *p);
static ngx_int_t ngx_ess_publish_refuse(ngx_ess_publish_t *p,
    ngx_uint_t status, const char *detail);
static void ngx_ess_publish_done(ngx_ess_source_publish_t *pub, ngx_int_t rc,
    ngx_str_t *text);
static ngx_int_t ngx_ess_publish_answer(ngx_http_request_t *r,
    ngx_ess_publish_t *p, ngx_int_t rc, ngx_str_t *text);
static ngx_int_t ngx_ess_publish_accepted(ngx_http_request_t *r,
    ngx_ess_publish_t *p);
static void ngx_ess_publish_gone(void *data);


ngx_int_t
ngx_ess_publish_handler(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    rc = ngx_ess_api_slot(r);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    if (r->method != NGX_HTTP_POST) {
        return ngx_ess_api_not_allowed(r, NGX_HTTP_POST);
    }

    rc = ngx_ess_api_origin(r);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    rc = ngx_ess_decode_known(r);
    if (rc != NGX_DECLINED) {
        return rc;
    }

    rc = ngx_http_read_client_request_body(r, ngx_ess_publish_body);

    return (rc >= NGX_HTTP_SPECIAL_RESPONSE) ? rc : NGX_DONE;
}


static void
ngx_ess_publish_body(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    rc = ngx_ess_publish_begin(r);

    if (rc != NGX_AGAIN) {
        ngx_http_finalize_request(r, rc);
    }
}


/* NGX_AGAIN: under way. */

static ngx_int_t
ngx_ess_publish_begin(ngx_http_request_t *r)
{
    ngx_int_t           rc;
    ngx_table_elt_t    *type;
    ngx_ess_publish_t  *p;

    p = ngx_pcalloc(r->pool, sizeof(ngx_ess_publish_t));
    if (p == NULL) {
        return NGX_ERROR;
    }

    p->request = r;

    type = r->headers_in.content_type;

    if (type && ngx_ess_header_is_clean(type->value.data, type->value.len)) {
        p->pub.type = type->value;
    }

    if (ngx_ess_wait(r, ngx_ess_publish_gone, p) == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_ess_publish_once_key(r, &p->once, &p->detail);

    if (rc == NGX_DECLINED) {
        p->status = 400;
    }

    if (rc == NGX_OK) {
        rc = ngx_ess_publish_target(r, p);
    }

    if (rc == NGX_OK) {
        rc = ngx_ess_publish_decode(r, p);
    }

    return (rc == NGX_AGAIN) ? NGX_AGAIN : ngx_ess_publish_go_on(r, p, rc);
}


/* Decodes the body.  Returns what ngx_ess_decode() does; NGX_DECLINED with
   p->status set: the request is refused. */

static ngx_int_t
ngx_ess_publish_decode(ngx_http_request_t *r, ngx_ess_publish_t *p)
{
    if (ngx_ess_api_flag(r, "batch", &p->batch) != NGX_OK) {
        return ngx_ess_publish_refuse(p, 400, "\"batch\" must be 0 or 1");
    }

    p->decode.request = r;
    p->decode.pool = r->pool;
    p->decode.handler = ngx_ess_publish_decoded;
    p->decode.data = p;
    p->decode.sent = NGX_MAX_SIZE_T_VALUE;
    p->decode.max = ngx_ess_publish_max(r, p);

    return ngx_ess_decode(&p->decode);
}


static size_t
ngx_ess_publish_max(ngx_http_request_t *r, ngx_ess_publish_t *p)
{
    ngx_http_core_loc_conf_t  *clcf;

    if (!p->batch) {
        return ngx_ess_api_zone(r)->max_event;
    }

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    return (size_t) clcf->client_max_body_size;
}


static void
ngx_ess_publish_decoded(ngx_ess_decode_t *decode, ngx_int_t rc)
{
    ngx_ess_publish_t *p = decode->data;

    ngx_ess_publish_finish(p, ngx_ess_publish_go_on(p->request, p, rc));
}


static void
ngx_ess_publish_finish(ngx_ess_publish_t *p, ngx_int_t rc)
{
    if (rc != NGX_AGAIN) {
        ngx_ess_wait_finish(p->request, rc);
    }
}


/* The body is there, or "rc" says why not.  NGX_AGAIN: it is under way, else
   there is an answer. */

static ngx_int_t
ngx_ess_publish_go_on(ngx_http_request_t *r, ngx_ess_publish_t *p,
    ngx_int_t rc)
{
    if (rc == NGX_ABORT) {
        rc = ngx_ess_publish_refuse(p, 413, p->batch
                                    ? "the batch is, decoded, larger than "
                                      "\"client_max_body_size\" allows"
                                    : NGX_ESS_PUBLISH_TOO_LARGE);

    } else if (rc == NGX_DECLINED && p->decode.detail) {
        return ngx_ess_decode_broken(&p->decode);
    }

    if (rc == NGX_OK && p->batch) {
        return ngx_ess_publish_take_apart(r, p);
    }

    if (rc == NGX_OK) {
        p->pub.bodies = &p->decode.text;
        p->pub.n = 1;

        if (p->decode.text.len > ngx_ess_api_zone(r)->max_event) {
            rc = ngx_ess_publish_refuse(p, 413, NGX_ESS_PUBLISH_TOO_LARGE);
        }
    }

    return ngx_ess_publish_send(r, p, rc);
}


static ngx_int_t
ngx_ess_publish_take_apart(ngx_http_request_t *r, ngx_ess_publish_t *p)
{
    ngx_int_t                  rc;
    ngx_ess_loc_conf_t        *lcf;
    ngx_ess_publish_events_t  *events;

    lcf = ngx_http_get_module_loc_conf(r, ngx_ess_module);
    events = &p->events;

    events->batch.pool = r->pool;
    events->batch.list.text = p->decode.text;
    events->batch.max = lcf->publish_batch ? lcf->publish_batch
                                           : NGX_ESS_PUBLISH_BATCH;
    events->batch.max_event = ngx_ess_api_zone(r)->max_event;
    events->print = (p->once.key.len != 0);
    events->handler = ngx_ess_publish_taken;
    events->data = p;

    rc = ngx_ess_publish_events(events);

    return (rc == NGX_AGAIN) ? NGX_AGAIN : ngx_ess_publish_batch(r, p, rc);
}


static void
ngx_ess_publish_taken(ngx_ess_publish_events_t *events, ngx_int_t rc)
{
    ngx_ess_publish_t *p = events->data;

    ngx_ess_publish_finish(p, ngx_ess_publish_batch(p->request, p, rc));
}


/* The batch was taken apart, or "rc" says why not. */

static ngx_int_t
ngx_ess_publish_batch(ngx_http_request_t *r, ngx_ess_publish_t *p,
    ngx_int_t rc)
{
    u_char                   *text;
    ngx_ess_publish_batch_t  *batch;

    batch = &p->events.batch;

    p->pub.bodies = batch->events.elts;
    p->pub.n = batch->events.nelts;

    if (rc == NGX_DECLINED) {
        rc = ngx_ess_publish_refuse(p, 400, batch->detail);

    } else if (rc == NGX_ABORT && batch->large) {
        rc = ngx_ess_publish_refuse(p, 413, NGX_ESS_PUBLISH_TOO_LARGE);

    } else if (rc == NGX_ABORT) {
        text = ngx_pnalloc(r->pool, 128);
        if (text == NULL) {
            return NGX_ERROR;
        }

        (void) ngx_sprintf(text, "the batch has more than %ui events, which is "
                           "what \"batch\" of \"ess_publish\" allows%Z",
                           batch->max);

        rc = ngx_ess_publish_refuse(p, 413, (char *) text);

    } else if (rc == NGX_OK && p->pub.n == 0) {
        rc = ngx_ess_publish_refuse(p, 400, "the batch is empty");
    }

    return ngx_ess_publish_send(r, p, rc);
}


/* The events are there, or "rc" says why not.  NGX_AGAIN: they are being
   published, else there is an answer. */

static ngx_int_t
ngx_ess_publish_send(ngx_http_request_t *r, ngx_ess_publish_t *p, ngx_int_t rc)
{
    if (rc == NGX_OK) {
        rc = ngx_ess_publish_repeated(r, p);
    }

    if (rc == NGX_DONE) {
        return ngx_ess_publish_accepted(r, p);
    }

    if (rc == NGX_OK) {
        rc = ngx_ess_publish_find(r, p);
    }

    return (rc == NGX_AGAIN) ? NGX_AGAIN : ngx_ess_publish_hand_over(r, p, rc);
}


static void
ngx_ess_publish_made(ngx_ess_publish_create_t *create, ngx_int_t rc)
{
    ngx_ess_publish_t *p = create->data;

    if (rc == NGX_OK) {
        rc = ngx_ess_publish_find(p->request, p);

    } else if (rc == NGX_DECLINED) {
        rc = ngx_ess_publish_refuse(p, create->status, create->detail);

        if ((create->status == 429 || create->status == 503)
            && ngx_ess_api_retry_after(p->request) != NGX_OK)
        {
            rc = NGX_ERROR;
        }
    }

    ngx_ess_publish_finish(p, ngx_ess_publish_hand_over(p->request, p, rc));
}


/* The stream is known, or "rc" says why not; as ngx_ess_publish_send(). */

static ngx_int_t
ngx_ess_publish_hand_over(ngx_http_request_t *r, ngx_ess_publish_t *p,
    ngx_int_t rc)
{
    ngx_ess_main_conf_t     *mcf;
    ngx_ess_source_entry_t  *source;

    mcf = ngx_http_get_module_main_conf(r, ngx_ess_module);
    source = ngx_ess_source_entry(mcf->sources, p->pub.source);

    if (rc == NGX_OK && source && source->conf
        && source->row->publish == NULL)
    {
        rc = ngx_ess_publish_refuse(p, 409, "the stream's events are those of "
                                    "an event log: store them there, with "
                                    "\"ess_events\"");
    }

    if (rc == NGX_DECLINED) {
        ngx_ess_publish_once_cancel(&p->once);

        return ngx_ess_api_problem(r, p->status, "%s", p->detail);
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    p->pub.handler = ngx_ess_publish_done;
    p->pub.data = p;
    p->pub.log = ngx_cycle->log;

    p->pub.ids = ngx_array_create(r->pool, ngx_min(p->pub.n, 64),
                                  sizeof(ngx_ess_event_id_t));
    if (p->pub.ids == NULL) {
        return NGX_ERROR;
    }

    p->publishing = 1;

    ngx_ess_source_publish(ngx_ess_api_zone(r), &p->pub);

    return NGX_AGAIN;
}


/* NGX_DONE: the same request was answered before, p->pub has how. */

static ngx_int_t
ngx_ess_publish_repeated(ngx_http_request_t *r, ngx_ess_publish_t *p)
{
    u_char      kind[2];
    ngx_int_t   rc;
    ngx_str_t   kinds;
    ngx_str_t  *parts[5];

    kind[0] = (u_char) p->by_uuid;
    kind[1] = (u_char) p->batch;

    kinds.data = kind;
    kinds.len = sizeof(kind);

    parts[0] = &kinds;
    parts[1] = &p->name;
    parts[2] = &p->pub.type;
    parts[3] = p->batch ? &p->events.digest : &p->decode.text;

    parts[4] = &p->pub.event_key;

    rc = ngx_ess_publish_once_begin(r, &p->once, &p->pub, parts, 5);

    if (rc == NGX_DECLINED) {
        return ngx_ess_publish_refuse(p, 422, "the Idempotency-Key was used "
                                      "for another body, routing key, "
                                      "key or content type");
    }

    if (rc != NGX_BUSY && rc != NGX_ABORT) {
        return rc;
    }

    if (ngx_ess_api_retry_after(r) != NGX_OK) {
        return NGX_ERROR;
    }

    if (rc == NGX_BUSY) {
        return ngx_ess_publish_refuse(p, 409, "the same request, with this "
                                      "Idempotency-Key, is under way");
    }

    return ngx_ess_publish_refuse(p, 503, "there is no room for another "
                                  "Idempotency-Key");
}


/* Which streams are meant. */

static ngx_int_t
ngx_ess_publish_target(ngx_http_request_t *r, ngx_ess_publish_t *p)
{
    ngx_int_t    rc;
    ngx_str_t    by;
    const char  *detail;

    rc = ngx_ess_publish_key(r, &p->name, &detail);

    if (rc == NGX_OK) {
        rc = ngx_ess_publish_key_event(r, &p->pub.event_key, &detail);
    }

    if (rc == NGX_DECLINED) {
        return ngx_ess_publish_refuse(p, 400, detail);
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_http_arg(r, (u_char *) "by", 2, &by) != NGX_OK
        || (by.len == 3 && ngx_strncmp(by.data, "key", 3) == 0))
    {
        if (p->name.len == 0) {
            return ngx_ess_publish_refuse(p, 404, "the path does not end with "
                                          "a routing key");
        }

        if (p->name.len > NGX_ESS_MAX_KEY) {
            return ngx_ess_publish_refuse(p, 400, "the routing key is over "
                                          "255 bytes");
        }

        return NGX_OK;
    }

    if (by.len != 4 || ngx_strncmp(by.data, "uuid", 4) != 0) {
        return ngx_ess_publish_refuse(p, 400, "\"by\" must be \"key\" or "
                                      "\"uuid\"");
    }

    p->by_uuid = 1;

    return NGX_OK;
}


static ngx_int_t
ngx_ess_publish_find(ngx_http_request_t *r, ngx_ess_publish_t *p)
{
    u_char     uuid[NGX_ESS_UUID_LEN];
    ngx_int_t  rc;

    if (!p->by_uuid) {
        p->pub.key = p->name;

        p->create.request = r;
        p->create.handler = ngx_ess_publish_made;
        p->create.data = p;

        rc = ngx_ess_publish_create(&p->create, &p->pub);

        return (rc == NGX_DECLINED)
               ? ngx_ess_publish_refuse(p, p->create.status, p->create.detail)
               : rc;
    }

    if (ngx_ess_stream_uuid_parse(uuid, &p->name) != NGX_OK
        || ngx_ess_stream_by_uuid(ngx_ess_api_zone(r), uuid, &p->info)
           != NGX_OK)
    {
        return ngx_ess_publish_refuse(p, 404, "there is no stream with that "
                                      "uuid");
    }

    p->pub.key.data = p->info.key;
    p->pub.key.len = p->info.key_len;
    p->pub.source = p->info.kind.source;

    if (p->info.kind.binds) {
        p->pub.uuid = p->info.uuid;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_publish_refuse(ngx_ess_publish_t *p, ngx_uint_t status,
    const char *detail)
{
    p->status = status;
    p->detail = detail;

    return NGX_DECLINED;
}


static void
ngx_ess_publish_done(ngx_ess_source_publish_t *pub, ngx_int_t rc,
    ngx_str_t *text)
{
    ngx_http_request_t  *r;
    ngx_ess_publish_t   *p;

    p = pub->data;
    r = p->request;

    p->publishing = 0;

    if (rc == NGX_OK) {
        ngx_ess_publish_once_finish(&p->once, pub);

    } else {
        ngx_ess_publish_once_cancel(&p->once);
    }

    ngx_ess_wait_finish(r, ngx_ess_publish_answer(r, p, rc, text));
}


static ngx_int_t
ngx_ess_publish_answer(ngx_http_request_t *r, ngx_ess_publish_t *p,
    ngx_int_t rc, ngx_str_t *text)
{
    const char              *noun;
    ngx_ess_main_conf_t     *mcf;
    ngx_ess_source_entry_t  *source;

    if (rc == NGX_OK) {
        return ngx_ess_publish_accepted(r, p);
    }

    mcf = ngx_http_get_module_main_conf(r, ngx_ess_module);
    source = ngx_ess_source_entry(mcf->sources, p->pub.source);
    noun = source ? source->row->noun : NULL;

    if (rc == NGX_DECLINED && noun == NULL) {
        return ngx_ess_api_problem(r, 404, "no stream has that routing key");
    }

    if (ngx_ess_api_retry_after(r) != NGX_OK) {
        return NGX_ERROR;
    }

    if (rc == NGX_DECLINED) {

        /* of its clients, too, nobody is told that it does not exist */

        return ngx_ess_api_problem(r, 503, "there is no %s \"%V\"", noun,
                                   &p->pub.key);
    }

    return ngx_ess_api_problem(r, 503, "%V", text);
}


/* Ids as those of Server-Sent Events, by which clients resume. */

static ngx_int_t
ngx_ess_publish_accepted(ngx_http_request_t *r, ngx_ess_publish_t *p)
{
    u_char              *last;
    ngx_str_t            json;
    ngx_uint_t           i, n;
    ngx_ess_event_id_t  *id;

    n = p->pub.ids ? p->pub.ids->nelts : 0;

    json.data = ngx_pnalloc(r->pool, sizeof("{\"accepted\":}") + NGX_INT64_LEN
                                     + n * NGX_ESS_PUBLISH_ID);
    if (json.data == NULL) {
        return NGX_ERROR;
    }

    if (n == 0) {
        last = ngx_sprintf(json.data, "{\"accepted\":%ui}", p->pub.n);

    } else {
        last = ngx_cpymem(json.data, "{\"ids\":[", 8);
        id = p->pub.ids->elts;

        for (i = 0; i < n; i++) {
            last = ngx_sprintf(last, "%s\"%xL-%uL\"", i ? "," : "",
                               id[i].epoch, id[i].ordinal);
        }

        *last++ = ']';
        *last++ = '}';
    }

    json.len = last - json.data;

    return ngx_ess_api_send(r, NGX_HTTP_ACCEPTED, &json);
}


static void
ngx_ess_publish_gone(void *data)
{
    ngx_ess_publish_t *p = data;

    ngx_ess_decode_cancel(&p->decode);
    ngx_ess_publish_events_cancel(&p->events);
    ngx_ess_publish_create_cancel(&p->create);

    if (p->publishing) {
        ngx_ess_source_publish_cancel(&p->pub);
    }

    ngx_ess_publish_once_cancel(&p->once);
}
