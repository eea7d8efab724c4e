
/*
 * Events, one by one, in a worker: the schema first, then what the log itself
 * needs.  Owns nothing.
 */


#include "ngx_ess_date.h"
#include "ngx_ess_events_check.h"
#include "ngx_ess_json_canonical.h"
#include "ngx_ess_json_string.h"
#include "ngx_ess_schema.h"
#include "ngx_ess_utf8.h"


static ngx_int_t ngx_ess_events_check_schema(ngx_ess_events_conf_t *conf,
    const ngx_ess_json_value_t *value, int64_t now,
    ngx_ess_events_item_t *item);
static ngx_int_t ngx_ess_events_check_key(ngx_pool_t *pool,
    const ngx_ess_json_value_t *found, const ngx_str_t *name, size_t min,
    size_t max, ngx_str_t *text, ngx_ess_events_item_t *item);
static ngx_int_t ngx_ess_events_check_type(ngx_ess_events_conf_t *conf,
    ngx_pool_t *pool, const ngx_ess_json_value_t *value,
    ngx_ess_event_log_event_t *event, ngx_ess_events_item_t *item);
static ngx_int_t ngx_ess_events_check_time(ngx_ess_events_conf_t *conf,
    ngx_pool_t *pool, const ngx_ess_json_value_t *value, int64_t now,
    ngx_ess_event_log_event_t *event, ngx_ess_events_item_t *item);
static void ngx_ess_events_check_find(const ngx_ess_json_value_t *value,
    const ngx_ess_json_pointer_t *pointer, ngx_ess_json_value_t *found);
static ngx_int_t ngx_ess_events_check_wrong(ngx_ess_events_item_t *item,
    const char *error, const ngx_str_t *name);


void
ngx_ess_events_check_id(ngx_ess_events_item_t *item,
    const ngx_ess_json_value_t *found)
{
    if (found->span.data == NULL || found->type != NGX_ESS_JSON_STRING
        || !ngx_ess_utf8_valid(found->span.data, found->span.len))
    {
        return;
    }

    item->id.data = found->span.data + 1;
    item->id.len = found->span.len - 2;
}


ngx_int_t
ngx_ess_events_check(ngx_ess_events_conf_t *conf, ngx_pool_t *pool,
    const ngx_ess_json_value_t *value, const ngx_ess_json_value_t *found,
    int64_t now, ngx_ess_event_log_event_t *event, ngx_ess_events_item_t *item)
{
    ngx_int_t  rc;

    ngx_memzero(event, sizeof(ngx_ess_event_log_event_t));

    rc = ngx_ess_events_check_schema(conf, value, now, item);

    if (rc == NGX_OK && conf->id_name.len) {
        rc = ngx_ess_events_check_key(pool, found, &conf->id_name, 1,
                                      NGX_ESS_EVENT_LOG_ID, &event->id, item);
    }

    if (rc == NGX_OK) {
        rc = ngx_ess_events_check_time(conf, pool, value, now, event, item);
    }

    if (rc == NGX_OK) {
        rc = ngx_ess_events_check_type(conf, pool, value, event, item);
    }

    if (rc == NGX_OK) {
        event->body = value->span;
        rc = ngx_ess_json_canonical_hash(value, event->hash, ngx_cycle->log);
    }

    return rc;
}


static ngx_int_t
ngx_ess_events_check_schema(ngx_ess_events_conf_t *conf,
    const ngx_ess_json_value_t *value, int64_t now,
    ngx_ess_events_item_t *item)
{
    ngx_int_t               rc;
    ngx_ess_schema_error_t  error;

    if (conf->log->schema == NULL) {
        return NGX_OK;
    }

    ngx_memzero(&error, sizeof(ngx_ess_schema_error_t));

    rc = ngx_ess_schema_validate(conf->log->schema, value, now, &error);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    if (error.name.len == 0) {
        return ngx_ess_events_check_wrong(item, "invalid_event", NULL);
    }

    return ngx_ess_events_check_wrong(item,
                                      error.missing ? "missing_" : "invalid_",
                                      &error.name);
}


/* A text of so many bytes, which is UTF-8 without NUL, as all that is portable
   is. */

static ngx_int_t
ngx_ess_events_check_key(ngx_pool_t *pool, const ngx_ess_json_value_t *found,
    const ngx_str_t *name, size_t min, size_t max, ngx_str_t *text,
    ngx_ess_events_item_t *item)
{
    u_char     *p;
    ngx_str_t   raw;

    if (found->span.data == NULL) {
        return ngx_ess_events_check_wrong(item, "missing_", name);
    }

    if (found->type != NGX_ESS_JSON_STRING) {
        return ngx_ess_events_check_wrong(item, "invalid_", name);
    }

    raw.data = found->span.data + 1;
    raw.len = found->span.len - 2;

    if (memchr(raw.data, '\\', raw.len)) {
        p = ngx_pnalloc(pool, raw.len);
        if (p == NULL) {
            return NGX_ERROR;
        }

        if (ngx_ess_json_string_text(&raw, p, text) != NGX_OK) {
            return ngx_ess_events_check_wrong(item, "invalid_", name);
        }

    } else {
        *text = raw;
    }

    return (text->len < min || text->len > max)
           ? ngx_ess_events_check_wrong(item, "invalid_", name) : NGX_OK;
}


static ngx_int_t
ngx_ess_events_check_type(ngx_ess_events_conf_t *conf, ngx_pool_t *pool,
    const ngx_ess_json_value_t *value, ngx_ess_event_log_event_t *event,
    ngx_ess_events_item_t *item)
{
    ngx_ess_json_value_t  found;

    if (conf->type_name.len == 0) {
        return NGX_OK;
    }

    ngx_ess_events_check_find(value, &conf->log->type, &found);

    return ngx_ess_events_check_key(pool, &found, &conf->type_name, 0,
                                    NGX_ESS_EVENT_LOG_TYPE, &event->type,
                                    item);
}


/* Without a place in the event it is the time of arrival. */

static ngx_int_t
ngx_ess_events_check_time(ngx_ess_events_conf_t *conf, ngx_pool_t *pool,
    const ngx_ess_json_value_t *value, int64_t now,
    ngx_ess_event_log_event_t *event, ngx_ess_events_item_t *item)
{
    ngx_int_t             rc;
    ngx_str_t             text;
    ngx_ess_json_value_t  found;

    if (conf->time_name.len == 0) {
        event->time = now;
        return NGX_OK;
    }

    ngx_ess_events_check_find(value, &conf->log->time, &found);

    rc = ngx_ess_events_check_key(pool, &found, &conf->time_name, 0,
                                  NGX_MAX_SIZE_T_VALUE, &text, item);

    if (rc == NGX_OK
        && ngx_ess_date_parse(text.data, text.len, &event->time) != NGX_OK)
    {
        rc = ngx_ess_events_check_wrong(item, "invalid_", &conf->time_name);
    }

    return rc;
}


static void
ngx_ess_events_check_find(const ngx_ess_json_value_t *value,
    const ngx_ess_json_pointer_t *pointer, ngx_ess_json_value_t *found)
{
    if (ngx_ess_json_pointer_walk(value, pointer, found) != NGX_OK) {
        ngx_memzero(found, sizeof(ngx_ess_json_value_t));
    }
}


static ngx_int_t
ngx_ess_events_check_wrong(ngx_ess_events_item_t *item, const char *error,
    const ngx_str_t *name)
{
    item->error = error;

    if (name) {
        item->name = *name;

    } else {
        ngx_str_null(&item->name);
    }

    return NGX_DECLINED;
}
