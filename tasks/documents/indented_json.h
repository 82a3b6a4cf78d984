/* SPDX-License-Identifier: Apache-2.0 */
/* indented_json - JSON straight to a file, as Python's json.dump(value, indent=2)
 * writes it. The first failure sticks; ask for it once, at the end. */
#ifndef DOCUMENTS_INDENTED_JSON_H
#define DOCUMENTS_INDENTED_JSON_H

#include "../../protocol/buf.h"

#include <stdint.h>

struct indented_json {
    struct wr w; /* not yet written */
    int fd;
    int error; /* errno of the first failure, or 0 */
    unsigned depth;
    bool is_first;  /* no item yet in the innermost list or object */
    bool after_key; /* the next value stands behind its key */
};

void indented_json_init(struct indented_json *j, int fd);
/* Writes what is left; 0 or -errno of the first failure. */
int indented_json_finish(struct indented_json *j);

void json_begin(struct indented_json *j, char bracket); /* '{' or '[' */
void json_end(struct indented_json *j, char bracket);   /* '}' or ']' */
void json_key(struct indented_json *j, const char *key);
void json_put_str(struct indented_json *j, struct str s);
void json_put_text(struct indented_json *j, const char *text);
void json_put_int(struct indented_json *j, int64_t i);
void json_put_float(struct indented_json *j, double d);
void json_put_base64(struct indented_json *j, struct str bytes);
void json_put_null(struct indented_json *j);

#endif
