
/*
 * Members of the body that creates a stream, and refusals of it.  Pure
 * functions, in a worker.
 */


#include "ngx_ess_api_body_item.h"


cJSON *
ngx_ess_api_body_member(cJSON *root, const char *name)
{
    cJSON  *item, *member;

    member = NULL;

    cJSON_ArrayForEach(item, root) {
        if (item->string && ngx_strcmp(item->string, name) == 0) {
            member = item;
        }
    }

    return member;
}


ngx_int_t
ngx_ess_api_body_refuse(ngx_ess_api_body_t *body, ngx_uint_t status,
    const char *fmt, ...)
{
    u_char   *p;
    va_list   args;

    va_start(args, fmt);
    p = ngx_vslprintf(body->detail, body->detail + sizeof(body->detail) - 1,
                      fmt, args);
    va_end(args);

    *p = '\0';
    body->status = status;

    return NGX_DECLINED;
}
