
/*
 * Members, elements, numbers and texts of commands.  Owns nothing.  Runs in
 * workers.
 */


#include "ngx_ess_command_json.h"
#include "ngx_ess_json_string.h"


/* bytes of the longest text that anybody asks for, and as many more as escapes
   may make of them */
#define NGX_ESS_COMMAND_JSON_TEXT  255
#define NGX_ESS_COMMAND_JSON_RAW   (6 * NGX_ESS_COMMAND_JSON_TEXT)


static const char *ngx_ess_command_json_member(
    const ngx_ess_command_object_t *object, void *data, ngx_str_t *name,
    ngx_ess_json_value_t *value, ngx_uint_t *seen);


void
ngx_ess_command_json_rest(ngx_ess_command_rest_t *rest,
    ngx_ess_json_value_t *value)
{
    ngx_memzero(rest, sizeof(ngx_ess_command_rest_t));

    if (value->type != NGX_ESS_JSON_ARRAY) {
        rest->one = *value;
        return;
    }

    (void) ngx_ess_json_read_open(&rest->walk, value);
}


ngx_int_t
ngx_ess_command_json_next(ngx_ess_command_rest_t *rest,
    ngx_ess_json_value_t *value)
{
    ngx_str_t  name;

    if (rest->one.span.data) {
        *value = rest->one;
        rest->one.span.data = NULL;

        return NGX_OK;
    }

    if (rest->walk.p == NULL) {
        return NGX_DONE;
    }

    return ngx_ess_json_read_next(&rest->walk, &name, value);
}


const char *
ngx_ess_command_json_object(const ngx_ess_command_object_t *object, void *data,
    ngx_ess_json_value_t *value, ngx_uint_t *seen)
{
    ngx_str_t              name;
    const char            *wrong, *text;
    ngx_ess_json_walk_t    walk;
    ngx_ess_json_value_t   member;

    wrong = NULL;
    *seen = 0;

    (void) ngx_ess_json_read_open(&walk, value);

    while (ngx_ess_json_read_next(&walk, &name, &member) == NGX_OK) {

        text = ngx_ess_command_json_member(object, data, &name, &member, seen);

        if (wrong == NULL || text == object->unknown) {
            wrong = text;
        }
    }

    return wrong;
}


static const char *
ngx_ess_command_json_member(const ngx_ess_command_object_t *object, void *data,
    ngx_str_t *name, ngx_ess_json_value_t *value, ngx_uint_t *seen)
{
    ngx_uint_t                       bit;
    const ngx_ess_command_member_t  *member;

    bit = 1;

    for (member = object->members; member->read; member++) {

        if (!ngx_ess_json_string_is(name, &member->name)) {
            bit <<= 1;
            continue;
        }

        if (*seen & bit) {
            return "a member is there twice";
        }

        *seen |= bit;

        return member->read(data, value);
    }

    return object->unknown;
}


ngx_int_t
ngx_ess_command_json_integer(ngx_ess_json_value_t *value, int64_t max,
    int64_t *n)
{
    u_char  *p;
    off_t    number;
    size_t   len;

    if (value->type != NGX_ESS_JSON_NUMBER) {
        return NGX_DECLINED;
    }

    p = value->span.data;
    len = value->span.len;

    if (p[0] == '-') {
        p++;
        len--;
    }

    number = ngx_atoof(p, len);

    if (number == NGX_ERROR || number > max) {
        return NGX_DECLINED;
    }

    *n = (p == value->span.data) ? number : -number;

    return NGX_OK;
}


ngx_int_t
ngx_ess_command_json_text(ngx_ess_json_value_t *value, size_t room,
    ngx_str_t *text)
{
    ngx_str_t  raw, all;
    u_char     buf[NGX_ESS_COMMAND_JSON_RAW];

    if (value->type != NGX_ESS_JSON_STRING) {
        return NGX_DECLINED;
    }

    raw = ngx_ess_command_json_raw(value);

    if (raw.len > sizeof(buf)
        || ngx_ess_json_string_text(&raw, buf, &all) != NGX_OK
        || all.len == 0
        || all.len > room)
    {
        return NGX_DECLINED;
    }

    ngx_memcpy(text->data, all.data, all.len);
    text->len = all.len;

    return NGX_OK;
}


ngx_str_t
ngx_ess_command_json_raw(ngx_ess_json_value_t *value)
{
    ngx_str_t  raw;

    raw.data = value->span.data + 1;
    raw.len = value->span.len - 2;

    return raw;
}
