
/*
 * The directive ess_events.  It is the configuration's.  Runs in the master.
 */


#include "ngx_ess_conf_serve.h"
#include "ngx_ess_events.h"
#include "ngx_ess_events_conf.h"
#include "ngx_ess_conf_stream.h"
#include "ngx_ess_name.h"


/* a list up to that many bytes is not written to a file on its way */
#define NGX_ESS_EVENTS_CONF_BUFFER  (1024 * 1024)


static void ngx_ess_events_conf_subscribe(ngx_ess_main_conf_t *mcf,
    ngx_ess_loc_conf_t *lcf, ngx_ess_events_conf_t *events);
static ngx_int_t ngx_ess_events_conf_place(ngx_conf_t *cf, ngx_str_t *place);
static ngx_int_t ngx_ess_events_conf_find(ngx_conf_t *cf,
    ngx_ess_main_conf_t *mcf, ngx_ess_events_conf_t *conf);
static ngx_int_t ngx_ess_events_conf_name(ngx_conf_t *cf, ngx_str_t *to,
    ngx_str_t *name);


char *
ngx_ess_events_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_ess_loc_conf_t  *lcf = conf;

    ngx_str_t               *value;
    ngx_ess_main_conf_t     *mcf;
    ngx_ess_events_conf_t   *events, **slot;

    value = cf->args->elts;
    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_ess_module);

    if (cf->args->nelts == 3 && ngx_strcmp(value[2].data, "strict") != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" has the invalid parameter \"%V\", it takes "
                           "the name of an \"ess_event_log\", and \"strict\"",
                           &cmd->name, &value[2]);
        return NGX_CONF_ERROR;
    }

    events = ngx_pcalloc(cf->pool, sizeof(ngx_ess_events_conf_t));
    if (events == NULL) {
        return NGX_CONF_ERROR;
    }

    events->name = value[1];
    events->strict = (cf->args->nelts == 3);

    if (ngx_ess_events_conf_place(cf, &events->place) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (mcf->events == NULL) {
        mcf->events = ngx_array_create(cf->pool, 2,
                                       sizeof(ngx_ess_events_conf_t *));
        if (mcf->events == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    slot = ngx_array_push(mcf->events);
    if (slot == NULL) {
        return NGX_CONF_ERROR;
    }

    *slot = events;

    lcf->events = events;

    ngx_ess_events_conf_subscribe(mcf, lcf, events);

    return ngx_ess_conf_serve_prefix(cf, cmd, lcf, ngx_ess_events_handler);
}


/* As "ess_subscribe name=... create=..." would have it.  Which stream is the
   one of the log is known when all of them are. */

static void
ngx_ess_events_conf_subscribe(ngx_ess_main_conf_t *mcf,
    ngx_ess_loc_conf_t *lcf, ngx_ess_events_conf_t *events)
{
    ngx_ess_source_entry_t  *source;

    source = ngx_ess_source_named(mcf->sources, "event_log");

    events->stream.value = events->name;
    events->source = source->row->kind.source;

    lcf->subscribe_name = &events->stream;
    lcf->subscribe_routing_key = events->name;
    lcf->create = events->source + 1;
}


static ngx_int_t
ngx_ess_events_conf_place(ngx_conf_t *cf, ngx_str_t *place)
{
    ngx_str_t  *file;

    file = &cf->conf_file->file.name;

    place->data = ngx_pnalloc(cf->pool, file->len + 1 + NGX_INT_T_LEN);
    if (place->data == NULL) {
        return NGX_ERROR;
    }

    place->len = ngx_sprintf(place->data, "%V:%ui", file, cf->conf_file->line)
                 - place->data;

    return NGX_OK;
}


void
ngx_ess_events_conf_merge(ngx_http_core_loc_conf_t *clcf)
{
    size_t  size;

    size = (size_t) ngx_min(clcf->client_max_body_size,
                            (off_t) NGX_ESS_EVENTS_CONF_BUFFER);

    clcf->client_body_buffer_size = ngx_max(clcf->client_body_buffer_size,
                                            size);
}


ngx_int_t
ngx_ess_events_conf_check(ngx_conf_t *cf, ngx_ess_main_conf_t *mcf)
{
    ngx_uint_t               i;
    ngx_ess_events_conf_t  **events;

    if (mcf->events == NULL) {
        return NGX_OK;
    }

    events = mcf->events->elts;

    for (i = 0; i < mcf->events->nelts; i++) {
        if (ngx_ess_events_conf_find(cf, mcf, events[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_events_conf_find(ngx_conf_t *cf, ngx_ess_main_conf_t *mcf,
    ngx_ess_events_conf_t *conf)
{
    ngx_str_t            *stream;
    ngx_ess_event_log_t  *log;

    log = ngx_ess_event_log_named(mcf->event_logs, &conf->name);

    if (log == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"ess_events\" in %V: there is no event log \"%V\", "
                      "add \"ess_event_log %V /path/of/its.db;\" to the http "
                      "block", &conf->place, &conf->name, &conf->name);
        return NGX_ERROR;
    }

    conf->log = log;

    stream = ngx_ess_conf_stream_of(mcf, conf->source, &conf->name);

    if (stream) {
        conf->stream.value = *stream;

    } else {
        conf->no_name = ngx_ess_name_wrong(&conf->name);
    }

    if (ngx_ess_events_conf_name(cf, &conf->id_name, &log->id_name) != NGX_OK
        || ngx_ess_events_conf_name(cf, &conf->time_name, &log->time_name)
           != NGX_OK
        || ngx_ess_events_conf_name(cf, &conf->type_name, &log->type_name)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_events_conf_name(ngx_conf_t *cf, ngx_str_t *to, ngx_str_t *name)
{
    to->data = ngx_pnalloc(cf->pool, name->len + 1
                           + ngx_escape_json(NULL, name->data, name->len));
    if (to->data == NULL) {
        return NGX_ERROR;
    }

    to->len = (u_char *) ngx_escape_json(to->data, name->data, name->len)
              - to->data;

    return NGX_OK;
}
