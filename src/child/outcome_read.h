/* SPDX-License-Identifier: Apache-2.0 */
/* outcome_read - how a task ended, from the document that the backend keeps of it. */
#ifndef PETIOLE_OUTCOME_READ_H
#define PETIOLE_OUTCOME_READ_H

#include "../../protocol/result.h"

struct outcome {
    struct str state;          /* .n 0: there is no such document */
    const ptl_value *value;    /* of a success */
    struct result_error error; /* of a failure, or one that was revoked */
    struct str traceback;      /* .p NULL: none */
    bool has_error;
};

/* From {"status", "result", "traceback"}. */
struct outcome outcome_read(struct arena *a, const ptl_value *document);
/* From a state and its result alone, as a chord's part has them. */
struct outcome outcome_of(struct arena *a, struct str state, const ptl_value *result);

#endif
