/*
 * Frames for the tests of the codec, in memory that ends at a guard page.
 */


#ifndef _FRAMES_H_INCLUDED_
#define _FRAMES_H_INCLUDED_


#include "ngx_ess_amqp_codec.h"


/* the first byte that must not be read */
extern u_char  *guard;


/* A copy of the bytes that ends where memory ends. */
u_char *guarded(const u_char *data, size_t len);

/* A frame in "buf"; its length. */
size_t frame(u_char *buf, int type, int channel, const void *payload,
    size_t len);

/* A codec that knows of two channels; what it says of the bytes. */
void start(ngx_ess_amqp_codec_t *codec);
ngx_int_t parse(ngx_ess_amqp_codec_t *codec, ngx_ess_amqp_frame_t *f,
    const u_char *data, size_t len);


#endif /* _FRAMES_H_INCLUDED_ */
