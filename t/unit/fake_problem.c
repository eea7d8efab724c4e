/* Stands in for src/ngx_ess_problem.c: what was said last is kept. */


#include <stdarg.h>
#include "fake_problem.h"
#include "ngx_trace.h"


char  fake_problem[256];


ngx_int_t
ngx_ess_problem_refuse(ngx_http_request_t *r, ngx_uint_t status,
    const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    *ngx_vslprintf((u_char *) fake_problem,
                   (u_char *) fake_problem + sizeof(fake_problem) - 1, fmt,
                   args)
        = '\0';
    va_end(args);

    return status;
}


ngx_int_t
ngx_ess_problem_retry(ngx_http_request_t *r, const char *fmt, ...)
{
    va_list  args;

    ngx_unit_trace("Retry-After: 1");

    va_start(args, fmt);
    *ngx_vslprintf((u_char *) fake_problem,
                   (u_char *) fake_problem + sizeof(fake_problem) - 1, fmt,
                   args)
        = '\0';
    va_end(args);

    return NGX_HTTP_SERVICE_UNAVAILABLE;
}
