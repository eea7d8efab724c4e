/*
 * One event, or one gap, in an encoding: the event has the ordinal 7 of the
 * epoch ab12, and the time 1234567; its stream the number 17, and the name
 * "orders".
 */


#ifndef _ONE_FRAME_H_INCLUDED_
#define _ONE_FRAME_H_INCLUDED_


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>
#include "ngx_ess_encoding.h"


#define BYTES(text)  text, sizeof(text) - 1


/* the nth allocation from now fails; 0: none, or it did */
extern ngx_uint_t  one_frame_fail;

/* whether the event is to be one that cannot be annotated */
extern ngx_uint_t  one_frame_unannotated;

/* the event's key; empty: it has none */
extern const char  *one_frame_key;


/* What encode() returns, and perhaps a frame, to be freed. */
ngx_int_t one_frame_encode(const ngx_ess_encoding_t *encoding, ngx_uint_t one,
    const char *body, size_t len, ngx_ess_encoding_frame_t *frame);

/* The event's frame, to be freed. */
ngx_ess_encoding_frame_t one_frame(const ngx_ess_encoding_t *encoding,
    ngx_uint_t one, const char *body, size_t len);

/* It is these bytes. */
void one_frame_is(const ngx_ess_encoding_t *encoding, ngx_uint_t one,
    const char *body, size_t len, const char *expected, size_t expected_len);
void one_frame_gap_is(const ngx_ess_encoding_t *encoding, uint64_t from,
    uint64_t to, const char *expected, size_t expected_len);

/* Without memory there is none, of an event or of a gap. */
void one_frame_failed(const ngx_ess_encoding_t *encoding);


#endif /* _ONE_FRAME_H_INCLUDED_ */
