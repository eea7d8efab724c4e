/*
 * nginx's parsers of sizes and times, of a single unit, for unit tests and
 * fuzzers.
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


static long long
ngx_parse_amount(const u_char *p, size_t len, const char *units, const long long *factors)
{
    char       *end, *unit;
    char        copy[64];
    long long   n, factor;

    (void) snprintf(copy, sizeof(copy), "%.*s", (int) len, (const char *) p);

    n = strtoll(copy, &end, 10);

    if (end == copy || n < 0) {
        return NGX_ERROR;
    }

    if (*end == '\0') {
        factor = factors[strlen(units)];

    } else {
        unit = strchr(units, *end);

        if (unit == NULL || end[1] != '\0') {
            return NGX_ERROR;
        }

        factor = factors[unit - units];
    }

    return (n > LLONG_MAX / factor) ? NGX_ERROR : n * factor;
}


ssize_t
ngx_parse_size(ngx_str_t *line)
{
    return ngx_parse_amount(line->data, line->len, "km",
                  (long long []) { 1024, 1024 * 1024, 1 });
}


ngx_int_t
ngx_parse_time(ngx_str_t *line, ngx_uint_t is_sec)
{
    long long  n;

    n = ngx_parse_amount(line->data, line->len, "smh",
               (long long []) { 1000, 60000, 3600000, is_sec ? 1000 : 1 });

    return (is_sec && n > 0) ? n / 1000 : n;
}
