/*
 * Takes an amqp URL apart.  No I/O, no memory of its own, no calls into
 * nginx: unit tests and a fuzzer run it by itself.  Its messages hold nothing
 * of the URL, for that may be a password.  Runs at configuration time.
 */


#include "ngx_ess_amqp_url.h"


/* a host name and the short strings of AMQP */
#define NGX_ESS_AMQP_URL_MAX           255
#define NGX_ESS_AMQP_URL_PASSWORD_MAX  1024


static const char *ngx_ess_amqp_url_user(ngx_ess_amqp_url_t *parsed,
    u_char *p, u_char *last, u_char **buf);
static const char *ngx_ess_amqp_url_host(ngx_ess_amqp_url_t *parsed,
    u_char *p, u_char *last);
static const char *ngx_ess_amqp_url_port(ngx_ess_amqp_url_t *parsed,
    u_char *p, u_char *last);
static const char *ngx_ess_amqp_url_vhost(ngx_ess_amqp_url_t *parsed,
    u_char *p, u_char *last, u_char **buf);
static const char *ngx_ess_amqp_url_decode(ngx_str_t *dst, u_char *p,
    u_char *last, u_char **buf);
static u_char *ngx_ess_amqp_url_find(u_char *p, u_char *last, u_char c);
static ngx_int_t ngx_ess_amqp_url_hex(u_char c);


const char *
ngx_ess_amqp_url_parse(ngx_ess_amqp_url_t *parsed, ngx_str_t *url,
    u_char *buf)
{
    u_char      *p, *last, *path, *at;
    const char  *err;

    ngx_memzero(parsed, sizeof(ngx_ess_amqp_url_t));

    ngx_str_set(&parsed->user, "guest");
    ngx_str_set(&parsed->password, "guest");
    ngx_str_set(&parsed->vhost, "/");

    p = url->data;
    last = p + url->len;

    if (url->len >= 7 && ngx_strncmp(p, "amqp://", 7) == 0) {
        p += 7;
        parsed->port = 5672;

    } else if (url->len >= 8 && ngx_strncmp(p, "amqps://", 8) == 0) {
        p += 8;
        parsed->port = 5671;
        parsed->tls = 1;

    } else {
        return "must begin with \"amqp://\" or \"amqps://\"";
    }

    if (ngx_ess_amqp_url_find(p, last, '?') != last
        || ngx_ess_amqp_url_find(p, last, '#') != last)
    {
        return "must not have a query or fragment: give parameters behind"
               " the URL, as in \"heartbeat=10s\", and write \"?\" in a name"
               " or password as \"%3F\", \"#\" as \"%23\"";
    }

    path = ngx_ess_amqp_url_find(p, last, '/');
    at = ngx_ess_amqp_url_find(p, path, '@');

    if (at != path) {
        err = ngx_ess_amqp_url_user(parsed, p, at, &buf);
        if (err) {
            return err;
        }

        p = at + 1;
    }

    err = ngx_ess_amqp_url_host(parsed, p, path);

    if (err || path == last) {
        return err;
    }

    return ngx_ess_amqp_url_vhost(parsed, path + 1, last, &buf);
}


static const char *
ngx_ess_amqp_url_user(ngx_ess_amqp_url_t *parsed, u_char *p, u_char *last,
    u_char **buf)
{
    u_char      *colon;
    const char  *err;

    colon = ngx_ess_amqp_url_find(p, last, ':');

    err = ngx_ess_amqp_url_decode(&parsed->user, p, colon, buf);
    if (err) {
        return err;
    }

    if (parsed->user.len == 0 || parsed->user.len > NGX_ESS_AMQP_URL_MAX) {
        return "must have a user name of 1 to 255 bytes before the \"@\"";
    }

    ngx_str_set(&parsed->password, "");

    if (colon == last) {
        return NULL;
    }

    parsed->has_password = 1;

    err = ngx_ess_amqp_url_decode(&parsed->password, colon + 1, last, buf);
    if (err) {
        return err;
    }

    if (parsed->password.len > NGX_ESS_AMQP_URL_PASSWORD_MAX) {
        return "must have a password of at most 1024 bytes";
    }

    return NULL;
}


static const char *
ngx_ess_amqp_url_host(ngx_ess_amqp_url_t *parsed, u_char *p, u_char *last)
{
    u_char  *end, *c;

    if (p < last && *p == '[') {

        end = ngx_ess_amqp_url_find(++p, last, ']');

        if (end == last || end - p < 2 || end - p > 45) {
            return "must have an IPv6 address in its brackets, as in"
                   " \"amqp://[::1]:5672/\"";
        }

        for (c = p; c < end; c++) {
            if (ngx_ess_amqp_url_hex(*c) < 0 && *c != ':' && *c != '.') {
                return "must have an IPv6 address in its brackets, as in"
                       " \"amqp://[::1]:5672/\"";
            }
        }

        parsed->ipv6 = 1;
        parsed->host.data = p;
        parsed->host.len = end - p;

        return ngx_ess_amqp_url_port(parsed, end + 1, last);
    }

    end = ngx_ess_amqp_url_find(p, last, ':');

    if (end == p || end - p > NGX_ESS_AMQP_URL_MAX) {
        return "must name a host, as in \"amqp://127.0.0.1:5672/\"";
    }

    for (c = p; c < end; c++) {

        if ((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z')
            || (*c >= '0' && *c <= '9')
            || *c == '-' || *c == '.' || *c == '_')
        {
            continue;
        }

        return "has a character in its host that no host name has; write"
               " \"@\" in a user name or password as \"%40\", \"/\" as"
               " \"%2F\"";
    }

    parsed->host.data = p;
    parsed->host.len = end - p;

    return ngx_ess_amqp_url_port(parsed, end, last);
}


/* from the colon on, if there is one */

static const char *
ngx_ess_amqp_url_port(ngx_ess_amqp_url_t *parsed, u_char *p, u_char *last)
{
    ngx_uint_t  port;

    if (p == last) {
        return NULL;
    }

    if (*p++ != ':' || p == last || last - p > 5) {
        goto invalid;
    }

    for (port = 0; p < last; p++) {

        if (*p < '0' || *p > '9') {
            goto invalid;
        }

        port = port * 10 + (*p - '0');
    }

    if (port == 0 || port > 65535) {
        goto invalid;
    }

    parsed->port = (in_port_t) port;

    return NULL;

invalid:

    return "must have a port from 1 to 65535 behind the \":\" of its host;"
           " write \":\", \"@\" and \"/\" in a user name or password as"
           " \"%3A\", \"%40\" and \"%2F\"";
}


static const char *
ngx_ess_amqp_url_vhost(ngx_ess_amqp_url_t *parsed, u_char *p, u_char *last,
    u_char **buf)
{
    const char  *err;

    if (p == last) {
        return NULL;
    }

    if (ngx_ess_amqp_url_find(p, last, '/') != last) {
        return "must have one virtual host as its path; write \"/\" in its"
               " name as \"%2F\"";
    }

    err = ngx_ess_amqp_url_decode(&parsed->vhost, p, last, buf);
    if (err) {
        return err;
    }

    if (parsed->vhost.len > NGX_ESS_AMQP_URL_MAX) {
        return "must have a virtual host of at most 255 bytes";
    }

    return NULL;
}


static const char *
ngx_ess_amqp_url_decode(ngx_str_t *dst, u_char *p, u_char *last, u_char **buf)
{
    u_char     *d;
    ngx_int_t   high, low;

    d = *buf;
    dst->data = d;

    while (p < last) {

        if (*p != '%') {

            if (*p < 0x20 || *p == 0x7f) {
                return "must not hold control characters";
            }

            *d++ = *p++;
            continue;
        }

        if (last - p < 3) {
            return "must have two hexadecimal digits behind each \"%\"";
        }

        high = ngx_ess_amqp_url_hex(p[1]);
        low = ngx_ess_amqp_url_hex(p[2]);

        if (high < 0 || low < 0) {
            return "must have two hexadecimal digits behind each \"%\"";
        }

        if (high == 0 && low == 0) {
            return "must not hold \"%00\"";
        }

        *d++ = (u_char) (high << 4 | low);
        p += 3;
    }

    dst->len = d - dst->data;
    *buf = d;

    return NULL;
}


static u_char *
ngx_ess_amqp_url_find(u_char *p, u_char *last, u_char c)
{
    while (p < last && *p != c) {
        p++;
    }

    return p;
}


static ngx_int_t
ngx_ess_amqp_url_hex(u_char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;

    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }

    return -1;
}
