/*
 * The lines of a test's fakes, up to the next time that the test looks.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ngx_trace.h"


#define LINES  4096
#define WIDTH  128


static char      lines[LINES][WIDTH];
static unsigned  n;


void
ngx_unit_trace_clear(void)
{
    n = 0;
}


void
ngx_unit_trace(const char *fmt, ...)
{
    va_list  args;

    assert_true(n < LINES);

    va_start(args, fmt);
    (void) vsnprintf(lines[n++], WIDTH, fmt, args);
    va_end(args);
}


/* What is logged at warn or worse is a line as well, as it is before its
   arguments are filled in. */

void ngx_cdecl
ngx_log_error_core(ngx_uint_t level, ngx_log_t *log, ngx_err_t err,
    const char *fmt, ...)
{
    if (level <= NGX_LOG_WARN) {
        ngx_unit_trace("log: %s", fmt);
    }
}


unsigned
ngx_unit_trace_count(const char *text)
{
    unsigned  i, count;

    count = 0;

    for (i = 0; i < n; i++) {
        count += (strstr(lines[i], text) != NULL);
    }

    return count;
}


void
ngx_unit_trace_expect(const char *file, int line, ...)
{
    unsigned     i;
    va_list      args;
    const char  *text;

    va_start(args, line);

    for (i = 0; /* void */ ; i++) {
        text = va_arg(args, const char *);

        if (text == NULL && i == n) {
            break;
        }

        if (text == NULL || i == n || strcmp(text, lines[i]) != 0) {
            va_end(args);

            print_error("line %u: \"%s\" was expected, of:\n", i + 1,
                        text ? text : "nothing more");

            for (i = 0; i < n; i++) {
                print_error("    %s\n", lines[i]);
            }

            _fail(file, line);
        }
    }

    va_end(args);

    n = 0;
}
