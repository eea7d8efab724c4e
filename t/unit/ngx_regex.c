/*
 * nginx's regular expressions, as much of them as schemas need, over PCRE2.
 */


#include <ngx_config.h>
#include <ngx_core.h>

#ifndef PCRE2_CODE_UNIT_WIDTH
#define PCRE2_CODE_UNIT_WIDTH 8
#endif

#include <pcre2.h>


#define CODES  4096


void ngx_unit_regex_free(void);

/* the largest piece of memory of a match */
size_t  ngx_unit_regex_memory;


static void *ngx_unit_regex_malloc(size_t size, void *data);
static void ngx_unit_regex_free_one(void *p, void *data);


static pcre2_code  *codes[CODES];
static ngx_uint_t   ncodes;


ngx_int_t
ngx_regex_compile(ngx_regex_compile_t *rc)
{
    int          errcode;
    char         text[128];
    size_t       at;
    pcre2_code  *code;

    code = pcre2_compile(rc->pattern.data, rc->pattern.len, 0, &errcode, &at,
                         NULL);

    if (code == NULL || ncodes == CODES) {
        pcre2_code_free(code);
        pcre2_get_error_message(errcode, (PCRE2_UCHAR *) text, sizeof(text));
        rc->err.len = ngx_slprintf(rc->err.data, rc->err.data + rc->err.len,
                                   "%s", text)
                      - rc->err.data;
        return NGX_ERROR;
    }

    codes[ncodes++] = code;
    rc->regex = (ngx_regex_t *) code;

    return NGX_OK;
}


ngx_int_t
ngx_regex_exec(ngx_regex_t *re, ngx_str_t *s, int *captures, ngx_uint_t size)
{
    int                     rc;
    pcre2_match_data       *data;
    pcre2_general_context  *context;

    context = pcre2_general_context_create(ngx_unit_regex_malloc,
                                           ngx_unit_regex_free_one, NULL);
    data = pcre2_match_data_create(1, context);
    pcre2_general_context_free(context);

    if (data == NULL) {
        return NGX_ERROR;
    }

    rc = pcre2_match((pcre2_code *) re, s->data, s->len, 0, 0, data, NULL);

    pcre2_match_data_free(data);

    return rc;
}


void
ngx_unit_regex_free(void)
{
    while (ncodes) {
        pcre2_code_free(codes[--ncodes]);
    }
}


static void *
ngx_unit_regex_malloc(size_t size, void *data)
{
    if (size > ngx_unit_regex_memory) {
        ngx_unit_regex_memory = size;
    }

    return malloc(size);
}


static void
ngx_unit_regex_free_one(void *p, void *data)
{
    free(p);
}
