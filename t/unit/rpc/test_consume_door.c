/*
 * Which addresses get replies: patterns, and direct reply-to that RabbitMQ can
 * decode.
 *
 * links: src/rpc/ngx_ess_consume_door.c t/unit/ngx_string.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ngx_ess_consume_door.h"


#define DIRECT  "amq.rabbitmq.reply-to."

/* as RabbitMQ 3.10 and 3.8 make them */
#define NEW     DIRECT "g1h2AA9yZXBseUAxMjQ2MDIzMDUAAAQNAAAAAGsMdJQ=."          \
                "ie7tkMbkZ/bvibTKNkc6JQ=="
#define OLD     DIRECT "g2dkAApyYWJiaXRAb25lAAAC7gAAAAAD.u/rPZY8hoBqQ8nsxfCBB2A=="


static ngx_str_t    list[3];
static ngx_array_t  patterns;


static ngx_uint_t
door(const char *text, ngx_array_t *allowed)
{
    ngx_str_t  reply_to;

    reply_to.data = (u_char *) text;
    reply_to.len = strlen(text);

    return ngx_ess_consume_door(&reply_to, allowed);
}


static void
test_any(void **state)
{
    char  longest[256];

    memset(longest, 'a', 255);
    longest[255] = '\0';

    assert_true(door("replies", NULL));
    assert_true(door("amq.gen-abc", NULL));
    assert_true(door("amq.direct", NULL));
    assert_true(door("a\r\nb", NULL));
    assert_true(door("\xff\xfe", NULL));
    assert_true(door("ess", NULL));
    assert_true(door("Ess.x", NULL));
    assert_true(door(longest, NULL));

    assert_false(door("", NULL));
    assert_false(door("ess.", NULL));
    assert_false(door("ess.node.3", NULL));
}


static void
test_direct(void **state)
{
    char        text[512];
    size_t      i;
    ngx_uint_t  sound;

    assert_true(door(NEW, NULL));
    assert_true(door(OLD, NULL));

    assert_false(door("amq.rabbitmq.reply-to", NULL));
    assert_true(door("amq.rabbitmq.reply-t", NULL));
    assert_true(door("amq.rabbitmq.reply-tox", NULL));
    assert_false(door(DIRECT, NULL));
    assert_false(door(DIRECT "x", NULL));
    assert_false(door(DIRECT ".", NULL));
    assert_false(door(DIRECT "!!!.key", NULL));
    assert_false(door(DIRECT "g2dk.key", NULL));
    assert_false(door(DIRECT "g2QAA2Zvbw==.key", NULL));
    assert_false(door(NEW ".", NULL));
    assert_false(door(NEW ".more", NULL));

    /* cut anywhere, but in the key, which is the broker's own to compare */

    strcpy(text, NEW);

    for (i = sizeof(NEW) - 1; i > 0; i--) {
        text[i] = '\0';

        sound = i > (size_t) (strrchr(NEW, '.') - NEW) + 1
                || i < sizeof(DIRECT) - 2;

        assert_int_equal(door(text, NULL), sound);
    }

    /* one byte differs: no read beyond the end */

    for (i = sizeof(DIRECT) - 1; i < sizeof(NEW) - 1; i++) {
        strcpy(text, NEW);
        text[i] ^= 0x15;
        (void) door(text, NULL);
    }
}


static void
test_patterns(void **state)
{
    ngx_str_set(&list[0], "replies");
    ngx_str_set(&list[1], "amq.gen-*");
    ngx_str_set(&list[2], "amq.rabbitmq.reply-to.*");

    patterns.elts = list;
    patterns.nelts = 3;

    assert_true(door("replies", &patterns));
    assert_true(door("amq.gen-", &patterns));
    assert_true(door("amq.gen-x", &patterns));
    assert_true(door(NEW, &patterns));

    assert_false(door("replies2", &patterns));
    assert_false(door("replie", &patterns));
    assert_false(door("amq.gen", &patterns));
    assert_false(door("other", &patterns));
    assert_false(door("", &patterns));
    assert_false(door(DIRECT "x", &patterns));
    assert_false(door("amq.rabbitmq.reply-to", &patterns));

    ngx_str_set(&list[0], "*");

    assert_true(door("other", &patterns));
    assert_false(door("ess.x", &patterns));
    assert_false(door("", &patterns));
}


static void
test_kind(void **state)
{
    ngx_str_t  name;

    ngx_str_set(&name, NEW);
    assert_true(ngx_ess_consume_door_direct(&name));

    assert_false(ngx_ess_consume_door_bare(&name));

    ngx_str_set(&name, "amq.rabbitmq.reply-to");
    assert_false(ngx_ess_consume_door_direct(&name));
    assert_true(ngx_ess_consume_door_bare(&name));

    ngx_str_set(&name, DIRECT);
    assert_true(ngx_ess_consume_door_direct(&name));
    assert_false(ngx_ess_consume_door_bare(&name));

    ngx_str_set(&name, "");
    assert_false(ngx_ess_consume_door_direct(&name));
    assert_false(ngx_ess_consume_door_bare(&name));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_any),
        cmocka_unit_test(test_direct),
        cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_kind)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
