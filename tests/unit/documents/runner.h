/* SPDX-License-Identifier: Apache-2.0 */
/* runner - tasks of the documents plugin, each in a process of its own as `petiole run`
 * starts it, in a temporary folder that the test fills. */
#ifndef TEST_RUNNER_H
#define TEST_RUNNER_H

#include "../../../protocol/json.h"

/* What came of one run. */
struct outcome {
    bool succeeded;
    const ptl_value *result; /* of a success */
    char *out, *err;         /* what it printed */
    struct arena arena;
};

/* A fresh working directory, entered; removed by folder_leave. */
int folder_enter(void **state);
int folder_leave(void **state);
/* Its resolved path. */
const char *folder_path(void);

void write_bytes(const char *path, const void *bytes, size_t n);
void write_text(const char *path, const char *text);
const char *read_text(struct outcome *o, const char *path);

/* Settings as "NAME=VALUE" of the environment, in force until the next test. */
void set(const char *assignment);

/* run(&o, "documents.encode", "a.txt", "embed=false", NULL); o is finished by the next
 * run into it, or by outcome_finish. */
void run(struct outcome *o, const char *task, ...) __attribute__((sentinel));
void outcome_finish(struct outcome *o);

/* The run failed with this exception, whose message has these words. */
void expect_failure(const struct outcome *o, const char *exception, const char *words);
void expect_success(const struct outcome *o);
int64_t result_int(const struct outcome *o, const char *key);
const char *result_text(const struct outcome *o, const char *key);
/* A JSON file, parsed; fails the test if it is none. */
const ptl_value *read_json(struct outcome *o, const char *path);

/* Skips the test, saying why, unless scripts/assets has been here. */
void need_vocabulary(void);
void need_model(void);

#endif
