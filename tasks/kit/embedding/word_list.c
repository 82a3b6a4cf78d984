/* SPDX-License-Identifier: Apache-2.0 */
#include "word_list.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

enum { FILE_BYTES_MAX = 64 << 20 };

static int refuse(char *why, size_t why_size, int code, const char *path,
                  const char *reason)
{
    snprintf(why, why_size, "cannot read the vocabulary %s: %s", path, reason);
    return -code;
}

/* The whole file, NUL-terminated; NULL with errno. */
static char *read_file(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rbe");
    char *text = f ? malloc(FILE_BYTES_MAX + 1) : NULL;
    if (text) {
        *n = fread(text, 1, FILE_BYTES_MAX, f);
        text[*n] = '\0';
        if (ferror(f) || !feof(f)) {
            errno = ferror(f) ? EIO : EFBIG;
            free(text);
            text = NULL;
        }
    }
    if (f)
        fclose(f);
    return text;
}

static bool add(struct word_list *list, struct str text, int64_t id)
{
    if (list->n == WORD_LIST_MAX || text.n > WORD_BYTES_MAX || id < 0 ||
        id >= WORD_LIST_MAX)
        return false;
    if (text.n > 0) /* an empty piece would match anywhere */
        list->words[list->n++] = (struct trie_word){text, (uint32_t)id};
    return true;
}

static bool add_lines(struct word_list *list, struct str rest)
{
    for (int64_t id = 0; rest.n > 0; id++) {
        const char *end = memchr(rest.p, '\n', rest.n);
        size_t n = end ? (size_t)(end - rest.p) : rest.n;
        size_t carriage = n > 0 && rest.p[n - 1] == '\r';
        if (!add(list, (struct str){rest.p, n - carriage}, id))
            return false;
        rest.p += end ? n + 1 : n;
        rest.n -= end ? n + 1 : n;
    }
    return true;
}

static bool add_members(struct word_list *list, struct json_object *vocabulary)
{
    struct json_object_iterator at = json_object_iter_begin(vocabulary);
    struct json_object_iterator end = json_object_iter_end(vocabulary);
    for (; !json_object_iter_equal(&at, &end); json_object_iter_next(&at)) {
        struct json_object *id = json_object_iter_peek_value(&at);
        if (!json_object_is_type(id, json_type_int) ||
            !add(list, str_of(json_object_iter_peek_name(&at)),
                 json_object_get_int64(id)))
            return false;
    }
    return true;
}

static bool add_json(struct word_list *list)
{
    struct json_object *model = NULL, *vocabulary = NULL;
    list->json = json_tokener_parse(list->text);
    json_object_object_get_ex(list->json, "model", &model);
    json_object_object_get_ex(model, "vocab", &vocabulary);
    return json_object_is_type(vocabulary, json_type_object) &&
           add_members(list, vocabulary);
}

int word_list_read(struct word_list *list, const char *path, char *why, size_t why_size)
{
    size_t n = 0;
    *list = (struct word_list){0};
    list->text = read_file(path, &n);
    if (!list->text)
        return refuse(why, why_size, errno, path, strerror(errno));
    list->words = malloc(WORD_LIST_MAX * sizeof(*list->words));
    if (!list->words)
        return refuse(why, why_size, ENOMEM, path, "out of memory");
    bool read = n > 0 && list->text[0] == '{'
                    ? add_json(list)
                    : add_lines(list, (struct str){list->text, n});
    if (!read || list->n == 0)
        return refuse(why, why_size, EINVAL, path,
                      "it is neither a vocab.txt nor a tokenizer.json");
    return 0;
}

void word_list_finish(struct word_list *list)
{
    json_object_put(list->json);
    free(list->words);
    free(list->text);
    *list = (struct word_list){0};
}
