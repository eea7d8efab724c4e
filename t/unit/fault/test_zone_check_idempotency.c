/*
 * The checker, of idempotency keys: whatever word is wrong, it says so.
 *
 * links: src/stream/ngx_ess_*.c fault/ngx_ess_zone_*.c
 * links: t/unit/ngx_unit.c t/unit/fault/broken_zone.c
 */


#include "broken_zone.h"


static ngx_ess_seg_t  keys[3];              /* two under way, one finished */


static ngx_ess_idempotency_entry_t *
entry_at(ngx_uint_t n)
{
    return ngx_ess_zone_idempotency(zone->sh, keys[n]);
}


static void
make_keys(void)
{
    ngx_uint_t             i;
    ngx_ess_idempotency_t  ctx;

    ngx_memzero(&ctx, sizeof(ctx));

    for (i = 0; i < 3; i++) {
        ctx.key[5] = (u_char) i;

        assert_int_equal(ngx_ess_idempotency_begin(zone, &ctx), NGX_OK);
    }

    ngx_ess_idempotency_finish(zone, &ctx);

    keys[0] = zone->sh->underway_head;
    keys[1] = zone->sh->underway_tail;
    keys[2] = zone->sh->finished_head;

    assert_true(keys[0] && keys[0] != keys[1] && keys[2]);
}


static void
test_tables(void **state)
{
    ngx_ess_zone_sh_t  *sh;

    make_keys();

    sh = zone->sh;

    broken(sh->idempotency[0], 0, "count of idempotency keys");
    broken(sh->idempotency[1], segs[0], "segment");
    broken(sh->nidempotency, 2, "count of idempotency keys");
    broken(sh->nidempotency, 0, "a table of no idempotency keys");
    broken(sh->nstatic, sh->nstatic - 1, "count of segments of streams");
    broken(entry_at(1)->next, 0, "count of idempotency keys");
    broken(entry_at(1)->next, keys[1], "two places");
    broken(entry_at(1)->key[0], 1, "an idempotency key");
    broken(entry_at(1)->key[1], 1, "an idempotency key");
    broken(entry_at(1)->link, 1, "an idempotency key");
    broken(entry_at(2)->len, 185, "an idempotency key");
}


static void
test_lists(void **state)
{
    ngx_ess_zone_sh_t  *sh;

    make_keys();

    sh = zone->sh;

    broken(sh->underway_head, keys[1], "an idempotency key in a list");
    broken(sh->underway_tail, keys[0], "end of a list of idempotency keys");
    broken(sh->finished_head, 0, "count of idempotency keys");
    broken(sh->finished_tail, 0, "end of a list of idempotency keys");
    broken(entry_at(0)->list_next, segs[0], "list of idempotency keys");
    broken(entry_at(1)->list_next, keys[0], "list of idempotency keys");
    broken(entry_at(1)->list_prev, 0, "an idempotency key in a list");
    broken(entry_at(0)->finished, 1, "an idempotency key in a list");
    broken(entry_at(2)->finished, 2, "an idempotency key");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        broken_zone_test(test_tables),
        broken_zone_test(test_lists),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
