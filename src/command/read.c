/* SPDX-License-Identifier: Apache-2.0 */
/* A command's own options and words, out of its command line. */
#include "../config.h"
#include "../nearest.h"
#include "command.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct reading {
    const struct command *command;
    char *into;
    int argc;
    char **argv;
    const char **words;
    size_t nwords, most;
};

static int refuse(const struct reading *r, const char *fmt, const char *word,
                  const char *nearest)
{
    char name[32];
    snprintf(name, sizeof(name), "petiole %s", r->command->name);
    if (nearest)
        return command_complain(EXIT_USAGE, name, "%s '%.60s': did you mean '--%s'?",
                                fmt, word, nearest);
    return command_complain(EXIT_USAGE, name, "%s '%.60s': see %s --help", fmt, word,
                            name);
}

/* ---- options ------------------------------------------------------------------ */

static const struct command_option *find_own(const struct command *command,
                                             const char *word)
{
    const struct command_option *o = command->options;
    size_t len = strcspn(word, "=");
    for (; o && o->name; o++) {
        if (word[1] == '-' && strlen(o->name) == len - 2 &&
            strncmp(o->name, word + 2, len - 2) == 0)
            return o;
        if (word[1] != '-' && o->letter && word[1] == o->letter &&
            (o->metavar || !word[2]))
            return o;
    }
    return NULL;
}

/* What stands in the option's own word: --name=VALUE, -nVALUE; or NULL. */
static const char *value_within(const char *word)
{
    if (word[1] != '-')
        return word[2] ? word + 2 : NULL;
    const char *equals = strchr(word, '=');
    return equals ? equals + 1 : NULL;
}

static bool is_number(const char *word)
{
    char *end;
    return word && (isdigit((unsigned char)*word) || *word == '.') &&
           (strtod(word, &end), *end == '\0');
}

static void set_flag(const struct reading *r, size_t offset)
{
    memcpy(r->into + offset, &(bool){true}, sizeof(bool));
}

/* Takes argv[*i], and the next word if that is its value. */
static int take_own(const struct reading *r, const struct command_option *o, int *i)
{
    const char *word = r->argv[*i], *value = value_within(word);
    bool may_lack = o->metavar && *o->metavar == '[';
    if (!o->metavar && value)
        return refuse(r, "no value is taken by", word, NULL);
    if (!o->metavar || may_lack)
        set_flag(r, o->metavar ? o->given : o->offset);
    if (!o->metavar)
        return 0;
    if (!value && *i + 1 < r->argc && (!may_lack || is_number(r->argv[*i + 1])))
        value = r->argv[++*i];
    if (value)
        memcpy(r->into + o->offset, &value, sizeof(value));
    return value || may_lack ? 0 : refuse(r, "no value for option", word, NULL);
}

static int refuse_unknown(const struct reading *r, const char *word)
{
    const struct config_option *setting;
    char name[64];
    if (word[1] != '-')
        return refuse(r, "unknown option", word, NULL);
    snprintf(name, sizeof(name), "%.*s", (int)strcspn(word + 2, "="), word + 2);
    struct nearest n = nearest_to(name);
    for (const struct command_option *o = r->command->options; o && o->name; o++)
        nearest_try(&n, o->name);
    for (size_t i = 0; r->command->settings && (setting = config_option_at(i)); i++)
        nearest_try(&n, setting->option);
    return refuse(r, "unknown option", word, nearest_found(&n));
}

/* ---- the line ----------------------------------------------------------------- */

static int take_word(struct reading *r, const char *word)
{
    if (r->nwords == r->most)
        return refuse(r, "unexpected argument", word, NULL);
    r->words[r->nwords++] = word;
    return 0;
}

static int take_option(struct reading *r, int *i, int *kept)
{
    char *word = r->argv[*i];
    const struct command_option *own = find_own(r->command, word);
    if (own)
        return take_own(r, own, i);
    const struct config_option *o =
        r->command->settings ? config_option_of(word) : NULL;
    if (!o)
        return refuse_unknown(r, word);
    r->argv[(*kept)++] = word;
    if (config_value_follows(o, word) && *i + 1 < r->argc)
        r->argv[(*kept)++] = r->argv[++*i];
    return 0;
}

int command_read(const struct command *command, void *into, int *argc, char **argv,
                 const char **words, size_t *nwords, size_t most)
{
    struct reading r = {command, into, *argc, argv, words, 0, most};
    bool options = true;
    int kept = 1, code = 0;
    for (int i = 1; !code && i < r.argc; i++) {
        if (options && strcmp(argv[i], "--") == 0) {
            options = false;
        } else if (options && argv[i][0] == '-' && argv[i][1]) {
            code = take_option(&r, &i, &kept);
        } else {
            code = take_word(&r, argv[i]);
            options &= !command->words_last;
        }
    }
    *nwords = r.nwords;
    if (!code)
        *argc = kept;
    return code;
}

/* ---- the first word ------------------------------------------------------------- */

bool command_knows_word(const struct command *command, const char *word)
{
    struct command_word w;
    for (size_t i = 0; command_word_at(command, i, &w); i++)
        if (strcmp(w.name, word) == 0)
            return true;
    return false;
}

static int refuse_none(const struct command *command, const char *name)
{
    char words[128] = "";
    size_t n = 0;
    struct command_word w, next;
    for (size_t i = 0; command_word_at(command, i, &w); i++) {
        bool last = !command_word_at(command, i + 1, &next);
        n += (size_t)snprintf(words + n, sizeof(words) - n, "%s%s",
                              !i     ? ""
                              : last ? " or "
                                     : ", ",
                              w.name);
        if (n >= sizeof(words) - 1) /* more than a line: the help lists them */
            return command_complain(EXIT_USAGE, name, "say what: see %s --help", name);
    }
    return command_complain(EXIT_USAGE, name, "say %s: see %s --help", words, name);
}

int command_refuse_word(const struct command *command, const char *word)
{
    char name[32];
    snprintf(name, sizeof(name), "petiole %s", command->name);
    if (!word)
        return refuse_none(command, name);
    struct nearest n = nearest_to(word);
    struct command_word w;
    for (size_t i = 0; command_word_at(command, i, &w); i++)
        nearest_try(&n, w.name);
    const char *found = nearest_found(&n);
    if (found)
        return command_complain(EXIT_USAGE, name, "no '%.60s': did you mean '%s'?",
                                word, found);
    return command_complain(EXIT_USAGE, name, "no '%.60s': see %s --help", word, name);
}

/* ---- help --------------------------------------------------------------------- */

bool command_asks_for_help(const struct command *command, int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
        if (command->words_last && argv[i][0] != '-')
            return false;
        const struct command_option *own = find_own(command, argv[i]);
        if (own && own->metavar && *own->metavar != '[' && !value_within(argv[i]))
            i++;
    }
    return false;
}
