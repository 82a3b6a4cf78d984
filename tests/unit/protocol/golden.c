/* SPDX-License-Identifier: Apache-2.0 */
/* golden - reads files below GOLDEN_DIR, which the build sets. */
#include "golden.h"
#include "cmocka_all.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

struct str golden_read(const char *path)
{
    char full[512];
    snprintf(full, sizeof(full), "%s/%s", GOLDEN_DIR, path);
    FILE *f = fopen(full, "rb");
    if (!f)
        fail_msg("cannot open %s", full);
    fseek(f, 0, SEEK_END);
    size_t size = (size_t)ftell(f);
    rewind(f);
    char *text = malloc(size + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, size, f), size);
    text[size] = '\0';
    fclose(f);
    return (struct str){text, size};
}

/* Cuts the next line off *rest. */
static struct str next_line(struct str *rest)
{
    const char *end = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;
    struct str line = {rest->p, end ? (size_t)(end - rest->p) : rest->n};
    size_t taken = line.n + (end ? 1 : 0);

    rest->p += taken;
    rest->n -= taken;
    return line;
}

static bool ends_with(const char *name, const char *suffix)
{
    size_t n = strlen(name), m = strlen(suffix);

    return n >= m && strcmp(name + n - m, suffix) == 0;
}

int golden_each(const char *folder, const char *suffix,
                void (*visit)(const char *name, struct str line))
{
    char path[512];
    int visited = 0;
    snprintf(path, sizeof(path), "%s/%s", GOLDEN_DIR, folder);
    DIR *dir = opendir(path);
    assert_non_null(dir);

    for (struct dirent *entry; (entry = readdir(dir));) {
        if (!ends_with(entry->d_name, suffix))
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        struct str all = golden_read(path), rest = all;
        do {
            visit(entry->d_name, next_line(&rest));
            visited++;
        } while (rest.n);
        free((char *)all.p);
    }
    closedir(dir);
    return visited;
}

int golden_each_pair(const char *path,
                     void (*visit)(struct str input, struct str output))
{
    struct str all = golden_read(path), rest = all;
    int visited = 0;

    while (rest.n) {
        struct str line = next_line(&rest);
        const char *tab = memchr(line.p, '\t', line.n);
        assert_non_null(tab);
        size_t before = (size_t)(tab - line.p);
        visit((struct str){line.p, before}, (struct str){tab + 1, line.n - before - 1});
        visited++;
    }
    free((char *)all.p);
    return visited;
}

struct str golden_line(const char *path, int n)
{
    struct str all = golden_read(path), rest = all, line = next_line(&rest);

    for (; n > 0; n--)
        line = next_line(&rest);
    line = boxed(line);
    free((char *)all.p);
    return line;
}

struct str boxed(struct str s)
{
    char *copy = malloc(s.n);

    assert_true(copy || !s.n);
    if (s.n)
        memcpy(copy, s.p, s.n);
    return (struct str){copy, s.n};
}

static unsigned digit(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a' + 10);
}

struct str golden_from_hex(struct str hex)
{
    char *bytes = malloc(hex.n / 2 + 1);

    assert_non_null(bytes);
    for (size_t i = 0; i < hex.n / 2; i++)
        bytes[i] = (char)(digit(hex.p[2 * i]) << 4 | digit(hex.p[2 * i + 1]));
    struct str exact = boxed((struct str){bytes, hex.n / 2});
    free(bytes);
    return exact;
}
