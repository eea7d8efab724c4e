
/*
 * Frames of a WebSocket's messages.  They are the caller's.  Runs in workers.
 */


#include "ngx_ess_encoding_message.h"


/* of ess_deflate */
static ngx_int_t  ngx_ess_encoding_message_level;
static size_t     ngx_ess_encoding_message_min_size;


void
ngx_ess_encoding_message_init(ngx_int_t level, size_t min_size)
{
    ngx_ess_encoding_message_level = level;
    ngx_ess_encoding_message_min_size = min_size;
}


u_char *
ngx_ess_encoding_message(ngx_ess_encoding_frame_t *out,
    ngx_ess_ws_opcode_e opcode, ngx_uint_t deflated, size_t len,
    ngx_log_t *log)
{
    u_char  header[NGX_ESS_WS_MAX_HEADER];
    size_t  n;

    n = ngx_ess_ws_codec_header(header, opcode, deflated, len);

    out->len = n + len;
    out->data = ngx_ess_encoding_alloc(out->len, log);
    if (out->data == NULL) {
        return NULL;
    }

    return ngx_cpymem(out->data, header, n);
}


void
ngx_ess_encoding_message_deflate(ngx_ess_encoding_frame_t *out, size_t size,
    size_t len, ngx_log_t *log)
{
    u_char                    *p, *message;
    ngx_ess_ws_opcode_e        opcode;
    ngx_ess_encoding_frame_t   plain;

    if (size < ngx_ess_encoding_message_min_size) {
        return;
    }

    opcode = out->data[0] & NGX_ESS_WS_OPCODE;

    p = ngx_alloc(len, log);
    if (p == NULL) {
        return;
    }

    len = ngx_ess_ws_deflate(p, len, out->data + out->len - len, len,
                             ngx_ess_encoding_message_level);

    if (len) {
        plain = *out;
        message = ngx_ess_encoding_message(out, opcode, 1, len, log);

        if (message) {
            ngx_memcpy(message, p, len);
            (void) ngx_ess_encoding_free(plain.data);

        } else {
            *out = plain;
        }
    }

    ngx_free(p);
}
