/*
 * Frames for the tests of the codec: frames.h.
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "frames.h"
#include "ngx_guard.h"


#define GUARDED  (256 * 1024)


u_char  *guard;


u_char *
guarded(const u_char *data, size_t len)
{
    if (guard == NULL) {
        guard = ngx_unit_guard(GUARDED);
        assert_non_null(guard);
    }

    assert_true(len <= GUARDED);

    if (len) {
        memcpy(guard - len, data, len);
    }

    return guard - len;
}


size_t
frame(u_char *buf, int type, int channel, const void *payload, size_t len)
{
    buf[0] = (u_char) type;
    buf[1] = (u_char) (channel >> 8);
    buf[2] = (u_char) channel;
    buf[3] = (u_char) (len >> 24);
    buf[4] = (u_char) (len >> 16);
    buf[5] = (u_char) (len >> 8);
    buf[6] = (u_char) len;

    if (len) {
        memcpy(&buf[7], payload, len);
    }

    buf[7 + len] = 0xCE;

    return len + 8;
}


ngx_int_t
parse(ngx_ess_amqp_codec_t *codec, ngx_ess_amqp_frame_t *f, const u_char *data,
    size_t len)
{
    size_t     used;
    ngx_int_t  rc;

    used = 0;
    rc = ngx_ess_amqp_codec_parse(codec, f, guarded(data, len), len, &used);

    if (rc == NGX_OK) {
        assert_true(used <= len);
    }

    return rc;
}


void
start(ngx_ess_amqp_codec_t *codec)
{
    assert_int_equal(ngx_ess_amqp_codec_init(codec), NGX_OK);
    codec->channel_max = 2;
}
