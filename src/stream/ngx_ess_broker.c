
/*
 * What the workers have of the broker, in the zone: troubles of sessions, each
 * under a sequence lock of its own, and the slots that each worker consumes.
 * A process writes its own process slot only; whoever sweeps that writes what
 * a dead one left.  Runs in a worker.
 */


#include "ngx_ess_broker.h"
#include "ngx_ess_zone_layout.h"


/* of a trouble that is being written, at each read */
#define NGX_ESS_BROKER_TRIES     8


static ngx_ess_zone_trouble_t *ngx_ess_broker_mine(ngx_ess_zone_t *zone,
    ngx_ess_broker_session_e session);
static uint32_t ngx_ess_broker_clean(u_char *dst, size_t size,
    ngx_str_t *text);


static ngx_ess_zone_trouble_t *
ngx_ess_broker_mine(ngx_ess_zone_t *zone, ngx_ess_broker_session_e session)
{
    ngx_ess_process_t  *own;

    own = ngx_ess_zone_own(zone);

    return own ? &own->troubles[session] : NULL;
}


void
ngx_ess_broker_failed(ngx_ess_zone_t *zone, ngx_ess_broker_session_e session,
    ngx_str_t *host, ngx_str_t *text)
{
    ngx_ess_zone_trouble_t  *t;

    t = ngx_ess_broker_mine(zone, session);

    if (t == NULL) {
        return;
    }

    t->seq |= 1;
    ngx_memory_barrier();

    if (t->since == 0) {
        t->since = ngx_ess_now();
    }

    t->host_len = ngx_ess_broker_clean(t->host, NGX_ESS_BROKER_HOST, host);
    t->text_len = ngx_ess_broker_clean(t->text, NGX_ESS_BROKER_TEXT, text);

    ngx_memory_barrier();
    t->seq++;
}


/* For people to read: ngx_ess_escape() would escape once more what the session
   escaped for its log, and make it longer than there is room. */

static uint32_t
ngx_ess_broker_clean(u_char *dst, size_t size, ngx_str_t *text)
{
    size_t  i, len;

    len = ngx_min(text->len, size);

    for (i = 0; i < len; i++) {
        dst[i] = (text->data[i] < 0x20 || text->data[i] > 0x7e)
                 ? '.' : text->data[i];
    }

    return len;
}


void
ngx_ess_broker_well(ngx_ess_zone_t *zone, ngx_ess_broker_session_e session)
{
    ngx_ess_zone_trouble_t  *t;

    t = ngx_ess_broker_mine(zone, session);

    if (t) {
        t->since = 0;
    }
}


ngx_int_t
ngx_ess_broker_trouble(ngx_ess_zone_t *zone, ngx_uint_t proc,
    ngx_ess_broker_session_e session, ngx_ess_broker_trouble_t *trouble)
{
    uint32_t                 seq;
    ngx_uint_t               i;
    ngx_ess_zone_trouble_t  *t;

    t = &ngx_ess_zone_proc(zone->sh, proc)->troubles[session];

    for (i = 0; i < NGX_ESS_BROKER_TRIES; i++) {
        seq = *(volatile uint32_t *) &t->seq;
        ngx_memory_barrier();

        trouble->since = *(volatile uint64_t *) &t->since;

        if (trouble->since == 0) {
            return NGX_DECLINED;
        }

        trouble->proc = proc;
        trouble->host.data = trouble->host_data;
        trouble->host.len = ngx_min(t->host_len, NGX_ESS_BROKER_HOST);
        trouble->text.data = trouble->text_data;
        trouble->text.len = ngx_min(t->text_len, NGX_ESS_BROKER_TEXT);

        ngx_memcpy(trouble->host_data, t->host, NGX_ESS_BROKER_HOST);
        ngx_memcpy(trouble->text_data, t->text, NGX_ESS_BROKER_TEXT);

        ngx_memory_barrier();

        if (!(seq & 1) && *(volatile uint32_t *) &t->seq == seq) {
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


ngx_int_t
ngx_ess_broker_oldest(ngx_ess_zone_t *zone, ngx_ess_broker_session_e session,
    ngx_ess_broker_trouble_t *trouble)
{
    uint64_t            since, oldest;
    ngx_uint_t          i, proc;
    ngx_ess_process_t  *p;

    oldest = 0;
    proc = 0;

    for (i = 0; i < zone->sh->geo.nprocs; i++) {
        p = ngx_ess_zone_proc(zone->sh, i);
        since = *(volatile uint64_t *) &p->troubles[session].since;

        if (since && (oldest == 0 || since < oldest)) {
            oldest = since;
            proc = i;
        }
    }

    return oldest ? ngx_ess_broker_trouble(zone, proc, session, trouble)
                  : NGX_DECLINED;
}


ngx_int_t
ngx_ess_broker_own(ngx_ess_zone_t *zone, ngx_ess_broker_session_e session,
    ngx_ess_broker_trouble_t *trouble)
{
    if (ngx_ess_zone_own(zone)
        && ngx_ess_broker_trouble(zone, zone->proc, session, trouble)
           == NGX_OK)
    {
        return NGX_OK;
    }

    return ngx_ess_broker_oldest(zone, session, trouble);
}


void
ngx_ess_broker_why(ngx_ess_zone_t *zone, ngx_ess_broker_session_e session,
    const char *what, u_char *buf, ngx_str_t *why)
{
    u_char                    *p, *last;
    ngx_tm_t                   tm;
    ngx_ess_broker_trouble_t   trouble;

    last = buf + NGX_ESS_BROKER_WHY;
    p = ngx_slprintf(buf, last, "%s", what);

    if (ngx_ess_broker_own(zone, session, &trouble) == NGX_OK
        || ngx_ess_broker_own(zone, NGX_ESS_BROKER_CONSUMING, &trouble)
           == NGX_OK)
    {
        ngx_gmtime((time_t) (trouble.since / 1000), &tm);

        p = ngx_slprintf(p, last, ": %V: %V, since "
                         "%4d-%02d-%02dT%02d:%02d:%02dZ",
                         &trouble.host, &trouble.text,
                         tm.ngx_tm_year, tm.ngx_tm_mon, tm.ngx_tm_mday,
                         tm.ngx_tm_hour, tm.ngx_tm_min, tm.ngx_tm_sec);
    }

    why->data = buf;
    why->len = p - buf;
}


void
ngx_ess_broker_consumed(ngx_ess_zone_t *zone, ngx_uint_t slot, ngx_uint_t on)
{
    uint32_t            bit;
    ngx_ess_process_t  *p;

    p = ngx_ess_zone_own(zone);
    bit = (uint32_t) 1 << slot;

    if (p == NULL) {
        return;
    }

    if (on) {
        p->consumes |= bit;

    } else if (p->consumes & bit) {
        ngx_ess_zone_slot_left(zone->sh, slot);
        p->consumes &= ~bit;
    }
}


void
ngx_ess_broker_set_queue(ngx_ess_zone_t *zone, ngx_uint_t slot,
    ngx_uint_t quorum, ngx_ess_broker_queue_e queue)
{
    zone->sh->slots[slot].queues[quorum] = (uint8_t) queue;
}


ngx_ess_broker_queue_e
ngx_ess_broker_queue(ngx_ess_zone_t *zone, ngx_uint_t slot, ngx_uint_t quorum)
{
    return zone->sh->slots[slot].queues[quorum];
}


ngx_uint_t
ngx_ess_broker_consumer(ngx_ess_zone_t *zone, ngx_uint_t slot)
{
    uint32_t     bit;
    ngx_uint_t   i, proc;
    uint64_t     generation, last;

    bit = (uint32_t) 1 << slot;
    proc = NGX_ESS_PROCS;
    last = 0;

    for (i = 0; i < zone->sh->geo.nprocs; i++) {

        if (!(*(volatile uint32_t *) &ngx_ess_zone_proc(zone->sh, i)->consumes
              & bit))
        {
            continue;
        }

        generation = ngx_ess_zone_proc(zone->sh, i)->generation;

        if (proc == NGX_ESS_PROCS || generation > last) {
            proc = i;
            last = generation;
        }
    }

    return proc;
}


uint32_t
ngx_ess_broker_missing(ngx_ess_zone_t *zone, ngx_msec_t grace)
{
    uint32_t            bits;
    uint64_t            left;
    ngx_uint_t          i;
    ngx_ess_process_t  *p;

    bits = 0;

    for (i = 0; i < zone->sh->geo.nprocs; i++) {
        p = ngx_ess_zone_proc(zone->sh, i);
        bits |= *(volatile uint32_t *) &p->consumes;
    }

    for (i = 0; i < NGX_ESS_SLOTS; i++) {
        left = *(volatile uint64_t *) &zone->sh->slots[i].left;

        if (left
            && (ngx_msec_int_t) (ngx_current_msec - (ngx_msec_t) left)
               <= (ngx_msec_int_t) grace)
        {
            bits |= (uint32_t) 1 << i;
        }
    }

    return ~bits & (((uint32_t) 1 << NGX_ESS_SLOTS) - 1);
}
