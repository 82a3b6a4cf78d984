/* SPDX-License-Identifier: Apache-2.0 */
/* roots - files and folders, opened only below the folders an operator allows.
 *
 * A path is resolved first, links included, and must then lie below a root. It is
 * opened by walking down from the root without following links, so that a link put in
 * place meanwhile leads nowhere; what is read is the descriptor that was checked.
 * Descriptors are closed when the handler has returned. */
#ifndef DOCUMENTS_ROOTS_H
#define DOCUMENTS_ROOTS_H

#include <petiole/task.h>

enum roots {
    ROOTS_READ, /* documents.roots, else the worker's working directory */
    ROOTS_WRITE /* documents.output_roots, else as ROOTS_READ */
};

struct opened {
    int fd;
    const char *path; /* resolved */
    const char *name; /* its last part */
};

/* A regular file for reading. False with a failure flagged: PermissionError (not below
 * a root; not readable), FileNotFoundError, ValueError (no regular file), OSError. */
bool roots_open_file(ptl_task *t, enum roots which, const char *path,
                     struct opened *file);
/* A folder to create files in. */
bool roots_open_folder(ptl_task *t, enum roots which, const char *path,
                       struct opened *folder);
/* The folder of a resolved path. */
const char *roots_folder_of(ptl_task *t, const char *path);

/* After a failed system call: the exception Python would raise for errno. */
bool roots_fail(ptl_task *t, const char *path);

#endif
