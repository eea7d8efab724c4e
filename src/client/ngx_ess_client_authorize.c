
/*
 * Requests of clients that a back end is asked about: who may not have all that
 * it wants gets nothing.  All memory is the request's, but for the question's.
 * Runs in workers.
 */


#include "ngx_ess_client_authorize.h"
#include "ngx_ess_client_max.h"
#include "ngx_ess_client_reject.h"
#include "ngx_ess_drain.h"
#include "ngx_ess_problem.h"
#include "ngx_ess_wait.h"


static void ngx_ess_client_authorize_answered(void *data);
static ngx_int_t ngx_ess_client_authorize_enter(
    ngx_ess_client_authorize_t *wait);
static ngx_int_t ngx_ess_client_authorize_refuse(ngx_http_request_t *r,
    ngx_ess_authorize_e verdict, ngx_str_t *name);
static void ngx_ess_client_authorize_gone(void *data);


ngx_int_t
ngx_ess_client_authorize_begin(ngx_ess_client_authorize_t *wait)
{
    ngx_ess_loc_conf_t   *lcf;
    ngx_ess_jwt_grant_t  *grant;

    lcf = ngx_http_get_module_loc_conf(wait->request, ngx_ess_module);

    if (ngx_ess_jwt_grant(wait->request, &grant) != NGX_OK) {
        return NGX_ERROR;
    }

    wait->question = ngx_ess_authorize_create(lcf->authorize, grant);

    ngx_ess_jwt_grant_release(grant);

    if (wait->question == NULL) {
        return NGX_ERROR;
    }

    wait->cleanup = ngx_http_cleanup_add(wait->request, 0);

    if (wait->cleanup == NULL) {
        ngx_ess_authorize_free(wait->question);
        return NGX_ERROR;
    }

    wait->cleanup->handler = ngx_ess_client_authorize_gone;
    wait->cleanup->data = wait;

    return NGX_OK;
}


ngx_int_t
ngx_ess_client_authorize_ask(ngx_ess_client_authorize_t *wait)
{
    ngx_http_request_t        *r;
    ngx_http_cleanup_t        *cln;
    ngx_http_core_srv_conf_t  *cscf;

    r = wait->request;
    cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);

    if (ngx_ess_authorize_ask(wait->question, cscf->ctx, r->connection,
                              &r->args, ngx_ess_client_authorize_answered,
                              wait)
        != NGX_AGAIN)
    {
        return ngx_ess_client_authorize_enter(wait);
    }

    cln = ngx_ess_wait(r, NULL, wait);
    if (cln == NULL) {
        /* the question goes with the request */
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->main->count++;
    ngx_ess_client_max_join();

    wait->waiting = 1;

    return NGX_DONE;
}


static void
ngx_ess_client_authorize_answered(void *data)
{
    ngx_ess_client_authorize_t *wait = data;

    ngx_int_t            rc;
    ngx_http_request_t  *r;

    r = wait->request;

    wait->waiting = 0;
    ngx_ess_client_max_leave();

    rc = ngx_ess_drain_active()
         ? ngx_ess_client_reject_away(r, wait->transport)
         : ngx_ess_client_authorize_enter(wait);

    ngx_ess_wait_finish(r, rc);
}


static ngx_int_t
ngx_ess_client_authorize_enter(ngx_ess_client_authorize_t *wait)
{
    ngx_str_t             key;
    ngx_uint_t            i, n;
    ngx_ess_authorize_e   verdict;

    verdict = NGX_ESS_AUTHORIZE_ALLOWED;
    n = ngx_ess_authorize_n(wait->question);

    for (i = 0; i < n; i++) {
        verdict = ngx_ess_authorize_verdict(wait->question, i, &key);

        if (verdict != NGX_ESS_AUTHORIZE_ALLOWED) {
            break;
        }
    }

    wait->cleanup->handler = NULL;
    ngx_ess_authorize_free(wait->question);

    return (verdict == NGX_ESS_AUTHORIZE_ALLOWED)
           ? wait->enter(wait->request, wait->data)
           : ngx_ess_client_authorize_refuse(wait->request, verdict,
                                         wait->names ? wait->names[i] : NULL);
}


static ngx_int_t
ngx_ess_client_authorize_refuse(ngx_http_request_t *r,
    ngx_ess_authorize_e verdict, ngx_str_t *name)
{
    ngx_int_t    rc;
    ngx_str_t    none;
    const char  *before, *behind;

    ngx_str_set(&none, "");

    before = name ? "stream \"" : "";
    behind = name ? "\": " : "";
    name = name ? name : &none;

    rc = (verdict == NGX_ESS_AUTHORIZE_REFUSED)
         ? ngx_ess_problem_refuse(r, NGX_HTTP_FORBIDDEN,
                                  "%s%V%sthe application does not let this "
                                  "client have it", before, name, behind)
         : ngx_ess_problem_retry(r, "%s%V%sthe application has not said "
                                 "whether this client may have it: try again "
                                 "a little later", before, name, behind);

    return ngx_ess_client_rejected(NGX_ESS_REJECTED_AUTHORIZE, rc);
}


static void
ngx_ess_client_authorize_gone(void *data)
{
    ngx_ess_client_authorize_t *wait = data;

    if (wait->waiting) {
        ngx_ess_client_max_leave();
    }

    ngx_ess_authorize_free(wait->question);
}
