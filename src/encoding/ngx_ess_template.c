
/*
 * Templates: taken apart where the configuration is read, filled in by workers,
 * once for each event.  They are the configuration's.
 */


#include "ngx_ess_template.h"
#include "ngx_ess_str.h"
#include "ngx_ess_utf8.h"


typedef struct {
    ngx_str_t                name;
    ngx_ess_template_place_e type;
} ngx_ess_template_name_t;


static ngx_int_t ngx_ess_template_place(ngx_ess_template_t *t,
    ngx_pool_t *pool, ngx_str_t *name, const char **detail);
static ngx_int_t ngx_ess_template_pointer(ngx_ess_template_t *t,
    ngx_pool_t *pool, ngx_ess_template_place_t *place, const char **detail);
static ngx_int_t ngx_ess_template_value(const ngx_ess_template_place_t *place,
    ngx_ess_encoding_event_t *event, ngx_ess_template_values_t *values,
    ngx_str_t *value);
static ngx_uint_t ngx_ess_template_is_escaped(
    const ngx_ess_template_place_t *place);


static const ngx_ess_template_name_t  ngx_ess_template_names[] = {
    { ngx_string("body"), NGX_ESS_TEMPLATE_BODY },
    { ngx_string("key"), NGX_ESS_TEMPLATE_KEY },
    { ngx_string("name"), NGX_ESS_TEMPLATE_NAME },
    { ngx_string("id"), NGX_ESS_TEMPLATE_ID_TEXT },
    { ngx_string("ordinal"), NGX_ESS_TEMPLATE_ORDINAL },
    { ngx_string("timestamp"), NGX_ESS_TEMPLATE_TIMESTAMP },
    { ngx_null_string, 0 }
};

static const char  ngx_ess_template_takes[] =
    "what is put in is \"${body}\", \"${json:/pointer}\", \"${key}\", "
    "\"${name}\", \"${id}\", \"${ordinal}\" or \"${timestamp}\", none of "
    "nginx's variables, and \"$$\" is a \"$\"";


ngx_int_t
ngx_ess_template_compile(ngx_ess_template_t *t, ngx_pool_t *pool,
    ngx_str_t *text, ngx_ess_template_error_t *error)
{
    u_char     *p, *to, *last;
    ngx_int_t   rc;
    ngx_str_t   name, literal;

    ngx_memzero(t, sizeof(ngx_ess_template_t));

    error->at = 1;
    error->detail = "it is not UTF-8, as text is for clients";

    if (!ngx_ess_utf8_valid(text->data, text->len)) {
        return NGX_DECLINED;
    }

    literal.data = ngx_pnalloc(pool, text->len + 1);
    if (literal.data == NULL) {
        return NGX_ERROR;
    }

    to = literal.data;
    last = text->data + text->len;

    for (p = text->data; p < last; /* void */ ) {

        if (*p != '$') {
            *to++ = *p++;
            continue;
        }

        if (last - p > 1 && p[1] == '$') {
            *to++ = '$';
            p += 2;
            continue;
        }

        error->at = p + 1 - text->data;
        error->detail = ngx_ess_template_takes;

        if (last - p < 2 || p[1] != '{') {
            return NGX_DECLINED;
        }

        name.data = p + 2;
        p = ngx_strlchr(name.data, last, '}');

        if (p == NULL) {
            error->detail = "\"${\" without a \"}\" behind it";
            return NGX_DECLINED;
        }

        name.len = p++ - name.data;

        rc = ngx_ess_template_place(t, pool, &name, &error->detail);

        if (rc != NGX_OK) {
            return rc;
        }

        literal.len = to - literal.data;
        t->places[t->nplaces++].before = literal;
        t->len += literal.len;
        literal.data = to;
    }

    literal.len = to - literal.data;
    t->tail = literal;
    t->len += literal.len;

    return NGX_OK;
}


/* The next place. */

static ngx_int_t
ngx_ess_template_place(ngx_ess_template_t *t, ngx_pool_t *pool,
    ngx_str_t *name, const char **detail)
{
    ngx_str_t                       kind;
    ngx_ess_template_place_t       *place;
    const ngx_ess_template_name_t  *row;

    static const ngx_str_t  json = ngx_string("json");

    if (t->nplaces == NGX_ESS_TEMPLATE_PLACES) {
        *detail = "a template has at most 16 places where something is put in";
        return NGX_DECLINED;
    }

    place = &t->places[t->nplaces];
    place->name = *name;

    if (ngx_ess_str_cut(&place->name, ':', &kind)
        && ngx_ess_str_equal(&kind, &json))
    {
        place->type = NGX_ESS_TEMPLATE_JSON;

        return ngx_ess_template_pointer(t, pool, place, detail);
    }

    for (row = ngx_ess_template_names; row->name.len; row++) {

        if (ngx_ess_str_equal(name, &row->name)) {
            place->type = row->type;
            t->named |= (row->type == NGX_ESS_TEMPLATE_NAME);

            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_ess_template_pointer(ngx_ess_template_t *t, ngx_pool_t *pool,
    ngx_ess_template_place_t *place, const char **detail)
{
    ngx_uint_t  i;

    for (i = 0; i < t->nplaces; i++) {

        if (t->places[i].type == NGX_ESS_TEMPLATE_JSON
            && ngx_ess_str_equal(&t->places[i].name, &place->name))
        {
            place->same = i;
            return NGX_OK;
        }
    }

    place->same = t->nplaces;
    t->npointers++;

    return ngx_ess_json_pointer_compile(&place->pointer, pool, &place->name,
                                        detail);
}


ngx_int_t
ngx_ess_template_values(const ngx_ess_template_t *t,
    ngx_ess_encoding_event_t *event, ngx_ess_template_values_t *values)
{
    ngx_uint_t                       i;
    ngx_str_t                       *value;
    const ngx_ess_template_place_t  *place;

    if (event->body.len * t->npointers > NGX_ESS_TEMPLATE_READ) {
        return NGX_DECLINED;
    }

    values->len = t->len;

    for (i = 0; i < t->nplaces; i++) {

        place = &t->places[i];
        value = &values->values[i];

        if (place->type == NGX_ESS_TEMPLATE_JSON && place->same < i) {
            *value = values->values[place->same];

        } else if (ngx_ess_template_value(place, event, values, value)
                   != NGX_OK)
        {
            return NGX_DECLINED;
        }

        values->len += value->len;

        if (ngx_ess_template_is_escaped(place)) {
            values->len += ngx_escape_json(NULL, value->data, value->len);
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_template_value(const ngx_ess_template_place_t *place,
    ngx_ess_encoding_event_t *event, ngx_ess_template_values_t *values,
    ngx_str_t *value)
{
    u_char                *last;
    ngx_ess_json_value_t   found;

    switch (place->type) {

    case NGX_ESS_TEMPLATE_BODY:
        *value = event->body;

        return ngx_ess_utf8_valid(value->data, value->len) ? NGX_OK
                                                           : NGX_DECLINED;

    case NGX_ESS_TEMPLATE_JSON:

        if (ngx_ess_json_pointer_find(&event->body, &place->pointer, &found)
            != NGX_OK)
        {
            return NGX_DECLINED;
        }

        *value = found.span;
        return NGX_OK;

    case NGX_ESS_TEMPLATE_KEY:
        *value = event->key;
        return NGX_OK;

    case NGX_ESS_TEMPLATE_NAME:
        *value = event->label->name;
        return NGX_OK;

    case NGX_ESS_TEMPLATE_TIMESTAMP:
        last = event->timestamp
               ? ngx_sprintf(values->timestamp, "%uL", event->timestamp)
               : ngx_cpymem(values->timestamp, "null", 4);

        value->data = values->timestamp;
        value->len = last - value->data;
        return NGX_OK;

    default: /* NGX_ESS_TEMPLATE_ID_TEXT, NGX_ESS_TEMPLATE_ORDINAL */

        last = ngx_sprintf(values->id, "%xL-%uL", event->epoch,
                           event->ordinal);

        value->data = (place->type == NGX_ESS_TEMPLATE_ORDINAL)
                      ? ngx_strlchr(values->id, last, '-') + 1
                      : values->id;
        value->len = last - value->data;
        return NGX_OK;
    }
}


static ngx_uint_t
ngx_ess_template_is_escaped(const ngx_ess_template_place_t *place)
{
    return place->type == NGX_ESS_TEMPLATE_KEY
           || place->type == NGX_ESS_TEMPLATE_NAME;
}


u_char *
ngx_ess_template_write(u_char *p, const ngx_ess_template_t *t,
    ngx_ess_template_values_t *values)
{
    ngx_str_t                       *value;
    ngx_uint_t                       i;
    const ngx_ess_template_place_t  *place;

    for (i = 0; i < t->nplaces; i++) {

        place = &t->places[i];
        value = &values->values[i];

        p = ngx_cpymem(p, place->before.data, place->before.len);

        if (value->len == 0) {
            continue;
        }

        p = ngx_ess_template_is_escaped(place)
            ? (u_char *) ngx_escape_json(p, value->data, value->len)
            : ngx_cpymem(p, value->data, value->len);
    }

    return ngx_cpymem(p, t->tail.data, t->tail.len);
}
