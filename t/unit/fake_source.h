/*
 * What stands around the seam: a configuration with a row of the test's, and
 * what ngx_ess_source.c asks its neighbours.
 */


#ifndef _FAKE_SOURCE_H_INCLUDED_
#define _FAKE_SOURCE_H_INCLUDED_


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ngx_ess_source.h"


/* ms that a bind and an attach may take */
#define LIMIT  2000


extern ngx_log_t    seam_log;
extern ngx_array_t  seam_sources;

/* another worker unbinds the key; what beginning to do so answers */
extern ngx_uint_t   seam_unbinding;
extern ngx_int_t    seam_unbind_rc;


/* The row of number 1; NULL: it is not configured; that of number 0 never
   is. */
void seam_use(const ngx_ess_source_t *row);

const char *seam_rc(ngx_int_t rc);

/* For cmocka's setup and teardown; the latter fails if anything is left. */
int seam_setup(void **state);
int seam_teardown(void **state);


#endif /* _FAKE_SOURCE_H_INCLUDED_ */
