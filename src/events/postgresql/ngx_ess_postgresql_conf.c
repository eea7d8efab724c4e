/*
 * What the directive says of a log that is kept in PostgreSQL, and the SQL that
 * follows from its name.  In the master; all memory is the configuration's, but
 * the connections, which a worker makes.
 */


#include "ngx_ess_conf_file.h"
#include "ngx_ess_escape.h"
#include "ngx_ess_postgresql_conf.h"
#include "ngx_ess_postgresql_sql.h"
#include "ngx_ess_str.h"


#define NGX_ESS_POSTGRESQL_PASSWORD  1024


static ngx_int_t ngx_ess_postgresql_conf_name(ngx_conf_t *cf,
    ngx_ess_event_log_t *log);
static ngx_int_t ngx_ess_postgresql_conf_url(ngx_conf_t *cf,
    ngx_ess_event_log_t *log, const char *url, const char *what);
static const char *ngx_ess_postgresql_conf_listen(ngx_conf_t *cf,
    ngx_ess_event_log_t *log);
static ngx_ess_postgresql_server_t *ngx_ess_postgresql_conf_server(
    ngx_conf_t *cf, ngx_ess_event_log_t *log);
static ngx_int_t ngx_ess_postgresql_conf_password(ngx_conf_t *cf,
    ngx_str_t *file, const char **password);
static char *ngx_ess_postgresql_conf_text(ngx_pool_t *pool, ngx_str_t *text);


void *
ngx_ess_postgresql_conf_create(ngx_conf_t *cf)
{
    ngx_ess_postgresql_main_conf_t  *pmcf;

    pmcf = ngx_pcalloc(cf->pool, sizeof(ngx_ess_postgresql_main_conf_t));
    if (pmcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&pmcf->servers, cf->pool, 2,
                       sizeof(ngx_ess_postgresql_server_t *))
        != NGX_OK)
    {
        return NULL;
    }

    return pmcf;
}


ngx_int_t
ngx_ess_postgresql_conf_check(ngx_conf_t *cf, ngx_ess_event_log_t *log)
{
    ngx_ess_postgresql_conf_t  *conf;

    if (ngx_ess_postgresql_conf_name(cf, log) != NGX_OK) {
        return NGX_ERROR;
    }

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_ess_postgresql_conf_t));
    if (conf == NULL) {
        return NGX_ERROR;
    }

    conf->name = log->name;
    conf->keep = log->keep;
    conf->keep_size = log->keep_size;

    conf->server = ngx_ess_postgresql_conf_server(cf, log);
    if (conf->server == NULL) {
        return NGX_ERROR;
    }

    if (ngx_ess_postgresql_sql_init(cf->pool, conf, log->sync) != NGX_OK) {
        return NGX_ERROR;
    }

    log->engine_conf = conf;

    return NGX_OK;
}


/* it is a part of identifiers and of literals */

static ngx_int_t
ngx_ess_postgresql_conf_name(ngx_conf_t *cf, ngx_ess_event_log_t *log)
{
    u_char             ch;
    ngx_uint_t         i;
    ngx_ess_escaped_t  e;

    if (log->name.len == 0 || log->name.len > NGX_ESS_POSTGRESQL_NAME) {
        goto invalid;
    }

    for (i = 0; i < log->name.len; i++) {
        ch = log->name.data[i];

        if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
              || (ch >= '0' && ch <= '9') || ch == '_' || ch == '-'))
        {
            goto invalid;
        }
    }

    return NGX_OK;

invalid:

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "the name of an event log that is kept in PostgreSQL "
                       "must be 1 to %d letters, digits, \"_\" and \"-\", "
                       "and \"%V\" is not", NGX_ESS_POSTGRESQL_NAME,
                       ngx_ess_escape(&e, &log->name));
    return NGX_ERROR;
}


static ngx_ess_postgresql_server_t *
ngx_ess_postgresql_conf_server(ngx_conf_t *cf, ngx_ess_event_log_t *log)
{
    char                            *url;
    const char                      *password, *listen;
    ngx_uint_t                       i;
    ngx_ess_postgresql_server_t     *server, **servers;
    ngx_ess_postgresql_main_conf_t  *pmcf;

    pmcf = ngx_http_conf_get_module_main_conf(cf, ngx_ess_postgresql_module);

    servers = pmcf->servers.elts;

    for (i = 0; i < pmcf->servers.nelts; i++) {
        if (ngx_ess_str_equal(&servers[i]->place, &log->place)
            && ngx_ess_str_equal(&servers[i]->password_file,
                                 &log->password_file)
            && ngx_ess_str_equal(&servers[i]->listen, &log->listen))
        {
            return servers[i];
        }
    }

    url = ngx_ess_postgresql_conf_text(cf->pool, &log->place);

    if (url == NULL
        || ngx_ess_postgresql_conf_url(cf, log, url, "the URL") != NGX_OK)
    {
        return NULL;
    }

    listen = log->listen.len ? ngx_ess_postgresql_conf_listen(cf, log) : url;

    if (listen == NULL) {
        return NULL;
    }

    password = NULL;

    if (log->password_file.len
        && ngx_ess_postgresql_conf_password(cf, &log->password_file, &password)
           != NGX_OK)
    {
        return NULL;
    }

    server = ngx_pcalloc(cf->pool, sizeof(ngx_ess_postgresql_server_t));
    servers = ngx_array_push(&pmcf->servers);

    if (server == NULL || servers == NULL) {
        return NULL;
    }

    *servers = server;

    server->place = log->place;
    server->password_file = log->password_file;
    server->listen = log->listen;

    server->writer.url = url;
    server->writer.password = password;
    server->reader.url = url;
    server->reader.password = password;
    server->listener.url = listen;
    server->listener.password = password;

    return server;
}


/* another address for the connection that listens */

static const char *
ngx_ess_postgresql_conf_listen(ngx_conf_t *cf, ngx_ess_event_log_t *log)
{
    char  *url;

    url = ngx_ess_postgresql_conf_text(cf->pool, &log->listen);
    if (url == NULL) {
        return NULL;
    }

    if (ngx_strncmp(url, "postgresql://", 13) != 0
        && ngx_strncmp(url, "postgres://", 11) != 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"listen=\" of the event log \"%V\" is no URL; an "
                           "example: \"postgresql://user@host/database\"",
                           &log->name);
        return NULL;
    }

    return (ngx_ess_postgresql_conf_url(cf, log, url, "\"listen=\"") == NGX_OK)
           ? url : NULL;
}


/* libpq's words may contain parts of the URL, and so of a password: they are
   shown only where there can be none */

static ngx_int_t
ngx_ess_postgresql_conf_url(ngx_conf_t *cf, ngx_ess_event_log_t *log,
    const char *url, const char *what)
{
    char              *err;
    ngx_uint_t         secret;
    ngx_str_t          text;
    ngx_ess_escaped_t  e;
    PQconninfoOption  *options, *o;

    err = NULL;
    secret = 0;

    options = PQconninfoParse(url, &err);

    if (options == NULL) {

        if (err == NULL || strchr(url, '@') || strstr(url, "assword")) {
            ngx_str_set(&text, "see libpq's \"Connection URIs\"");

        } else {
            text.data = (u_char *) err;
            text.len = ngx_strlen(err);

            while (text.len && text.data[text.len - 1] == '\n') {
                text.len--;
            }
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "%s of the event log \"%V\" is not valid: %V; "
                           "an example: \"postgresql://user@host/database\"",
                           what, &log->name, ngx_ess_escape(&e, &text));
        PQfreemem(err);

        return NGX_ERROR;
    }

    for (o = options; o->keyword; o++) {
        if (ngx_strcmp(o->keyword, "password") == 0 && o->val) {
            secret = 1;
        }
    }

    PQconninfoFree(options);

    if (secret && log->password_file.len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the event log \"%V\" has a password in %s and "
                           "\"password_file=\", and may have one of them",
                           &log->name, what);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* here, for the workers' user may not be allowed to */

static ngx_int_t
ngx_ess_postgresql_conf_password(ngx_conf_t *cf, ngx_str_t *file,
    const char **password)
{
    u_char     buf[NGX_ESS_POSTGRESQL_PASSWORD + 1];
    ssize_t    n;
    ngx_str_t  path, text;

    path.data = (u_char *) ngx_ess_postgresql_conf_text(cf->pool, file);
    path.len = file->len;

    if (path.data == NULL || ngx_conf_full_name(cf->cycle, &path, 1) != NGX_OK)
    {
        return NGX_ERROR;
    }

    n = ngx_ess_conf_file_read(cf, &path, "\"password_file\" of "
                               "\"ess_event_log\"", 1, buf, sizeof(buf));
    if (n == NGX_ERROR) {
        return NGX_ERROR;
    }

    text.data = buf;
    text.len = n;

    /* an editor's end of line is none of the password's */

    if (text.len && text.data[text.len - 1] == LF) {
        text.len--;
    }

    if (text.len && text.data[text.len - 1] == CR) {
        text.len--;
    }

    if (text.len == 0 || n == sizeof(buf) || memchr(buf, '\0', text.len)) {
        ngx_explicit_memzero(buf, sizeof(buf));

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"password_file\" of \"ess_event_log\", \"%V\", "
                           "must have a password of 1 to %d bytes, and nothing "
                           "else", &path, NGX_ESS_POSTGRESQL_PASSWORD);
        return NGX_ERROR;
    }

    *password = ngx_ess_postgresql_conf_text(cf->pool, &text);
    ngx_explicit_memzero(buf, sizeof(buf));

    return *password ? NGX_OK : NGX_ERROR;
}


static char *
ngx_ess_postgresql_conf_text(ngx_pool_t *pool, ngx_str_t *text)
{
    u_char  *p;

    p = ngx_pnalloc(pool, text->len + 1);
    if (p == NULL) {
        return NULL;
    }

    ngx_memcpy(p, text->data, text->len);
    p[text->len] = '\0';

    return (char *) p;
}
