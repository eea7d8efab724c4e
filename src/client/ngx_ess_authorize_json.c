
/*
 * Questions and answers about subscriptions, in JSON.  Owns nothing.  Runs in
 * workers.
 */


#include "ngx_ess_authorize_json.h"
#include "ngx_ess_json_read.h"
#include "ngx_ess_json_string.h"
#include "ngx_ess_str.h"


/* what is written, or only counted */

typedef struct {
    u_char                  *p;             /* NULL: counted */
    size_t                   len;
} ngx_ess_authorize_json_t;


static void ngx_ess_authorize_json_stream(ngx_ess_authorize_json_t *j,
    ngx_ess_authorize_entry_t *entry);
static void ngx_ess_authorize_json_keys(ngx_ess_authorize_json_t *j,
    ngx_ess_authorize_entry_t *entry);
static void ngx_ess_authorize_json_query(ngx_ess_authorize_json_t *j,
    ngx_str_t *query);
static void ngx_ess_authorize_json_hex(ngx_ess_authorize_json_t *j, u_char ch,
    const char *digits);
static void ngx_ess_authorize_json_text(ngx_ess_authorize_json_t *j,
    ngx_str_t *text);
static void ngx_ess_authorize_json_put(ngx_ess_authorize_json_t *j,
    const char *text);
static void ngx_ess_authorize_json_bytes(ngx_ess_authorize_json_t *j,
    const u_char *data, size_t len);
static ngx_int_t ngx_ess_authorize_json_member(ngx_ess_json_value_t *object,
    ngx_ess_json_value_t *value);
static ngx_int_t ngx_ess_authorize_json_allow(ngx_ess_json_value_t *value,
    ngx_ess_authorize_entry_t *entry);
static ngx_int_t ngx_ess_authorize_json_allow_keys(ngx_ess_json_value_t *value,
    ngx_ess_authorize_entry_t *entry);


size_t
ngx_ess_authorize_json_question(u_char *p, ngx_ess_authorize_entry_t *entries,
    ngx_uint_t n, ngx_str_t *address, ngx_str_t *claims, ngx_str_t *query)
{
    ngx_uint_t                i, some;
    ngx_ess_authorize_json_t  j = { p, 0 };

    ngx_ess_authorize_json_put(&j, "{\"subscribe\":[");

    some = 0;

    for (i = 0; i < n; i++) {

        if (!entries[i].asked) {
            continue;
        }

        if (some++) {
            ngx_ess_authorize_json_put(&j, ",");
        }

        ngx_ess_authorize_json_stream(&j, &entries[i]);
    }

    ngx_ess_authorize_json_put(&j, "],\"address\":");
    ngx_ess_authorize_json_text(&j, address);
    ngx_ess_authorize_json_put(&j, ",\"claims\":");

    if (claims->len) {
        ngx_ess_authorize_json_bytes(&j, claims->data, claims->len);

    } else {
        ngx_ess_authorize_json_put(&j, "null");
    }

    ngx_ess_authorize_json_put(&j, ",\"query\":");
    ngx_ess_authorize_json_query(&j, query);
    ngx_ess_authorize_json_put(&j, "}");

    return j.len;
}


static void
ngx_ess_authorize_json_stream(ngx_ess_authorize_json_t *j,
    ngx_ess_authorize_entry_t *entry)
{
    ngx_uint_t  i;

    ngx_ess_authorize_json_put(j, "{\"stream\":\"");

    for (i = 0; i < NGX_ESS_UUID_LEN; i++) {
        ngx_ess_authorize_json_hex(j, entry->uuid[i], "0123456789abcdef");
    }

    ngx_ess_authorize_json_put(j, "\",\"name\":");

    if (entry->name.len) {
        ngx_ess_authorize_json_text(j, &entry->name);

    } else {
        ngx_ess_authorize_json_put(j, "null");
    }

    ngx_ess_authorize_json_put(j, ",\"routing_key\":");

    if (entry->routing_key.len) {
        ngx_ess_authorize_json_text(j, &entry->routing_key);

    } else {
        ngx_ess_authorize_json_put(j, "null");
    }

    ngx_ess_authorize_json_put(j, ",\"keys\":");
    ngx_ess_authorize_json_keys(j, entry);
    ngx_ess_authorize_json_put(j, "}");
}


static void
ngx_ess_authorize_json_keys(ngx_ess_authorize_json_t *j,
    ngx_ess_authorize_entry_t *entry)
{
    ngx_uint_t  i, some;

    if (entry->nkeys == 0) {
        ngx_ess_authorize_json_put(j, "null");
        return;
    }

    some = 0;

    for (i = 0; i < entry->nkeys; i++) {

        if (entry->keys[i].known) {
            continue;
        }

        ngx_ess_authorize_json_put(j, some++ ? "," : "[");
        ngx_ess_authorize_json_text(j, &entry->keys[i].key);
    }

    ngx_ess_authorize_json_put(j, some ? "]" : "[]");
}


/* As it was sent, but for bytes that need not be UTF-8: they are percent-
   encoded, which means the same in a URL. */

static void
ngx_ess_authorize_json_query(ngx_ess_authorize_json_t *j, ngx_str_t *query)
{
    size_t  i;

    ngx_ess_authorize_json_put(j, "\"");

    for (i = 0; i < query->len; i++) {

        if (query->data[i] >= 0x7f || query->data[i] < ' ') {
            ngx_ess_authorize_json_put(j, "%");
            ngx_ess_authorize_json_hex(j, query->data[i], "0123456789ABCDEF");
            continue;
        }

        if (query->data[i] == '"' || query->data[i] == '\\') {
            ngx_ess_authorize_json_put(j, "\\");
        }

        ngx_ess_authorize_json_bytes(j, &query->data[i], 1);
    }

    ngx_ess_authorize_json_put(j, "\"");
}


static void
ngx_ess_authorize_json_hex(ngx_ess_authorize_json_t *j, u_char ch,
    const char *digits)
{
    u_char  hex[2];

    hex[0] = digits[ch >> 4];
    hex[1] = digits[ch & 0xf];

    ngx_ess_authorize_json_bytes(j, hex, 2);
}


static void
ngx_ess_authorize_json_text(ngx_ess_authorize_json_t *j, ngx_str_t *text)
{
    ngx_ess_authorize_json_put(j, "\"");

    if (j->p) {
        (void) ngx_escape_json(j->p + j->len, text->data, text->len);
    }

    j->len += text->len
              + (size_t) ngx_escape_json(NULL, text->data, text->len);

    ngx_ess_authorize_json_put(j, "\"");
}


static void
ngx_ess_authorize_json_put(ngx_ess_authorize_json_t *j, const char *text)
{
    ngx_ess_authorize_json_bytes(j, (u_char *) text, ngx_strlen(text));
}


static void
ngx_ess_authorize_json_bytes(ngx_ess_authorize_json_t *j, const u_char *data,
    size_t len)
{
    if (j->p && len) {
        ngx_memcpy(j->p + j->len, data, len);
    }

    j->len += len;
}


ngx_int_t
ngx_ess_authorize_json_answer(ngx_str_t *body,
    ngx_ess_authorize_entry_t *entries, ngx_uint_t n, const char **wrong)
{
    ngx_int_t             rc;
    ngx_str_t             name;
    ngx_uint_t            i;
    ngx_ess_json_walk_t   walk;
    ngx_ess_json_value_t  value, allow;

    if (ngx_ess_json_read(body, &value, wrong) != NGX_OK) {
        return NGX_DECLINED;
    }

    if (ngx_ess_authorize_json_member(&value, &allow) != NGX_OK
        || allow.type != NGX_ESS_JSON_ARRAY
        || ngx_ess_json_read_open(&walk, &allow) != NGX_OK)
    {
        *wrong = "it is no object with an array \"allow\"";
        return NGX_DECLINED;
    }

    for (i = 0; i < n; i++) {

        if (!entries[i].asked) {
            continue;
        }

        rc = ngx_ess_json_read_next(&walk, &name, &value);

        if (rc != NGX_OK) {
            *wrong = "\"allow\" has fewer elements than \"subscribe\"";
            return NGX_DECLINED;
        }

        if (ngx_ess_authorize_json_allow(&value, &entries[i]) != NGX_OK) {
            *wrong = "an element of \"allow\" is not true, false or an array "
                     "of keys";
            return NGX_DECLINED;
        }
    }

    if (ngx_ess_json_read_next(&walk, &name, &value) == NGX_OK) {
        *wrong = "\"allow\" has more elements than \"subscribe\"";
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/* Others are of no interest. */

static ngx_int_t
ngx_ess_authorize_json_member(ngx_ess_json_value_t *object,
    ngx_ess_json_value_t *value)
{
    ngx_str_t            name;
    ngx_ess_json_walk_t  walk;

    static const ngx_str_t  allow = ngx_string("allow");

    if (object->type != NGX_ESS_JSON_OBJECT
        || ngx_ess_json_read_open(&walk, object) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    while (ngx_ess_json_read_next(&walk, &name, value) == NGX_OK) {
        if (ngx_ess_json_string_is(&name, &allow)) {
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_ess_authorize_json_allow(ngx_ess_json_value_t *value,
    ngx_ess_authorize_entry_t *entry)
{
    ngx_uint_t  i, yes;

    if (value->type != NGX_ESS_JSON_BOOLEAN
        && value->type != NGX_ESS_JSON_ARRAY)
    {
        return NGX_DECLINED;
    }

    /* all of a stream is more than some keys of it */

    yes = (value->type == NGX_ESS_JSON_BOOLEAN
           && value->span.data[0] == 't');

    if (!entry->all.known) {
        entry->all.allowed = yes;
    }

    for (i = 0; i < entry->nkeys; i++) {
        if (!entry->keys[i].known) {
            entry->keys[i].allowed = yes;
        }
    }

    return (value->type == NGX_ESS_JSON_ARRAY)
           ? ngx_ess_authorize_json_allow_keys(value, entry) : NGX_OK;
}


/* Those that were not asked about do no harm: a back end may list all that its
   user may have. */

static ngx_int_t
ngx_ess_authorize_json_allow_keys(ngx_ess_json_value_t *value,
    ngx_ess_authorize_entry_t *entry)
{
    u_char                    buf[6 * NGX_ESS_AUTHORIZE_JSON_KEY];
    ngx_str_t                 name, raw;
    ngx_ess_json_walk_t       walk;
    ngx_ess_json_value_t      element;
    ngx_ess_authorize_key_t   sought, *found;

    (void) ngx_ess_json_read_open(&walk, value);

    while (ngx_ess_json_read_next(&walk, &name, &element) == NGX_OK) {

        if (element.type != NGX_ESS_JSON_STRING) {
            return NGX_DECLINED;
        }

        raw.data = element.span.data + 1;
        raw.len = element.span.len - 2;

        if (entry->nkeys == 0
            || raw.len > sizeof(buf)
            || ngx_ess_json_string_text(&raw, buf, &sought.key) != NGX_OK)
        {
            continue;
        }

        found = bsearch(&sought, entry->keys, entry->nkeys,
                        sizeof(ngx_ess_authorize_key_t), ngx_ess_str_cmp);

        if (found && !found->known) {
            found->allowed = 1;
        }
    }

    return NGX_OK;
}
