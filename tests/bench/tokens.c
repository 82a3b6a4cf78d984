/* SPDX-License-Identifier: Apache-2.0 */
/* How fast text becomes cl100k tokens, on one processor.
 *
 *   tokens VOCABULARY [RUNS]      a line per kind of text, fields apart by tabs:
 *   kind  MB_per_s  tokens_per_s
 * medians over so many runs (5), by the time the process had a processor. The text is
 * made here, the same every time, with rare words among the common ones. */
#include "tokens.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { TEXT_BYTES = 1 << 20, LONGEST_LINE = 512, RUNS_MAX = 99 };

struct maker {
    char *p;
    size_t n;
    uint64_t state;
};

static unsigned draw(struct maker *m, unsigned below)
{
    m->state = m->state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(m->state >> 33) % below;
}

__attribute__((format(printf, 2, 3))) static void put(struct maker *m, const char *fmt,
                                                      ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(m->p + m->n, LONGEST_LINE, fmt, args);
    va_end(args);
    m->n += (size_t)n;
}

#define PICK(m, words) words[draw(m, sizeof(words) / sizeof(words[0]))]

/* Low numbers, where the common words are, come more often, as in real text. */
static const char *common_word(struct maker *m)
{
    static const char *const words[] = {
        "the",     "of",      "and",      "to",      "in",          "a",
        "is",      "that",    "it",       "was",     "for",         "on",
        "with",    "they",    "at",       "from",    "which",       "had",
        "could",   "people",  "because",  "between", "little",      "morning",
        "harbour", "letter",  "question", "company", "window",      "through",
        "weather", "history", "machine",  "garden",  "nothing",     "government",
        "against", "several", "language", "journey", "development", "description"};
    unsigned n = sizeof(words) / sizeof(words[0]), at = draw(m, n);
    return words[at * draw(m, n) / n];
}

static void put_rare_word(struct maker *m)
{
    static const char *const starts[] = {"Br", "con", "Mer", "over", "sub", "Tal", "v"};
    static const char *const middles[] = {"a",  "er", "ing", "o",    "ul",
                                          "ev", "ic", "and", "ator", "ist"};
    static const char *const ends[] = {"ly", "ness", "ford", "en", "ation", "s", "um"};
    put(m, "%s", PICK(m, starts));
    for (unsigned i = draw(m, 3) + 1; i > 0; i--)
        put(m, "%s", PICK(m, middles));
    put(m, "%s", PICK(m, ends));
}

static void put_sentence(struct maker *m)
{
    static const char *const stops[] = {". ", ". ", "? ", ".\n\n", "; ", " (1987). "};
    put(m, "%s", draw(m, 2) ? "The" : "It's");
    for (unsigned i = draw(m, 14) + 4; i > 0; i--) {
        put(m, "%s", draw(m, 9) ? " " : ", ");
        if (draw(m, 8))
            put(m, "%s", common_word(m));
        else
            put_rare_word(m);
    }
    put(m, "%s", PICK(m, stops));
}

static void put_statement(struct maker *m)
{
    const char *a = common_word(m), *b = common_word(m);
    unsigned number = draw(m, 100000);
    switch (draw(m, 6)) {
    case 0:
        put(m, "static int %s_%s(struct %s *%s, size_t n)\n{\n", a, b, b, a);
        break;
    case 1:
        put(m, "    for (size_t i = 0; i < %s->count; i++) {\n", a);
        break;
    case 2:
        put(m, "        %s[i] = %sOf(self.%s, 0x%04x);\n", a, b, a, number);
        break;
    case 3:
        put(m, "    if (!%s || %s->flags & %u)\n        return -EINVAL;\n", a, b,
            number);
        break;
    case 4:
        put(m, "        }\n    }\n\n    /* %s %s */\n", a, b);
        break;
    default:
        put(m, "    fprintf(stderr, \"%s: %%d of %u\\n\", %s);\n}\n\n", a, number, b);
    }
}

static void put_mixture(struct maker *m)
{
    static const char *const others[] = {
        "Съешь ещё этих мягких французских булок, да выпей чаю. ",
        "今日は天気がいいので、公園まで散歩に行きました。",
        "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich. ",
        "Η γρήγορη καφετιά αλεπού πηδάει πάνω από τον σκύλο. ",
        "👩‍🚀🚀 → 🌍 ✓ ",
        "| 3.14159 | -12,345.67 € | 2024-02-29T23:59:60Z |\n"};
    switch (draw(m, 6)) {
    case 0:
        put(m, "%s", PICK(m, others));
        break;
    case 1:
        put(m, "https://example.org/%s/%u?%s=%x\n", common_word(m), draw(m, 1u << 20),
            common_word(m), draw(m, 1u << 30));
        break;
    case 2:
    case 3:
        put_statement(m);
        break;
    default:
        put_sentence(m);
    }
}

static const struct {
    const char *name;
    void (*put_some)(struct maker *m);
} kinds[] = {
    {"English", put_sentence},
    {"code", put_statement},
    {"mixed", put_mixture},
};

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static bool measure(const struct vocabulary *v, const char *name, struct str text,
                    int runs)
{
    double took_s[RUNS_MAX];
    struct token_list list = {0};
    bool encoded = tokens_encode(v, text, &list) == 0; /* maps and allocates */
    for (int run = 0; encoded && run < runs; run++) {
        double start = now_s();
        list.n = 0;
        encoded = tokens_encode(v, text, &list) == 0;
        took_s[run] = now_s() - start;
    }
    if (encoded) {
        qsort(took_s, (size_t)runs, sizeof(took_s[0]), by_size);
        double median_s = took_s[runs / 2];
        printf("%s\t%.1f\t%.0f\n", name, (double)text.n / median_s / 1e6,
               (double)list.n / median_s);
    }
    token_list_finish(&list);
    return encoded;
}

static bool measure_kinds(const struct vocabulary *v, int runs)
{
    struct maker m = {.p = malloc(TEXT_BYTES + 16 * LONGEST_LINE)};
    bool measured = m.p != NULL;
    for (size_t i = 0; measured && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        m.state = 1;
        m.n = 0;
        while (m.n < TEXT_BYTES)
            kinds[i].put_some(&m);
        measured = measure(v, kinds[i].name, (struct str){m.p, m.n}, runs);
    }
    free(m.p);
    return measured;
}

int main(int argc, char **argv)
{
    int runs = argc > 2 ? atoi(argv[2]) : 5;
    char why[600];
    struct vocabulary *v;
    if (argc < 2 || runs < 1 || runs > RUNS_MAX) {
        fprintf(stderr, "usage: tokens VOCABULARY [RUNS]\n");
        return 2;
    }
    if (vocabulary_open(&v, argv[1], why, sizeof(why)) < 0) {
        fprintf(stderr, "tokens: %s\n", why);
        return 1;
    }
    bool measured = measure_kinds(v, runs);
    vocabulary_close(v);
    if (!measured)
        fprintf(stderr, "tokens: out of memory\n");
    return !measured;
}
