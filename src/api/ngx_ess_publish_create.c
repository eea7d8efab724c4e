
/*
 * Streams that are made for a publication.  All memory is the request's; should
 * it end before, the stream is made all the same.  Runs in a worker.
 */


#include "ngx_ess_publish_create.h"
#include "ngx_ess_api_request.h"
#include "ngx_ess_conf.h"
#include "ngx_ess_name.h"
#include "ngx_ess_str.h"


static ngx_int_t ngx_ess_publish_create_begin(ngx_ess_publish_create_t *create,
    ngx_uint_t number);
static void ngx_ess_publish_create_done(ngx_ess_registry_created_t *wait,
    ngx_uint_t status, const char *text);


ngx_int_t
ngx_ess_publish_create(ngx_ess_publish_create_t *create,
    ngx_ess_source_publish_t *pub)
{
    ngx_int_t               rc;
    ngx_str_t               key;
    ngx_ess_zone_t         *zone;
    ngx_ess_loc_conf_t     *lcf;
    ngx_ess_stream_info_t   info;

    lcf = ngx_http_get_module_loc_conf(create->request, ngx_ess_module);

    if (lcf->create == 0) {
        return NGX_OK;
    }

    zone = ngx_ess_api_zone(create->request);

    /* a RabbitMQ stream is published to by its name */

    rc = ngx_ess_created_find(zone, &pub->key, &info);

    if (rc == NGX_OK) {
        key.data = info.key;
        key.len = info.key_len;

        if (ngx_ess_str_equal(&key, &pub->key)) {
            pub->source = info.kind.source;
        }

        return NGX_OK;
    }

    /* of one that is about to go, or not bound yet, there is to be another, or
       it is waited for */

    if (rc == NGX_DECLINED && ngx_ess_stream_key_used(zone, &pub->key, 1)) {
        return NGX_OK;
    }

    /* once it was made it is there */

    if (create->waits) {
        return NGX_OK;
    }

    create->wait.name = pub->key;

    return ngx_ess_publish_create_begin(create, lcf->create - 1);
}


static ngx_int_t
ngx_ess_publish_create_begin(ngx_ess_publish_create_t *create,
    ngx_uint_t number)
{
    u_char                      *text;
    const char                  *wrong;
    ngx_http_request_t          *r;
    ngx_ess_main_conf_t         *mcf;
    ngx_ess_registry_created_t  *wait;

    r = create->request;
    wait = &create->wait;

    wrong = ngx_ess_name_wrong(&wait->name);

    if (wrong) {
        text = ngx_pnalloc(r->pool, 512);
        if (text == NULL) {
            return NGX_ERROR;
        }

        (void) ngx_snprintf(text, 512, "no stream has that routing key, and "
                            "none can be made: its name must be %s%Z", wrong);

        create->status = 422;
        create->detail = (char *) text;

        return NGX_DECLINED;
    }

    mcf = ngx_http_get_module_main_conf(r, ngx_ess_module);

    wait->handler = ngx_ess_publish_create_done;
    wait->data = create;
    wait->source = ngx_ess_source_entry(mcf->sources, number);
    wait->sockaddr = r->connection->sockaddr;
    wait->by = NGX_ESS_CREATED_PUBLICATION;

    create->waits = 1;

    return (ngx_ess_registry_created_wait(wait) == NGX_OK) ? NGX_AGAIN
                                                           : NGX_ERROR;
}


static void
ngx_ess_publish_create_done(ngx_ess_registry_created_t *wait,
    ngx_uint_t status, const char *text)
{
    size_t                     len;
    u_char                    *detail;
    ngx_int_t                  rc;
    ngx_ess_publish_create_t  *create;

    create = wait->data;
    rc = NGX_OK;

    if (status) {
        len = ngx_strlen(text) + 1;
        detail = ngx_pnalloc(create->request->pool, len);

        if (detail) {
            ngx_memcpy(detail, text, len);
        }

        create->status = status;
        create->detail = (char *) detail;

        rc = detail ? NGX_DECLINED : NGX_ERROR;
    }

    create->handler(create, rc);
}


void
ngx_ess_publish_create_cancel(ngx_ess_publish_create_t *create)
{
    if (create->waits) {
        ngx_ess_registry_created_cancel(&create->wait);
    }
}
