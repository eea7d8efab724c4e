/*
 * The checker, of what is no stream's own: whatever word is wrong, it says so.
 *
 * links: src/stream/ngx_ess_*.c fault/ngx_ess_zone_*.c
 * links: t/unit/ngx_unit.c t/unit/fault/broken_zone.c
 */


#include "broken_zone.h"
#include "ngx_ess_attr.h"


static void
test_sound(void **state)
{
    char    *text;
    size_t   size;

    ngx_unit_verbose = 1;
    ngx_unit_messages = open_memstream(&text, &size);

    ngx_ess_zone_check_all(zone, &ngx_unit_log);

    (void) fclose(ngx_unit_messages);
    ngx_unit_messages = stderr;
    ngx_unit_verbose = 0;

    assert_non_null(strstr(text, "ess zone check: ok\n"));
    free(text);

    /* with the mutex, which it gives back */

    assert_int_equal(*zone->shpool->mutex.lock, 0);
}


static void
test_journal(void **state)
{
    broken(zone->sh->undo, 1, "the journal is not empty");
    broken(zone->sh->overflows, 1, "the journal was too short");
}


static void
test_free_list(void **state)
{
    ngx_ess_seg_t       first;
    ngx_ess_zone_sh_t  *sh;

    sh = zone->sh;
    first = sh->free;

    assert_true(first != 0);

    broken(sh->fresh, 0, "wrong mark of what was never used");
    broken(sh->fresh, sh->geo.nsegs + 1, "wrong mark of what was never used");
    broken(sh->nfree, sh->nfree + 1, "count of free segments");
    broken(*ngx_ess_zone_link(sh, first), first, "segment");
    broken(sh->free, *ngx_ess_zone_link(sh, first), "a segment is nowhere");
}


static void
test_chains(void **state)
{
    ngx_ess_zone_sh_t  *sh;

    sh = zone->sh;

    broken(*ngx_ess_zone_bucket(sh, ids, stream_at(0)->id), segs[1],
           "chain of ids");
    broken(*ngx_ess_zone_bucket(sh, ids, stream_at(0)->id), 0,
           "streams in chains");
    broken(stream_at(0)->uuid[0], stream_at(0)->uuid[0] + 1,
           "chain of uuids");
}


static void
test_names(void **state)
{
    ngx_ess_attr_t     *attr;
    ngx_ess_zone_sh_t  *sh;

    sh = zone->sh;
    attr = ngx_ess_attr_locked(sh, stream_at(2));

    broken(*ngx_ess_zone_name_bucket(sh, attr->name_hash), 0,
           "streams in chains of names");
    broken(*ngx_ess_zone_name_bucket(sh, attr->name_hash), segs[1],
           "chain of names");
    broken(*ngx_ess_zone_name_bucket(sh, attr->name_hash + 1), segs[2],
           "chain of names");
    broken(attr->name_next, recs[0], "chain of names");
    broken(sh->aged_head, 0, "count of ages");
    broken(sh->aged_tail, segs[1], "count of ages");
    broken(sh->ncreated, 1, "streams made on demand");
    broken(sh->ndeclared, 1, "declared streams");
    broken(sh->age_kept, segs[1], "kept in the list by age");
}


static void
test_keys(void **state)
{
    ngx_ess_zone_sh_t  *sh;

    sh = zone->sh;

    broken(*ngx_ess_zone_key_bucket(sh, stream_at(0)->key_hash), 0,
           "streams in rings of keys");
    broken(stream_at(1)->key_next, recs[0], "ring of keys");
    broken(stream_at(1)->key_next, segs[3], "order in a ring of keys");
    broken(stream_at(1)->key_prev, segs[2], "order in a ring of keys");
    broken(stream_at(0)->key[0], 'x', "hash of a key");
    broken(*(ngx_ess_zone_link(sh, stream_at(0)->link) + 1), 0,
           "hash of a key");
}


static void
test_lists(void **state)
{
    ngx_ess_zone_sh_t  *sh;

    sh = zone->sh;

    assert_int_equal(sh->pending, segs[4]);

    broken(sh->pending, 0, "count of half-made streams");
    broken(sh->pending, segs[0], "list of half-made streams");
    broken(stream_at(4)->pending_prev, segs[0], "list of half-made streams");
    broken(sh->want, segs[0], "list of wanted ordinals");
    broken(stream_at(0)->want, NGX_ESS_WANT_LISTED,
           "count of wanted ordinals");
}


static void
test_age(void **state)
{
    ngx_ess_zone_sh_t  *sh;

    sh = zone->sh;

    broken(sh->age_head, segs[0], "list by age");
    broken(sh->age_tail, recs[0], "end of the list by age");
    broken(record_at(1)->age_prev, recs[2], "list by age, backwards");
    broken(record_at(2)->age_next, 0, "count in the list by age");
    broken(record_at(1)->age_next, recs[3], "order in the list by age");
}


static void
test_procs(void **state)
{
    ngx_ess_zone_sh_t  *sh;
    ngx_ess_process_t  *proc;

    sh = zone->sh;
    proc = ngx_ess_zone_proc(sh, 2);

    assert_int_equal(proc->ndirty, 1);

    broken(proc->npairs, 2, "count of a process's pairs");
    broken(proc->ndirty, 0, "count of a process's dirty streams");
    broken(proc->dirty[0], recs[0], "a dirty stream is none");
    broken(proc->dirty[0], segs[2], "a dirty stream of another");
    broken(sh->marks[0].proc, sh->geo.nprocs + 1, "a mark of unbinding");
    broken(sh->slots[3].acked, 1, "an acknowledgement");
    broken(sh->slots[3].settled, 1, "an acknowledgement");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        broken_zone_test(test_sound),
        broken_zone_test(test_journal),
        broken_zone_test(test_free_list),
        broken_zone_test(test_chains),
        broken_zone_test(test_names),
        broken_zone_test(test_keys),
        broken_zone_test(test_lists),
        broken_zone_test(test_age),
        broken_zone_test(test_procs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
