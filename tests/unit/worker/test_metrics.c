/* SPDX-License-Identifier: Apache-2.0 */
/* Counts in bounded tables, and what comes from messages and handlers as Prometheus'
 * text form has it. */
#include "../../../src/http/answer.h"
#include "../../../src/http/label.h"
#include "../../../src/http/listen.h"
#include "../../../src/http/metrics_parts.h"
#include "../../../src/http/page.h"
#include "../../../src/pool/slot.h"
#include "../../../src/request/request.h"
#include "../../../src/worker.h"
#include "../protocol/cmocka_all.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- label sets ---------------------------------------------------------------- */

static void count(void *ctx, const struct series *s)
{
    double *sum = ctx;
    *sum += s->values[0];
}

static void what_is_too_much_is_counted_together(void **state)
{
    struct series_set set;
    char key[32];
    double sum = 0;
    (void)state;
    series_init(&set, 1, 1000, STR("other"));
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 50000; i++) {
            size_t n = (size_t)snprintf(key, sizeof(key), "key %d", i);
            series_values(&set, (struct str){key, n})[0]++;
        }
    assert_int_equal(set.n, 1001);
    assert_int_equal(set.overflow, 98000);
    assert_true(series_values(&set, STR("key 999"))[0] == 2);
    assert_true(series_values(&set, STR("other"))[0] == 98000);
    series_each(&set, count, &sum);
    assert_true(sum == 100000);
    series_finish(&set);
}

static void nothing_new_is_made_when_asked_for_what_is_known(void **state)
{
    struct series_set set;
    (void)state;
    series_init(&set, 2, 10, STR("o"));
    series_values(&set, STR("a"))[1] = 7;
    assert_true(series_known(&set, STR("a"))[1] == 7);
    assert_ptr_equal(series_known(&set, STR("b")), series_known(&set, STR("c")));
    assert_int_equal(set.n, 2);
    series_finish(&set);
}

static void label_is(const char *value, size_t n, const char *expected)
{
    struct wr out;
    wr_init(&out, 4096);
    label_put(&out, "a", label_cut((struct str){value, n}));
    assert_int_equal(out.len, strlen(expected));
    assert_memory_equal(out.p, expected, out.len);
    wr_finish(&out);
}

static void label_values_are_escaped_and_cut(void **state)
{
    char large[600], cut[LABEL_BYTES + 8];
    (void)state;
    label_is("", 0, "a=\"\"");
    label_is("a\"b\\c\nd", 7, "a=\"a\\\"b\\\\c\\nd\"");
    label_is("a\0b", 3, "a=\"a\"");
    label_is("\xC3\xA4", 2, "a=\"\xC3\xA4\"");
    label_is("\xC3", 1, "a=\"\xEF\xBF\xBD\"");
    label_is("\xED\xA0\x80", 3, "a=\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
    memset(large, 'x', sizeof(large));
    snprintf(cut, sizeof(cut), "a=\"%.*s\"", (int)LABEL_BYTES, large);
    label_is(large, sizeof(large), cut);
    memcpy(large + LABEL_BYTES - 1, "\xC3\xA4", 2); /* not in its middle */
    snprintf(cut, sizeof(cut), "a=\"%.*s\"", (int)LABEL_BYTES - 1, large);
    label_is(large, sizeof(large), cut);
}

static void labels_follow_each_other_with_commas(void **state)
{
    struct wr out;
    (void)state;
    wr_init(&out, 4096);
    wr_text(&out, "x{");
    label_put(&out, "a", STR("1"));
    label_put(&out, "b", STR("2"));
    assert_true(str_is(wr_str(&out), "x{a=\"1\",b=\"2\""));
    wr_finish(&out);
}

/* ---- tasks ---------------------------------------------------------------------- */

static bool has(const struct wr *out, const char *line)
{
    struct wr copy;
    wr_init(&copy, 1 << 24);
    wr_put(&copy, wr_str(out));
    wr_put(&copy, (struct str){"", 1});
    bool found = !copy.bad && strstr(copy.p, line);
    if (!found)
        fprintf(stderr, "no %s in:\n%s", line, copy.p);
    wr_finish(&copy);
    return found;
}

static void tasks_are_counted_by_name_and_queue(void **state)
{
    struct metrics *m = metrics_create();
    struct wr out;
    (void)state;
    wr_init(&out, 1 << 20);
    for (int i = 0; i < 3; i++)
        metrics_count_task(m, METRICS_STARTED, STR("a"), STR("q"), STR(""));
    metrics_count_task(m, METRICS_FAILED, STR("a"), STR("q"), STR("ValueError('(x)')"));
    metrics_count_task(m, METRICS_FAILED, STR("a"), STR("r"), STR("KeyError"));
    metrics_task_runtime(m, STR("a"), STR("q"), 0.005);
    metrics_task_runtime(m, STR("a"), STR("q"), 11);
    metrics_task_runtime(m, STR("a"), STR("q"), NAN);
    metrics_put_tasks(&out, m, STR("h1"));
    const char *labels = "name=\"a\",hostname=\"h1\",queue_name=\"q\"} ";
    char line[200];
    snprintf(line, sizeof(line), "celery_task_started_total{%s3\n", labels);
    assert_true(has(&out, line));
    assert_true(has(&out, "celery_task_failed_total{name=\"a\",hostname=\"h1\","
                          "exception=\"ValueError\",queue_name=\"q\"} 1\n"));
    assert_true(has(&out, "exception=\"KeyError\",queue_name=\"r\"} 1\n"));
    assert_true(has(&out, "queue_name=\"q\",le=\"0.005\"} 1\n"));
    assert_true(has(&out, "queue_name=\"q\",le=\"10.0\"} 1\n"));
    assert_true(has(&out, "queue_name=\"q\",le=\"+Inf\"} 2\n"));
    snprintf(line, sizeof(line), "celery_task_runtime_sum{%s11.005\n", labels);
    assert_true(has(&out, line));
    assert_true(metrics_rate(m, METRICS_STARTED) == 3.0 / METRICS_RATE_S);
    wr_finish(&out);
    metrics_destroy(m);
}

/* ---- what handlers count ----------------------------------------------------------
 */

static struct frame_metric counter(const char *name, const char *labels)
{
    return (struct frame_metric){.kind = FRAME_METRIC_COUNT,
                                 .name = str_of(name),
                                 .labels = str_of(labels),
                                 .value = 1};
}

static bool counts(const char *name, const char *labels)
{
    struct metrics *m = metrics_create();
    const struct frame_metric f = counter(name, labels);
    bool counted = metrics_handler(m, &f) != NULL;
    assert_int_equal(m->refused, !counted);
    metrics_destroy(m);
    return counted;
}

static void names_and_labels_are_checked(void **state)
{
    (void)state;
    assert_true(counts("a_total", ""));
    assert_true(counts("ns:a_total", "a=\"\",b=\"x\\\"\\\\\\n,=\xC3\xA4\""));
    assert_false(counts("", ""));
    assert_false(counts("1a", ""));
    assert_false(counts("a b", ""));
    assert_false(counts("a\n", ""));
    assert_false(counts("celery_task_sent_total", ""));
    assert_false(counts("process_x", ""));
    assert_false(counts("a", "x"));
    assert_false(counts("a", "x="));
    assert_false(counts("a", "x=\""));
    assert_false(counts("a", "x=\"1"));
    assert_false(counts("a", "x=\"1\","));
    assert_false(counts("a", "x=\"1\" ,y=\"2\""));
    assert_false(counts("a", "x=\"1\",x=\"2\""));
    assert_false(counts("a", "x=\"1\n\""));
    assert_false(counts("a", "x=\"\\q\""));
    assert_false(counts("a", "x=\"\\"));
    assert_false(counts("a", "__x=\"1\""));
    assert_false(counts("a", "le=\"1\""));
    assert_false(counts("a", "x=\"\xFF\""));
    assert_false(counts("a", "x=\"1\"}\nforged 1"));
}

static void numbers_are_checked(void **state)
{
    struct metrics *m = metrics_create();
    struct frame_metric f = counter("a", "");
    (void)state;
    const double bad[] = {NAN, INFINITY, -INFINITY, -1};
    for (size_t i = 0; i < 4; i++) {
        f.value = bad[i];
        assert_null(metrics_handler(m, &f));
    }
    f = (struct frame_metric){.kind = FRAME_METRIC_OBSERVE,
                              .name = STR("h"),
                              .value = 1};
    assert_null(metrics_handler(m, &f)); /* no buckets */
    f.nbuckets = 2;
    assert_null(metrics_handler(m, &f)); /* 0, 0 */
    f.buckets[1] = NAN;
    assert_null(metrics_handler(m, &f));
    f.buckets[1] = 2;
    assert_non_null(metrics_handler(m, &f));
    f.nbuckets = 1; /* others than before */
    assert_null(metrics_handler(m, &f));
    metrics_destroy(m);
}

static void one_name_is_one_kind(void **state)
{
    struct metrics *m = metrics_create();
    struct frame_metric f = counter("a", "");
    (void)state;
    assert_non_null(metrics_handler(m, &f)); /* as a_total */
    f.kind = FRAME_METRIC_SET;
    assert_non_null(metrics_handler(m, &f));
    f.name = STR("a_total");
    assert_null(metrics_handler(m, &f));
    f = (struct frame_metric){.kind = FRAME_METRIC_OBSERVE,
                              .name = STR("h"),
                              .nbuckets = 1,
                              .buckets = {1}};
    assert_non_null(metrics_handler(m, &f));
    f.kind = FRAME_METRIC_SET;
    f.name = STR("h_count"); /* a line of the histogram's */
    assert_null(metrics_handler(m, &f));
    f.name = STR("h_counts");
    assert_non_null(metrics_handler(m, &f));
    metrics_destroy(m);
}

static void families_and_their_text_are_bounded(void **state)
{
    struct metrics *m = metrics_create();
    char name[32], labels[1200];
    struct wr out;
    (void)state;
    for (int family = 0; family < 200; family++)
        for (int i = 0; i < 1100; i++) {
            snprintf(name, sizeof(name), "f%d_total", family);
            snprintf(labels, sizeof(labels), "x=\"%01000d\"", i);
            const struct frame_metric f = counter(name, labels);
            metrics_handler(m, &f);
        }
    assert_int_equal(m->nfamilies, METRICS_FAMILIES_MAX);
    assert_int_equal(m->refused, 100 * 1100);
    wr_init(&out, (size_t)16 << 20);
    metrics_put_families(&out, m);
    assert_false(out.bad);
    assert_true(out.len < METRICS_HANDLER_BYTES + (1u << 20));
    assert_true(has(&out, "f99_total{x=\"other\"} 1100\n"));
    wr_finish(&out);
    metrics_destroy(m);
}

static void gauges_of_a_lost_request_are_what_they_were(void **state)
{
    struct metrics *m = metrics_create();
    struct worker *w = calloc(1, sizeof(*w));
    struct request rq = {0};
    struct frame_metric f = counter("g", "");
    (void)state;
    w->metrics = m;
    f.kind = FRAME_METRIC_ADD;
    f.value = 5;
    double *gauge = metrics_handler(m, &f);
    f.value = 2;
    for (int i = 0; i < 20; i++)
        metrics_of_request(w, &rq, &f);
    f.value = -1;
    metrics_of_request(w, &rq, &f);
    assert_true(*gauge == 44);
    metrics_undo_request(&rq);
    assert_true(*gauge == 5);
    metrics_undo_request(&rq);
    free(w);
    metrics_destroy(m);
}

/* ---- hosts, addresses, the page
 * ------------------------------------------------------ */

static void hosts_are_known_by_what_they_are(void **state)
{
    static const char *const known[] = {NULL,         "localhost", "localhost:80",
                                        "10.0.0.1",   "[::1]",     "[fe80::1]:9540",
                                        "worker:9540"};
    static const char *const unknown[] = {"a.example", "1.2.3.4.example", "[::1",
                                          "[::1]x",    "::1.example",     "[a.b]"};
    (void)state;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        assert_true(answer_knows_host(known[i], NULL));
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
        assert_false(answer_knows_host(unknown[i], "b.example,"));
    assert_true(answer_knows_host("B.Example:1", "a.example, b.example"));
    assert_false(answer_knows_host("xb.example", "b.example"));
    assert_true(answer_knows_host("anything.example", "*"));
}

static void split_is(const char *address, const char *host, unsigned port)
{
    char out[LISTEN_HOST_BYTES];
    struct error e;
    unsigned p;
    int r = listen_split(address, out, &p, &e);
    assert_int_equal(r == 0, host != NULL);
    if (host) {
        assert_string_equal(out, host);
        assert_int_equal(p, port);
    }
}

static void addresses_are_taken_apart(void **state)
{
    (void)state;
    split_is("127.0.0.1:9540", "127.0.0.1", 9540);
    split_is("[::1]:0", "::1", 0);
    split_is(":80", "", 80);
    split_is("*:80", "*", 80);
    split_is("9540", NULL, 0);
    split_is("h:", NULL, 0);
    split_is("h:-1", NULL, 0);
    split_is("h: 1", NULL, 0);
    split_is("h:65536", NULL, 0);
    split_is("h:99999999999999999999", NULL, 0);
    split_is("::1:80", NULL, 0);
    split_is("[::1:80", NULL, 0);
}

static void text_on_the_page_is_text(void **state)
{
    struct wr out;
    (void)state;
    wr_init(&out, 4096);
    page_put_text(&out, STR("<b a='1' c=\"2\">&\n\x1b\xFF"));
    assert_true(str_is(wr_str(&out), "&lt;b a=&#39;1&#39; c=&quot;2&quot;&gt;&amp;  "
                                     "\xEF\xBF\xBD"));
    wr_finish(&out);
}

/* ---- a child that does not go
 * ----------------------------------------------------------- */

static bool is_well(uv_loop_t *loop, struct slot *s, const char *why)
{
    struct wr out;
    wr_init(&out, 1024);
    s->loop = loop;
    bool well = slot_is_well(s, &out);
    wr_put(&out, (struct str){"", 1});
    if (!well)
        assert_non_null(strstr(out.p, why));
    wr_finish(&out);
    return well;
}

static void a_child_that_does_not_go_is_told(void **state)
{
    uv_loop_t loop;
    struct request rq = {.mode = TASK_RUN, .hard_limit_s = 1};
    (void)state;
    uv_loop_init(&loop);
    uint64_t now = uv_now(&loop); /* since the machine started: more than a minute */
    struct slot s = {.name = "ForkPoolWorker-1", .state = SLOT_STOPPING};
    assert_true(is_well(&loop, &s, ""));
    s.killed_ms = now - 1000;
    assert_true(is_well(&loop, &s, ""));
    s.killed_ms = now - 11000;
    assert_false(is_well(&loop, &s, "was killed and does not end"));
    s.reaped = true;
    assert_true(is_well(&loop, &s, ""));
    s = (struct slot){.name = "x", .running = &rq, .started_ms = now - 10500};
    assert_true(is_well(&loop, &s, ""));
    s.started_ms = now - 11500;
    assert_false(is_well(&loop, &s, "past its hard time limit"));
    rq.hard_limit_s = 0;
    assert_true(is_well(&loop, &s, ""));
    uv_loop_close(&loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_too_much_is_counted_together),
        cmocka_unit_test(nothing_new_is_made_when_asked_for_what_is_known),
        cmocka_unit_test(label_values_are_escaped_and_cut),
        cmocka_unit_test(labels_follow_each_other_with_commas),
        cmocka_unit_test(tasks_are_counted_by_name_and_queue),
        cmocka_unit_test(names_and_labels_are_checked),
        cmocka_unit_test(numbers_are_checked),
        cmocka_unit_test(one_name_is_one_kind),
        cmocka_unit_test(families_and_their_text_are_bounded),
        cmocka_unit_test(gauges_of_a_lost_request_are_what_they_were),
        cmocka_unit_test(hosts_are_known_by_what_they_are),
        cmocka_unit_test(addresses_are_taken_apart),
        cmocka_unit_test(text_on_the_page_is_text),
        cmocka_unit_test(a_child_that_does_not_go_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
