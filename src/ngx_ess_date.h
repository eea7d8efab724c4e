/*
 * Times as text, RFC 3339: "2024-01-01T13:45:10.123Z", "…+01:00".  Pure.
 */


#ifndef _NGX_ESS_DATE_H_INCLUDED_
#define _NGX_ESS_DATE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* the first ms of the year 0000, and of 10000 */
#define NGX_ESS_DATE_FIRST  (-62167219200000LL)
#define NGX_ESS_DATE_END    253402300800000LL


/*
 * ms since 1970, negative before; in UTC it is of a year from 0000 to 9999;
 * digits behind ms are cut.  A leap second, which is the last one of a day in
 * UTC, is the second behind it.  NGX_OK or NGX_DECLINED.
 */
ngx_int_t ngx_ess_date_parse(const u_char *p, size_t len, int64_t *ms);

/* A date alone, "2024-01-01": NGX_OK or NGX_DECLINED. */
ngx_int_t ngx_ess_date_day(const u_char *p, size_t len);


#endif /* _NGX_ESS_DATE_H_INCLUDED_ */
