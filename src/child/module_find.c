/* SPDX-License-Identifier: Apache-2.0 */
/* module_find - a plugin's name to the path of its shared object, opening nothing. */
#include "module.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The places are tried in order; each says what it looked for, so that a plugin that
 * is nowhere can be reported with all of them. */
struct search {
    const char *name;
    char found[PATH_MAX];
    struct module_error *looked_in;
    size_t len; /* of looked_in->text */
};

static void note_place(struct search *s, const char *place)
{
    size_t room = sizeof(s->looked_in->text) - s->len;
    int n = snprintf(s->looked_in->text + s->len, room, "%s%s", s->len > 0 ? ", " : "",
                     place);

    if (n > 0)
        s->len += (size_t)n < room ? (size_t)n : room - 1;
}

static bool try_pattern(struct search *s, const char *pattern)
{
    glob_t matches;
    bool there = glob(pattern, 0, NULL, &matches) == 0;

    if (there)
        there = realpath(matches.gl_pathv[0], s->found) != NULL;
    globfree(&matches);
    return there;
}

/* `folder` may hold a pattern; a folder of a build tree holds NAME/NAME.so. */
static bool try_folder(struct search *s, const char *folder, bool build_tree)
{
    char pattern[PATH_MAX];
    int n = build_tree
                ? snprintf(pattern, sizeof(pattern), "%s/%s/%s.so", folder, s->name,
                           s->name)
                : snprintf(pattern, sizeof(pattern), "%s/%s.so", folder, s->name);

    note_place(s, folder);
    return n > 0 && (size_t)n < sizeof(pattern) && try_pattern(s, pattern);
}

static bool try_environment(struct search *s)
{
    const char *path = getenv("PETIOLE_PLUGIN_PATH");
    char folder[PATH_MAX];

    while (path && *path) {
        size_t n = strcspn(path, ":");

        if (n > 0 && n < sizeof(folder)) {
            memcpy(folder, path, n);
            folder[n] = '\0';
            if (try_folder(s, folder, false))
                return true;
        }
        path += n + (path[n] == ':');
    }
    return false;
}

/* The folder that holds bin/petiole or, in a build tree, src/petiole. */
static bool own_prefix(char prefix[PATH_MAX], bool *build_tree)
{
    ssize_t n = readlink("/proc/self/exe", prefix, PATH_MAX - 1);
    char *slash;

    if (n <= 0)
        return false;
    prefix[n] = '\0';
    if (!(slash = strrchr(prefix, '/')))
        return false;
    *slash = '\0';
    if (!(slash = strrchr(prefix, '/')))
        return false;
    *build_tree = strcmp(slash, "/src") == 0;
    *slash = '\0';
    return true;
}

static bool try_beside_executable(struct search *s)
{
    static const char *const below[] = {"lib/*/petiole", "lib/petiole",
                                        "lib64/petiole"};
    char prefix[PATH_MAX], folder[PATH_MAX + 16];
    bool build_tree;

    if (!own_prefix(prefix, &build_tree))
        return false;
    if (build_tree) {
        snprintf(folder, sizeof(folder), "%s/tasks", prefix);
        return try_folder(s, folder, true);
    }
    for (size_t i = 0; i < sizeof(below) / sizeof(below[0]); i++) {
        snprintf(folder, sizeof(folder), "%s/%s", prefix, below[i]);
        if (try_folder(s, folder, false))
            return true;
    }
    return false;
}

static bool find_path(const char *plugin, char *found, struct module_error *e)
{
    if (realpath(plugin, found))
        return true;
    snprintf(e->text, sizeof(e->text), "no plugin at %s: %s", plugin, strerror(errno));
    return false;
}

static bool find_name(struct search *s, struct module_error *e)
{
    struct module_error looked_in = {""};

    s->looked_in = &looked_in;
    bool found = strpbrk(s->name, "*?[\\") == NULL &&
                 (try_environment(s) || try_beside_executable(s) ||
                  try_folder(s, PTL_PLUGINDIR, false));
    s->looked_in = NULL;
    if (found)
        return true;
    snprintf(e->text, sizeof(e->text),
             "no plugin '%s': a plugin is a shared object with C handlers, not a "
             "Python module; looked in %s",
             s->name, looked_in.text);
    return false;
}

bool module_find(const char *plugin, char *path, size_t size, struct module_error *e)
{
    struct search s = {.name = plugin};

    if (strchr(plugin, '/') ? !find_path(plugin, s.found, e) : !find_name(&s, e))
        return false;
    if (strlen(s.found) >= size) {
        snprintf(e->text, sizeof(e->text), "the path of plugin %s is too long", plugin);
        return false;
    }
    strcpy(path, s.found);
    return true;
}
