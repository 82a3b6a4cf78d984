/* SPDX-License-Identifier: Apache-2.0 */
/* loadable - parts of the worker that link a large library, each in a file of its
 * own that is loaded when it is first wanted: who does not use TLS maps no OpenSSL. */
#ifndef PETIOLE_LOADABLE_H
#define PETIOLE_LOADABLE_H

#include "error.h"

struct loadable {
    const char *file;     /* "tls.so" */
    const char *variable; /* of the environment: a file to load instead; for tests */
    const char *symbol;   /* "petiole_tls_v1" */
    unsigned abi;         /* what its first field, an unsigned, must say */
    const char *purpose;  /* "TLS" */
    const char *feature;  /* of the build: "tls" */
};

/* What the symbol is; it stays as long as the process. It is looked for beside the
 * program, as in a build tree, then where both are installed. NULL with one line in *e
 * that says what is missing. */
const void *loadable_open(const struct loadable *so, struct error *e);

#endif
