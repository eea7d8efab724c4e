/*
 * What a session logs: each failure and each complaint of the broker once,
 * not at each attempt.  Hashes of what was logged belong to the session.
 * Runs in a worker.
 */


#include "ngx_ess_amqp_session.h"


static ngx_int_t ngx_ess_amqp_trouble_is_new(uint32_t *seen, ngx_uint_t *n,
    uint32_t hash);
static u_char *ngx_ess_amqp_trouble_handler(ngx_log_t *log, u_char *buf,
    size_t len);
static void ngx_ess_amqp_trouble_quiet_writer(ngx_log_t *log, ngx_uint_t level,
    u_char *buf, size_t len);


void
ngx_ess_amqp_trouble_init(ngx_ess_amqp_session_t *s, ngx_log_t *log)
{
    s->parent_log = log;

    s->log = *log;
    s->log.handler = ngx_ess_amqp_trouble_handler;
    s->log.data = s;
    s->log.action = NULL;

    s->quiet_log.log_level = NGX_LOG_INFO;
    s->quiet_log.writer = ngx_ess_amqp_trouble_quiet_writer;
    s->quiet_log.wdata = s;
}


void
ngx_ess_amqp_trouble_opened(ngx_ess_amqp_session_t *s)
{
    ngx_ess_amqp_node_t  *node;

    if (s->told) {
        return;
    }

    s->told = 1;

    node = s->conf->nodes.elts;
    node += s->node;

    ngx_log_error(NGX_LOG_NOTICE, s->parent_log, 0,
                  "connection to amqp broker %V established, address %V,"
                  " heartbeat %M ms", &node->name, &s->addr_name,
                  s->heartbeat);
}


void
ngx_ess_amqp_trouble_alarm(ngx_ess_amqp_session_t *s)
{
    if (s->blocked == s->alarm_told || s->alarm_timer.timer_set) {
        return;
    }

    s->alarm_told = s->blocked;

    if (s->blocked) {
        ngx_log_error(NGX_LOG_WARN, &s->log, 0,
                      "the broker blocks those who publish: \"%*s\"",
                      s->alarm_len, s->alarm);
    } else {
        ngx_log_error(NGX_LOG_NOTICE, &s->log, 0,
                      "the broker lets those who publish go on");
    }

    ngx_add_timer(&s->alarm_timer, NGX_ESS_AMQP_ALARM_TIME);
}


void
ngx_ess_amqp_trouble_alarm_handler(ngx_event_t *ev)
{
    ngx_ess_amqp_trouble_alarm(ev->data);
}


ngx_int_t
ngx_ess_amqp_trouble(ngx_ess_amqp_session_t *s, const char *fmt, ...)
{
    u_char     buf[NGX_ESS_AMQP_LINE];
    va_list    args;
    ngx_str_t  text;

    va_start(args, fmt);
    text.data = buf;
    text.len = ngx_vslprintf(buf, buf + sizeof(buf), fmt, args) - buf;
    va_end(args);

    if (ngx_ess_amqp_trouble_is_new(s->failures, &s->nfailures,
                                ngx_crc32_long(text.data, text.len) ^ s->node)
        == NGX_OK)
    {
        s->told = 0;

        ngx_log_error(NGX_LOG_ERR, s->parent_log, 0, "amqp broker %V: %V",
                      ngx_ess_amqp_node_name(s), &text);
    }

    if (s->handlers->failed) {
        s->handlers->failed(s, &text);
    }

    return NGX_ERROR;
}


void
ngx_ess_amqp_trouble_once(ngx_ess_amqp_session_t *s, ngx_uint_t level,
    const char *what, ngx_uint_t code, ngx_str_t *text)
{
    u_char                line[NGX_ESS_AMQP_LINE], *p;
    ngx_msec_t            now;
    ngx_ess_amqp_node_t  *node;

    now = ngx_current_msec;

    if (s->state == NGX_ESS_AMQP_OPEN
        && now - s->opened_at >= NGX_ESS_AMQP_FORGET_TIME
        && now - s->word_at >= NGX_ESS_AMQP_FORGET_TIME)
    {
        s->nwords = 0;
        ngx_memzero(s->words, sizeof(s->words));
    }

    s->word_at = now;

    /* more different ones than there is a reason for */

    if (s->nwords >= NGX_ESS_AMQP_SEEN
        && now - s->word_told < NGX_ESS_AMQP_WORD_TIME)
    {
        return;
    }

    p = ngx_slprintf(line, line + sizeof(line), "%s: %ui \"%V\"", what, code,
                     text);

    if (ngx_ess_amqp_trouble_is_new(s->words, &s->nwords,
                                ngx_crc32_long(line, p - line))
        == NGX_OK)
    {
        s->word_told = now;

        node = s->conf->nodes.elts;
        node += s->node;

        ngx_log_error(level, s->parent_log, 0, "amqp broker %V: %*s",
                      &node->name, (size_t) (p - line), line);
    }
}


/* keeps the last few; NGX_OK: it was not among them */

static ngx_int_t
ngx_ess_amqp_trouble_is_new(uint32_t *seen, ngx_uint_t *n, uint32_t hash)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_ESS_AMQP_SEEN && i < *n; i++) {
        if (seen[i] == hash) {
            return NGX_DECLINED;
        }
    }

    seen[(*n)++ % NGX_ESS_AMQP_SEEN] = hash;

    return NGX_OK;
}


static u_char *
ngx_ess_amqp_trouble_handler(ngx_log_t *log, u_char *buf, size_t len)
{
    ngx_ess_amqp_node_t     *node;
    ngx_ess_amqp_session_t  *s;

    s = log->data;

    node = s->conf->nodes.elts;
    node += s->node;

    return ngx_snprintf(buf, len, ", amqp session %s, broker %V",
                        ngx_ess_amqp_state_name(s->state), &node->name);
}


/*
 * What nginx logs of a failed connect or TLS handshake would be logged at
 * each retry; it is kept as the reason instead.  The line begins with time,
 * level and process: "… [error] 12#12: *3 text".
 */

static void
ngx_ess_amqp_trouble_quiet_writer(ngx_log_t *log, ngx_uint_t level, u_char *buf,
    size_t len)
{
    u_char                  *p, *last;
    ngx_ess_amqp_session_t  *s;

    s = log->wdata;
    last = buf + len;

    p = ngx_strlchr(buf, last, '#');
    p = p ? ngx_strlchr(p, last, ' ') : NULL;
    p = p ? p + 1 : buf;

    if (p < last && *p == '*') {
        while (p < last && *p++ != ' ') { /* void */ }
    }

    while (last > p && (last[-1] == LF || last[-1] == CR)) {
        last--;
    }

    s->quiet_len = ngx_min((size_t) (last - p), sizeof(s->quiet));
    ngx_memcpy(s->quiet, p, s->quiet_len);
}
