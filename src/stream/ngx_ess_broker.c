
/*
 * What the workers have of the broker, in the zone: troubles of sessions, each
 * under a sequence lock of its own, and the slots that each worker consumes.
 * A process writes its own process slot only; whoever sweeps that writes what
 * a dead one left.  Runs in a worker.
 */


#include "ngx_ess_broker.h"
#include "ngx_ess_zone_layout.h"


static ngx_ess_trouble_t *ngx_ess_broker_mine(ngx_ess_zone_t *zone,
    ngx_ess_broker_session_e session);


static ngx_ess_trouble_t *
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
    ngx_ess_trouble_t  *t;

    t = ngx_ess_broker_mine(zone, session);

    if (t) {
        ngx_ess_trouble_set(t, host, text);
    }
}


void
ngx_ess_broker_well(ngx_ess_zone_t *zone, ngx_ess_broker_session_e session)
{
    ngx_ess_trouble_t  *t;

    t = ngx_ess_broker_mine(zone, session);

    if (t) {
        ngx_ess_trouble_well(t);
    }
}


ngx_int_t
ngx_ess_broker_trouble(ngx_ess_zone_t *zone, ngx_uint_t proc,
    ngx_ess_broker_session_e session, ngx_ess_broker_trouble_t *trouble)
{
    ngx_ess_trouble_t  *copy;

    copy = &trouble->copy;

    if (ngx_ess_trouble_read(&ngx_ess_zone_proc(zone->sh, proc)
                                 ->troubles[session], copy)
        != NGX_OK)
    {
        return NGX_DECLINED;
    }

    trouble->since = copy->since;
    trouble->proc = proc;
    trouble->host.data = copy->host;
    trouble->host.len = copy->host_len;
    trouble->text.data = copy->text;
    trouble->text.len = copy->text_len;

    return NGX_OK;
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
    ngx_ess_broker_trouble_t   trouble;

    last = buf + NGX_ESS_BROKER_WHY;
    p = ngx_slprintf(buf, last, "%s", what);

    if (ngx_ess_broker_own(zone, session, &trouble) == NGX_OK
        || ngx_ess_broker_own(zone, NGX_ESS_BROKER_CONSUMING, &trouble)
           == NGX_OK)
    {
        p = ngx_ess_trouble_words(p, last, &trouble.copy);
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
