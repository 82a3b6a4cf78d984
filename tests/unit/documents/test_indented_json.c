/* SPDX-License-Identifier: Apache-2.0 */
/* The layout of json.dump(…, indent=2), compared with what Python writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../../tasks/documents/indented_json.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

/* json.dumps({"a": [], "b": {}, "c": [1, [2.5, 1e16], {"é\\n": None}], "d": "😀"},
 *            indent=2) */
static const char expected[] = "{\n"
                               "  \"a\": [],\n"
                               "  \"b\": {},\n"
                               "  \"c\": [\n"
                               "    1,\n"
                               "    [\n"
                               "      2.5,\n"
                               "      1e+16\n"
                               "    ],\n"
                               "    {\n"
                               "      \"\\u00e9\\n\": null\n"
                               "    }\n"
                               "  ],\n"
                               "  \"d\": \"\\ud83d\\ude00\",\n"
                               "  \"e\": \"AAEC\"\n"
                               "}";

static void write_example(struct indented_json *j)
{
    json_begin(j, '{');
    json_key(j, "a");
    json_begin(j, '[');
    json_end(j, ']');
    json_key(j, "b");
    json_begin(j, '{');
    json_end(j, '}');
    json_key(j, "c");
    json_begin(j, '[');
    json_put_int(j, 1);
    json_begin(j, '[');
    json_put_float(j, 2.5);
    json_put_float(j, 1e16);
    json_end(j, ']');
    json_begin(j, '{');
    json_key(j, "é\n");
    json_put_text(j, NULL);
    json_end(j, '}');
    json_end(j, ']');
    json_key(j, "d");
    json_put_text(j, "\U0001F600");
    json_key(j, "e");
    json_put_base64(j, (struct str){"\0\1\2", 3});
    json_end(j, '}');
}

static void the_layout_is_pythons(void **state)
{
    struct indented_json j;
    char got[sizeof(expected) + 64] = "";
    int fd = memfd_create("json", MFD_CLOEXEC);

    (void)state;
    indented_json_init(&j, fd);
    write_example(&j);
    assert_int_equal(indented_json_finish(&j), 0);
    assert_true(pread(fd, got, sizeof(got) - 1, 0) > 0);
    assert_string_equal(got, expected);
    close(fd);
}

static void a_full_disk_is_reported_once_at_the_end(void **state)
{
    struct indented_json j;
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

    (void)state;
    assert_true(fd >= 0);
    indented_json_init(&j, fd);
    json_begin(&j, '[');
    for (int i = 0; i < 100000; i++)
        json_put_int(&j, i);
    json_end(&j, ']');
    assert_int_equal(indented_json_finish(&j), -ENOSPC);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_layout_is_pythons),
        cmocka_unit_test(a_full_disk_is_reported_once_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
