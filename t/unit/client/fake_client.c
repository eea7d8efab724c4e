/*
 * One client and nginx below it.  What the pool gives comes from malloc(), so
 * that the sanitizer sees each block.
 */


#include "fake_client.h"


#define FAKE_BLOCKS  64


fake_client_t  fake;

static void   *fake_blocks[FAKE_BLOCKS];

ngx_os_io_t            ngx_io;
ngx_queue_t            ngx_posted_next_events;
volatile ngx_cycle_t  *ngx_cycle;
volatile ngx_time_t   *ngx_cached_time;
ngx_module_t           ngx_ess_module;
ngx_module_t           ngx_http_core_module = { .ctx_index = 1 };

static ngx_time_t      fake_time;
static ngx_cycle_t     fake_cycle;


static ssize_t
fake_take(const void *data, size_t len)
{
    if (fake.broken) {
        ngx_set_errno(fake.broken);
        return -1;
    }

    len = ngx_min(len, fake.room);
    assert_true(fake.sent + len < sizeof(fake.out));

    memcpy(fake.out + fake.sent, data, len);
    fake.sent += len;
    fake.room -= len;

    return len;
}


/* the C library's */

ssize_t
send(int fd, const void *data, size_t len, int flags)
{
    if (fake.room == 0 && fake.broken == 0) {
        ngx_set_errno(NGX_EAGAIN);
        return -1;
    }

    return fake_take(data, len);
}


ssize_t
sendmsg(int fd, const struct msghdr *msg, int flags)
{
    size_t   i;
    ssize_t  n, sent;

    sent = 0;

    for (i = 0; i < msg->msg_iovlen; i++) {
        n = (i && fake.room == 0)
            ? 0 : send(fd, msg->msg_iov[i].iov_base, msg->msg_iov[i].iov_len,
                       flags);
        if (n == -1) {
            return -1;
        }

        sent += n;
    }

    return sent;
}


/* nginx's */

static ngx_chain_t *
fake_chain(ngx_chain_t *cl)
{
    for ( /* void */ ; cl; cl = cl->next) {
        cl->buf->pos += fake_take(cl->buf->pos, cl->buf->last - cl->buf->pos);

        if (cl->buf->pos != cl->buf->last) {
            return cl;
        }
    }

    return NULL;
}


ngx_int_t
ngx_http_output_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_unit_trace(in ? "filter" : "filter again");

    if (fake.broken) {
        return NGX_ERROR;
    }

    if (in) {
        r->out = in;
    }

    r->out = fake_chain(r->out);

    return r->out ? NGX_AGAIN : NGX_OK;
}


static ngx_chain_t *
fake_send_chain(ngx_connection_t *c, ngx_chain_t *in, off_t limit)
{
    ngx_unit_trace(in ? "send chain" : "send buffered");

    if (fake.broken) {
        return NGX_CHAIN_ERROR;
    }

    in = fake_chain(in);

    if (in) {
        c->write->ready = 0;
    }

    return in;
}


static ssize_t
fake_recv(ngx_connection_t *c, u_char *buf, size_t size)
{
    size_t  n;

    if (fake.in == NULL) {
        return 0;
    }

    n = ngx_min(strlen(fake.in), size);

    if (n == 0) {
        c->read->ready = 0;
        return NGX_AGAIN;
    }

    memcpy(buf, fake.in, n);
    fake.in += n;

    return n;
}


ngx_int_t
ngx_handle_read_event(ngx_event_t *rev, ngx_uint_t flags)
{
    return fake.handled;
}


ngx_int_t
ngx_handle_write_event(ngx_event_t *wev, size_t lowat)
{
    return fake.handled;
}


ngx_int_t
ngx_tcp_nodelay(ngx_connection_t *c)
{
    return fake.handled;
}


ngx_int_t
ngx_connection_error(ngx_connection_t *c, ngx_err_t err, char *text)
{
    return NGX_ERROR;
}


void
ngx_http_close_connection(ngx_connection_t *c)
{
    ngx_unit_trace("close connection");
    fake.client = NULL;
}


ngx_int_t
ngx_http_send_special(ngx_http_request_t *r, ngx_uint_t flags)
{
    ngx_unit_trace("last");

    return fake.broken ? NGX_ERROR : NGX_OK;
}


void
ngx_http_finalize_request(ngx_http_request_t *r, ngx_int_t rc)
{
    ngx_unit_trace("finalize %d", (int) rc);
}


void
ngx_http_run_posted_requests(ngx_connection_t *c)
{
}


static void *
fake_alloc(size_t size)
{
    void  *p;

    if (fake.fail && --fake.fail == 0) {
        return NULL;
    }

    p = malloc(size);
    assert_non_null(p);

    return p;
}


void *
ngx_alloc(size_t size, ngx_log_t *log)
{
    return fake_alloc(size);
}


void *
ngx_calloc(size_t size, ngx_log_t *log)
{
    void  *p;

    p = fake_alloc(size);

    return p ? memset(p, 0, size) : NULL;
}


void *
ngx_palloc(ngx_pool_t *pool, size_t size)
{
    ngx_uint_t  i;

    for (i = 0; fake_blocks[i]; i++) {
        assert_true(i + 1 < FAKE_BLOCKS);
    }

    fake_blocks[i] = fake_alloc(size);

    return fake_blocks[i];
}


void *
ngx_pnalloc(ngx_pool_t *pool, size_t size)
{
    return ngx_palloc(pool, size);
}


void *
ngx_pcalloc(ngx_pool_t *pool, size_t size)
{
    void  *p;

    p = ngx_palloc(pool, size);

    return p ? memset(p, 0, size) : NULL;
}


ngx_int_t
ngx_pfree(ngx_pool_t *pool, void *p)
{
    ngx_uint_t  i;

    for (i = 0; i < FAKE_BLOCKS; i++) {
        if (p && fake_blocks[i] == p) {
            free(p);
            fake_blocks[i] = NULL;
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


ngx_pool_cleanup_t *
ngx_pool_cleanup_add(ngx_pool_t *pool, size_t size)
{
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pcalloc(pool, sizeof(ngx_pool_cleanup_t));
    if (cln == NULL) {
        return NULL;
    }

    cln->data = size ? ngx_palloc(pool, size) : NULL;
    if (size && cln->data == NULL) {
        return NULL;
    }

    cln->next = pool->cleanup;
    pool->cleanup = cln;

    return cln;
}


ngx_http_cleanup_t *
ngx_http_cleanup_add(ngx_http_request_t *r, size_t size)
{
    ngx_http_cleanup_t  *cln;

    cln = ngx_pcalloc(r->pool, sizeof(ngx_http_cleanup_t));

    if (cln) {
        cln->next = r->cleanup;
        r->cleanup = cln;
    }

    return cln;
}


/* transports */

static ngx_int_t
fake_transport_start(ngx_http_request_t *r, void *session)
{
    ngx_unit_trace(session ? "start" : "start without session");

    return fake.start;
}


static void
fake_transport_done(void *session)
{
    ngx_unit_trace("done");
}


static void
fake_transport_input(void *session, u_char *data, size_t len,
    ngx_ess_transport_input_t *in, ngx_log_t *log)
{
    ngx_unit_trace("input %.*s", (int) len, data);

    *in = fake.input;
}


static size_t
fake_transport_say(u_char *buf, const char *text)
{
    return ngx_cpymem(buf, text, strlen(text)) - buf;
}


static size_t
fake_transport_ping(void *session, u_char *buf)
{
    return fake_transport_say(buf, fake.ping);
}


static size_t
fake_transport_nudge(void *session, u_char *buf)
{
    return fake_transport_say(buf, fake.ping[0] ? "N" : "");
}


static size_t
fake_transport_close(void *session, u_char *buf, ngx_uint_t code,
    ngx_str_t *reason)
{
    ngx_unit_trace("say close %d %.*s", (int) code, (int) reason->len,
                   reason->data);

    return fake_transport_say(buf, fake.close);
}


const ngx_ess_transport_t  fake_ws = {
    NGX_ESS_TRANSPORT_WEBSOCKET, 16, 1, fake_transport_start,
    fake_transport_done, fake_transport_input, fake_transport_ping,
    fake_transport_nudge, fake_transport_close
};


const ngx_ess_transport_t  fake_sse = {
    NGX_ESS_TRANSPORT_SSE, 16, 0, fake_transport_start,
    fake_transport_done, fake_transport_input, fake_transport_ping,
    NULL, fake_transport_close
};


/* the client */

int
fake_client_setup(void **state)
{
    ngx_ess_client_t  *client;

    ngx_unit_timer_init();
    ngx_unit_trace_clear();
    ngx_queue_init(&ngx_posted_next_events);

    memset(&fake, 0, sizeof(fake));

    ngx_cycle = &fake_cycle;
    fake_cycle.log = &fake.log;
    ngx_cached_time = &fake_time;
    fake_time.sec = 1700000000;
    ngx_io.send_chain = fake_send_chain;

    fake.room = FAKE_ROOM;
    fake.in = "";
    fake.ping = "P";
    fake.close = "C";
    fake.done = NGX_OK;

    fake.connection.log = &fake.log;
    fake.connection.read = &fake.read;
    fake.connection.write = &fake.write;
    fake.connection.data = &fake.request;
    fake.connection.recv = fake_recv;
    fake.connection.send_chain = fake_send_chain;
    fake.read.data = &fake.connection;
    fake.read.log = &fake.log;
    fake.read.ready = 1;
    fake.write.data = &fake.connection;
    fake.write.log = &fake.log;
    fake.write.ready = 1;

    fake.request.connection = &fake.connection;
    fake.request.http_connection = &fake.http;
    fake.request.main = &fake.request;
    fake.request.count = 1;
    fake.request.http_version = NGX_HTTP_VERSION_11;
    fake.request.pool = &fake.pool;
    fake.request.ctx = fake.ctx;
    fake.request.loc_conf = fake.confs;
    fake.confs[ngx_ess_module.ctx_index] = &fake.conf;
    fake.confs[ngx_http_core_module.ctx_index] = &fake.core;
    fake.pool.current = &fake.pool;

    client = calloc(1, sizeof(ngx_ess_client_t) + fake_ws.session_size);
    assert_non_null(client);

    ngx_queue_init(&client->drain);
    client->sub.client = client;
    fake.feed.lane.feed = &fake.feed;
    client->sub.lane = &fake.feed.lane;
    client->connection = &fake.connection;
    client->request = &fake.request;
    client->conf = &fake.conf;
    client->transport = &fake_ws;
    client->stream_id = 1;
    client->state = NGX_ESS_CLIENT_OPEN;

    fake.client = client;
    fake.ctx[0] = client;

    return 0;
}


int
fake_client_teardown(void **state)
{
    ngx_uint_t           i;
    ngx_pool_cleanup_t  *cln;

    for (cln = fake.pool.cleanup; cln; cln = cln->next) {
        if (cln->handler) {
            cln->handler(cln->data);
        }
    }

    if (fake.client) {
        free(fake.client->control);
        free(fake.client);
    }

    for (i = 0; i < FAKE_BLOCKS; i++) {
        free(fake_blocks[i]);
        fake_blocks[i] = NULL;
    }

    return 0;
}


void
fake_release(void)
{
    fake.client->request = NULL;
    fake.connection.data = fake.client;
}


void
fake_frame(ngx_ess_frame_type_e type, const char *text)
{
    ngx_ess_frame_t           *frame;
    ngx_ess_encoding_frame_t   data;

    data.len = strlen(text);
    data.data = data.len ? ngx_ess_encoding_alloc(data.len, NULL) : NULL;

    if (data.len) {
        memcpy(data.data, text, data.len);
    }

    frame = ngx_ess_frame_append(&fake.feed.lane.frames, type, 1, 0, &data,
                                 &fake.log);
    assert_non_null(frame);
    ngx_ess_frame_drop(data.data, data.len);

    if (fake.client->sub.frame == NULL) {
        fake.client->sub.frame = frame;
        return;
    }

    ngx_ess_frame_release(&fake.feed.lane.frames, frame);
}


void
fake_sent(const char *text)
{
    fake.out[fake.sent] = '\0';
    assert_string_equal(fake.out, text);
    fake.sent = 0;
}
