
/*
 * Which addresses get replies.  Owns nothing.  Runs in a worker.
 */


#include "ngx_ess_consume_door.h"


#define NGX_ESS_CONSUME_DOOR_OWN     "ess."
#define NGX_ESS_CONSUME_DOOR_DIRECT  "amq.rabbitmq.reply-to."

/* Erlang's external term format: the version, and a process on a node */
#define NGX_ESS_CONSUME_DOOR_TERM    131
#define NGX_ESS_CONSUME_DOOR_PID     103
#define NGX_ESS_CONSUME_DOOR_NEWPID  88


static ngx_uint_t ngx_ess_consume_door_begins(ngx_str_t *name,
    const char *start, size_t len);
static ngx_uint_t ngx_ess_consume_door_sound(ngx_str_t *reply_to);
static ngx_uint_t ngx_ess_consume_door_process(u_char *p, size_t len);


ngx_uint_t
ngx_ess_consume_door(ngx_str_t *reply_to, ngx_array_t *patterns)
{
    size_t       len;
    ngx_str_t   *pattern;
    ngx_uint_t   i;

    if (reply_to->len == 0
        || ngx_ess_consume_door_begins(reply_to, NGX_ESS_CONSUME_DOOR_OWN,
                                      sizeof(NGX_ESS_CONSUME_DOOR_OWN) - 1)
        || !ngx_ess_consume_door_sound(reply_to))
    {
        return 0;
    }

    if (patterns == NULL) {
        return 1;
    }

    pattern = patterns->elts;

    for (i = 0; i < patterns->nelts; i++) {
        len = pattern[i].len;

        if (len && pattern[i].data[len - 1] == '*') {

            if (ngx_ess_consume_door_begins(reply_to,
                                            (char *) pattern[i].data, len - 1))
            {
                return 1;
            }

        } else if (reply_to->len == len
                   && ngx_memcmp(reply_to->data, pattern[i].data, len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_ess_consume_door_begins(ngx_str_t *name, const char *start, size_t len)
{
    return name->len >= len && ngx_memcmp(name->data, start, len) == 0;
}


ngx_uint_t
ngx_ess_consume_door_bare(ngx_str_t *reply_to)
{
    size_t  len;

    /* without the point */

    len = sizeof(NGX_ESS_CONSUME_DOOR_DIRECT) - 2;

    return reply_to->len == len
           && ngx_ess_consume_door_begins(reply_to,
                                          NGX_ESS_CONSUME_DOOR_DIRECT, len);
}


ngx_uint_t
ngx_ess_consume_door_direct(ngx_str_t *reply_to)
{
    return ngx_ess_consume_door_begins(reply_to, NGX_ESS_CONSUME_DOOR_DIRECT,
                                   sizeof(NGX_ESS_CONSUME_DOOR_DIRECT) - 1);
}


/*
 * What looks like a direct reply-to and cannot be decoded makes RabbitMQ (run:
 * 3.10) end the whole connection with an internal error, each time that it is
 * published to.  Behind the prefix stand a process of Erlang in base64, and a
 * key; without a point RabbitMQ takes the rest for unknown, and drops it.
 */

static ngx_uint_t
ngx_ess_consume_door_sound(ngx_str_t *reply_to)
{
    u_char     *point, *last, buf[256];
    ngx_str_t   coded, process;

    if (!ngx_ess_consume_door_direct(reply_to)) {
        return !ngx_ess_consume_door_bare(reply_to);
    }

    coded.data = reply_to->data + sizeof(NGX_ESS_CONSUME_DOOR_DIRECT) - 1;
    last = reply_to->data + reply_to->len;

    point = ngx_strlchr(coded.data, last, '.');

    if (point == NULL || point + 1 == last
        || ngx_strlchr(point + 1, last, '.') || reply_to->len > 255)
    {
        return 0;
    }

    coded.len = point - coded.data;

    if (coded.len == 0 || coded.len % 4
        || (point[-2] == '=' && point[-1] != '='))
    {
        return 0;
    }

    process.data = buf;

    /* what follows a "=" is passed over */

    return ngx_decode_base64(&process, &coded) == NGX_OK
           && process.len + 3 > coded.len / 4 * 3
           && ngx_ess_consume_door_process(process.data, process.len);
}


static ngx_uint_t
ngx_ess_consume_door_process(u_char *p, size_t len)
{
    size_t  name, rest;

    if (len < 5 || p[0] != NGX_ESS_CONSUME_DOOR_TERM) {
        return 0;
    }

    /* id, serial, and creation, of one byte or four */

    switch (p[1]) {

    case NGX_ESS_CONSUME_DOOR_PID:
        rest = 9;
        break;

    case NGX_ESS_CONSUME_DOOR_NEWPID:
        rest = 12;
        break;

    default:
        return 0;
    }

    /* the node's name, an atom */

    switch (p[2]) {

    case 'd':
    case 'v':
        name = ((size_t) p[3] << 8 | p[4]) + 2;
        break;

    case 's':
    case 'w':
        name = (size_t) p[3] + 1;
        break;

    default:
        return 0;
    }

    return len == 3 + name + rest;
}
