/* SPDX-License-Identifier: Apache-2.0 */
#include "safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEADER_MAX = 16 << 20 };

static int refuse(char *why, size_t why_size, int code, const char *path,
                  const char *reason)
{
    snprintf(why, why_size, "cannot read the weights %s: %s", path, reason);
    return -code;
}

static int map_file(struct safetensors *s, char *why, size_t why_size)
{
    struct stat st;
    int fd = open(s->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return refuse(why, why_size, errno, s->path, strerror(errno));
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size < 8) {
        close(fd);
        return refuse(why, why_size, EINVAL, s->path, "it is no safetensors file");
    }
    s->map_bytes = (size_t)st.st_size;
    void *map = mmap(NULL, s->map_bytes, PROT_READ, MAP_PRIVATE, fd, 0);
    int code = errno;
    close(fd);
    if (map == MAP_FAILED)
        return refuse(why, why_size, code, s->path, strerror(code));
    s->map = map;
    return 0;
}

static int parse_header(struct safetensors *s, char *why, size_t why_size)
{
    uint64_t n;
    memcpy(&n, s->map, 8);
    if (n > HEADER_MAX || n > s->map_bytes - 8)
        return refuse(why, why_size, EINVAL, s->path, "it is no safetensors file");
    s->data = s->map + 8 + n;
    s->data_bytes = s->map_bytes - 8 - n;
    struct json_tokener *tokener = json_tokener_new();
    if (tokener)
        s->header = json_tokener_parse_ex(tokener, s->map + 8, (int)n);
    json_tokener_free(tokener);
    if (!s->header || !json_object_is_type(s->header, json_type_object))
        return refuse(why, why_size, EINVAL, s->path, "its header is not JSON");
    return 0;
}

int safetensors_open(struct safetensors *s, const char *path, char *why,
                     size_t why_size)
{
    *s = (struct safetensors){.path = path};
    int r = map_file(s, why, why_size);
    if (r == 0)
        r = parse_header(s, why, why_size);
    if (r < 0)
        safetensors_close(s);
    return r;
}

void safetensors_close(struct safetensors *s)
{
    json_object_put(s->header);
    if (s->map)
        munmap((void *)s->map, s->map_bytes);
    *s = (struct safetensors){0};
}

/* Element i of an array of whole numbers; -1 where there is none. */
static int64_t number(struct json_object *array, size_t i)
{
    struct json_object *v = json_object_is_type(array, json_type_array)
                                ? json_object_array_get_idx(array, i)
                                : NULL;
    return json_object_is_type(v, json_type_int) ? json_object_get_int64(v) : -1;
}

static struct json_object *member(struct json_object *o, const char *name)
{
    struct json_object *v = NULL;
    json_object_object_get_ex(o, name, &v);
    return v;
}

static bool shape_is(struct json_object *shape, size_t rows, size_t columns)
{
    if (!json_object_is_type(shape, json_type_array) ||
        json_object_array_length(shape) != (columns ? 2 : 1))
        return false;
    return number(shape, 0) == (int64_t)rows &&
           (!columns || number(shape, 1) == (int64_t)columns);
}

const float *safetensors_get(const struct safetensors *s, const char *name, size_t rows,
                             size_t columns, char *why, size_t why_size)
{
    struct json_object *tensor = member(s->header, name);
    const char *dtype = json_object_get_string(member(tensor, "dtype"));
    struct json_object *offsets = member(tensor, "data_offsets");
    size_t bytes = rows * (columns ? columns : 1) * sizeof(float);
    int64_t from = number(offsets, 0), to = number(offsets, 1);
    const char *problem = NULL;

    if (!tensor)
        problem = "is missing";
    else if (!dtype || strcmp(dtype, "F32") != 0)
        problem = "is not fp32";
    else if (!shape_is(member(tensor, "shape"), rows, columns))
        problem = "has not the shape of all-MiniLM-L6-v2";
    else if (from < 0 || to < from || (uint64_t)to > s->data_bytes ||
             (uint64_t)(to - from) != bytes)
        problem = "lies outside of the file";
    else if ((uintptr_t)(s->data + from) % sizeof(float) != 0)
        problem = "is not aligned";
    if (!problem)
        return (const float *)(const void *)(s->data + from);
    snprintf(why, why_size, "cannot convert the weights %s: tensor %s %s", s->path,
             name, problem);
    return NULL;
}
