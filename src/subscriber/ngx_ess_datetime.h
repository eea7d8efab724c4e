/*
 * A point in time as people write it: "13:00", "28 Nov 2026",
 * "Nov 28 2026 1pm", "2026-11-28 13:00:00.123+01:00", "28/11/2026", "Friday".
 * It is read as python-dateutil's parser does without options: the month comes
 * before the day where both could be, and a part that is missing comes from
 * today, 0:00.  No I/O, no memory.  Private to subscriber/.
 */


#ifndef _NGX_ESS_DATETIME_H_INCLUDED_
#define _NGX_ESS_DATETIME_H_INCLUDED_


#include "ngx_ess.h"


/*
 * A text of at most 64 bytes; "now" is in s since 1970, "ms" in ms, and 0 of
 * what was before.  UTC where no zone is named; of names UTC, GMT and Z are
 * known, and any that has its offset.  NGX_DECLINED: it cannot be read.
 */
ngx_int_t ngx_ess_datetime(ngx_str_t *text, time_t now, uint64_t *ms);


#endif /* _NGX_ESS_DATETIME_H_INCLUDED_ */
