/*
 * A point in time as people and programs write it: "13:00", "28 Nov 2026",
 * "Nov 28, 2026 1pm", "28/11/2026", "Sat, 28 Nov 2026 13:00:00 GMT".  What is
 * read means what python-dateutil's parser takes it for.  No I/O, no memory.
 * Private to subscriber/.
 */


#ifndef _NGX_ESS_DATETIME_H_INCLUDED_
#define _NGX_ESS_DATETIME_H_INCLUDED_


#include "ngx_ess.h"


/*
 * A text of at most 64 bytes; "now" is in s since 1970, "ms" in ms, and 0 of
 * what was before.  The month comes before the day where both could be.  A
 * part that is missing comes from today, 0:00.  UTC where no zone is named.
 * NGX_DECLINED: it cannot be read.
 */
ngx_int_t ngx_ess_datetime(ngx_str_t *text, time_t now, uint64_t *ms);


#endif /* _NGX_ESS_DATETIME_H_INCLUDED_ */
