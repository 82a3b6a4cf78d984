/* SPDX-License-Identifier: Apache-2.0 */
#include "serializers.h"

#include "../protocol/json.h"
#include "../protocol/pack.h"
#include "serializers/module.h"

#include <dlfcn.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- Finding and loading ------------------------------------------------------- */

static bool own_folder(char folder[PATH_MAX])
{
    ssize_t n = readlink("/proc/self/exe", folder, PATH_MAX - 1);
    char *slash;

    if (n <= 0)
        return false;
    folder[n] = '\0';
    if (!(slash = strrchr(folder, '/')))
        return false;
    *slash = '\0';
    return true;
}

static bool find_at(char path[PATH_MAX], const char *folder, const char *below,
                    const char *name)
{
    char pattern[2 * PATH_MAX];
    glob_t found;
    bool there;

    snprintf(pattern, sizeof(pattern), "%s%s/serializers/%s.so", folder, below, name);
    there = glob(pattern, 0, NULL, &found) == 0 && realpath(found.gl_pathv[0], path);
    globfree(&found);
    return there;
}

/* Beside the executable of a build tree, in its own installation, in the one it was
 * built for. */
static bool find(char path[PATH_MAX], const char *name)
{
    static const char *const below[] = {"", "/../lib/*/petiole", "/../lib/petiole",
                                        "/../lib64/petiole"};
    char folder[PATH_MAX];

    for (size_t i = 0; own_folder(folder) && i < sizeof(below) / sizeof(below[0]); i++)
        if (find_at(path, folder, below[i], name))
            return true;
    return find_at(path, PTL_PLUGINDIR, "", name);
}

/* Never closed: what it exports lives as long as the process. */
static const struct serializer_module *load(const char *name,
                                            char why[SERIALIZERS_WHY_MAX])
{
    const struct serializer_module *module = NULL;
    char path[PATH_MAX];
    void *library;

    if (!find(path, name)) {
        snprintf(why, SERIALIZERS_WHY_MAX,
                 "this build has no serializer '%s' (a file serializers/%s.so beside "
                 "the plugins)",
                 name, name);
        return NULL;
    }
    if ((library = dlopen(path, RTLD_NOW | RTLD_LOCAL)))
        module = dlsym(library, "petiole_serializer_module");
    if (module && strcmp(module->version, PTL_VERSION) == 0)
        return module;
    snprintf(why, SERIALIZERS_WHY_MAX, "cannot load serializer '%s': %s", name,
             module ? "it is of another version of petiole" : dlerror());
    return NULL;
}

static const struct serializer *load_yaml(void *ctx, struct str name, const char **why)
{
    struct serializers *s = ctx;

    *why = "there is no such serializer";
    if (!str_is(name, "yaml"))
        return NULL;
    if (!s->yaml && !s->yaml_failed) {
        const struct serializer_module *module = load("yaml", s->yaml_why);
        s->yaml = module ? module->serializer : NULL;
        s->yaml_failed = !s->yaml;
    }
    *why = s->yaml_why;
    return s->yaml;
}

/* ---- Signatures ---------------------------------------------------------------- */

static bool open_signed(void *ctx, struct arena *a, struct str bytes,
                        struct serializer_signed *opened, const char **why)
{
    struct serializers *s = ctx;

    return s->auth->open(s->auth_state, a, bytes, opened, why);
}

bool serializers_trust(struct serializers *s, const struct security *security,
                       char why[SERIALIZERS_WHY_MAX])
{
    const struct serializer_module *module = load("auth", why);

    if (!module || !(s->auth_state = module->auth->start(security, why)))
        return false;
    s->auth = module->auth;
    s->source.open_signed = open_signed;
    return true;
}

bool serializers_sign(struct serializers *s, struct wr *w,
                      const struct serializer_signed *plain)
{
    return s->auth && s->auth->sign(s->auth_state, w, plain);
}

/* ---- The rest ------------------------------------------------------------------ */

void serializers_init(struct serializers *s)
{
    *s = (struct serializers){.source = {.load = load_yaml}};
    s->source.ctx = s;
}

void serializers_finish(struct serializers *s)
{
    if (s->auth)
        s->auth->finish(s->auth_state);
    s->auth = NULL;
    s->source.open_signed = NULL;
}

bool serializers_have(const char *name)
{
    char path[PATH_MAX];

    return find(path, name);
}

bool serializers_rewrite(struct serializers *s, struct arena *a, struct str name,
                         struct str json, struct wr *w, const char **why)
{
    const struct serializer *serializer = serializer_find(&s->source, name, why);
    const ptl_value *v;

    if (!serializer)
        return false;
    *why = "no memory to write it anew";
    if (!(v = json_read(a, json, JSON_KOMBU_TYPES | JSON_COPY_STRINGS, NULL, NULL)))
        return false;
    *why = "it holds what that serializer cannot write, or is too large";
    return serializer->write(w, v);
}

/* The body as it is signed, and the signed one in its place. */
static bool sign_body(struct serializers *s, struct serializers_body *b)
{
    const struct serializer_signed plain = {str_of(b->content_type),
                                            str_of(b->content_encoding),
                                            wr_str(&b->bytes)};
    struct wr out;

    wr_init(&out, b->bytes.max);
    bool ok = serializers_sign(s, &out, &plain);
    wr_finish(&b->bytes);
    b->bytes = out;
    b->content_type = "application/data";
    b->content_encoding = "utf-8";
    return ok;
}

static bool compress_body(struct serializers_body *b, const char *compression)
{
    struct wr out;

    wr_init(&out, b->bytes.max);
    bool ok = pack(&out, str_of(compression), wr_str(&b->bytes));
    wr_finish(&b->bytes);
    b->bytes = out;
    b->compression = pack_content_type(str_of(compression));
    return ok;
}

bool serializers_encode(struct serializers *s, struct arena *a, struct str json,
                        const char *serializer, const char *compression,
                        struct serializers_body *body, const char **why)
{
    bool is_signed = serializer && strcmp(serializer, "auth") == 0;
    struct str name = str_of(serializer && !is_signed ? serializer : "json");
    const struct serializer *found = serializer_find(&s->source, name, why);

    if (!found)
        return false;
    body->content_type = found->content_type;
    body->content_encoding = found->content_encoding;
    body->compression = NULL;
    if (found == &serializer_json)
        wr_put(&body->bytes, json);
    else if (!serializers_rewrite(s, a, name, json, &body->bytes, why))
        return false;
    *why = "there is no security_key to sign with, or it is too large";
    if (is_signed && !sign_body(s, body))
        return false;
    *why = "there is no such compression, or it is too large";
    return !compression || compress_body(body, compression);
}

/* ---- Results ------------------------------------------------------------------- */

#define BYTES_PER_BYTE 48 /* that JSON takes when it is read: "0, " makes a value */

static bool is_given(const char *setting)
{
    return setting && *setting;
}

bool serializers_keeps_json(const struct serializers_result *how)
{
    return !is_given(how->compression) &&
           (!is_given(how->serializer) || strcmp(how->serializer, "json") == 0);
}

static bool rewrite(struct serializers *s, const char *name, struct str json,
                    struct wr *w)
{
    struct arena a;
    const char *why;

    if (!is_given(name) || strcmp(name, "json") == 0) {
        wr_put(w, json);
        return !w->bad;
    }
    arena_init(&a, BYTES_PER_BYTE * json.n + (1u << 20));
    bool ok = serializers_rewrite(s, &a, str_of(name), json, w, &why);
    arena_finish(&a);
    return ok;
}

bool serializers_store(struct serializers *s, const struct serializers_result *how,
                       struct str json, struct wr *w)
{
    struct wr plain;

    if (!is_given(how->compression))
        return rewrite(s, how->serializer, json, w);
    wr_init(&plain, w->max);
    bool ok = rewrite(s, how->serializer, json, &plain) &&
              pack_result(w, str_of(how->compression), wr_str(&plain));
    wr_finish(&plain);
    return ok;
}
