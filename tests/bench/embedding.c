/* SPDX-License-Identifier: Apache-2.0 */
/* How many passages a second each kernel set embeds.
 *
 *   embedding MODEL [SET…]      a line per case, fields apart by tabs:
 *   set  tokens  processes  passages_per_s  passages_per_cpu_s
 * medians of 5 runs: of all processes together by the clock, and of each by the time it
 * had a processor, which others on the machine disturb less.
 *
 *   embedding --ask MODEL SET   only the cases asked for on standard input, lines of
 *   tokens  processes  runs
 * so that another program can be asked in turns with this one. */
#include "embedding.h"
#include "kernels.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { RUNS = 5, PROCESSES_MAX = 2, LONGEST = 256 };

static const struct {
    const char *name;
    enum embedding_path path;
    size_t tokens_per_run; /* of each process: about half a second */
} sets[] = {
    {"scalar", EMBEDDING_SCALAR, 256},
    {"avx2", EMBEDDING_AVX2, 1024},
    {"amx", EMBEDDING_AMX, 8192},
};

static const size_t lengths[] = {16, 128, 256};

static double now_s(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Passages of exactly so many tokens, [CLS] and [SEP] among them, all different. */
static struct str *make_texts(size_t tokens, size_t n)
{
    static const char *const words[] = {"river",  "engine", "paper",  "window",
                                        "doctor", "music",  "garden", "number"};
    struct str *texts = calloc(n, sizeof(*texts));
    for (size_t i = 0; texts && i < n; i++) {
        char *p = malloc(tokens * 8);
        if (!p)
            return NULL;
        texts[i].p = p;
        for (size_t w = 0; w < tokens - 2; w++)
            p += sprintf(p, "%s ", words[(i + w * w + w) % 8]);
        texts[i].n = (size_t)(p - texts[i].p);
    }
    return texts;
}

struct load {
    size_t tokens, passages; /* passages of so many tokens, per run and process */
    int processes, runs;
};

/* A process writes a byte when it is ready for a run and reads one to begin it. */
struct board {
    struct load load;
    int ready[2], go[2];
    struct {
        double wall_s, cpu_s;
    } took[PROCESSES_MAX][RUNS]; /* shared */
};

static int work(struct embedder *e, struct board *board, int process)
{
    size_t n = board->load.passages;
    struct str *texts = make_texts(board->load.tokens, n);
    float *vectors = calloc(n, EMBEDDING_DIMENSION * sizeof(float));
    if (!texts || !vectors || embedder_run(e, texts, n, vectors, NULL, NULL) < 0)
        return 1;
    for (int run = 0; run < board->load.runs; run++) {
        char byte = 0;
        if (write(board->ready[1], &byte, 1) != 1 || read(board->go[0], &byte, 1) != 1)
            return 1;
        double wall_s = now_s(CLOCK_MONOTONIC), cpu_s = now_s(CLOCK_PROCESS_CPUTIME_ID);
        if (embedder_run(e, texts, n, vectors, NULL, NULL) < 0)
            return 1;
        board->took[process][run].wall_s = now_s(CLOCK_MONOTONIC) - wall_s;
        board->took[process][run].cpu_s = now_s(CLOCK_PROCESS_CPUTIME_ID) - cpu_s;
    }
    return 0;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t n)
{
    qsort(values, n, sizeof(values[0]), by_size);
    return (values[(n - 1) / 2] + values[n / 2]) / 2;
}

static void report(const struct board *board, const char *set)
{
    const struct load *l = &board->load;
    double together[RUNS] = {0}, per_cpu[RUNS * PROCESSES_MAX];
    size_t m = 0;
    for (int run = 0; run < l->runs; run++) {
        for (int p = 0; p < l->processes; p++) {
            together[run] += (double)l->passages / board->took[p][run].wall_s;
            per_cpu[m++] = (double)l->passages / board->took[p][run].cpu_s;
        }
    }
    printf("%s\t%zu\t%d\t%.1f\t%.1f\n", set, l->tokens, l->processes,
           median(together, (size_t)l->runs), median(per_cpu, m));
    fflush(stdout);
}

/* Starts all runs together; false if a process ended before its last. */
static bool conduct(struct board *board)
{
    int processes = board->load.processes;
    char bytes[PROCESSES_MAX] = {0};
    for (int run = 0; run < board->load.runs; run++) {
        for (int p = 0; p < processes; p++) {
            if (read(board->ready[0], bytes, 1) != 1)
                return false;
        }
        if (write(board->go[1], bytes, (size_t)processes) != processes)
            return false;
    }
    return true;
}

static int measure(struct embedder *e, const char *set, struct load load)
{
    struct board *board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE,
                               MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (board == MAP_FAILED || pipe(board->ready) != 0 || pipe(board->go) != 0)
        return 1;
    board->load = load;
    fflush(stdout);
    for (int p = 0; p < load.processes; p++) {
        if (fork() == 0)
            _exit(work(e, board, p));
    }
    close(board->ready[1]); /* so that a process that ends early is noticed */
    bool all = conduct(board);
    close(board->go[1]);
    for (int status = 0; waitpid(-1, &status, 0) > 0;)
        all = all && status == 0;
    if (all)
        report(board, set);
    close(board->ready[0]);
    close(board->go[0]);
    munmap(board, sizeof(*board));
    return !all;
}

static int measure_all(struct embedder *e, size_t set)
{
    int failed = 0;
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        size_t n = sets[set].tokens_per_run / lengths[i];
        for (int processes = 1; processes <= PROCESSES_MAX; processes++) {
            struct load load = {lengths[i], n, processes, RUNS};
            failed |= measure(e, sets[set].name, load);
        }
    }
    return failed;
}

static int measure_asked(struct embedder *e, size_t set)
{
    char line[80];
    while (fgets(line, sizeof(line), stdin)) {
        struct load l;
        if (sscanf(line, "%zu %d %d", &l.tokens, &l.processes, &l.runs) != 3 ||
            l.tokens < 3 || l.tokens > LONGEST || l.processes < 1 ||
            l.processes > PROCESSES_MAX || l.runs < 1 || l.runs > RUNS) {
            fprintf(stderr, "embedding: this is no case: %s", line);
            return 2;
        }
        l.passages = sets[set].tokens_per_run / l.tokens;
        if (measure(e, sets[set].name, l) != 0)
            return 1;
    }
    return 0;
}

static bool asked_for(const char *name, int argc, char **argv)
{
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], name) == 0)
            return true;
    }
    return argc <= 2;
}

static int measure_set(size_t i, const char *model,
                       int (*measure_cases)(struct embedder *e, size_t set))
{
    char why[300];
    struct embedder *e;
    double start = now_s(CLOCK_MONOTONIC);
    if (embedder_open(&e, model, sets[i].path, why, sizeof(why)) < 0) {
        printf("# %s\n", why);
        return 0;
    }
    printf("# %s opened in %.2f ms\n", sets[i].name,
           (now_s(CLOCK_MONOTONIC) - start) * 1e3);
    fflush(stdout);
    int failed = measure_cases(e, i);
    embedder_close(e);
    return failed;
}

int main(int argc, char **argv)
{
    bool ask = argc > 1 && strcmp(argv[1], "--ask") == 0;
    argc -= ask;
    argv += ask;
    if (argc < 2 || (ask && argc != 3)) {
        fprintf(stderr, "usage: embedding MODEL [scalar|avx2|amx]...\n"
                        "       embedding --ask MODEL scalar|avx2|amx\n");
        return 2;
    }
    int failed = 0;
    for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
        if (asked_for(sets[i].name, argc, argv))
            failed |= measure_set(i, argv[1], ask ? measure_asked : measure_all);
    }
    return failed;
}
