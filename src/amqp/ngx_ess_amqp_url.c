/*
 * Takes an amqp URL apart.  No I/O, no memory of its own: unit tests and a
 * fuzzer run it by itself.  Its messages hold nothing of the URL, for that may
 * be a password.  Runs at configuration time.
 */


#include "ngx_ess_amqp_url.h"
#include "ngx_ess_str.h"


static const char *ngx_ess_amqp_url_user(ngx_ess_amqp_node_t *node,
    ngx_str_t *text, u_char **buf);
static const char *ngx_ess_amqp_url_host(ngx_ess_amqp_node_t *node,
    ngx_str_t *text, ngx_str_t *host);
static const char *ngx_ess_amqp_url_port(ngx_ess_amqp_node_t *node,
    u_char *p, u_char *last);
static const char *ngx_ess_amqp_url_vhost(ngx_ess_amqp_node_t *node,
    ngx_str_t *text, u_char **buf);
static const char *ngx_ess_amqp_url_decode(ngx_str_t *dst, ngx_str_t *text,
    u_char **buf);


const char *
ngx_ess_amqp_url_parse(ngx_ess_amqp_node_t *node, ngx_str_t *url, u_char *buf)
{
    ngx_str_t    rest, host, user, name;
    const char  *err;

    ngx_memzero(node, sizeof(ngx_ess_amqp_node_t));

    ngx_str_set(&node->user, "guest");
    ngx_str_set(&node->password, "guest");
    ngx_str_set(&node->vhost, "/");

    rest = *url;

    if (url->len >= 7 && ngx_strncmp(url->data, "amqp://", 7) == 0) {
        rest.data += 7;
        node->port = 5672;

    } else if (url->len >= 8 && ngx_strncmp(url->data, "amqps://", 8) == 0) {
        rest.data += 8;
        node->port = 5671;
        node->tls = 1;

    } else {
        return "must begin with \"amqp://\" or \"amqps://\"";
    }

    rest.len -= rest.data - url->data;

    if (ngx_strlchr(rest.data, rest.data + rest.len, '?')
        || ngx_strlchr(rest.data, rest.data + rest.len, '#'))
    {
        return "must not have a query or fragment: give parameters behind"
               " the URL, as in \"heartbeat=10s\", and write \"?\" in a name"
               " or password as \"%3F\", \"#\" as \"%23\"";
    }

    (void) ngx_ess_str_cut(&rest, '/', &host);

    if (ngx_ess_str_cut(&host, '@', &user)) {
        err = ngx_ess_amqp_url_user(node, &user, &buf);
        if (err) {
            return err;
        }

    } else {
        host = user;
    }

    err = ngx_ess_amqp_url_host(node, &host, &name);
    if (err) {
        return err;
    }

    /* null terminated */

    node->host.data = buf;
    node->host.len = name.len;
    buf = ngx_cpymem(buf, name.data, name.len);
    *buf++ = '\0';

    return ngx_ess_amqp_url_vhost(node, &rest, &buf);
}


static const char *
ngx_ess_amqp_url_user(ngx_ess_amqp_node_t *node, ngx_str_t *text, u_char **buf)
{
    ngx_str_t    name;
    const char  *err;

    node->has_password = ngx_ess_str_cut(text, ':', &name);

    err = ngx_ess_amqp_url_decode(&node->user, &name, buf);
    if (err) {
        return err;
    }

    if (node->user.len == 0 || node->user.len > NGX_ESS_AMQP_URL_MAX) {
        return "must have a user name of 1 to 255 bytes before the \"@\"";
    }

    err = ngx_ess_amqp_url_decode(&node->password, text, buf);
    if (err) {
        return err;
    }

    if (node->password.len > NGX_ESS_AMQP_URL_PASSWORD_MAX) {
        return "must have a password of at most 1024 bytes";
    }

    return NULL;
}


static const char *
ngx_ess_amqp_url_host(ngx_ess_amqp_node_t *node, ngx_str_t *text,
    ngx_str_t *host)
{
    u_char  *c, *last;

    last = text->data + text->len;

    if (text->len && text->data[0] == '[') {

        text->data++;
        text->len--;

        if (!ngx_ess_str_cut(text, ']', host)
            || host->len < 2 || host->len > 45)
        {
            goto not_ipv6;
        }

        for (c = host->data; *c != ']'; c++) {
            if (ngx_hextoi(c, 1) == NGX_ERROR && *c != ':' && *c != '.') {
                goto not_ipv6;
            }
        }

        node->ipv6 = 1;

        return ngx_ess_amqp_url_port(node, text->data, last);
    }

    (void) ngx_ess_str_cut(text, ':', host);

    if (host->len == 0 || host->len > NGX_ESS_AMQP_URL_MAX) {
        return "must name a host, as in \"amqp://127.0.0.1:5672/\"";
    }

    for (c = host->data; c < host->data + host->len; c++) {

        if (((*c | 0x20) >= 'a' && (*c | 0x20) <= 'z')
            || (*c >= '0' && *c <= '9')
            || *c == '-' || *c == '.' || *c == '_')
        {
            continue;
        }

        return "has a character in its host that no host name has; write"
               " \"@\" in a user name or password as \"%40\", \"/\" as"
               " \"%2F\"";
    }

    return ngx_ess_amqp_url_port(node, c, last);

not_ipv6:

    return "must have an IPv6 address in its brackets, as in"
           " \"amqp://[::1]:5672/\"";
}


/* from the colon on, if there is one */

static const char *
ngx_ess_amqp_url_port(ngx_ess_amqp_node_t *node, u_char *p, u_char *last)
{
    ngx_int_t  port;

    if (p == last) {
        return NULL;
    }

    port = (*p == ':' && last - p <= 6) ? ngx_atoi(p + 1, last - p - 1) : 0;

    if (port < 1 || port > 65535) {
        return "must have a port from 1 to 65535 behind the \":\" of its host;"
               " write \":\", \"@\" and \"/\" in a user name or password as"
               " \"%3A\", \"%40\" and \"%2F\"";
    }

    node->port = (in_port_t) port;

    return NULL;
}


static const char *
ngx_ess_amqp_url_vhost(ngx_ess_amqp_node_t *node, ngx_str_t *text,
    u_char **buf)
{
    const char  *err;

    if (text->len == 0) {
        return NULL;
    }

    if (ngx_strlchr(text->data, text->data + text->len, '/')) {
        return "must have one virtual host as its path; write \"/\" in its"
               " name as \"%2F\"";
    }

    err = ngx_ess_amqp_url_decode(&node->vhost, text, buf);
    if (err) {
        return err;
    }

    if (node->vhost.len > NGX_ESS_AMQP_URL_MAX) {
        return "must have a virtual host of at most 255 bytes";
    }

    return NULL;
}


static const char *
ngx_ess_amqp_url_decode(ngx_str_t *dst, ngx_str_t *text, u_char **buf)
{
    u_char     *d, *p, *last;
    ngx_int_t   c;

    d = *buf;
    dst->data = d;
    last = text->data + text->len;

    for (p = text->data; p < last; p++) {

        c = *p;

        if (c < 0x20 || c == 0x7f) {
            return "must not hold control characters";
        }

        if (c == '%') {
            c = (last - p < 3) ? NGX_ERROR : ngx_hextoi(p + 1, 2);

            if (c == NGX_ERROR) {
                return "must have two hexadecimal digits behind each \"%\"";
            }

            if (c == 0) {
                return "must not hold \"%00\"";
            }

            p += 2;
        }

        *d++ = (u_char) c;
    }

    dst->len = d - dst->data;
    *buf = d;

    return NULL;
}
