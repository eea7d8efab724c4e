/*
 * What a session logs: each failure and each complaint of the broker once,
 * not at each attempt.  Hashes of what was logged belong to the session.
 * Runs in a worker.
 */


#include "ngx_ess_amqp_session.h"


/* ms without a complaint after which complaints are logged again */
#define NGX_ESS_AMQP_FORGET_TIME     60000

/* ms between two lines on alarms: they come and go as the broker likes */
#define NGX_ESS_AMQP_ALARM_TIME      1000

/* ms between two messages when there were more than are kept */
#define NGX_ESS_AMQP_WORD_TIME       1000

/* a message with an escaped text in it */
#define NGX_ESS_AMQP_LINE            (NGX_ESS_AMQP_TEXT + NGX_ESS_ESCAPED_SIZE)


static void ngx_ess_amqp_trouble_alarm_handler(ngx_event_t *ev);
static ngx_int_t ngx_ess_amqp_trouble_is_new(ngx_ess_amqp_seen_t *seen,
    uint32_t hash);
static u_char *ngx_ess_amqp_trouble_handler(ngx_log_t *log, u_char *buf,
    size_t len);
static void ngx_ess_amqp_trouble_quiet_writer(ngx_log_t *log, ngx_uint_t level,
    u_char *buf, size_t len);


static const char  *ngx_ess_amqp_trouble_states[] = {
    "waiting to connect",
    "resolving the name",
    "connecting",
    "in TLS handshake",
    "waiting for connection.start",
    "logging in",
    "opening the virtual host",
    "open"
};


void
ngx_ess_amqp_trouble_init(ngx_ess_amqp_session_t *s, ngx_log_t *log)
{
    s->parent_log = log;

    s->log = *log;
    s->log.handler = ngx_ess_amqp_trouble_handler;
    s->log.data = s;
    s->log.action = NULL;

    s->trouble.quiet_log.log_level = NGX_LOG_INFO;
    s->trouble.quiet_log.writer = ngx_ess_amqp_trouble_quiet_writer;
    s->trouble.quiet_log.wdata = s;

    s->trouble.alarm_timer.handler = ngx_ess_amqp_trouble_alarm_handler;
    s->trouble.alarm_timer.data = s;
    s->trouble.alarm_timer.log = &s->log;
    s->trouble.alarm_timer.cancelable = 1;
}


void
ngx_ess_amqp_trouble_reset(ngx_ess_amqp_session_t *s)
{
    if (s->trouble.alarm_timer.timer_set) {
        ngx_del_timer(&s->trouble.alarm_timer);
    }

    s->trouble.alarm_told = 0;
}


void
ngx_ess_amqp_trouble_forget(ngx_ess_amqp_session_t *s)
{
    ngx_memzero(&s->trouble.failures, sizeof(ngx_ess_amqp_seen_t));
}


const char *
ngx_ess_amqp_trouble_while(ngx_ess_amqp_session_t *s)
{
    return ngx_ess_amqp_trouble_states[s->state];
}


void
ngx_ess_amqp_trouble_opened(ngx_ess_amqp_session_t *s)
{
    if (s->trouble.told) {
        return;
    }

    s->trouble.told = 1;

    ngx_log_error(NGX_LOG_NOTICE, s->parent_log, 0,
                  "connection to amqp broker %V established, address %V,"
                  " heartbeat %M ms", &ngx_ess_amqp_session_node(s)->name,
                  &s->connect.addr_name, s->io.heartbeat);
}


void
ngx_ess_amqp_trouble_alarm(ngx_ess_amqp_session_t *s)
{
    if (s->blocked == s->trouble.alarm_told
        || s->trouble.alarm_timer.timer_set)
    {
        return;
    }

    s->trouble.alarm_told = s->blocked;

    if (s->blocked) {
        ngx_log_error(NGX_LOG_WARN, &s->log, 0,
                      "the broker blocks those who publish: \"%*s\"",
                      s->trouble.alarm_len, s->trouble.alarm);
    } else {
        ngx_log_error(NGX_LOG_NOTICE, &s->log, 0,
                      "the broker lets those who publish go on");
    }

    ngx_add_timer(&s->trouble.alarm_timer, NGX_ESS_AMQP_ALARM_TIME);
}


static void
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

    if (ngx_ess_amqp_trouble_is_new(&s->trouble.failures,
                                ngx_crc32_long(text.data, text.len) ^ s->node)
        == NGX_OK)
    {
        s->trouble.told = 0;

        ngx_log_error(NGX_LOG_ERR, s->parent_log, 0, "amqp broker %V: %V",
                      &ngx_ess_amqp_session_node(s)->name, &text);
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
    u_char      line[NGX_ESS_AMQP_LINE], *p;
    ngx_msec_t  now;

    now = ngx_current_msec;

    if (s->state == NGX_ESS_AMQP_OPEN
        && now - s->opened_at >= NGX_ESS_AMQP_FORGET_TIME
        && now - s->trouble.word_at >= NGX_ESS_AMQP_FORGET_TIME)
    {
        ngx_memzero(&s->trouble.words, sizeof(ngx_ess_amqp_seen_t));
    }

    s->trouble.word_at = now;

    /* more different ones than there is a reason for */

    if (s->trouble.words.n >= NGX_ESS_AMQP_SEEN
        && now - s->trouble.word_told < NGX_ESS_AMQP_WORD_TIME)
    {
        return;
    }

    p = ngx_slprintf(line, line + sizeof(line), "%s: %ui \"%V\"", what, code,
                     text);

    if (ngx_ess_amqp_trouble_is_new(&s->trouble.words,
                                ngx_crc32_long(line, p - line))
        == NGX_OK)
    {
        s->trouble.word_told = now;

        ngx_log_error(level, s->parent_log, 0, "amqp broker %V: %*s",
                      &ngx_ess_amqp_session_node(s)->name,
                      (size_t) (p - line), line);
    }
}


/* keeps the last few; NGX_OK: it was not among them */

static ngx_int_t
ngx_ess_amqp_trouble_is_new(ngx_ess_amqp_seen_t *seen, uint32_t hash)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_ESS_AMQP_SEEN && i < seen->n; i++) {
        if (seen->hash[i] == hash) {
            return NGX_DECLINED;
        }
    }

    seen->hash[seen->n++ % NGX_ESS_AMQP_SEEN] = hash;

    return NGX_OK;
}


static u_char *
ngx_ess_amqp_trouble_handler(ngx_log_t *log, u_char *buf, size_t len)
{
    ngx_ess_amqp_session_t  *s;

    s = log->data;

    return ngx_snprintf(buf, len, ", amqp session %s, broker %V",
                        ngx_ess_amqp_trouble_while(s),
                        &ngx_ess_amqp_session_node(s)->name);
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

    s->trouble.quiet_len = ngx_min((size_t) (last - p),
                                   sizeof(s->trouble.quiet));
    ngx_memcpy(s->trouble.quiet, p, s->trouble.quiet_len);
}
