
/*
 * JSON pointers.  Those that are compiled are their callers'.  Runs in workers,
 * and where the configuration is read.
 */


#include "ngx_ess_json_pointer.h"
#include "ngx_ess_json_string.h"


static ngx_int_t ngx_ess_json_pointer_step(ngx_ess_json_step_t *step,
    u_char **to, const u_char *p, const u_char *last);
static ngx_uint_t ngx_ess_json_pointer_index(const ngx_str_t *name);


ngx_int_t
ngx_ess_json_pointer_compile(ngx_ess_json_pointer_t *pointer,
    ngx_pool_t *pool, const ngx_str_t *text, const char **detail)
{
    u_char        *to;
    ngx_uint_t     n;
    const u_char  *p, *last, *end;

    p = text->data;
    last = p + text->len;

    ngx_memzero(pointer, sizeof(ngx_ess_json_pointer_t));

    if (p == last) {
        return NGX_OK;
    }

    if (*p != '/') {
        *detail = "a JSON pointer begins with \"/\"";
        return NGX_DECLINED;
    }

    for (n = 0; p < last; p++) {
        n += (*p == '/');
    }

    if (n > NGX_ESS_JSON_DEPTH) {
        *detail = "the JSON pointer has more than 64 steps";
        return NGX_DECLINED;
    }

    pointer->steps = ngx_palloc(pool, n * sizeof(ngx_ess_json_step_t)
                                      + text->len);
    if (pointer->steps == NULL) {
        return NGX_ERROR;
    }

    to = (u_char *) (pointer->steps + n);

    for (p = text->data; p < last; p = end) {

        end = memchr(p + 1, '/', last - p - 1);
        end = end ? end : last;

        if (ngx_ess_json_pointer_step(&pointer->steps[pointer->nsteps++], &to,
                                      p + 1, end)
            != NGX_OK)
        {
            *detail = "in a JSON pointer \"~\" is written \"~0\", "
                      "and \"/\" \"~1\"";
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


/* Its name is written to *to. */

static ngx_int_t
ngx_ess_json_pointer_step(ngx_ess_json_step_t *step, u_char **to,
    const u_char *p, const u_char *last)
{
    step->name.data = *to;

    for ( /* void */ ; p < last; p++) {

        if (*p != '~') {
            *(*to)++ = *p;
            continue;
        }

        if (++p == last || (*p != '0' && *p != '1')) {
            return NGX_DECLINED;
        }

        *(*to)++ = (*p == '0') ? '~' : '/';
    }

    step->name.len = *to - step->name.data;
    step->index = ngx_ess_json_pointer_index(&step->name);

    return NGX_OK;
}


/* Without zeros in front of it; "-" is the one behind the last, which is not
   there. */

static ngx_uint_t
ngx_ess_json_pointer_index(const ngx_str_t *name)
{
    if (name->len == 0 || (name->data[0] == '0' && name->len > 1)) {
        return (ngx_uint_t) NGX_ERROR;
    }

    return (ngx_uint_t) ngx_atoi(name->data, name->len);
}


ngx_int_t
ngx_ess_json_pointer_find(const ngx_str_t *text,
    const ngx_ess_json_pointer_t *pointer, ngx_ess_json_value_t *value)
{
    ngx_int_t             rc;
    ngx_ess_json_read_t   j;

    ngx_memzero(&j, sizeof(ngx_ess_json_read_t));

    j.steps = pointer->steps;
    j.nsteps = pointer->nsteps;

    rc = ngx_ess_json_read_text(&j, text, NULL);

    if (rc != NGX_OK) {
        return rc;
    }

    *value = j.found;

    return j.found.span.data ? NGX_OK : NGX_DONE;
}


ngx_int_t
ngx_ess_json_pointer_walk(const ngx_ess_json_value_t *from,
    const ngx_ess_json_pointer_t *pointer, ngx_ess_json_value_t *value)
{
    ngx_str_t             name;
    ngx_uint_t            i, k;
    ngx_ess_json_step_t  *step;
    ngx_ess_json_walk_t   walk;

    *value = *from;

    for (i = 0; i < pointer->nsteps; i++) {
        step = &pointer->steps[i];

        if (ngx_ess_json_read_open(&walk, value) != NGX_OK) {
            return NGX_DONE;
        }

        k = 0;

        do {
            if (ngx_ess_json_read_next(&walk, &name, value) != NGX_OK) {
                return NGX_DONE;
            }

        } while (walk.object ? !ngx_ess_json_string_is(&name, &step->name)
                             : k++ != step->index);
    }

    return NGX_OK;
}
