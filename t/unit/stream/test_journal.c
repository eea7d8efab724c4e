/*
 * The undo journal: what was committed stays, what was not is undone by whoever
 * locks next.
 *
 * links: src/stream/ngx_ess_*.c fault/ngx_ess_zone_*.c
 * links: t/unit/ngx_unit.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ngx_unit.h"


static void
test_undone(void **state)
{
    uint64_t            id;
    uint32_t            witness;
    ngx_ess_zone_t     *zone;
    ngx_ess_zone_sh_t  *sh;

    zone = ngx_unit_zone(1024 * 1024);
    sh = zone->sh;

    ngx_ess_zone_lock(zone);

    ngx_ess_journal_set64_locked(sh, &sh->next_id, 7);
    ngx_ess_journal_set32_locked(sh, &sh->witness, 1);
    ngx_ess_journal_commit_locked(sh);

    id = sh->next_id;
    witness = sh->witness;

    /* the same word twice: the oldest value counts */

    ngx_ess_journal_set64_locked(sh, &sh->next_id, 8);
    ngx_ess_journal_set64_locked(sh, &sh->next_id, 0xffffffff00000009);
    ngx_ess_journal_set32_locked(sh, &sh->witness, 2);
    assert_int_equal(sh->undo, 3);

    /* it died; nginx's master unlocks */

    ngx_unit_force_unlock(zone);
    ngx_ess_zone_lock(zone);

    assert_int_equal(sh->undo, 0);
    assert_true(sh->next_id == id);
    assert_int_equal(sh->witness, witness);

    ngx_ess_zone_unlock(zone);

    ngx_unit_end(zone);
}


static void
test_unchanged(void **state)
{
    ngx_ess_zone_t     *zone;
    ngx_ess_zone_sh_t  *sh;

    zone = ngx_unit_zone(1024 * 1024);
    sh = zone->sh;

    /* what is there already takes no entry */

    ngx_ess_zone_lock(zone);
    ngx_ess_journal_set64_locked(sh, &sh->next_id, sh->next_id);
    assert_int_equal(sh->undo, 0);
    ngx_ess_zone_unlock(zone);

    ngx_unit_free(zone);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_undone),
        cmocka_unit_test(test_unchanged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
