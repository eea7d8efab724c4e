
/*
 * The "ess_stream" directive, which may come many times.  What is read here is
 * the configuration's; workers make it so.
 */


#include "ngx_ess_conf_stream.h"
#include "ngx_ess_key.h"
#include "ngx_ess_name.h"
#include "ngx_ess_registry_declared.h"
#include "ngx_ess_str.h"
#include "ngx_ess_utf8.h"


typedef struct {
    ngx_str_t                name;
    ngx_ess_source_entry_t  *source;
    ngx_str_t                routing_key;
    ngx_str_t                key;           /* the rule */
    size_t                   log_size;
    ngx_uint_t               log_count;
    ngx_msec_t               log_age;
    ngx_str_t                file;          /* where it stands */
    ngx_uint_t               line;
} ngx_ess_conf_stream_t;


static ngx_ess_conf_stream_t *ngx_ess_conf_stream_named(
    ngx_ess_main_conf_t *mcf, ngx_str_t *name);
static const char *ngx_ess_conf_stream_name(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *param, ngx_str_t *value);
static const char *ngx_ess_conf_stream_source(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *param, ngx_str_t *value);
static const char *ngx_ess_conf_stream_routing_key(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *param, ngx_str_t *value);
static const char *ngx_ess_conf_stream_key(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *param, ngx_str_t *value);


static const ngx_ess_param_t  ngx_ess_conf_stream_params[] = {

    { ngx_string("name"), ngx_ess_conf_stream_name, 0, 0, 0, NULL, NULL },

    { ngx_string("source"), ngx_ess_conf_stream_source, 0, 0, 0, NULL, NULL },

    { ngx_string("routing_key"), ngx_ess_conf_stream_routing_key, 0, 0, 0,
      "1 to 255 bytes of UTF-8", NULL },

    { ngx_string("key"), ngx_ess_conf_stream_key, 0, 0, 0, NULL, NULL },

    { ngx_string("log_size"), ngx_ess_param_size,
      offsetof(ngx_ess_conf_stream_t, log_size), 1, NGX_MAX_SIZE_T_VALUE,
      "a size, such as \"log_size=64k\"", NULL },

    { ngx_string("log_count"), ngx_ess_param_number,
      offsetof(ngx_ess_conf_stream_t, log_count), 1, NGX_MAX_UINT32_VALUE,
      "a number of events of at least 1, such as \"log_count=1000\"", NULL },

    { ngx_string("log_age"), ngx_ess_param_msec,
      offsetof(ngx_ess_conf_stream_t, log_age), 1000, NGX_ESS_CONF_LOG_AGE_MAX,
      "a time from one second to 180 days, such as \"log_age=1h\"", NULL },

    ngx_ess_null_param
};


static ngx_ess_param_directive_t  ngx_ess_conf_stream_directive = {
    ngx_ess_conf_stream_params, 1,
    "\"source=\", \"routing_key=\", \"key=\", \"log_size=\", \"log_count=\" "
    "and \"log_age=\" behind the name", 0, 0
};


char *
ngx_ess_conf_stream(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_ess_main_conf_t *mcf = conf;

    char                   *rv;
    ngx_str_t              *name;
    ngx_command_t           command;
    ngx_ess_conf_stream_t   stream, *other, *added;

    mcf->needs_zone = "ess_stream";

    if (mcf->streams == NULL) {
        mcf->streams = ngx_array_create(cf->pool, 8,
                                        sizeof(ngx_ess_conf_stream_t));
        mcf->created.declared = ngx_array_create(cf->pool, 8,
                                                 sizeof(ngx_str_t));

        if (mcf->streams == NULL || mcf->created.declared == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    ngx_memzero(&stream, sizeof(ngx_ess_conf_stream_t));

    stream.source = ngx_ess_source_entry(mcf->sources, NGX_ESS_SOURCE_DEFAULT);
    stream.file = cf->conf_file->file.name;
    stream.line = cf->conf_file->line;

    command = *cmd;
    command.post = &ngx_ess_conf_stream_directive;

    rv = ngx_ess_param_args(cf, &command, &stream);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (stream.routing_key.len == 0) {
        stream.routing_key = stream.name;
    }

    other = ngx_ess_conf_stream_named(mcf, &stream.name);

    if (other) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" has the name \"%V\", which the one in "
                           "%V:%ui has: each has a name of its own", &cmd->name,
                           &stream.name, &other->file, other->line);
        return NGX_CONF_ERROR;
    }

    added = ngx_array_push(mcf->streams);
    name = ngx_array_push(mcf->created.declared);

    if (added == NULL || name == NULL) {
        return NGX_CONF_ERROR;
    }

    *added = stream;
    *name = stream.name;

    return NGX_CONF_OK;
}


static ngx_ess_conf_stream_t *
ngx_ess_conf_stream_named(ngx_ess_main_conf_t *mcf, ngx_str_t *name)
{
    ngx_uint_t              i;
    ngx_ess_conf_stream_t  *stream;

    stream = mcf->streams->elts;

    for (i = 0; i < mcf->streams->nelts; i++) {
        if (ngx_ess_str_equal(&stream[i].name, name)) {
            return &stream[i];
        }
    }

    return NULL;
}


static const char *
ngx_ess_conf_stream_name(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *param, ngx_str_t *value)
{
    ngx_ess_conf_stream_t *stream = ctx->conf;

    stream->name = *value;

    return ngx_ess_name_wrong(value);
}


static const char *
ngx_ess_conf_stream_source(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *param, ngx_str_t *value)
{
    ngx_ess_conf_stream_t *stream = ctx->conf;

    char                 *sources;
    ngx_ess_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(ctx->cf, ngx_ess_module);

    stream->source = ngx_ess_source_named(mcf->sources, (char *) value->data);

    if (stream->source) {
        return NULL;
    }

    sources = ngx_ess_conf_stream_sources(ctx->cf, mcf);

    return sources ? sources : "another one";
}


char *
ngx_ess_conf_stream_sources(ngx_conf_t *cf, ngx_ess_main_conf_t *mcf)
{
    u_char                  *p, *text, *last;
    ngx_uint_t               i;
    ngx_ess_source_entry_t  *entry;

    text = ngx_pnalloc(cf->pool, 256);
    if (text == NULL) {
        return NULL;
    }

    p = text;
    last = text + 255;
    entry = mcf->sources->elts;

    for (i = 0; i < mcf->sources->nelts; i++) {
        p = ngx_slprintf(p, last, "%s\"source=%V\"", i ? " or " : "",
                         &entry[i].row->name);
    }

    *p = '\0';

    return (char *) text;
}


static const char *
ngx_ess_conf_stream_routing_key(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *param, ngx_str_t *value)
{
    ngx_ess_conf_stream_t *stream = ctx->conf;

    stream->routing_key = *value;

    return (value->len && value->len <= NGX_ESS_MAX_KEY
            && ngx_ess_utf8_valid(value->data, value->len))
           ? NULL : param->expected;
}


static const char *
ngx_ess_conf_stream_key(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *param, ngx_str_t *value)
{
    ngx_ess_conf_stream_t *stream = ctx->conf;

    size_t       len;
    u_char      *text;
    ngx_uint_t   none;
    const char  *wrong;

    wrong = ngx_ess_key_wrong(value, &none);

    if (wrong == NULL) {
        if (!none) {
            stream->key = *value;
        }

        return NULL;
    }

    len = sizeof("a rule: ") + ngx_strlen(wrong);

    text = ngx_pnalloc(ctx->cf->pool, len);
    if (text == NULL) {
        return wrong;
    }

    (void) ngx_sprintf(text, "a rule: %s%Z", wrong);

    return (char *) text;
}


ngx_int_t
ngx_ess_conf_stream_check(ngx_conf_t *cf, ngx_ess_main_conf_t *mcf)
{
    ngx_uint_t               i;
    ngx_ess_conf_stream_t   *stream;
    const ngx_ess_source_t  *row;

    stream = mcf->streams ? mcf->streams->elts : NULL;

    for (i = 0; stream && i < mcf->streams->nelts; i++) {
        row = stream[i].source->row;

        if (row->kind.follows && stream[i].source->conf == NULL) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "\"ess_stream\" \"%V\" with \"source=%V\" needs "
                          "\"%V\", in %V:%ui", &stream[i].name, &row->name,
                          &row->directive, &stream[i].file, stream[i].line);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_str_t *
ngx_ess_conf_stream_of(ngx_ess_main_conf_t *mcf, ngx_uint_t source,
    ngx_str_t *routing_key)
{
    ngx_uint_t              i;
    ngx_ess_conf_stream_t  *stream;

    stream = mcf->streams ? mcf->streams->elts : NULL;

    for (i = 0; stream && i < mcf->streams->nelts; i++) {
        if (stream[i].source->row->kind.source == source
            && ngx_ess_str_equal(&stream[i].routing_key, routing_key))
        {
            return &stream[i].name;
        }
    }

    return NULL;
}


ngx_int_t
ngx_ess_conf_stream_init(ngx_cycle_t *cycle, ngx_ess_main_conf_t *mcf)
{
    ngx_uint_t                    i, n;
    ngx_ess_conf_stream_t        *stream;
    const ngx_ess_source_t       *row;
    ngx_ess_registry_declared_t  *d;

    n = mcf->streams ? mcf->streams->nelts : 0;
    stream = n ? mcf->streams->elts : NULL;

    d = ngx_pcalloc(cycle->pool, (n + 1) * sizeof(ngx_ess_registry_declared_t));
    if (d == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        row = stream[i].source->row;

        d[i].key = stream[i].routing_key;
        d[i].kind = &row->kind;
        d[i].epoch = row->epoch ? row->epoch(stream[i].source->conf, &d[i].key)
                                : 0;
        d[i].attr.declared = 1;
        d[i].attr.name = stream[i].name;
        d[i].attr.rule = stream[i].key;
        d[i].attr.log_size = stream[i].log_size;
        d[i].attr.log_count = (uint32_t) stream[i].log_count;
        d[i].attr.log_age = stream[i].log_age;
    }

    ngx_ess_registry_declared_init(mcf->zone, d, n);

    return NGX_OK;
}
