
/*
 * Annotations, and the check that a body is a JSON object: one pass.  Owns
 * nothing.  Runs in workers, once for each event.
 */


#include "ngx_ess_annotate.h"
#include "ngx_ess_json_read.h"
#include "ngx_ess_str.h"


void
ngx_ess_annotate(ngx_ess_annotate_t *a, ngx_ess_encoding_event_t *event)
{
    u_char               *last;
    ngx_int_t             rc;
    ngx_ess_json_read_t   j;

    ngx_memzero(&j, sizeof(ngx_ess_json_read_t));

    j.p = event->body.data;
    j.last = j.p + event->body.len;
    j.max_depth = NGX_ESS_JSON_BODY_DEPTH;
    j.unique = 1;

    a->at = event->body.len;
    a->len = 0;
    a->invalid = 0;

    j.p = ngx_ess_str_space(j.p, j.last);

    if (j.p < j.last && *j.p == '{') {
        rc = ngx_ess_json_read_value(&j);
        j.p = ngx_ess_str_space(j.p, j.last);

        if (rc != NGX_OK || j.p != j.last) {
            a->invalid = 1;
            return;
        }

        a->at = j.end - event->body.data;
        last = ngx_sprintf(a->data, "%s\"ess_ordinal\":%uL,"
                           "\"ess_timestamp\":",
                           j.empty ? "" : ",", event->ordinal);

    } else {
        last = ngx_sprintf(a->data, "|ordinal: %uL|timestamp: ",
                           event->ordinal);
    }

    /* null: nobody shall come back by a time that means nothing */

    last = event->timestamp ? ngx_sprintf(last, "%uL", event->timestamp)
                            : ngx_cpymem(last, "null", 4);

    a->len = last - a->data;
}
