/*
 * Parameters of directives by a table: each type, its bounds, and what is said
 * of each kind of mistake.  nginx's parsers are replaced by plain ones.
 *
 * links: src/ngx_ess_param.c src/ngx_ess_str.c t/unit/ngx_parse.c
 */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ngx_ess_param.h"


#define ARGS  8


typedef struct {
    ngx_uint_t   number;
    ngx_msec_t   msec;
    ngx_msec_t   pause;
    time_t       sec;
    size_t       size;
    ngx_uint_t   word;
    ngx_str_t    text;
} test_conf_t;


static char         logged[1024];
static test_conf_t  conf;


ngx_int_t
ngx_atoi(u_char *line, size_t n)
{
    char       *end;
    char        copy[64];
    long long   value;

    (void) snprintf(copy, sizeof(copy), "%.*s", (int) n, (const char *) line);

    value = strtoll(copy, &end, 10);

    return (end == copy || *end != '\0' || value < 0) ? NGX_ERROR : value;
}


/* %V and %s only */

void ngx_cdecl
ngx_conf_log_error(ngx_uint_t level, ngx_conf_t *cf, ngx_err_t err,
    const char *fmt, ...)
{
    char       *p;
    va_list     args;
    ngx_str_t  *v;

    p = logged;

    va_start(args, fmt);

    for ( /* void */ ; *fmt; fmt++) {

        if (*fmt != '%') {
            *p++ = *fmt;

        } else if (*++fmt == 'V') {
            v = va_arg(args, ngx_str_t *);
            p += sprintf(p, "%.*s", (int) v->len, (char *) v->data);

        } else {
            p += sprintf(p, "%s", va_arg(args, char *));
        }
    }

    va_end(args);

    *p = '\0';
}


static ngx_conf_enum_t  words[] = {
    { ngx_string("low"), 1 },
    { ngx_string("high"), 2 },
    { ngx_null_string, 0 }
};


static const ngx_ess_param_t  params[] = {

    { ngx_string("number"), ngx_ess_param_number,
      offsetof(test_conf_t, number), 1, 10, "a number from 1 to 10", NULL },

    { ngx_string("pause"), ngx_ess_param_msec_or_0,
      offsetof(test_conf_t, pause), 1000, NGX_MAX_INT_T_VALUE,
      "a time of at least 1s, or 0", NULL },

    { ngx_string("msec"), ngx_ess_param_msec,
      offsetof(test_conf_t, msec), 1000, 60000, "a time from 1s to 1m", NULL },

    { ngx_string("size"), ngx_ess_param_size,
      offsetof(test_conf_t, size), 1024, NGX_MAX_SIZE_T_VALUE,
      "a size of at least 1k", NULL },

    { ngx_string("word"), ngx_ess_param_enum,
      offsetof(test_conf_t, word), 0, 0, "\"low\" or \"high\"", words },

    ngx_ess_null_param
};


static const ngx_ess_param_t  others[] = {

    { ngx_string("text"), ngx_ess_param_text,
      offsetof(test_conf_t, text), 1, 4, "1 to 4 bytes", NULL },

    { ngx_string("sec"), ngx_ess_param_sec,
      offsetof(test_conf_t, sec), 0, 3600, "a time up to 1h", NULL },

    ngx_ess_null_param
};


/* a number in the first place, perhaps a pause in the second, then names */

static ngx_ess_param_directive_t  directive = { params, 2, "three names", 1,
                                               0 };


/* NGX_CONF_OK, "refused", which is logged, or what the setter says */

static const char *
set(const char *line)
{
    char            copy[128], *arg;
    const char     *rv;
    ngx_str_t       args[ARGS];
    ngx_conf_t      cf;
    ngx_array_t     array;
    ngx_command_t   cmd;

    (void) snprintf(copy, sizeof(copy), "ess_x %s", line);

    ngx_memzero(&cf, sizeof(ngx_conf_t));
    ngx_memzero(&cmd, sizeof(ngx_command_t));

    array.elts = args;
    array.nelts = 0;
    cf.args = &array;

    for (arg = strtok(copy, " "); arg; arg = strtok(NULL, " ")) {
        args[array.nelts].data = (u_char *) arg;
        args[array.nelts++].len = strlen(arg);
    }

    cmd.name = args[0];
    cmd.post = &directive;

    logged[0] = '\0';

    rv = ngx_ess_param_slot(&cf, &cmd, &conf);

    return (rv == NGX_CONF_ERROR) ? "refused" : rv;
}


static int
setup(void **state)
{
    conf.number = NGX_CONF_UNSET_UINT;
    conf.pause = NGX_CONF_UNSET_MSEC;
    conf.msec = NGX_CONF_UNSET_MSEC;
    conf.size = NGX_CONF_UNSET_SIZE;
    conf.word = NGX_CONF_UNSET_UINT;
    ngx_str_null(&conf.text);
    conf.sec = 0;

    return 0;
}


static void
test_values(void **state)
{
    assert_null(set("10 2s size=1k msec=1m word=high"));
    assert_int_equal(conf.number, 10);
    assert_int_equal(conf.pause, 2000);
    assert_int_equal(conf.msec, 60000);
    assert_int_equal(conf.size, 1024);
    assert_int_equal(conf.word, 2);
}


/* no line shows what a URL may have of a secret */

static void
test_secrets(void **state)
{
    assert_string_equal(set("5 2s word=low word=x://u:secret@h"), "refused");
    assert_non_null(strstr(logged, "twice"));
    assert_null(strstr(logged, "secret"));

    setup(state);
    assert_string_equal(set("5 2s word=x://h?password=secret"), "refused");
    assert_non_null(strstr(logged, "x://"));
    assert_null(strstr(logged, "secret"));

    setup(state);
    assert_string_equal(set("5 2s x://u:secret@h"), "refused");
    assert_null(strstr(logged, "secret"));

    setup(state);
    assert_string_equal(set("5 2s word=x://h/d"), "refused");
    assert_non_null(strstr(logged, "x://h/d"));
}


/* What is not given stays as it is; a time may be 0 where its bounds are not. */

static void
test_some(void **state)
{
    assert_null(set("1 0s"));
    assert_int_equal(conf.number, 1);
    assert_int_equal(conf.pause, 0);
    assert_true(conf.size == NGX_CONF_UNSET_SIZE);
    assert_true(conf.word == NGX_CONF_UNSET_UINT);
}


static void
test_off(void **state)
{
    assert_null(set("off"));
    assert_int_equal(conf.number, 0);
    assert_int_equal(conf.pause, 0);
    assert_int_equal(conf.size, 0);
    assert_int_equal(conf.word, 0);
    assert_string_equal((char *) set("1"), "is duplicate");
}


/* Only alone, and only where it is a word. */

static void
test_off_is_no_value(void **state)
{
    assert_string_equal((char *) set("off 1s"), "refused");
    assert_non_null(strstr(logged, "invalid number \"off\""));

    directive.off = 0;
    assert_string_equal((char *) set("off"), "refused");
    directive.off = 1;
}


static void
test_once(void **state)
{
    assert_null(set("5"));
    assert_string_equal((char *) set("5"), "is duplicate");
    assert_string_equal((char *) set("off"), "is duplicate");

    /* another field of it is enough */

    conf.number = NGX_CONF_UNSET_UINT;
    conf.word = 1;
    assert_string_equal((char *) set("5"), "is duplicate");
}


static void
test_wrong(void **state)
{
    ngx_uint_t  i;

    static const struct {
        const char  *line;
        const char  *said;
    } wrong[] = {
        { "0", "\"ess_x\" has the invalid number \"0\", it must be a number"
               " from 1 to 10" },
        { "11", "\"ess_x\" has the invalid number \"11\", it must be a number"
                " from 1 to 10" },
        { "x", "\"ess_x\" has the invalid number \"x\", it must be a number"
               " from 1 to 10" },
        { "-1", "\"ess_x\" has the invalid number \"-1\", it must be a number"
                " from 1 to 10" },
        { "1 999", "\"ess_x\" has the invalid pause \"999\", it must be a time"
                   " of at least 1s, or 0" },
        { "1 size=1k", "\"ess_x\" has the invalid pause \"size=1k\", it must"
                       " be a time of at least 1s, or 0" },
        { "1 1s size=1", "invalid value \"1\" of \"size\" in \"ess_x\": instead"
                         " of \"size=1\" give a size of at least 1k" },
        { "1 1s size=", "invalid value \"\" of \"size\" in \"ess_x\": instead"
                        " of \"size=\" give a size of at least 1k" },
        { "1 1s msec=2m", "invalid value \"2m\" of \"msec\" in \"ess_x\":"
                          " instead of \"msec=2m\" give a time from 1s to 1m" },
        { "1 1s word=lo", "invalid value \"lo\" of \"word\" in \"ess_x\":"
                          " instead of \"word=lo\" give \"low\" or \"high\"" },
        { "1 1s word=low word=high",
          "\"ess_x\" has \"word=\" twice, the second is \"word=high\": it takes"
          " each parameter once, so one \"word=\"" },
        { "1 1s 7", "\"ess_x\" has the invalid parameter \"7\", it takes three"
                    " names" },
        { "1 1s siz=1k", "\"ess_x\" has the invalid parameter \"siz=1k\", it"
                         " takes three names" },
        { "1 1s sizes=1k", "\"ess_x\" has the invalid parameter \"sizes=1k\","
                           " it takes three names" },
        /* that of an argument is no name */
        { "1 1s number=1", "\"ess_x\" has the invalid parameter \"number=1\","
                           " it takes three names" }
    };

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        (void) setup(NULL);
        assert_string_equal((char *) set(wrong[i].line), "refused");
        assert_string_equal(logged, (char *) wrong[i].said);
    }
}


static ngx_int_t
one(ngx_ess_param_ctx_t *ctx, const ngx_ess_param_t *table, const char *text)
{
    ngx_str_t  arg;

    ctx->directive = "ess_x";
    ctx->conf = &conf;

    arg.data = (u_char *) text;
    arg.len = strlen(text);

    logged[0] = '\0';

    return ngx_ess_param(ctx, table, &arg);
}


static void
test_text_and_seconds(void **state)
{
    ngx_ess_param_ctx_t  ctx;

    ngx_memzero(&ctx, sizeof(ngx_ess_param_ctx_t));
    ctx.many = (ngx_uint_t) -1;

    assert_int_equal(one(&ctx, others, "text=a=b"), NGX_OK);
    assert_int_equal(conf.text.len, 3);
    assert_memory_equal(conf.text.data, "a=b", 3);
    assert_int_equal(one(&ctx, others, "text="), NGX_ERROR);
    assert_int_equal(one(&ctx, others, "text=abcde"), NGX_ERROR);

    assert_int_equal(one(&ctx, others, "sec=1h"), NGX_OK);
    assert_int_equal(conf.sec, 3600);
    assert_int_equal(one(&ctx, others, "sec=0"), NGX_OK);
    assert_int_equal(one(&ctx, others, "sec=2h"), NGX_ERROR);
    assert_int_equal(one(&ctx, others, "sec=x"), NGX_ERROR);
    assert_int_equal(conf.sec, 0);

    assert_int_equal(one(&ctx, others, "text"), NGX_DECLINED);
    assert_string_equal(logged, "");
}


/* A directive that repeats an earlier one says the same. */

static void
test_again(void **state)
{
    ngx_ess_param_ctx_t  first, again;

    ngx_memzero(&first, sizeof(ngx_ess_param_ctx_t));

    again = first;
    again.again = 1;
    again.many = (ngx_uint_t) -1;

    assert_int_equal(one(&first, params, "number=5"), NGX_OK);
    assert_int_equal(one(&first, params, "word=low"), NGX_OK);
    assert_int_equal(one(&first, params, "number=5"), NGX_ERROR);
    ngx_str_set(&conf.text, "abc");

    assert_int_equal(one(&again, params, "number=5"), NGX_OK);
    assert_int_equal(one(&again, params, "number=6"), NGX_ERROR);
    assert_non_null(strstr(logged, "same value as in the first"));
    assert_int_equal(one(&again, params, "word=low"), NGX_OK);
    assert_int_equal(one(&again, params, "word=high"), NGX_ERROR);
    assert_non_null(strstr(logged, "same value as in the first"));
    assert_int_equal(one(&again, others, "text=abc"), NGX_OK);
    assert_int_equal(one(&again, others, "text=abd"), NGX_ERROR);
    assert_int_equal(one(&again, others, "text=ab"), NGX_ERROR);
    assert_int_equal(conf.number, 5);
    assert_int_equal(conf.text.len, 3);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup(test_values, setup),
        cmocka_unit_test_setup(test_secrets, setup),
        cmocka_unit_test_setup(test_some, setup),
        cmocka_unit_test_setup(test_off, setup),
        cmocka_unit_test_setup(test_off_is_no_value, setup),
        cmocka_unit_test_setup(test_once, setup),
        cmocka_unit_test_setup(test_wrong, setup),
        cmocka_unit_test_setup(test_text_and_seconds, setup),
        cmocka_unit_test_setup(test_again, setup)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
