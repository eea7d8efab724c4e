/*
 * The allocator that fails now and then.
 *
 * links: fault/ngx_ess_fault.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "ngx_ess.h"
#include "ngx_ess_fault.h"
#include <sys/mman.h>
#include <sys/wait.h>


static int  fd;


static void
set(int64_t n)
{
    assert_int_equal(pwrite(fd, &n, sizeof(int64_t), 0), sizeof(int64_t));
}


/* Of 1000 allocations of a new process those that fail. */

static ngx_uint_t
failed(int64_t n)
{
    int         status, pipes[2];
    void       *p;
    pid_t       pid;
    ngx_uint_t  i, none;

    set(n);
    assert_int_equal(pipe(pipes), 0);

    pid = fork();
    assert_true(pid != -1);

    if (pid == 0) {
        none = 0;

        for (i = 0; i < 1000; i++) {
            p = calloc(1, 8);
            none += (p == NULL);
            free(p);
        }

        /* the number is the test's to change at any time */

        set(0);
        none += ngx_ess_fault_alloc() * 10000;

        _exit(write(pipes[1], &none, sizeof(none)) != sizeof(none));
    }

    assert_int_equal(read(pipes[0], &none, sizeof(none)), sizeof(none));
    assert_true(waitpid(pid, &status, 0) == pid);
    assert_int_equal(status, 0);

    (void) close(pipes[0]);
    (void) close(pipes[1]);

    return none;
}


static void
test_number(void **state)
{
    ngx_uint_t  half;

    assert_int_equal(failed(0), 0);
    assert_int_equal(failed(-1), 0);
    assert_int_equal(failed(1), 1000);

    half = failed(2);
    assert_in_range(half, 300, 700);
}


static void
test_without_file(void **state)
{
    (void) setenv("ESS_FAULT_ALLOC", "/nonexistent", 1);
    assert_int_equal(failed(1), 0);

    (void) unsetenv("ESS_FAULT_ALLOC");
    assert_int_equal(failed(1), 0);
}


int
main(void)
{
    int   rc;
    char  name[] = "/tmp/ngx_unit_fault.XXXXXX";

    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_number),
        cmocka_unit_test(test_without_file),
    };

    fd = mkstemp(name);
    if (fd == -1) {
        return 1;
    }

    (void) setenv("ESS_FAULT_ALLOC", name, 1);

    rc = cmocka_run_group_tests(tests, NULL, NULL);

    (void) unlink(name);

    return rc;
}
