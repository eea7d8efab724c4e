
/*
 * Locations that serve something, and the addresses of their servers: a server
 * need not have a name.  Made while the configuration is read; owned by its
 * pool, never changed later.
 */


#include "ngx_ess_conf_scope.h"


static ngx_int_t ngx_ess_conf_scope_listens(ngx_conf_t *cf,
    ngx_ess_conf_scope_t *scope, ngx_array_t *ports);
static ngx_uint_t ngx_ess_conf_scope_has(ngx_http_conf_addr_t *addr,
    ngx_http_core_srv_conf_t *server);
static int ngx_libc_cdecl ngx_ess_conf_scope_compare(const void *one,
    const void *two);


ngx_ess_conf_scope_t *
ngx_ess_conf_scope(ngx_conf_t *cf, ngx_ess_main_conf_t *mcf)
{
    ngx_ess_conf_scope_t  *scope, **item;

    if (mcf->scopes == NULL) {
        mcf->scopes = ngx_array_create(cf->pool, 4,
                                       sizeof(ngx_ess_conf_scope_t *));
        if (mcf->scopes == NULL) {
            return NULL;
        }
    }

    scope = ngx_pcalloc(cf->pool, sizeof(ngx_ess_conf_scope_t));
    item = ngx_array_push(mcf->scopes);

    if (scope == NULL || item == NULL) {
        return NULL;
    }

    scope->server = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);
    scope->location = ngx_http_conf_get_module_loc_conf(cf,
                                                        ngx_http_core_module);
    *item = scope;

    return scope;
}


ngx_int_t
ngx_ess_conf_scope_init(ngx_conf_t *cf, ngx_ess_main_conf_t *mcf)
{
    ngx_uint_t                  i;
    ngx_ess_conf_scope_t      **scopes;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    if (mcf->scopes == NULL || cmcf->ports == NULL) {
        return NGX_OK;
    }

    scopes = mcf->scopes->elts;

    for (i = 0; i < mcf->scopes->nelts; i++) {
        if (ngx_ess_conf_scope_listens(cf, scopes[i], cmcf->ports) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_conf_scope_listens(ngx_conf_t *cf, ngx_ess_conf_scope_t *scope,
    ngx_array_t *ports)
{
    u_char                *p;
    size_t                 len;
    ngx_str_t             *text;
    ngx_uint_t             i, j;
    ngx_array_t            texts;
    ngx_http_conf_port_t  *port;
    ngx_http_conf_addr_t  *addr;

    if (ngx_array_init(&texts, cf->temp_pool, 4, sizeof(ngx_str_t)) != NGX_OK) {
        return NGX_ERROR;
    }

    port = ports->elts;
    len = 0;

    for (i = 0; i < ports->nelts; i++) {
        addr = port[i].addrs.elts;

        for (j = 0; j < port[i].addrs.nelts; j++) {

            if (!ngx_ess_conf_scope_has(&addr[j], scope->server)) {
                continue;
            }

            text = ngx_array_push(&texts);
            if (text == NULL) {
                return NGX_ERROR;
            }

            *text = addr[j].opt.addr_text;
            len += text->len + 1;
        }
    }

    /* nginx has them in an order to which other servers contribute */

    text = texts.elts;
    ngx_qsort(text, texts.nelts, sizeof(ngx_str_t),
              ngx_ess_conf_scope_compare);

    p = ngx_pnalloc(cf->pool, len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    scope->listens.data = p;
    scope->listens.len = len;

    for (i = 0; i < texts.nelts; i++) {
        p = ngx_cpymem(p, text[i].data, text[i].len);
        *p++ = ' ';
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_ess_conf_scope_has(ngx_http_conf_addr_t *addr,
    ngx_http_core_srv_conf_t *server)
{
    ngx_uint_t                  i;
    ngx_http_core_srv_conf_t  **servers;

    servers = addr->servers.elts;

    for (i = 0; i < addr->servers.nelts; i++) {
        if (servers[i] == server) {
            return 1;
        }
    }

    return 0;
}


static int ngx_libc_cdecl
ngx_ess_conf_scope_compare(const void *one, const void *two)
{
    const ngx_str_t  *a = one;
    const ngx_str_t  *b = two;

    return (int) ngx_memn2cmp(a->data, b->data, a->len, b->len);
}


ngx_uint_t
ngx_ess_conf_scope_is_regex(ngx_ess_conf_scope_t *scope)
{
#if (NGX_PCRE)
    if (scope->location->regex) {
        return 1;
    }
#endif

    return scope->location->named;
}
