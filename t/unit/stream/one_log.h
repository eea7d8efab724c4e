/*
 * A stream and its log, for the unit tests of logs.
 */


#ifndef _ONE_LOG_H_INCLUDED_
#define _ONE_LOG_H_INCLUDED_


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ngx_unit.h"


extern ngx_str_t               key;         /* the stream's */
extern ngx_ess_zone_t         *zone;
extern ngx_ess_stream_info_t   stream;
extern ngx_ess_record_t        records[4096];   /* that were read, */
extern u_char                  buf[262144];     /* with their bodies */
extern uint64_t                print;       /* of the next event; its timestamp
                                               is 1000 more */
extern ngx_ess_seg_t           reader_last;


int one_log_setup(void **state);
int one_log_setup_large(void **state);
int one_log_teardown(void **state);

#define one_log_test(name)                                                     \
    cmocka_unit_test_setup_teardown(name, one_log_setup, one_log_teardown)

/* To the streams, or those of the key; as ngx_ess_log_append(). */
ngx_uint_t append_to(ngx_ess_stream_ref_t **refs, ngx_uint_t nrefs,
    ngx_str_t *k, u_char *data, size_t len);
ngx_uint_t append(ngx_str_t *k, u_char *data, size_t len);

/* As ngx_ess_log_read(). */
ngx_int_t take(uint64_t *seq, size_t size, ngx_uint_t *n, uint64_t *lost,
    size_t *need);


#endif /* _ONE_LOG_H_INCLUDED_ */
