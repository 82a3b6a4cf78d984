/* SPDX-License-Identifier: Apache-2.0 */
/* Prints a man page, or a shell's completion: pages man [COMMAND], pages bash|zsh|fish.
 */
#include "pages.h"

#include "../config.h"

#include <string.h>

/* ---- options ------------------------------------------------------------------- */

static bool own_at(const struct command *c, size_t *i, struct page_option *o)
{
    const struct command_option *own = c->options;
    for (; own && own->name; own++)
        if ((*i)-- == 0) {
            *o = (struct page_option){.name = own->name,
                                      .letter = own->letter,
                                      .metavar = own->metavar,
                                      .help = own->help,
                                      .choices = own->choices};
            return true;
        }
    return false;
}

static bool is_told(const struct command *c, const char *option)
{
    size_t n = strlen(option);
    if (strcmp(c->settings, "*") == 0)
        return true;
    for (const char *p = c->settings; *p; p += strspn(p, " ")) {
        size_t len = strcspn(p, " ");
        if (len == n && memcmp(p, option, n) == 0)
            return true;
        p += len;
    }
    return false;
}

static struct page_option of_setting(const struct config_option *s)
{
    return (struct page_option){
        .name = s->option,
        .also = s->also,
        .letter = s->letter,
        .metavar = s->is_flag ? NULL : s->metavar,
        .help = s->help,
        .choices =
            s->type == CONFIG_LEVEL ? "DEBUG INFO WARNING ERROR CRITICAL" : s->choices,
        .group = config_group(config_group_of(s)),
    };
}

/* Group by group, as a worker's help shows them. */
static bool setting_at(const struct command *c, size_t *i, struct page_option *o)
{
    const struct config_option *s;
    for (size_t g = 0; c->settings && config_group(g); g++)
        for (size_t k = 0; (s = config_option_at(k)); k++)
            if (config_is_option(s) && config_group_of(s) == g &&
                is_told(c, s->option) && (*i)-- == 0) {
                *o = of_setting(s);
                return true;
            }
    return false;
}

bool page_option_at(const struct command *c, size_t i, struct page_option *o)
{
    if (own_at(c, &i, o) || setting_at(c, &i, o))
        return true;
    *o = (struct page_option){.name = "help", .letter = 'h', .help = "this text"};
    return i == 0;
}

bool page_takes_word(const struct page_option *o)
{
    return o->metavar && *o->metavar != '[';
}

bool page_is_file(const struct page_option *o)
{
    return o->metavar && strcmp(o->metavar, "FILE") == 0;
}

bool page_is_folder(const struct page_option *o)
{
    return o->metavar && strcmp(o->metavar, "DIR") == 0;
}

/* ---- the program ----------------------------------------------------------------- */

static int print_man(const char *name)
{
    const struct command *c = name ? command_find(name) : NULL;
    if (name && !c) {
        fprintf(stderr, "pages: there is no command %s\n", name);
        return 1;
    }
    page_man(c, stdout);
    return 0;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*print)(FILE *to);
    } shells[] = {{"bash", page_bash}, {"zsh", page_zsh}, {"fish", page_fish}};
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "man") == 0)
        return print_man(argc > 2 ? argv[2] : NULL);
    for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++)
        if (strcmp(shells[i].name, what) == 0) {
            shells[i].print(stdout);
            return 0;
        }
    fprintf(stderr, "usage: pages man [COMMAND] | bash | zsh | fish\n");
    return 64;
}
