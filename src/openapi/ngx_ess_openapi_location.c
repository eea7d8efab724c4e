
/*
 * What nginx itself does with a request, for a path without a request: nginx
 * keeps the functions to itself.  Owns nothing.  Runs where the configuration
 * is read, behind all of it.
 */


#include "ngx_ess_openapi_location.h"
#include "ngx_ess_jwt.h"


/* Each gets what a module's configuration begins with, which is the same in all
   versions of nginx that this builds with, and returns doors. */
typedef ngx_uint_t (*ngx_ess_openapi_location_rule_pt)(void **conf);

typedef struct {
    const char                        *module;
    ngx_ess_openapi_location_rule_pt   doors;
} ngx_ess_openapi_location_rule_t;


static ngx_http_core_loc_conf_t *ngx_ess_openapi_location_static(
    ngx_http_location_tree_node_t *node, const ngx_str_t *path,
    ngx_uint_t *exact);
static ngx_uint_t ngx_ess_openapi_location_access(void **conf);
static ngx_uint_t ngx_ess_openapi_location_denies(const ngx_array_t *rules);
static ngx_uint_t ngx_ess_openapi_location_is_all(const u_char *rule,
    size_t len);
static ngx_uint_t ngx_ess_openapi_location_basic(void **conf);
static ngx_uint_t ngx_ess_openapi_location_asks(void **conf);


static const ngx_ess_openapi_location_rule_t
    ngx_ess_openapi_location_rules[] =
{
    { "ngx_http_access_module", ngx_ess_openapi_location_access },
    { "ngx_http_auth_basic_module", ngx_ess_openapi_location_basic },
    { "ngx_http_auth_request_module", ngx_ess_openapi_location_asks },
    { NULL, NULL }
};


ngx_http_core_loc_conf_t *
ngx_ess_openapi_location(const ngx_http_core_srv_conf_t *server,
    const ngx_str_t *path)
{
    ngx_uint_t                 exact;
    ngx_http_core_loc_conf_t  *clcf, *found, *next;

    clcf = server->ctx->loc_conf[ngx_http_core_module.ctx_index];
    found = NULL;

    for ( ;; ) {
        next = ngx_ess_openapi_location_static(clcf->static_locations, path,
                                               &exact);
        if (next == NULL) {
            return found;
        }

        if (exact) {
            return next;
        }

        /* those in it */

        found = next;
        clcf = next;
    }
}


/* As ngx_http_core_find_static_location(). */

static ngx_http_core_loc_conf_t *
ngx_ess_openapi_location_static(ngx_http_location_tree_node_t *node,
    const ngx_str_t *path, ngx_uint_t *exact)
{
    u_char                    *p;
    size_t                     len, n;
    ngx_int_t                  rc;
    ngx_http_core_loc_conf_t  *found;

    p = path->data;
    len = path->len;
    found = NULL;
    *exact = 0;

    while (node) {
        n = ngx_min(len, (size_t) node->len);
        rc = ngx_filename_cmp(p, node->name, n);

        if (rc != 0) {
            node = (rc < 0) ? node->left : node->right;

        } else if (len < (size_t) node->len) {
            node = node->left;

        } else if (len == (size_t) node->len) {
            *exact = (node->exact != NULL);
            return node->exact ? node->exact : node->inclusive;

        } else if (node->inclusive) {
            found = node->inclusive;
            node = node->tree;
            p += n;
            len -= n;

        } else {
            node = node->right;
        }
    }

    return found;
}


ngx_uint_t
ngx_ess_openapi_location_doors(ngx_conf_t *cf,
    const ngx_http_core_loc_conf_t *clcf, ngx_uint_t method)
{
    void                                  **conf;
    ngx_uint_t                              i, doors, others;
    ngx_module_t                          **modules;
    const ngx_ess_openapi_location_rule_t  *rule;

    conf = clcf->loc_conf;

    if (clcf->limit_except & method) {
        conf = clcf->limit_except_loc_conf;
        clcf = conf[ngx_http_core_module.ctx_index];
    }

    doors = 0;
    others = ngx_ess_jwt_guards(conf) ? NGX_ESS_OPENAPI_UNAUTHORIZED : 0;

    modules = cf->cycle->modules;

    for (i = 0; modules[i]; i++) {

        if (modules[i]->type != NGX_HTTP_MODULE
            || conf[modules[i]->ctx_index] == NULL)
        {
            continue;
        }

        for (rule = ngx_ess_openapi_location_rules; rule->module; rule++) {

            if (ngx_strcmp(modules[i]->name, rule->module) != 0) {
                continue;
            }

            if (rule->doors == ngx_ess_openapi_location_access) {
                doors = rule->doors(conf[modules[i]->ctx_index]);

            } else {
                others |= rule->doors(conf[modules[i]->ctx_index]);
            }
        }
    }

    /* who is asked may get in where addresses do not; a 401 of one door is
       what nginx answers, also when another one says 403 */

    if (others && clcf->satisfy == NGX_HTTP_SATISFY_ANY) {
        doors = 0;
    }

    return doors | others;
}


/* arrays of rules: of IPv4, IPv6, and UNIX sockets, as far as nginx has them */

static ngx_uint_t
ngx_ess_openapi_location_access(void **conf)
{
    ngx_uint_t  i, n, doors, all, some;

    n = 1;
#if (NGX_HAVE_INET6)
    n++;
#endif
#if (NGX_HAVE_UNIX_DOMAIN)
    n++;
#endif

    some = 0;
    all = NGX_ESS_OPENAPI_CLOSED;

    for (i = 0; i < n; i++) {
        doors = conf[i] ? ngx_ess_openapi_location_denies(conf[i]) : 0;

        some |= doors & NGX_ESS_OPENAPI_FORBIDDEN;
        all &= doors;
    }

    return some | all;
}


/* The last member of each rule says whether it denies; before it are an address
   and its mask. */

static ngx_uint_t
ngx_ess_openapi_location_denies(const ngx_array_t *rules)
{
    size_t       len;
    u_char      *rule;
    ngx_uint_t   i, deny, doors, open;

    len = rules->size - sizeof(ngx_uint_t);
    rule = rules->elts;
    doors = 0;
    open = 0;

    for (i = 0; i < rules->nelts; i++, rule += rules->size) {
        ngx_memcpy(&deny, rule + len, sizeof(ngx_uint_t));

        if (!deny) {
            open = 1;
            continue;
        }

        doors |= NGX_ESS_OPENAPI_FORBIDDEN;

        if (!open && ngx_ess_openapi_location_is_all(rule, len)) {
            doors |= NGX_ESS_OPENAPI_CLOSED;
        }
    }

    return doors;
}


/* of a UNIX socket there is neither */

static ngx_uint_t
ngx_ess_openapi_location_is_all(const u_char *rule, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        if (rule[i]) {
            return 0;
        }
    }

    return 1;
}


/* the realm, which may be "off" */

static ngx_uint_t
ngx_ess_openapi_location_basic(void **conf)
{
    ngx_http_complex_value_t  *realm;

    realm = conf[0];

    return (realm != NULL && realm != NGX_CONF_UNSET_PTR
            && (realm->lengths || realm->value.len != 3
                || ngx_strncmp(realm->value.data, "off", 3) != 0))
           ? NGX_ESS_OPENAPI_UNAUTHORIZED : 0;
}


/* the length of the path that is asked; "off" has none */

static ngx_uint_t
ngx_ess_openapi_location_asks(void **conf)
{
    return (conf[0] != NULL && conf[0] != NGX_CONF_UNSET_PTR)
           ? NGX_ESS_OPENAPI_UNAUTHORIZED|NGX_ESS_OPENAPI_FORBIDDEN : 0;
}
