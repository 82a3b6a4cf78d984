/* SPDX-License-Identifier: Apache-2.0 */
/* codec - what reading and writing one message costs: nanoseconds, the best of rounds.
 *
 *     build/tests/bench/codec tests/golden/messages/delay.json
 */
#include "../../protocol/json.h"
#include "../../protocol/message.h"
#include "../../protocol/result.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ROUNDS 20
#define RUNS_PER_ROUND 5000

struct bench {
    struct arena arena;
    struct wr out;
    struct str text;
};

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void must(bool holds)
{
    if (!holds) {
        fprintf(stderr, "codec: this is no task message\n");
        exit(EXIT_FAILURE);
    }
}

static void read_json(struct bench *b)
{
    must(json_read(&b->arena, b->text, 0, NULL, NULL) != NULL);
}

static void read_headers(struct bench *b)
{
    struct envelope e;
    struct message m;
    const char *why;

    must(envelope_read(&b->arena, b->text, &e, &why));
    must(message_read(&b->arena, &e, &m, &why) == MESSAGE_OK);
}

static void read_whole(struct bench *b)
{
    static const char *const accept[] = {"json", NULL};
    static const struct content_rules rules = {accept, SIZE_MAX / 2, NULL};
    struct envelope e;
    struct message m;
    struct message_body body;
    const char *why;

    must(envelope_read(&b->arena, b->text, &e, &why));
    must(message_read(&b->arena, &e, &m, &why) == MESSAGE_OK);
    must(message_read_body(&b->arena, &e, &m, &rules, &body, &why) == MESSAGE_OK);
}

static void mark_redelivered(struct bench *b)
{
    must(envelope_mark_redelivered(&b->arena, b->text, &b->out));
}

static void write_result(struct bench *b)
{
    struct result r = {.status = "SUCCESS",
                       .value = value_int(&b->arena, 5),
                       .date_done_us = 1795357483115586,
                       .task_id = STR("a930b749-49c5-4440-a5c7-5e5901260c09")};

    result_write(&b->out, &r);
    must(!b->out.bad);
}

static void write_floats(struct bench *b)
{
    for (int i = 0; i < 384; i++) {
        char text[32];
        float f = (float)((i * 2654435761u) >> 8 & 0xffffff) / 0x1p27f;
        size_t n = json_format_float(text, json_shorten_float(f), true);
        wr_put(&b->out, (struct str){text, n});
    }
}

static void measure(const char *what, struct bench *b, void (*run)(struct bench *b),
                    int runs)
{
    int64_t best = INT64_MAX;

    for (int round = 0; round < ROUNDS; round++) {
        int64_t start = now_ns();
        for (int i = 0; i < runs; i++) {
            arena_reset(&b->arena);
            wr_reset(&b->out);
            run(b);
        }
        int64_t took = (now_ns() - start) / runs;
        best = took < best ? took : best;
    }
    printf("%-28s %8lld ns\n", what, (long long)best);
}

static struct str read_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    static char text[1 << 20];

    must(f != NULL);
    size_t n = fread(text, 1, sizeof(text), f);
    fclose(f);
    while (n && text[n - 1] == '\n')
        n--;
    return (struct str){text, n};
}

int main(int argc, char **argv)
{
    struct bench b;

    if (argc != 2) {
        fprintf(stderr, "usage: codec MESSAGE.json\n");
        return EXIT_FAILURE;
    }
    arena_init(&b.arena, (size_t)1 << 24);
    wr_init(&b.out, (size_t)1 << 24);
    b.text = read_file(argv[1]);
    printf("%s: %zu bytes\n", argv[1], b.text.n);
    measure("read as JSON", &b, read_json, RUNS_PER_ROUND);
    measure("read envelope and headers", &b, read_headers, RUNS_PER_ROUND);
    measure("read with body", &b, read_whole, RUNS_PER_ROUND);
    measure("mark as redelivered", &b, mark_redelivered, RUNS_PER_ROUND);
    measure("write a result", &b, write_result, RUNS_PER_ROUND);
    measure("write 384 single floats", &b, write_floats, RUNS_PER_ROUND / 20);
    arena_finish(&b.arena);
    wr_finish(&b.out);
    return EXIT_SUCCESS;
}
