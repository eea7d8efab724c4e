/*
 * An event log in a temporary folder, without nginx around it.
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <sqlite3.h>

#include "fake_event_log.h"


char                       fake_log_file[256];
ngx_ess_event_log_t        fake_log;
void                      *fake_log_handle;
ngx_ess_event_log_event_t  fake_log_events[5000];
ngx_ess_event_log_query_t  fake_log_query;
ngx_cycle_t                fake_log_cycle;
ngx_module_t               ngx_core_module;

static char                folder[128];
static char                texts[5000][64];
static ngx_core_conf_t     core_conf;
static void               *conf_ctx[1];
static ngx_log_t           ngx_test_log;


void ngx_cdecl
ngx_log_error_core(ngx_uint_t level, ngx_log_t *log, ngx_err_t err,
    const char *fmt, ...)
{
}


void ngx_cdecl
ngx_conf_log_error(ngx_uint_t level, ngx_conf_t *cf, ngx_err_t err,
    const char *fmt, ...)
{
}


void *
ngx_alloc(size_t size, ngx_log_t *log)
{
    return malloc(size);
}


int
fake_log_setup(void **state)
{
    const char  *tmp;

    tmp = getenv("TMPDIR");

    (void) snprintf(folder, sizeof(folder), "%s/ess-events-XXXXXX",
                    tmp ? tmp : "/tmp");

    if (mkdtemp(folder) == NULL || chmod(folder, 0755) == -1) {
        return -1;
    }

    (void) snprintf(fake_log_file, sizeof(fake_log_file), "%s/ess/events.db",
                    folder);

    memset(&core_conf, 0, sizeof(core_conf));
    core_conf.username = "root";

    conf_ctx[0] = &core_conf;
    fake_log_cycle.conf_ctx = (void ****) conf_ctx;
    fake_log_cycle.log = &ngx_test_log;

    memset(&fake_log, 0, sizeof(fake_log));
    fake_log.place.data = (u_char *) fake_log_file;
    fake_log.place.len = strlen(fake_log_file);
    fake_log.sync = 0;

    if (ngx_ess_event_log_sqlite.init_module(&fake_log_cycle, &fake_log)
        != NGX_OK)
    {
        return -1;
    }

    fake_log_handle = ngx_ess_event_log_sqlite.create(&fake_log, &ngx_test_log);

    return fake_log_handle ? 0 : -1;
}


int
fake_log_teardown(void **state)
{
    char  command[256];

    if (fake_log_handle) {
        ngx_ess_event_log_sqlite.destroy(fake_log_handle);
        fake_log_handle = NULL;
    }

    (void) snprintf(command, sizeof(command), "rm -rf '%s'", folder);

    return system(command);
}


void
fake_log_event(ngx_uint_t i, const char *id, const char *type, int64_t time,
    const char *body)
{
    ngx_ess_event_log_event_t  *e;

    e = &fake_log_events[i];

    memset(e, 0, sizeof(*e));

    e->id.data = (u_char *) id;
    e->id.len = strlen(id);
    e->type.data = (u_char *) type;
    e->type.len = strlen(type);
    e->time = time;
    e->body.data = (u_char *) body;
    e->body.len = strlen(body);

    memset(e->hash, 0, sizeof(e->hash));
    memcpy(e->hash, body, ngx_min(strlen(body), sizeof(e->hash)));
}


ngx_int_t
fake_log_insert(ngx_uint_t n, ngx_uint_t atomic)
{
    ngx_ess_event_log_insert_t  ins, *inserts[1];

    memset(&ins, 0, sizeof(ins));

    ins.rc = NGX_ERROR;
    ins.events = fake_log_events;
    ins.n = n;
    ins.atomic = atomic;

    inserts[0] = &ins;

    ngx_ess_event_log_sqlite.insert(fake_log_handle, inserts, 1);

    if (ins.rc == NGX_BUSY) {
        assert_true(ins.text[0] != '\0');
    }

    return ins.rc;
}


/* n fake_log_events of types a and b, times 1000, 1001, ..., each four times */

void
fake_log_fill(ngx_uint_t n)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {
        (void) snprintf(texts[i], sizeof(texts[i]), "{\"n\":%d}", (int) i);
        fake_log_event(i, "", (i % 3) ? "a" : "b", 1000 + i / 4, texts[i]);
    }

    assert_int_equal(fake_log_insert(n, 0), NGX_OK);
}


ngx_int_t
fake_log_ask(void)
{
    ngx_ess_event_log_query_t  *query;

    query = &fake_log_query;
    assert_int_equal(ngx_ess_event_log_sqlite.query(fake_log_handle, &query,
                                                    1), 1);

    return fake_log_query.rc;
}


void
fake_log_done(void)
{
    free(fake_log_query.memory);
    fake_log_query.memory = NULL;
    fake_log_query.rows = NULL;
    fake_log_query.nrows = 0;
    fake_log_query.more = 0;
}


uint64_t
fake_log_total(void)
{
    memset(&fake_log_query, 0, sizeof(fake_log_query));
    fake_log_query.has_total = 1;

    assert_int_equal(fake_log_ask(), NGX_OK);
    assert_null(fake_log_query.memory);

    return fake_log_query.total;
}


void
fake_log_again(void)
{
    ngx_ess_event_log_sqlite.destroy(fake_log_handle);
    fake_log_handle = ngx_ess_event_log_sqlite.create(&fake_log, &ngx_test_log);
}


void
fake_log_execute(const char *sql)
{
    sqlite3  *db;

    assert_int_equal(sqlite3_open(fake_log_file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}
