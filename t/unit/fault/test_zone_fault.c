/*
 * Death at a write that a test chooses, and what each hold of the mutex cost.
 *
 * links: fault/ngx_ess_zone_fault.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ngx_ess_zone_hook.h"
#include <sys/mman.h>
#include <sys/wait.h>


ngx_pid_t  ngx_pid;

static ngx_log_t                   quiet;   /* of no level */
static volatile int64_t           *counter;
static ngx_ess_zone_fault_hold_t  *holds;


/* A file of the test's, which the variable names. */

static void *
file_of(const char *variable, size_t size)
{
    int    fd;
    void  *p;
    char   name[] = "/tmp/ngx_unit_fault.XXXXXX";

    fd = mkstemp(name);
    assert_true(fd != -1);
    assert_int_equal(ftruncate(fd, size), 0);

    p = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(p != MAP_FAILED);

    (void) close(fd);
    (void) setenv(variable, name, 1);

    return p;
}


static void
forget(const char *variable)
{
    assert_int_equal(unlink(getenv(variable)), 0);
    (void) unsetenv(variable);
}


void ngx_cdecl
ngx_log_error_core(ngx_uint_t level, ngx_log_t *log, ngx_err_t err,
    const char *fmt, ...)
{
    fail_msg("%s", fmt);
}


/* How many writes a child does of 10. */

static ngx_uint_t
writes(int64_t n)
{
    int         status;
    pid_t       pid;
    ngx_uint_t  i;
    u_char     *done;

    done = mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS,
                -1, 0);
    assert_true(done != MAP_FAILED);

    *counter = n;

    pid = fork();
    assert_true(pid != -1);

    if (pid == 0) {
        ngx_pid = getpid();

        for (i = 0; i < 10; i++) {
            ngx_ess_zone_fault();
            done[0]++;
        }

        _exit(0);
    }

    assert_true(waitpid(pid, &status, 0) == pid);

    i = done[0];
    (void) munmap(done, 4096);

    if (i < 10) {
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGKILL);
    }

    return i;
}


static void
test_without_files(void **state)
{
    ngx_ess_zone_fault_init(&quiet);

    /* nobody dies */

    ngx_ess_zone_fault();

    ngx_ess_zone_fault_held_locked(NULL);
    ngx_ess_zone_fault_released_locked();

    /* a file that is not there: as without one */

    (void) setenv("ESS_FAULT_FILE", "/nonexistent", 1);
    ngx_ess_zone_fault_init(&quiet);
    (void) unsetenv("ESS_FAULT_FILE");

    ngx_ess_zone_fault();
}


static void
test_writes(void **state)
{
    counter = file_of("ESS_FAULT_FILE", sizeof(int64_t));
    ngx_ess_zone_fault_init(&quiet);
    forget("ESS_FAULT_FILE");

    assert_int_equal(writes(0), 10);
    assert_int_equal(writes(1), 0);
    assert_int_equal(writes(4), 3);
    assert_true(*counter == 0);

    /* it is counted over all processes, and nobody dies once it is 0 */

    assert_int_equal(writes(15), 10);
    assert_true(*counter == 5);
    *counter = 0;
}


static void
hold(void *caller, ngx_uint_t looks)
{
    ngx_ess_zone_fault_held_locked(caller);

    while (looks--) {
        ngx_ess_zone_look();
    }

    ngx_ess_zone_fault_released_locked();
}


static void
test_holds(void **state)
{
    uint64_t    all;
    ngx_uint_t  i, n;
    u_char     *caller;

    holds = file_of("ESS_HOLDS_FILE",
                    NGX_ESS_ZONE_FAULT_HOLDS
                    * sizeof(ngx_ess_zone_fault_hold_t));
    ngx_ess_zone_fault_init(&quiet);
    forget("ESS_HOLDS_FILE");

    ngx_memzero(&ngx_ess_zone_looks, sizeof(ngx_ess_zone_looks_t));
    caller = (u_char *) test_holds;

    hold(caller, 3);
    hold(caller, 5);
    hold(caller + 1, 1);

    assert_true(ngx_ess_zone_looks.now == 1);
    assert_true(ngx_ess_zone_looks.most == 5);
    assert_true(ngx_ess_zone_looks.all == 9);

    assert_true(holds[0].n == 2 && holds[1].n == 1 && holds[2].n == 0);
    assert_true(holds[1].where == holds[0].where + 1);
    assert_true(holds[0].most >= 4 && holds[0].sum > holds[0].most);

    for (all = 0, i = 0; i < 256; i++) {
        all += holds[0].spread[i];
    }

    assert_true(all == 2);

    /* more callers than there is room for: the last place is all theirs */

    n = NGX_ESS_ZONE_FAULT_HOLDS;

    for (i = 0; i < n + 10; i++) {
        hold(caller + i, 0);
    }

    assert_true(holds[0].n == 3 && holds[n - 2].n == 1);
    assert_true(holds[n - 1].n == 11);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_without_files),
        cmocka_unit_test(test_writes),
        cmocka_unit_test(test_holds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
