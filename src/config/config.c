/* SPDX-License-Identifier: Apache-2.0 */
/* The sources in their order, weakest first. */
#include "load.h"
#include "table.h"
#include "value.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int config_load_defaults(struct config *c, struct error *e)
{
    const struct config_option *o;
    for (size_t i = 0; (o = config_option_at(i)); i++)
        if (o->default_text && config_has_field(o) &&
            config_set(c, o, o->default_text, o->key ? o->key : o->option, e) < 0)
            return -EINVAL;
    return 0;
}

/* The first of the row's variables that is set to something. */
static const char *variable(const struct config_option *o, char name[64])
{
    for (const char *p = o->env; p && *p; p += strspn(p, " ")) {
        size_t n = strcspn(p, " ");
        snprintf(name, 64, "%.*s", (int)n, p);
        const char *value = getenv(name);
        if (value && *value)
            return value;
        p += n;
    }
    return NULL;
}

static int load_environment(struct config *c, bool only_config, struct error *e)
{
    const struct config_option *o;
    int r = 0;
    for (size_t i = 0; r == 0 && (o = config_option_at(i)); i++) {
        char name[64];
        const char *value = variable(o, name);
        bool is_config = config_is_first(o);
        if (value && is_config == only_config)
            r = config_set(c, o, value, name, e);
    }
    return r;
}

static int go_to_work_dir(struct config *c, struct error *e)
{
    int fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    c->first_folder = fd > 0 ? fd : 0;
    if (chdir(c->work_dir) < 0)
        return error_set(e, errno, "cannot go to %s: %s", c->work_dir, strerror(errno));
    return 0;
}

int config_load(struct config *c, int argc, char **argv, struct error *e)
{
    *c = (struct config){.argc = argc, .argv = argv};
    int r = config_load_defaults(c, e);
    if (r == 0)
        r = load_environment(c, true, e);
    if (r == 0)
        r = config_load_arguments(c, argc, argv, true, e);
    if (r == 0 && c->work_dir)
        r = go_to_work_dir(c, e);
    if (r == 0 && c->config_file)
        r = config_load_file(c, e);
    if (r == 0)
        r = load_environment(c, false, e);
    if (r == 0)
        r = config_load_arguments(c, argc, argv, false, e);
    return r < 0 ? r : config_derive(c, e);
}

void config_finish(struct config *c)
{
    const struct config_option *o;
    for (size_t i = 0; (o = config_option_at(i)); i++) {
        char **field = (char **)(void *)((char *)c + o->offset);
        if (o->type != CONFIG_TEXT && o->type != CONFIG_JSON)
            continue;
        free(*field);
        *field = NULL; /* rows without effect share one */
    }
    endpoint_finish(&c->broker);
    endpoint_finish(&c->backend);
    if (c->first_folder > 0)
        close(c->first_folder);
    free(c->plugin_settings);
    queue_table_finish(&c->queues);
    *c = (struct config){0};
}

const char *config_serializer(int64_t place)
{
    static const char *const names[] = {"json", "msgpack", "yaml"};

    return names[place];
}
