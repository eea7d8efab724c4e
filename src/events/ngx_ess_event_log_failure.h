/*
 * What a log last failed with, of which one line is enough while it lasts: a
 * hash of the words; 0 while it does not fail.
 */


#ifndef _NGX_ESS_EVENT_LOG_FAILURE_H_INCLUDED_
#define _NGX_ESS_EVENT_LOG_FAILURE_H_INCLUDED_


#include "ngx_ess.h"


/* "text" null terminated, or NULL: it succeeded.  1: it begins to fail, or for
   another reason. */

static ngx_inline ngx_uint_t
ngx_ess_event_log_failure(uint32_t *failure, u_char *text)
{
    uint32_t  last;

    last = *failure;

    *failure = text ? ngx_crc32_short(text, ngx_strlen(text)) | 1 : 0;

    return *failure && *failure != last;
}


#endif /* _NGX_ESS_EVENT_LOG_FAILURE_H_INCLUDED_ */
