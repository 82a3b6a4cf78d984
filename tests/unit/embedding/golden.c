/* SPDX-License-Identifier: Apache-2.0 */
#include "golden.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SKIPPED = 77, TEXTS_MAX = 2000 };

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "the recording in %s is not usable: %s\n", GOLDEN, what);
    exit(1);
}

char *golden_file(const char *name, size_t *n)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s", GOLDEN, name);
    FILE *f = fopen(path, "rb");
    must(f && fseek(f, 0, SEEK_END) == 0, path);
    *n = (size_t)ftell(f);
    rewind(f);
    char *text = malloc(*n + 1);
    must(text && fread(text, 1, *n, f) == *n, path);
    text[*n] = '\0';
    fclose(f);
    return text;
}

static struct json_object *member(struct json_object *o, const char *name)
{
    struct json_object *v = NULL;
    json_object_object_get_ex(o, name, &v);
    return v;
}

static struct str copy(const char *p, size_t n)
{
    char *text = malloc(n ? n : 1); /* exact, so that a sanitizer sees a read beyond */
    must(text != NULL, "out of memory");
    memcpy(text, p, n);
    return (struct str){text, n};
}

static struct str from_hex(struct str hex)
{
    struct str bytes = copy(hex.p, hex.n / 2);
    for (size_t i = 0; i < bytes.n; i++) {
        char pair[3] = {hex.p[2 * i], hex.p[2 * i + 1], '\0'};
        ((char *)bytes.p)[i] = (char)strtol(pair, NULL, 16);
    }
    return bytes;
}

static struct str text_of(struct json_object *line)
{
    struct json_object *text = member(line, "text"), *hex = member(line, "hex");
    struct json_object *given = text ? text : hex;
    must(json_object_is_type(given, json_type_string), "a line without a text");
    struct str s = {json_object_get_string(given),
                    (size_t)json_object_get_string_len(given)};
    return text ? copy(s.p, s.n) : from_hex(s);
}

static void read_line(struct golden_text *t, const char *json)
{
    struct json_object *line = json_tokener_parse(json);
    struct json_object *ids = member(line, "ids");
    must(json_object_is_type(ids, json_type_array), "a line without ids");
    t->text = text_of(line);
    t->n_ids = json_object_array_length(ids);
    t->ids = calloc(t->n_ids + 1, sizeof(*t->ids));
    must(t->ids != NULL, "out of memory");
    for (size_t i = 0; i < t->n_ids; i++)
        t->ids[i] = (uint32_t)json_object_get_int64(json_object_array_get_idx(ids, i));
    json_object_put(line);
}

void golden_read(struct golden *g)
{
    size_t bytes, vector_bytes;
    char *lines = golden_file("texts.jsonl", &bytes), *save = NULL;
    g->n = 0;
    g->texts = calloc(TEXTS_MAX, sizeof(*g->texts));
    g->vectors = (float *)(void *)golden_file("vectors.f32", &vector_bytes);
    must(g->texts != NULL, "out of memory");
    for (char *line = strtok_r(lines, "\n", &save); line;
         line = strtok_r(NULL, "\n", &save)) {
        must(g->n < TEXTS_MAX, "too many texts");
        read_line(&g->texts[g->n], line);
        g->texts[g->n].vector = g->vectors + g->n * EMBEDDING_DIMENSION;
        g->n++;
    }
    free(lines);
    must(g->n >= 1000, "fewer than 1,000 texts");
    must(vector_bytes == g->n * EMBEDDING_DIMENSION * sizeof(float),
         "there is not one vector to a text");
}

void golden_finish(struct golden *g)
{
    for (size_t i = 0; i < g->n; i++) {
        free((char *)g->texts[i].text.p);
        free(g->texts[i].ids);
    }
    free(g->texts);
    free(g->vectors);
}

const char *model_or_skip(void)
{
    static char path[1024];
    const char *assets = getenv("PETIOLE_ASSETS"), *data = getenv("XDG_DATA_HOME");
    const char *home = getenv("HOME");
    if (assets && *assets)
        snprintf(path, sizeof(path), "%s/all-minilm-l6-v2.ptlm", assets);
    else if (data && *data)
        snprintf(path, sizeof(path), "%s/petiole/all-minilm-l6-v2.ptlm", data);
    else
        snprintf(path, sizeof(path), "%s/.local/share/petiole/all-minilm-l6-v2.ptlm",
                 home ? home : "");
    if (access(path, R_OK) == 0)
        return path;
    printf("skipped: there is no model at %s (scripts/assets-model makes it)\n", path);
    exit(SKIPPED);
}
