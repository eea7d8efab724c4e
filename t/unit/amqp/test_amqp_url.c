/*
 * The URL of ess_amqp, by example.
 *
 * links: src/amqp/ngx_ess_amqp_url.c src/ngx_ess_str.c t/unit/ngx_string.c
 */


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "ngx_ess_amqp_url.h"


static u_char  buf[4096];


static const char *
parse(ngx_ess_amqp_node_t *parsed, const char *text)
{
    ngx_str_t  url;

    url.data = (u_char *) text;
    url.len = strlen(text);

    return ngx_ess_amqp_url_parse(parsed, &url, buf);
}


static void
is(ngx_str_t *s, const char *text)
{
    assert_int_equal(s->len, strlen(text));
    assert_memory_equal(s->data, text, s->len);
}


static void
good(const char *url, const char *user, const char *password,
    const char *host, int port, const char *vhost)
{
    ngx_ess_amqp_node_t  parsed;

    assert_null(parse(&parsed, url));

    is(&parsed.user, user);
    is(&parsed.password, password);
    is(&parsed.host, host);
    is(&parsed.vhost, vhost);
    assert_int_equal(parsed.port, port);
}


static void
test_good(void **state)
{
    good("amqp://h", "guest", "guest", "h", 5672, "/");
    good("amqp://h/", "guest", "guest", "h", 5672, "/");
    good("amqp://h/%2F", "guest", "guest", "h", 5672, "/");
    good("amqp://h/%2f", "guest", "guest", "h", 5672, "/");
    good("amqps://h", "guest", "guest", "h", 5671, "/");
    good("amqp://h:1/v", "guest", "guest", "h", 1, "v");
    good("amqp://u@h", "u", "", "h", 5672, "/");
    good("amqp://u:@h", "u", "", "h", 5672, "/");
    good("amqp://u%40x:p%3A%2F%25@h:65535/a%20b", "u@x", "p:/%", "h", 65535,
         "a b");
    good("amqp://u:p:q@h", "u", "p:q", "h", 5672, "/");
    good("amqp://[::1]", "guest", "guest", "::1", 5672, "/");
    good("amqps://u:p@[fe80::1]:99/v", "u", "p", "fe80::1", 99, "v");
    good("amqp://a_b.c-d.example:5672", "guest", "guest", "a_b.c-d.example",
         5672, "/");
}


static void
test_bad(void **state)
{
    size_t               i;
    char                *end;
    const char          *err;
    ngx_ess_amqp_node_t  parsed;

    static const char  *bad[] = {
        "", "amqp", "amqp:", "amqp://", "http://h", "amqp:///", "amqp://@h",
        "amqp://:secret@h", "amqp://u:secret@", "amqp://u:secret@/v",
        "amqp://u:secret@h:", "amqp://u:secret@h:0", "amqp://u:secret@h:65536",
        "amqp://u:secret@h:99999999", "amqp://u:secret@h:5x",
        "amqp://u:secret@h/a/b", "amqp://u:secret@h/v?heartbeat=1",
        "amqp://u:secret?x@h", "amqp://u:secret#x@h", "amqp://u:sec/ret@h",
        "amqp://u:secret@x@h", "amqp://u:secret%@h", "amqp://u:secret%4@h",
        "amqp://u:secret%zz@h", "amqp://u:secret%00@h", "amqp://h/%00",
        "amqp://u:secret@[::1", "amqp://u:secret@[]", "amqp://u:secret@[x]",
        "amqp://u:secret@[::1]5672", "amqp://h%41", "amqp://u:se\ncret@h"
    };

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        err = parse(&parsed, bad[i]);

        if (err == NULL) {
            fail_msg("\"%s\" was taken", bad[i]);
        }

        assert_null(strstr(err, "secret"));
    }

    /* lengths */

    for (i = 0; i < 3; i++) {
        char  url[2048];

        end = url + sprintf(url, "amqp://");

        if (i == 1) {
            end += sprintf(end, "h/");
        }

        memset(end, 'a', 256);
        strcpy(end + 256, i == 2 ? "@h" : "");

        assert_non_null(parse(&parsed, url));

        memmove(end, end + 1, strlen(end));
        assert_null(parse(&parsed, url));
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
