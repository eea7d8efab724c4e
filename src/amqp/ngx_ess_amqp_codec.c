/*
 * AMQP 0-9-1: bytes <-> frames, over rabbitmq-c's coder.  Everything that
 * comes from outside is checked here before rabbitmq-c sees it: that library
 * recurses as deep as the input nests, keeps memory for each channel number
 * that it meets, and cannot go on after an error.  It gets whole, checked
 * method and header frames only.  Owns the decoder's memory; used by one
 * session in a worker.
 */


#include "ngx_ess_amqp_codec.h"
#include "ngx_ess_amqp_table.h"


#define NGX_ESS_AMQP_FRAME_END  0xCE


static ngx_int_t ngx_ess_amqp_codec_check(ngx_ess_amqp_codec_t *codec,
    u_char *data, size_t len);
static ngx_int_t ngx_ess_amqp_codec_check_method(u_char *p, u_char *last);
static ngx_int_t ngx_ess_amqp_codec_check_properties(u_char *p, u_char *last);
static ngx_int_t ngx_ess_amqp_codec_decode(ngx_ess_amqp_codec_t *codec,
    ngx_ess_amqp_frame_t *frame, u_char *data, size_t len);


const u_char  ngx_ess_amqp_codec_protocol[NGX_ESS_AMQP_PROTOCOL_LEN] =
    { 'A', 'M', 'Q', 'P', 0, 0, 9, 1 };


/* what a broker may say to a client */

static const amqp_method_number_t  ngx_ess_amqp_codec_methods[] = {
    AMQP_BASIC_DELIVER_METHOD,
    AMQP_QUEUE_BIND_OK_METHOD,
    AMQP_QUEUE_UNBIND_OK_METHOD,
    AMQP_CONNECTION_START_METHOD,
    AMQP_CONNECTION_SECURE_METHOD,
    AMQP_CONNECTION_TUNE_METHOD,
    AMQP_CONNECTION_OPEN_OK_METHOD,
    AMQP_CONNECTION_CLOSE_METHOD,
    AMQP_CONNECTION_CLOSE_OK_METHOD,
    AMQP_CONNECTION_BLOCKED_METHOD,
    AMQP_CONNECTION_UNBLOCKED_METHOD,
    AMQP_CHANNEL_OPEN_OK_METHOD,
    AMQP_CHANNEL_FLOW_METHOD,
    AMQP_CHANNEL_FLOW_OK_METHOD,
    AMQP_CHANNEL_CLOSE_METHOD,
    AMQP_CHANNEL_CLOSE_OK_METHOD,
    AMQP_EXCHANGE_DECLARE_OK_METHOD,
    AMQP_EXCHANGE_DELETE_OK_METHOD,
    AMQP_EXCHANGE_BIND_OK_METHOD,
    AMQP_EXCHANGE_UNBIND_OK_METHOD,
    AMQP_QUEUE_DECLARE_OK_METHOD,
    AMQP_QUEUE_PURGE_OK_METHOD,
    AMQP_QUEUE_DELETE_OK_METHOD,
    AMQP_BASIC_QOS_OK_METHOD,
    AMQP_BASIC_CONSUME_OK_METHOD,
    AMQP_BASIC_CANCEL_METHOD,
    AMQP_BASIC_CANCEL_OK_METHOD,
    AMQP_BASIC_RETURN_METHOD,
    AMQP_BASIC_GET_OK_METHOD,
    AMQP_BASIC_GET_EMPTY_METHOD,
    AMQP_BASIC_ACK_METHOD,
    AMQP_BASIC_NACK_METHOD,
    AMQP_BASIC_RECOVER_OK_METHOD,
    AMQP_CONFIRM_SELECT_OK_METHOD
};


/* properties of the class "basic" in wire order, from the highest flag bit
   (AMQP 0-9-1, 1.8.2): content-type, content-encoding, headers, delivery-mode,
   priority, correlation-id, reply-to, expiration, message-id, timestamp, type,
   user-id, app-id and a reserved one; s short string, t table, 1 and 8
   octets */

static const char  ngx_ess_amqp_codec_properties[] = "sst11ssss8ssss";

/* given for properties that make no sense */

static amqp_basic_properties_t  ngx_ess_amqp_codec_no_properties;


ngx_int_t
ngx_ess_amqp_codec_init(ngx_ess_amqp_codec_t *codec)
{
    amqp_bytes_t  header;
    amqp_frame_t  frame;

    ngx_memzero(codec, sizeof(ngx_ess_amqp_codec_t));

    codec->state = amqp_new_connection();
    if (codec->state == NULL) {
        return NGX_ERROR;
    }

    codec->frame_max = NGX_ESS_AMQP_FRAME_INITIAL;

    /*
     * A new state waits for a protocol header and, getting a frame instead,
     * loses that frame's eighth byte: so it gets a header, from us.
     */

    header.bytes = (void *) ngx_ess_amqp_codec_protocol;
    header.len = NGX_ESS_AMQP_PROTOCOL_LEN;

    if (amqp_handle_input(codec->state, header, &frame)
        != NGX_ESS_AMQP_PROTOCOL_LEN)
    {
        ngx_ess_amqp_codec_done(codec);
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_ess_amqp_codec_done(ngx_ess_amqp_codec_t *codec)
{
    if (codec->state) {
        (void) amqp_destroy_connection(codec->state);
        codec->state = NULL;
    }
}


ngx_int_t
ngx_ess_amqp_codec_tune(ngx_ess_amqp_codec_t *codec, size_t frame_max)
{
    frame_max = ngx_max(frame_max, NGX_ESS_AMQP_FRAME_MIN);
    frame_max = ngx_min(frame_max, NGX_ESS_AMQP_FRAME_MAX);

    /* between whole frames the state is idle, which this call insists on */

    if (amqp_tune_connection(codec->state, 0, (int) frame_max, 0)
        != AMQP_STATUS_OK)
    {
        return NGX_ERROR;
    }

    codec->frame_max = frame_max;

    return NGX_OK;
}


ngx_int_t
ngx_ess_amqp_codec_parse(ngx_ess_amqp_codec_t *codec,
    ngx_ess_amqp_frame_t *frame, u_char *data, size_t len, size_t *used)
{
    size_t     size;
    ngx_int_t  rc;

    rc = ngx_ess_amqp_codec_check(codec, data, len);

    if (rc != NGX_OK) {
        return rc;
    }

    size = codec->need;

    ngx_memzero(frame, sizeof(ngx_ess_amqp_frame_t));

    frame->type = data[0];
    frame->channel = ngx_ess_amqp_table_u16(&data[1]);

    switch (frame->type) {

    case AMQP_FRAME_BODY:
        frame->body.data = data + NGX_ESS_AMQP_FRAME_HEADER;
        frame->body.len = size - NGX_ESS_AMQP_FRAME_OVERHEAD;
        break;

    case AMQP_FRAME_HEARTBEAT:
        break;

    default:
        if (ngx_ess_amqp_codec_decode(codec, frame, data, size) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    *used = size;

    return NGX_OK;
}


/* a whole frame is there, of a length that was agreed; sets codec->need */

static ngx_int_t
ngx_ess_amqp_codec_check(ngx_ess_amqp_codec_t *codec, u_char *data, size_t len)
{
    uint32_t  size;

    codec->need = NGX_ESS_AMQP_FRAME_OVERHEAD;

    if (len == 0) {
        return NGX_AGAIN;
    }

    if (data[0] == 'A') {

        /* how a broker says which version of the protocol it speaks */

        if (len < NGX_ESS_AMQP_PROTOCOL_LEN) {
            return NGX_AGAIN;
        }

        codec->error = ngx_memcmp(data, "AMQP", 4) == 0
                       ? "the peer speaks another version of AMQP than 0-9-1"
                       : "the peer does not speak AMQP";
        return NGX_ERROR;
    }

    if (data[0] != AMQP_FRAME_METHOD && data[0] != AMQP_FRAME_HEADER
        && data[0] != AMQP_FRAME_BODY && data[0] != AMQP_FRAME_HEARTBEAT)
    {
        codec->error = "the peer does not speak AMQP";
        return NGX_ERROR;
    }

    if (len < NGX_ESS_AMQP_FRAME_HEADER) {
        return NGX_AGAIN;
    }

    if (ngx_ess_amqp_table_u16(&data[1]) > codec->channel_max) {
        codec->error = "the broker sent a frame on a channel never opened";
        return NGX_ERROR;
    }

    size = ngx_ess_amqp_table_u32(&data[3]);

    if (size > codec->frame_max - NGX_ESS_AMQP_FRAME_OVERHEAD) {
        codec->error = "the broker sent a frame larger than agreed";
        return NGX_ERROR;
    }

    codec->need = size + NGX_ESS_AMQP_FRAME_OVERHEAD;

    if (len < codec->need) {
        return NGX_AGAIN;
    }

    if (data[codec->need - 1] != NGX_ESS_AMQP_FRAME_END) {
        codec->error = "the broker sent a frame without its end octet";
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_amqp_codec_check_method(u_char *p, u_char *last)
{
    ngx_uint_t            i;
    amqp_method_number_t  method;

    if (last - p < 4) {
        return NGX_ERROR;
    }

    method = ngx_ess_amqp_table_u32(p);
    p += 4;

    /* the only one of them that carries a table, after two octets */

    if (method == AMQP_CONNECTION_START_METHOD
        && (last - p < 2 || ngx_ess_amqp_table_end(p + 2, last) == NULL))
    {
        return NGX_ERROR;
    }

    for (i = 0; i < sizeof(ngx_ess_amqp_codec_methods)
                    / sizeof(ngx_ess_amqp_codec_methods[0]); i++)
    {
        if (ngx_ess_amqp_codec_methods[i] == method) {
            return NGX_OK;
        }
    }

    return NGX_ERROR;
}


static ngx_int_t
ngx_ess_amqp_codec_check_properties(u_char *p, u_char *last)
{
    uint32_t     flags;
    const char  *type;

    if (last - p < 2) {
        return NGX_ERROR;
    }

    flags = ngx_ess_amqp_table_u16(p);
    p += 2;

    if (flags & 3) {
        /* more flags, or one that does not exist */
        return NGX_ERROR;
    }

    for (type = ngx_ess_amqp_codec_properties; *type; type++) {

        if (flags & 0x8000) {

            switch (*type) {

            case 's':
                p = p < last ? p + 1 + p[0] : NULL;
                break;

            case 't':
                p = ngx_ess_amqp_table_end(p, last);
                break;

            default:
                p += *type - '0';
            }

            if (p == NULL || p > last) {
                return NGX_ERROR;
            }
        }

        flags <<= 1;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_ess_amqp_codec_decode(ngx_ess_amqp_codec_t *codec,
    ngx_ess_amqp_frame_t *frame, u_char *data, size_t len)
{
    u_char        *p, *last;
    amqp_bytes_t   bytes;
    amqp_frame_t   decoded;

    p = data + NGX_ESS_AMQP_FRAME_HEADER;
    last = data + len - 1;

    if (frame->type == AMQP_FRAME_METHOD) {

        if (ngx_ess_amqp_codec_check_method(p, last) != NGX_OK) {
            codec->error = "the broker sent a method that no client expects";
            return NGX_ERROR;
        }

    } else {

        /* class, weight, body size, properties */

        if (last - p < 14 || ngx_ess_amqp_table_u16(p) != AMQP_BASIC_CLASS) {
            codec->error = "the broker sent a malformed content header";
            return NGX_ERROR;
        }

        frame->body_size = (uint64_t) ngx_ess_amqp_table_u32(p + 4) << 32
                           | ngx_ess_amqp_table_u32(p + 8);

        if (ngx_ess_amqp_codec_check_properties(p + 12, last) != NGX_OK) {

            /*
             * They are a publisher's.  To refuse them would mean to close
             * the connection, and to get the same again after that.
             */

            frame->undecoded = 1;
            frame->properties = &ngx_ess_amqp_codec_no_properties;
            return NGX_OK;
        }
    }

    bytes.bytes = data;
    bytes.len = len;

    if (amqp_handle_input(codec->state, bytes, &decoded) != (int) len
        || decoded.frame_type != frame->type)
    {
        codec->error = "the broker sent a frame that cannot be decoded";
        return NGX_ERROR;
    }

    if (frame->type == AMQP_FRAME_METHOD) {
        frame->method = decoded.payload.method.id;
        frame->decoded = decoded.payload.method.decoded;

    } else {
        frame->properties = decoded.payload.properties.decoded;
        frame->raw.data = decoded.payload.properties.raw.bytes;
        frame->raw.len = decoded.payload.properties.raw.len;
    }

    return NGX_OK;
}


amqp_basic_properties_t *
ngx_ess_amqp_codec_raw(ngx_str_t *raw, amqp_pool_t *pool)
{
    int            rc;
    void          *decoded;
    amqp_bytes_t   bytes;

    if (ngx_ess_amqp_codec_check_properties(raw->data, raw->data + raw->len)
        != NGX_OK)
    {
        return &ngx_ess_amqp_codec_no_properties;
    }

    bytes.bytes = raw->data;
    bytes.len = raw->len;

    rc = amqp_decode_properties(AMQP_BASIC_CLASS, pool, bytes, &decoded);

    if (rc == AMQP_STATUS_NO_MEMORY) {
        return NULL;
    }

    return rc < 0 ? &ngx_ess_amqp_codec_no_properties : decoded;
}


void
ngx_ess_amqp_codec_release(ngx_ess_amqp_codec_t *codec, ngx_uint_t channel)
{
    amqp_maybe_release_buffers_on_channel(codec->state,
                                          (amqp_channel_t) channel);
}


/* a number of so many octets */

static u_char *
ngx_ess_amqp_codec_number(u_char *p, uint64_t number, ngx_uint_t octets)
{
    while (octets--) {
        *p++ = (u_char) (number >> (8 * octets));
    }

    return p;
}


/* around so many bytes that are there; its length */

static size_t
ngx_ess_amqp_codec_frame(u_char *buf, ngx_uint_t type, ngx_uint_t channel,
    size_t len)
{
    buf[0] = (u_char) type;
    (void) ngx_ess_amqp_codec_number(&buf[1], channel, 2);
    (void) ngx_ess_amqp_codec_number(&buf[3], len, 4);
    buf[NGX_ESS_AMQP_FRAME_HEADER + len] = NGX_ESS_AMQP_FRAME_END;

    return NGX_ESS_AMQP_FRAME_OVERHEAD + len;
}


size_t
ngx_ess_amqp_codec_method(u_char *buf, size_t size, ngx_uint_t channel,
    amqp_method_number_t method, void *decoded)
{
    int           n;
    amqp_bytes_t  bytes;

    if (size < NGX_ESS_AMQP_FRAME_OVERHEAD + 4) {
        return 0;
    }

    bytes.bytes = ngx_ess_amqp_codec_number(buf + NGX_ESS_AMQP_FRAME_HEADER,
                                            method, 4);
    bytes.len = size - NGX_ESS_AMQP_FRAME_OVERHEAD - 4;

    n = amqp_encode_method(method, decoded, bytes);

    return n < 0 ? 0 : ngx_ess_amqp_codec_frame(buf, AMQP_FRAME_METHOD, channel,
                                                4 + n);
}


size_t
ngx_ess_amqp_codec_header(u_char *buf, size_t size, ngx_uint_t channel,
    uint64_t body_size, amqp_basic_properties_t *properties)
{
    int           n;
    u_char       *p;
    amqp_bytes_t  bytes;

    /* class, weight, size of the body */

    if (size < NGX_ESS_AMQP_FRAME_OVERHEAD + 12) {
        return 0;
    }

    p = buf + NGX_ESS_AMQP_FRAME_HEADER;
    p = ngx_ess_amqp_codec_number(p, AMQP_BASIC_CLASS, 2);
    p = ngx_ess_amqp_codec_number(p, 0, 2);

    bytes.bytes = ngx_ess_amqp_codec_number(p, body_size, 8);
    bytes.len = size - NGX_ESS_AMQP_FRAME_OVERHEAD - 12;

    n = amqp_encode_properties(AMQP_BASIC_CLASS, properties, bytes);

    return n < 0 ? 0 : ngx_ess_amqp_codec_frame(buf, AMQP_FRAME_HEADER, channel,
                                                12 + n);
}


size_t
ngx_ess_amqp_codec_body(u_char *buf, ngx_uint_t channel, const u_char *data,
    size_t len)
{
    ngx_memcpy(buf + NGX_ESS_AMQP_FRAME_HEADER, data, len);

    return ngx_ess_amqp_codec_frame(buf, AMQP_FRAME_BODY, channel, len);
}


size_t
ngx_ess_amqp_codec_heartbeat(u_char *buf)
{
    return ngx_ess_amqp_codec_frame(buf, AMQP_FRAME_HEARTBEAT, 0, 0);
}


const char *
ngx_ess_amqp_codec_name(amqp_method_number_t method)
{
    const char  *name;

    name = amqp_method_name(method);

    return name ? name : "an unknown method";
}
