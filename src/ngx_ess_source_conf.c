
/*
 * The sources of a configuration: which there is, by number and by name.  They
 * are in its pool.  Runs in the master; workers look them up.
 */


#include "ngx_ess_source.h"


ngx_ess_source_entry_t *
ngx_ess_source_register(ngx_array_t *sources, const ngx_ess_source_t *row)
{
    ngx_ess_source_entry_t  *entry;

    entry = ngx_array_push(sources);

    if (entry) {
        entry->row = row;
        entry->conf = NULL;
    }

    return entry;
}


ngx_ess_source_entry_t *
ngx_ess_source_entry(ngx_array_t *sources, ngx_uint_t number)
{
    ngx_uint_t               i;
    ngx_ess_source_entry_t  *entry;

    entry = sources->elts;

    for (i = 0; i < sources->nelts; i++) {
        if (entry[i].row->kind.source == number) {
            return &entry[i];
        }
    }

    return NULL;
}


ngx_ess_source_entry_t *
ngx_ess_source_named(ngx_array_t *sources, const char *name)
{
    ngx_uint_t               i;
    ngx_ess_source_entry_t  *entry;

    entry = sources->elts;

    for (i = 0; name && i < sources->nelts; i++) {
        if (ngx_strcmp(entry[i].row->name.data, name) == 0) {
            return &entry[i];
        }
    }

    return NULL;
}


char *
ngx_ess_source_init_conf(ngx_conf_t *cf, ngx_array_t *sources,
    ngx_str_t *node)
{
    char                    *rv;
    ngx_uint_t               i;
    ngx_ess_source_entry_t  *entry;

    entry = sources->elts;

    for (i = 0; i < sources->nelts; i++) {
        if (entry[i].conf == NULL || entry[i].row->init_conf == NULL) {
            continue;
        }

        rv = entry[i].row->init_conf(cf, entry[i].conf, node);

        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    return NGX_CONF_OK;
}


ngx_int_t
ngx_ess_source_init_module(ngx_cycle_t *cycle, ngx_array_t *sources,
    ngx_uint_t publishes)
{
    ngx_uint_t               i;
    ngx_ess_source_entry_t  *entry;

    entry = sources->elts;

    for (i = 0; i < sources->nelts; i++) {
        if (entry[i].conf && entry[i].row->init_module
            && entry[i].row->init_module(cycle, entry[i].conf, publishes)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}
