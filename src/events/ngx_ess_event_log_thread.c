
/*
 * Linux gives each thread a priority of its own.  One that works for an event
 * log has a lower one than its worker, which clients of streams wait for, and
 * a higher one than nothing: it goes on while the worker is at work.
 */


#include "ngx_ess_event_log_thread.h"

#include <sys/resource.h>


/* of niceness, above the worker's: a tenth of its share */
#define NGX_ESS_EVENT_LOG_THREAD_NICE  10


void
ngx_ess_event_log_thread_begin(void)
{
    int                  nice;
    static __thread int  done;

    if (done) {
        return;
    }

    done = 1;

    /* the number of the process is that of its first thread, the worker's; -1
       may be an error, which changes nothing */

    nice = getpriority(PRIO_PROCESS, ngx_pid);

    (void) setpriority(PRIO_PROCESS, 0,
                       ngx_min(nice + NGX_ESS_EVENT_LOG_THREAD_NICE, 19));
}
