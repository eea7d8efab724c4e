
/*
 * What a client with several subscriptions does not take is read again.  Runs
 * in the worker that has the connection.
 */


#include "ngx_ess_multi_back.h"
#include "ngx_ess_feed_back.h"
#include "ngx_ess_feed_join.h"
#include "ngx_ess_multi_drop.h"
#include "ngx_ess_multi_join.h"


static ngx_int_t ngx_ess_multi_back_keys(ngx_ess_multi_t *multi,
    ngx_ess_multi_group_t *group);
static ngx_int_t ngx_ess_multi_back_replays(ngx_ess_multi_t *multi,
    ngx_ess_multi_group_t *group);
static ngx_int_t ngx_ess_multi_back_live(ngx_ess_multi_t *multi,
    ngx_ess_multi_group_t *group, ngx_str_t *keys, ngx_uint_t n,
    ngx_ess_frame_t *frame);
static ngx_uint_t ngx_ess_multi_back_all(ngx_ess_multi_t *multi,
    ngx_ess_multi_group_t *group, ngx_str_t *keys, ngx_ess_frame_t **least);


ngx_int_t
ngx_ess_multi_back(ngx_ess_multi_t *multi, ngx_ess_multi_cell_t *cell)
{
    ngx_int_t   rc;
    ngx_uint_t  replay;

    if (cell->sub.group) {
        return ngx_ess_multi_back_keys(multi, &cell->group);
    }

    replay = cell->sub.lane->feed->replay;

    rc = ngx_ess_feed_back(&cell->sub, 0);

    if (rc == NGX_OK && !replay) {
        ngx_ess_multi_park(multi, &cell->sub);
    }

    return rc;
}


/* Keys are merged, so those at the end of the stream go back together, to where
   the first one of them is.  What a replay reads is behind that, and it goes
   back by itself. */

static ngx_int_t
ngx_ess_multi_back_keys(ngx_ess_multi_t *multi, ngx_ess_multi_group_t *group)
{
    ngx_str_t        *keys;
    ngx_int_t         rc;
    ngx_uint_t        n;
    ngx_ess_frame_t  *least;

    rc = ngx_ess_multi_back_replays(multi, group);

    n = ngx_ess_multi_back_all(multi, group, NULL, &least);

    /* a gap is not found in the log again, nor what the source had */

    if (rc == NGX_ERROR
        || least == NULL
        || least->type != NGX_ESS_FRAME_EVENT
        || least->seq == 0)
    {
        return rc;
    }

    keys = ngx_alloc(n * sizeof(ngx_str_t), multi->client->connection->log);
    if (keys == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_ess_multi_back_all(multi, group, keys, &least);

    rc = ngx_ess_multi_back_live(multi, group, keys, n, least);

    ngx_free(keys);

    return rc;
}


/* NGX_DECLINED: there are none that could. */

static ngx_int_t
ngx_ess_multi_back_replays(ngx_ess_multi_t *multi,
    ngx_ess_multi_group_t *group)
{
    ngx_int_t              rc, back;
    ngx_ess_subscriber_t  *sub;
    ngx_ess_multi_cell_t  *cell;

    back = NGX_DECLINED;
    cell = NULL;

    while ((cell = ngx_ess_multi_table_replay(&multi->table, group->id, cell)))
    {
        sub = &cell->sub;

        if (sub->frame == NULL || sub->fresh) {
            continue;
        }

        ngx_ess_multi_take(sub, group);
        rc = ngx_ess_feed_back(sub, 0);
        ngx_ess_multi_put(multi, sub);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_OK) {
            back = NGX_OK;
        }
    }

    return back;
}


static ngx_int_t
ngx_ess_multi_back_live(ngx_ess_multi_t *multi, ngx_ess_multi_group_t *group,
    ngx_str_t *keys, ngx_uint_t n, ngx_ess_frame_t *frame)
{
    ngx_ess_log_place_t    place;
    ngx_ess_stream_ref_t   ref;
    ngx_ess_multi_cell_t  *cell;

    ngx_memzero(&place, sizeof(ngx_ess_log_place_t));

    place.seq = frame->seq;
    place.have = frame->ordinal - 1;

    ref.id = group->id;
    ref.epoch = group->epoch;
    ref.index = group->index;

    cell = ngx_ess_multi_join_cell(multi, group);

    if (cell == NULL) {
        return NGX_ERROR;
    }

    cell->sub.fresh = 0;
    cell->sub.number = group->number;
    cell->sub.follow = group->follow;

    /* its feed has copies of the keys */

    if (ngx_ess_feed_join_replay(&ref, multi->encoding, keys, n, &cell->sub,
                                 &place)
        != NGX_OK)
    {
        ngx_ess_multi_cell_free(cell);
        return NGX_ERROR;
    }

    ngx_ess_multi_drop_live(multi, group);
    ngx_ess_multi_park(multi, &cell->sub);

    return ngx_ess_multi_join_add(multi, cell);
}


/* Those at the end that the client knows of: returns how many there are, and
   what they are, if asked.  *least: the first frame of any, NULL: none has
   one. */

static ngx_uint_t
ngx_ess_multi_back_all(ngx_ess_multi_t *multi, ngx_ess_multi_group_t *group,
    ngx_str_t *keys, ngx_ess_frame_t **least)
{
    uint32_t               bucket;
    ngx_uint_t             n;
    ngx_ess_frame_t       *frame;
    ngx_ess_multi_cell_t  *cell;

    n = 0;
    cell = NULL;
    *least = NULL;

    while ((cell = ngx_ess_multi_table_next(&multi->table, &bucket, cell))) {

        if (ngx_ess_multi_group(&cell->sub) != group
            || cell->sub.fresh
            || cell->sub.lane->feed->replay)
        {
            continue;
        }

        frame = cell->sub.frame;

        if (frame && (*least == NULL || frame->seq < (*least)->seq)) {
            *least = frame;
        }

        if (keys) {
            ngx_ess_multi_lane_key(cell->sub.lane, &keys[n]);
        }

        n++;
    }

    return n;
}
