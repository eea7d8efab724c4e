/*
 * The directive ess_event_log, and which databases there are.  Logs and the
 * list of databases are the configuration's.  Runs in the master.
 */


#include "ngx_ess_conf.h"
#include "ngx_ess_event_log.h"
#include "ngx_ess_event_log_sqlite.h"
#include "ngx_ess_schema.h"
#include "ngx_ess_str.h"


#define NGX_ESS_EVENT_LOG_CONF_MAX_EVENT   (64 * 1024)
#define NGX_ESS_EVENT_LOG_CONF_LARGEST     (16 * 1024 * 1024)
#define NGX_ESS_EVENT_LOG_CONF_NAME        64
#define NGX_ESS_EVENT_LOG_CONF_POINTER     512
#define NGX_ESS_EVENT_LOG_CONF_KEEP        ((int64_t) 100 * 365 * 24 * 3600)

/* a log's threads in a worker: one inserts, two query, one is left for what
   its database does by itself */
#define NGX_ESS_EVENT_LOG_CONF_THREADS     "threads=4"


static ngx_int_t ngx_ess_event_log_conf_name(ngx_conf_t *cf,
    ngx_ess_main_conf_t *mcf, ngx_str_t *name);
static ngx_int_t ngx_ess_event_log_conf_engine(ngx_conf_t *cf,
    ngx_ess_main_conf_t *mcf, ngx_ess_event_log_t *log);
static ngx_int_t ngx_ess_event_log_conf_place(ngx_conf_t *cf,
    ngx_ess_main_conf_t *mcf, ngx_ess_event_log_t *log);
static ngx_int_t ngx_ess_event_log_conf_params(ngx_conf_t *cf,
    ngx_command_t *cmd, ngx_ess_event_log_t *log);
static ngx_int_t ngx_ess_event_log_conf_files(ngx_conf_t *cf,
    ngx_ess_event_log_t *log);
static ngx_int_t ngx_ess_event_log_conf_pool(ngx_conf_t *cf,
    ngx_ess_event_log_t *log);
static const char *ngx_ess_event_log_conf_member(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *param, ngx_str_t *value);
static const char *ngx_ess_event_log_conf_size(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *param, ngx_str_t *value);
static ngx_int_t ngx_ess_event_log_conf_pointer(ngx_pool_t *pool,
    ngx_str_t *name, ngx_str_t *pointer);


extern ngx_module_t  ngx_thread_pool_module;


static ngx_conf_enum_t  ngx_ess_event_log_conf_sync[] = {
    { ngx_string("full"), 1 },
    { ngx_string("normal"), 0 },
    { ngx_null_string, 0 }
};


#define NGX_ESS_EVENT_LOG_CONF_MEMBER                                         \
    "the name of a member, or a JSON pointer such as \"/event/id\""


static const ngx_ess_param_t  ngx_ess_event_log_conf_table[] = {

    { ngx_string("schema"), ngx_ess_param_text,
      offsetof(ngx_ess_event_log_t, schema_file), 1, NGX_MAX_PATH,
      "the path of a file with a JSON Schema", NULL },

    { ngx_string("id"), ngx_ess_event_log_conf_member,
      offsetof(ngx_ess_event_log_t, id), 0, 0,
      NGX_ESS_EVENT_LOG_CONF_MEMBER, NULL },

    { ngx_string("time"), ngx_ess_event_log_conf_member,
      offsetof(ngx_ess_event_log_t, time), 0, 0,
      NGX_ESS_EVENT_LOG_CONF_MEMBER, NULL },

    { ngx_string("type"), ngx_ess_event_log_conf_member,
      offsetof(ngx_ess_event_log_t, type), 0, 0,
      NGX_ESS_EVENT_LOG_CONF_MEMBER, NULL },

    { ngx_string("keep"), ngx_ess_param_sec,
      offsetof(ngx_ess_event_log_t, keep), 1, NGX_ESS_EVENT_LOG_CONF_KEEP,
      "a time from 1s on, such as \"90d\"", NULL },

    { ngx_string("keep_size"), ngx_ess_event_log_conf_size,
      offsetof(ngx_ess_event_log_t, keep_size), 1024 * 1024,
      NGX_MAX_OFF_T_VALUE,
      "a size from 1m on, such as \"10g\"", NULL },

    { ngx_string("max_event"), ngx_ess_param_size,
      offsetof(ngx_ess_event_log_t, max_event), 2,
      NGX_ESS_EVENT_LOG_CONF_LARGEST,
      "a size from 2 to 16m", NULL },

    { ngx_string("sync"), ngx_ess_param_enum,
      offsetof(ngx_ess_event_log_t, sync), 0, 0,
      "\"full\" or \"normal\"", ngx_ess_event_log_conf_sync },

    { ngx_string("password_file"), ngx_ess_param_text,
      offsetof(ngx_ess_event_log_t, password_file), 1, NGX_MAX_PATH,
      "the path of a file", NULL },

    { ngx_string("listen"), ngx_ess_param_text,
      offsetof(ngx_ess_event_log_t, listen), 1, 2048,
      "an address, \"postgresql://host/database\"", NULL },

    ngx_ess_null_param
};


char *
ngx_ess_event_log_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_ess_main_conf_t  *mcf = conf;

    ngx_str_t             *value;
    ngx_ess_event_log_t   *log, **p;

    value = cf->args->elts;

    if (mcf->event_logs == NULL) {
        mcf->event_logs = ngx_array_create(cf->pool, 2,
                                           sizeof(ngx_ess_event_log_t *));
        if (mcf->event_logs == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    if (ngx_ess_event_log_conf_name(cf, mcf, &value[1]) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    log = ngx_pcalloc(cf->pool, sizeof(ngx_ess_event_log_t));
    if (log == NULL) {
        return NGX_CONF_ERROR;
    }

    log->name = value[1];
    log->number = mcf->event_logs->nelts;
    log->place = value[2];
    log->max_event = NGX_ESS_EVENT_LOG_CONF_MAX_EVENT;
    log->sync = 1;

    if (ngx_ess_event_log_conf_params(cf, cmd, log) != NGX_OK
        || ngx_ess_event_log_conf_place(cf, mcf, log) != NGX_OK
        || ngx_ess_event_log_conf_files(cf, log) != NGX_OK
        || ngx_ess_event_log_conf_pool(cf, log) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    p = ngx_array_push(mcf->event_logs);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    *p = log;

    return log->engine->check(cf, log) == NGX_OK ? NGX_CONF_OK
                                                 : NGX_CONF_ERROR;
}


/* It becomes a part of figures, of channels' names, and of a pool's. */

static ngx_int_t
ngx_ess_event_log_conf_name(ngx_conf_t *cf, ngx_ess_main_conf_t *mcf,
    ngx_str_t *name)
{
    u_char      ch;
    ngx_str_t   text, shown;
    ngx_uint_t  i;

    if (name->len == 0 || name->len > NGX_ESS_EVENT_LOG_CONF_NAME) {
        goto invalid;
    }

    for (i = 0; i < name->len; i++) {
        ch = name->data[i];

        if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
              || (ch >= '0' && ch <= '9') || ch == '_' || ch == '-'))
        {
            goto invalid;
        }
    }

    if (ngx_ess_event_log_named(mcf->event_logs, name)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"ess_event_log\" \"%V\" is there already, give "
                           "each log a name of its own", name);
        return NGX_ERROR;
    }

    return NGX_OK;

invalid:

    /* it may be the place, which may have a password */

    text = *name;
    (void) ngx_ess_str_cut(&text, ':', &shown);

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"ess_event_log\" has the invalid name \"%V\", it must "
                       "be 1 to %d letters, digits, \"_\" and \"-\"", &shown,
                       NGX_ESS_EVENT_LOG_CONF_NAME);
    return NGX_ERROR;
}


static ngx_int_t
ngx_ess_event_log_conf_params(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_ess_event_log_t *log)
{
    ngx_int_t             rc;
    ngx_str_t            *value, name, text;
    ngx_uint_t            i;
    ngx_ess_param_ctx_t   ctx;

    value = cf->args->elts;

    ngx_memzero(&ctx, sizeof(ngx_ess_param_ctx_t));

    ctx.cf = cf;
    ctx.directive = (const char *) cmd->name.data;
    ctx.conf = log;

    for (i = 3; i < cf->args->nelts; i++) {

        rc = ngx_ess_param(&ctx, ngx_ess_event_log_conf_table, &value[i]);

        if (rc == NGX_DECLINED) {

            /* what is behind "=" may be a password, or be a URL that has one */

            text = value[i];
            (void) ngx_ess_str_cut(&text, '=', &name);

            text = name;
            (void) ngx_ess_str_cut(&text, ':', &name);

            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" has the invalid parameter \"%V\", it "
                               "takes schema=, id=, time=, type=, keep=, "
                               "keep_size=, max_event=, sync=, password_file= "
                               "and listen=", &cmd->name, &name);
        }

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* What is a URL may have a password: it is never logged. */

static ngx_int_t
ngx_ess_event_log_conf_place(ngx_conf_t *cf, ngx_ess_main_conf_t *mcf,
    ngx_ess_event_log_t *log)
{
    u_char                *p;
    ngx_uint_t             i;
    ngx_str_t             *place;
    ngx_ess_event_log_t  **logs;

    place = &log->place;

    if (ngx_ess_event_log_conf_engine(cf, mcf, log) != NGX_OK) {
        return NGX_ERROR;
    }

    if (!log->engine->remote && (log->password_file.len || log->listen.len)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"ess_event_log\" \"%V\": \"%s\" is of databases "
                           "on a server, \"postgresql://...\", and this log is "
                           "in a file", &log->name,
                           log->listen.len ? "listen=" : "password_file=");
        return NGX_ERROR;
    }

    if (log->engine->scheme.len) {
        p = ngx_pnalloc(cf->pool, place->len + 1);
        if (p == NULL) {
            return NGX_ERROR;
        }

        (void) ngx_cpystrn(p, place->data, place->len + 1);
        place->data = p;

        return NGX_OK;
    }

    if (place->len == 0 || place->data[place->len - 1] == '/'
        || place->data[0] == ':')
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"ess_event_log\" \"%V\" takes the path of a file, "
                           "or \"postgresql://host/database\", not \"%V\"",
                           &log->name, place);
        return NGX_ERROR;
    }

    if (ngx_conf_full_name(cf->cycle, place, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    logs = mcf->event_logs->elts;

    for (i = 0; i < mcf->event_logs->nelts; i++) {
        if (ngx_ess_str_equal(&logs[i]->place, place)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"ess_event_log\" \"%V\": the file %V is that "
                               "of \"%V\", give each log a file of its own",
                               &log->name, place, &logs[i]->name);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_event_log_conf_engine(ngx_conf_t *cf, ngx_ess_main_conf_t *mcf,
    ngx_ess_event_log_t *log)
{
    u_char                              *p;
    ngx_str_t                            scheme;
    ngx_uint_t                           i;
    const ngx_ess_event_log_engine_t   **engine;

    p = (u_char *) ngx_strstr(log->place.data, "://");

    if (p == NULL) {
        log->engine = &ngx_ess_event_log_sqlite;
        return NGX_OK;
    }

    scheme.data = log->place.data;
    scheme.len = p + 3 - log->place.data;

    if (mcf->event_log_engines) {
        engine = mcf->event_log_engines->elts;

        for (i = 0; i < mcf->event_log_engines->nelts; i++) {
            if (ngx_ess_str_equal(&engine[i]->scheme, &scheme)) {
                log->engine = engine[i];
                return NGX_OK;
            }
        }
    }

    if (ngx_strncmp(scheme.data, "postgresql://", 13) == 0
        || ngx_strncmp(scheme.data, "postgres://", 11) == 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"ess_event_log\" \"%V\" is to be in PostgreSQL, "
                           "which is a module of its own and not loaded: add "
                           "\"load_module "
                           "modules/ngx_ess_postgresql_module.so;\" behind "
                           "the one of ngx_ess_module.so, or give the path of "
                           "a file", &log->name);
        return NGX_ERROR;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"ess_event_log\" \"%V\" takes the path of a file, or "
                       "\"postgresql://host/database\", not \"%V...\"",
                       &log->name, &scheme);
    return NGX_ERROR;
}


static ngx_int_t
ngx_ess_event_log_conf_files(ngx_conf_t *cf, ngx_ess_event_log_t *log)
{
    if (log->password_file.len
        && ngx_conf_full_name(cf->cycle, &log->password_file, 1) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (log->schema_file.len == 0) {
        return NGX_OK;
    }

    log->schema = ngx_ess_schema_compile(cf, &log->schema_file);

    return log->schema ? NGX_OK : NGX_ERROR;
}


/*
 * A database that hangs takes neither the threads of other logs, nor those in
 * which names are looked up and streams are stored.  How many threads a pool
 * has only its directive can say: so that is called, as if it were there.
 */

static ngx_int_t
ngx_ess_event_log_conf_pool(ngx_conf_t *cf, ngx_ess_event_log_t *log)
{
    char           *rv;
    ngx_str_t       name, *value;
    ngx_array_t     args, *saved;
    ngx_command_t  *cmd;

    name.len = sizeof("ess_event_log_") - 1 + log->name.len;
    name.data = ngx_pnalloc(cf->pool, name.len + 1);

    if (name.data == NULL
        || ngx_array_init(&args, cf->pool, 3, sizeof(ngx_str_t)) != NGX_OK)
    {
        return NGX_ERROR;
    }

    (void) ngx_sprintf(name.data, "ess_event_log_%V%Z", &log->name);

    log->thread_pool = ngx_thread_pool_get(cf->cycle, &name);

    if (log->thread_pool) {
        /* the operator says how many */
        return NGX_OK;
    }

    value = ngx_array_push_n(&args, 3);
    if (value == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(&value[0], "thread_pool");
    value[1] = name;
    ngx_str_set(&value[2], NGX_ESS_EVENT_LOG_CONF_THREADS);

    cmd = ngx_thread_pool_module.commands;

    saved = cf->args;
    cf->args = &args;

    rv = cmd->set(cf, cmd, NULL);

    cf->args = saved;

    if (rv != NGX_CONF_OK) {
        return NGX_ERROR;
    }

    log->thread_pool = ngx_thread_pool_get(cf->cycle, &name);

    return log->thread_pool ? NGX_OK : NGX_ERROR;
}


/* The pointer's name, for errors, is the last step's. */

static const char *
ngx_ess_event_log_conf_member(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *param, ngx_str_t *value)
{
    ngx_str_t                text, *name;
    const char              *detail;
    ngx_ess_event_log_t     *log;
    ngx_ess_json_pointer_t  *pointer;

    log = ctx->conf;
    pointer = (ngx_ess_json_pointer_t *) ((u_char *) log + param->offset);

    if (value->len == 0 || value->len > NGX_ESS_EVENT_LOG_CONF_POINTER) {
        return param->expected;
    }

    if (value->data[0] == '/') {
        text = *value;

    } else if (ngx_ess_event_log_conf_pointer(ctx->cf->pool, value, &text)
               != NGX_OK)
    {
        return param->expected;
    }

    if (ngx_ess_json_pointer_compile(pointer, ctx->cf->pool, &text, &detail)
        != NGX_OK
        || pointer->nsteps == 0)
    {
        return param->expected;
    }

    name = (pointer == &log->id) ? &log->id_name
           : (pointer == &log->time) ? &log->time_name : &log->type_name;

    *name = pointer->steps[pointer->nsteps - 1].name;

    return name->len ? NULL : "a member that has a name, by which errors call "
                              "it: a JSON pointer does not end with a slash";
}


static ngx_int_t
ngx_ess_event_log_conf_pointer(ngx_pool_t *pool, ngx_str_t *name,
    ngx_str_t *pointer)
{
    u_char      *p;
    ngx_uint_t   i;

    pointer->data = ngx_pnalloc(pool, 1 + 2 * name->len);
    if (pointer->data == NULL) {
        return NGX_ERROR;
    }

    p = pointer->data;
    *p++ = '/';

    for (i = 0; i < name->len; i++) {

        switch (name->data[i]) {

        case '~':
            *p++ = '~';
            *p++ = '0';
            break;

        case '/':
            *p++ = '~';
            *p++ = '1';
            break;

        default:
            *p++ = name->data[i];
        }
    }

    pointer->len = p - pointer->data;

    return NGX_OK;
}


/* Of a field that is off_t; "g" as well. */

static const char *
ngx_ess_event_log_conf_size(ngx_ess_param_ctx_t *ctx,
    const ngx_ess_param_t *param, ngx_str_t *value)
{
    off_t  size;

    size = ngx_parse_offset(value);

    if (size < param->min) {
        return param->expected;
    }

    *(off_t *) ((u_char *) ctx->conf + param->offset) = size;

    return NULL;
}


ngx_int_t
ngx_ess_event_log_engine_register(ngx_conf_t *cf,
    const ngx_ess_event_log_engine_t *engine)
{
    ngx_ess_main_conf_t                 *mcf;
    const ngx_ess_event_log_engine_t   **p;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_ess_module);

    if (mcf->event_log_engines == NULL) {
        mcf->event_log_engines = ngx_array_create(cf->pool, 1,
                                    sizeof(ngx_ess_event_log_engine_t *));
        if (mcf->event_log_engines == NULL) {
            return NGX_ERROR;
        }
    }

    p = ngx_array_push(mcf->event_log_engines);
    if (p == NULL) {
        return NGX_ERROR;
    }

    *p = engine;

    return NGX_OK;
}


ngx_ess_event_log_t *
ngx_ess_event_log_named(ngx_array_t *logs, const ngx_str_t *name)
{
    ngx_uint_t             i;
    ngx_ess_event_log_t  **log;

    if (logs == NULL) {
        return NULL;
    }

    log = logs->elts;

    for (i = 0; i < logs->nelts; i++) {
        if (ngx_ess_str_equal(&log[i]->name, name)) {
            return log[i];
        }
    }

    return NULL;
}
