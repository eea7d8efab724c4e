
/*
 * Questions to other workers and their answers.  A box in the zone is the
 * asker's, or free once that process is gone.  It is written under the mutex,
 * its state last, so it needs no journal.  Who answers copies the question
 * out, and the answer in if it is still that question.
 */


#include "ngx_ess_mailbox.h"
#include "ngx_ess_interest.h"
#include "ngx_ess_journal.h"


#define NGX_ESS_MAILBOX_BUSY      10        /* ms, until a box may be free */
#define NGX_ESS_MAILBOX_LOOK      100       /* ms; is it still there? */
#define NGX_ESS_MAILBOX_PATIENCE  5000      /* ms, with one worker */


static void ngx_ess_mailbox_timer(ngx_event_t *ev);
static void ngx_ess_mailbox_next(ngx_ess_mail_t *mail);
static ngx_int_t ngx_ess_mailbox_put(ngx_ess_mail_t *mail);
static void ngx_ess_mailbox_withdraw(ngx_ess_mail_t *mail);
static void ngx_ess_mailbox_reply(ngx_uint_t i, ngx_ess_mailbox_t *question);
static void ngx_ess_mailbox_answered(ngx_ess_mailbox_t *answer);
static void ngx_ess_mailbox_take(ngx_ess_mail_t *mail,
    ngx_ess_mailbox_t *answer);
static void ngx_ess_mailbox_done(ngx_ess_mail_t *mail, ngx_int_t rc);
static int ngx_libc_cdecl ngx_ess_mailbox_compare(const void *one,
    const void *two);


static ngx_ess_zone_t             *ngx_ess_mailbox_zone;
static ngx_ess_mailbox_answer_pt   ngx_ess_mailbox_answer;
static ngx_queue_t                 ngx_ess_mailbox_asking;


void
ngx_ess_mailbox_init_process(ngx_ess_zone_t *zone,
    ngx_ess_mailbox_answer_pt answer)
{
    ngx_ess_mailbox_zone = zone;
    ngx_ess_mailbox_answer = answer;

    ngx_queue_init(&ngx_ess_mailbox_asking);
}


ngx_int_t
ngx_ess_mailbox_ask(ngx_ess_mail_t *mail)
{
    mail->serial = 0;

    if (ngx_array_init(&mail->found, mail->pool, NGX_ESS_MAILBOX_ANSWER,
                       sizeof(ngx_ess_mail_subscriber_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_memzero(&mail->timer, sizeof(ngx_event_t));

    mail->timer.handler = ngx_ess_mailbox_timer;
    mail->timer.data = mail;
    mail->timer.log = ngx_cycle->log;

    ngx_ess_interest_procs(ngx_ess_mailbox_zone, &mail->ref, &mail->procs);
    ngx_ess_mailbox_next(mail);

    ngx_queue_insert_tail(&ngx_ess_mailbox_asking, &mail->queue);
    ngx_add_timer(&mail->timer, 0);

    return NGX_OK;
}


void
ngx_ess_mailbox_cancel(ngx_ess_mail_t *mail)
{
    ngx_ess_mailbox_withdraw(mail);

    if (mail->timer.timer_set) {
        ngx_del_timer(&mail->timer);
    }

    ngx_queue_remove(&mail->queue);
}


/* Asks, or looks whether an answer can still come. */

static void
ngx_ess_mailbox_timer(ngx_event_t *ev)
{
    ngx_ess_mail_t *mail = ev->data;

    while (mail->proc != NGX_ESS_PROCS) {

        if (!ngx_ess_zone_lives(ngx_ess_mailbox_zone->sh, mail->proc,
                                mail->life))
        {

            /* and so are its subscribers gone */

            ngx_ess_mailbox_next(mail);
            continue;
        }

        if ((ngx_msec_int_t) (ngx_current_msec - mail->deadline) >= 0) {
            ngx_log_error(NGX_LOG_ERR, ev->log, 0,
                          "worker process slot %ui did not answer for %d ms",
                          mail->proc, NGX_ESS_MAILBOX_PATIENCE);

            ngx_ess_mailbox_done(mail, NGX_BUSY);
            return;
        }

        if (mail->serial || ngx_ess_mailbox_put(mail) == NGX_OK) {
            ngx_add_timer(ev, NGX_ESS_MAILBOX_LOOK);

        } else {
            ngx_add_timer(ev, NGX_ESS_MAILBOX_BUSY);
        }

        return;
    }

    ngx_ess_mailbox_done(mail, (mail->type == NGX_ESS_MAIL_LIST)
                               ? NGX_OK : NGX_DECLINED);
}


/* The process slot that is to be asked now; NGX_ESS_PROCS: all were. */

static void
ngx_ess_mailbox_next(ngx_ess_mail_t *mail)
{
    uint64_t    bit;
    ngx_uint_t  p;

    ngx_ess_mailbox_withdraw(mail);

    mail->taken = 0;
    mail->after = mail->number;
    mail->deadline = ngx_current_msec + NGX_ESS_MAILBOX_PATIENCE;

    for (p = 0; p < ngx_ess_mailbox_zone->sh->geo.nprocs; p++) {
        bit = (uint64_t) 1 << (p % 64);

        if (mail->procs.procs[p / 64] & bit) {
            mail->procs.procs[p / 64] &= ~bit;

            mail->proc = p;
            mail->life = ngx_ess_zone_proc(ngx_ess_mailbox_zone->sh, p)
                         ->incarnation;
            return;
        }
    }

    mail->proc = NGX_ESS_PROCS;
}


/* NGX_OK: the question is in a box; NGX_AGAIN: no box is free. */

static ngx_int_t
ngx_ess_mailbox_put(ngx_ess_mail_t *mail)
{
    ngx_uint_t          i;
    ngx_ess_zone_t     *zone;
    ngx_ess_wake_t      wake;
    ngx_ess_mailbox_t  *box;

    zone = ngx_ess_mailbox_zone;
    box = zone->sh->boxes;

    ngx_memzero(&wake, sizeof(ngx_ess_wake_t));

    ngx_ess_zone_lock(zone);

    for (i = 0; i < NGX_ESS_MAILBOXES; i++) {
        if (box[i].state == NGX_ESS_BOX_FREE
            || !ngx_ess_zone_lives(zone->sh, box[i].asker, box[i].asker_life))
        {
            break;
        }
    }

    if (i == NGX_ESS_MAILBOXES) {
        ngx_ess_zone_unlock(zone);
        return NGX_AGAIN;
    }

    mail->box = i;
    mail->serial = ++zone->sh->questions;

    box += i;

    box->state = NGX_ESS_BOX_FREE;
    ngx_ess_journal_barrier();

    box->serial = mail->serial;
    box->asker = zone->proc;
    box->asker_life = ngx_ess_zone_life(zone);
    box->asked = mail->proc;
    box->type = mail->type;
    box->ref = mail->ref;
    box->number = mail->after;

    ngx_ess_journal_barrier();
    box->state = NGX_ESS_BOX_ASKED;

    ngx_ess_wake_mail_locked(zone->sh, mail->proc, &wake);

    ngx_ess_zone_unlock(zone);

    ngx_ess_wake_procs(zone, &wake);

    return NGX_OK;
}


static void
ngx_ess_mailbox_withdraw(ngx_ess_mail_t *mail)
{
    ngx_ess_mailbox_t  *box;

    if (mail->serial == 0) {
        return;
    }

    box = &ngx_ess_mailbox_zone->sh->boxes[mail->box];

    ngx_ess_zone_lock(ngx_ess_mailbox_zone);

    if (box->serial == mail->serial) {
        box->state = NGX_ESS_BOX_FREE;
    }

    ngx_ess_zone_unlock(ngx_ess_mailbox_zone);

    mail->serial = 0;
}


void
ngx_ess_mailbox_read(void)
{
    ngx_uint_t          i, asked, answered;
    ngx_ess_zone_t     *zone;
    ngx_ess_mailbox_t  *box;

    static ngx_ess_mailbox_t  copy;

    zone = ngx_ess_mailbox_zone;

    for (i = 0; i < NGX_ESS_MAILBOXES; i++) {
        ngx_ess_zone_lock(zone);

        box = &zone->sh->boxes[i];

        asked = (box->state == NGX_ESS_BOX_ASKED && box->asked == zone->proc);
        answered = (box->state == NGX_ESS_BOX_ANSWERED
                    && box->asker == zone->proc
                    && box->asker_life == ngx_ess_zone_life(zone));

        if (asked || answered) {
            copy = *box;
        }

        if (answered) {
            box->state = NGX_ESS_BOX_FREE;
        }

        ngx_ess_zone_unlock(zone);

        if (asked) {
            ngx_ess_mailbox_reply(i, &copy);

        } else if (answered) {
            ngx_ess_mailbox_answered(&copy);
        }
    }
}


static void
ngx_ess_mailbox_reply(ngx_uint_t i, ngx_ess_mailbox_t *question)
{
    ngx_ess_zone_t     *zone;
    ngx_ess_wake_t      wake;
    ngx_ess_mailbox_t  *box;

    zone = ngx_ess_mailbox_zone;
    box = &zone->sh->boxes[i];

    question->nsubs = ngx_ess_mailbox_answer(question->type, &question->ref,
                                             question->number,
                                             question->subs);

    ngx_memzero(&wake, sizeof(ngx_ess_wake_t));

    ngx_ess_zone_lock(zone);

    if (box->state == NGX_ESS_BOX_ASKED && box->serial == question->serial) {
        box->nsubs = question->nsubs;
        ngx_memcpy(box->subs, question->subs,
                   question->nsubs * sizeof(ngx_ess_mail_subscriber_t));

        ngx_ess_journal_barrier();
        box->state = NGX_ESS_BOX_ANSWERED;

        ngx_ess_wake_mail_locked(zone->sh, box->asker, &wake);
    }

    ngx_ess_zone_unlock(zone);

    ngx_ess_wake_procs(zone, &wake);
}


static void
ngx_ess_mailbox_answered(ngx_ess_mailbox_t *answer)
{
    ngx_queue_t     *q;
    ngx_ess_mail_t  *mail;

    for (q = ngx_queue_head(&ngx_ess_mailbox_asking);
         q != ngx_queue_sentinel(&ngx_ess_mailbox_asking);
         q = ngx_queue_next(q))
    {
        mail = ngx_queue_data(q, ngx_ess_mail_t, queue);

        if (mail->serial == answer->serial) {
            mail->serial = 0;
            ngx_ess_mailbox_take(mail, answer);
            return;
        }
    }
}


static void
ngx_ess_mailbox_take(ngx_ess_mail_t *mail, ngx_ess_mailbox_t *answer)
{
    ngx_ess_mail_subscriber_t  *subs;

    if (mail->type == NGX_ESS_MAIL_CLOSE) {

        if (answer->nsubs) {
            ngx_ess_mailbox_done(mail, NGX_OK);
            return;
        }

    } else if (answer->nsubs) {
        subs = ngx_array_push_n(&mail->found, answer->nsubs);
        if (subs == NULL) {
            ngx_ess_mailbox_done(mail, NGX_ERROR);
            return;
        }

        ngx_memcpy(subs, answer->subs,
                   answer->nsubs * sizeof(ngx_ess_mail_subscriber_t));

        mail->taken += answer->nsubs;
        mail->after = subs[answer->nsubs - 1].number;
    }

    if (answer->nsubs < NGX_ESS_MAILBOX_ANSWER || mail->taken >= mail->limit) {
        ngx_ess_mailbox_next(mail);
    }

    if (mail->timer.timer_set) {
        ngx_del_timer(&mail->timer);
    }

    ngx_ess_mailbox_timer(&mail->timer);
}


static void
ngx_ess_mailbox_done(ngx_ess_mail_t *mail, ngx_int_t rc)
{
    ngx_ess_mailbox_cancel(mail);

    mail->subs = mail->found.elts;
    mail->nsubs = ngx_min(mail->found.nelts, mail->limit);

    ngx_qsort(mail->subs, mail->found.nelts,
              sizeof(ngx_ess_mail_subscriber_t), ngx_ess_mailbox_compare);

    mail->handler(mail, rc);
}


static int ngx_libc_cdecl
ngx_ess_mailbox_compare(const void *one, const void *two)
{
    const ngx_ess_mail_subscriber_t  *a, *b;

    a = one;
    b = two;

    return (a->number > b->number) - (a->number < b->number);
}
