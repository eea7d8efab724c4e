
/*
 * Keys of an event by the rules of its streams.  What is here belongs to an
 * append; rules are read in the zone, with its mutex.  Runs in workers.
 */


#include "ngx_ess_log_key.h"
#include "ngx_ess_attr.h"


static ngx_ess_log_rule_t *ngx_ess_log_key_rule(ngx_ess_log_keys_t *keys,
    u_char *rule, size_t len);


ngx_int_t
ngx_ess_log_keys_want_locked(ngx_ess_log_keys_t *keys, ngx_ess_zone_sh_t *sh,
    ngx_ess_stream_t *s, ngx_ess_event_t *event)
{
    size_t               len;
    ngx_ess_log_rule_t  *r;
    u_char               rule[NGX_ESS_MAX_RULE];

    if (event->key.len || event->find_key == NULL) {
        return NGX_OK;
    }

    len = ngx_ess_attr_rule_locked(sh, s, rule);

    if (ngx_ess_log_key_rule(keys, rule, len)) {
        return NGX_OK;
    }

    if (keys->n == NGX_ESS_LOG_RULES) {
        keys->full = 1;
        return NGX_DECLINED;
    }

    r = &keys->rules[keys->n++];

    r->rule_len = len;
    ngx_memcpy(r->rule, rule, len);

    return NGX_OK;
}


static ngx_ess_log_rule_t *
ngx_ess_log_key_rule(ngx_ess_log_keys_t *keys, u_char *rule, size_t len)
{
    ngx_uint_t           i;
    ngx_ess_log_rule_t  *r;

    for (i = 0; i < keys->n; i++) {
        r = &keys->rules[i];

        if (r->rule_len == len && ngx_memcmp(r->rule, rule, len) == 0) {
            return r;
        }
    }

    return NULL;
}


void
ngx_ess_log_keys_get_locked(ngx_ess_log_keys_t *keys, ngx_ess_zone_sh_t *sh,
    ngx_ess_stream_t *s, ngx_ess_event_t *event, ngx_str_t *key)
{
    size_t               len;
    ngx_ess_log_rule_t  *r;
    u_char               rule[NGX_ESS_MAX_RULE];

    if (event->key.len || event->find_key == NULL) {
        *key = event->key;
        return;
    }

    len = ngx_ess_attr_rule_locked(sh, s, rule);
    r = ngx_ess_log_key_rule(keys, rule, len);

    if (r) {
        *key = r->key;
    }
}


void
ngx_ess_log_key_put_locked(ngx_ess_zone_sh_t *sh, ngx_ess_zone_record_t *r,
    ngx_str_t *key, ngx_str_t *body)
{
    size_t          room;
    u_char         *p;
    ngx_ess_seg_t   link;

    p = r->body + ngx_ess_zone_record_after(r);
    room = r->body + sizeof(r->body) - p;
    link = r->link;

    if (r->keyed) {
        *p++ = (u_char) key->len;
        room--;

        ngx_ess_zone_put_locked(sh, p, room, link, key->data, key->len);
        ngx_ess_zone_skip_locked(sh, &p, &room, &link, key->len);
    }

    ngx_ess_zone_put_locked(sh, p, room, link, body->data, body->len);
}


void
ngx_ess_log_key_get_locked(ngx_ess_zone_sh_t *sh, ngx_ess_zone_record_t *r,
    ngx_str_t *key, ngx_str_t *body)
{
    size_t          room;
    u_char         *p;
    ngx_ess_seg_t   link;

    p = r->body + ngx_ess_zone_record_after(r);
    room = r->body + sizeof(r->body) - p;
    link = r->link;
    key->len = 0;

    if (r->keyed) {
        key->len = *p++;
        room--;

        (void) ngx_ess_zone_get_locked(sh, p, room, link, key->data,
                                       key->len);
        ngx_ess_zone_skip_locked(sh, &p, &room, &link, key->len);
    }

    (void) ngx_ess_zone_get_locked(sh, p, room, link, body->data, body->len);
}


void
ngx_ess_log_keys_find(ngx_ess_log_keys_t *keys, ngx_ess_event_t *event)
{
    ngx_str_t            rule;
    ngx_ess_log_rule_t  *r;

    if (keys->full && !ngx_ess_log_keys_wanted(keys)) {

        /* they have been appended by; those behind begin anew */

        ngx_ess_log_keys_init(keys);
        return;
    }

    keys->full = 0;

    while (ngx_ess_log_keys_wanted(keys)) {
        r = &keys->rules[keys->found++];

        rule.data = r->rule;
        rule.len = r->rule_len;

        r->key.data = r->buf;

        if (event->find_key(event, &rule, &r->key) != NGX_OK) {
            ngx_str_null(&r->key);
        }

        keys->max = ngx_max(keys->max, r->key.len);
    }
}
