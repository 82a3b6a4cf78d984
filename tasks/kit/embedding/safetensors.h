/* SPDX-License-Identifier: Apache-2.0 */
/* safetensors - named tensors out of a file as Hugging Face writes them: a length, a
 * JSON header, the numbers. Tensors are borrowed from the file, which stays mapped. */
#ifndef KIT_SAFETENSORS_H
#define KIT_SAFETENSORS_H

#include <stddef.h>

struct json_object;

struct safetensors {
    const char *path;
    const char *map;
    size_t map_bytes;
    struct json_object *header;
    const char *data; /* behind the header */
    size_t data_bytes;
};

/* The path is borrowed. On failure returns -errno with one line in why. */
int safetensors_open(struct safetensors *s, const char *path, char *why,
                     size_t why_size);
void safetensors_close(struct safetensors *s);

/* The tensor if it is fp32 of rows by columns (columns 0: a vector); else NULL with one
 * line in why. */
const float *safetensors_get(const struct safetensors *s, const char *name, size_t rows,
                             size_t columns, char *why, size_t why_size);

#endif
