/* SPDX-License-Identifier: Apache-2.0 */
/* Completion for bash, which needs nothing but bash. */
#include "pages.h"

#include <string.h>

static void put_names(const struct page_option *o, const char *between, FILE *to)
{
    if (o->letter)
        fprintf(to, "-%c%s", o->letter, between);
    fprintf(to, "--%s", o->name);
    if (o->also)
        fprintf(to, "%s--%s", between, o->also);
}

/* What completes the value of an option; the choices are the case's body. */
static void put_value(const struct page_option *o, FILE *to)
{
    fputs("        ", to);
    put_names(o, "|", to);
    if (o->choices)
        fprintf(to, ") __petiole_words '%s'; return ;;\n", o->choices);
    else if (page_is_file(o) || page_is_folder(o))
        fprintf(to, ") __petiole_files %s; return ;;\n", page_is_file(o) ? "-f" : "-d");
    else
        fputs(") return ;;\n", to);
}

static void put_values(const struct command *c, FILE *to)
{
    struct page_option o;
    fputs("        case $prev in\n", to);
    for (size_t i = 0; page_option_at(c, i, &o); i++)
        if (page_takes_word(&o))
            put_value(&o, to);
    fputs("        esac\n", to);
}

static void put_options(const struct command *c, FILE *to)
{
    struct page_option o;
    fputs("        options='", to);
    for (size_t i = 0; page_option_at(c, i, &o); i++) {
        put_names(&o, " ", to);
        fputc(' ', to);
    }
    fputs("'\n", to);
}

static void put_words(const struct command *c, FILE *to)
{
    struct command_word w;
    bool begun = false;
    for (size_t i = 0; command_word_at(c, i, &w); i++) {
        fprintf(to, "%s%s", begun ? " " : "        words='", w.name);
        begun = true;
    }
    fputs(begun ? "'\n" : "", to);
    if (c->words_last)
        fputs("        files=1\n", to);
    for (size_t i = 0; command_word_at(c, i, &w); i++)
        if (w.arguments && strstr(w.arguments, "FILE"))
            fprintf(to, "        [ \"$word\" != %s ] || files=1\n", w.name);
}

/* The options of the worker that take a value: they may stand before the command. */
static void put_leading(FILE *to)
{
    struct page_option o;
    bool begun = false;
    for (size_t i = 0; page_option_at(&command_worker, i, &o); i++)
        if (page_takes_word(&o)) {
            fputs(begun ? "|" : "", to);
            put_names(&o, "|", to);
            begun = true;
        }
}

static const char helpers[] =
    "# bash completion for petiole. Made from the table of commands: do not edit.\n\n"
    "__petiole_words() { mapfile -t COMPREPLY < <(compgen -W \"$1\" -- \"$cur\"); }\n\n"
    "__petiole_files() {\n"
    "    compopt -o filenames 2>/dev/null\n"
    "    mapfile -t COMPREPLY < <(compgen \"$1\" -- \"$cur\")\n"
    "}\n\n"
    "# The first two words that are neither options nor their values.\n"
    "__petiole_find() {\n"
    "    local i\n"
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        case ${COMP_WORDS[i]} in\n"
    "        ";

static const char finding[] =
    ") ((i++)); [ \"${COMP_WORDS[i]}\" != = ] || ((i++)) ;;\n"
    "        -* | =) ;;\n"
    "        *) if [ -z \"$command\" ]; then command=${COMP_WORDS[i]};\n"
    "           elif [ -z \"$word\" ]; then word=${COMP_WORDS[i]}; fi ;;\n"
    "        esac\n"
    "    done\n"
    "}\n\n"
    "_petiole() {\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
    "    local command= word= words= options= files=\n"
    "    COMPREPLY=()\n"
    "    # \"--name=value\" is three words\n"
    "    if [ \"$cur\" = = ]; then cur=\n"
    "    elif [ \"$prev\" = = ]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi\n"
    "    __petiole_find\n"
    "    case $command in\n";

static const char ending[] =
    "    esac\n"
    "    if [[ $cur == -* ]]; then __petiole_words \"$options\"\n"
    "    elif [ -n \"$files\" ]; then __petiole_files -f\n"
    "    elif [ -z \"$word\" ]; then __petiole_words \"$words\"; fi\n"
    "}\n\n"
    "complete -F _petiole petiole\n";

void page_bash(FILE *to)
{
    const struct command *c;
    fputs(helpers, to);
    put_leading(to);
    fputs(finding, to);
    fputs("    '')\n", to);
    put_values(&command_worker, to);
    fputs("        options='--help --version'\n        words='", to);
    for (size_t i = 0; (c = command_at(i)); i++)
        fprintf(to, "%s%s", i ? " " : "", c->name);
    fputs("' ;;\n", to);
    for (size_t i = 0; (c = command_at(i)); i++) {
        fprintf(to, "    %s)\n", c->name);
        put_values(c, to);
        put_options(c, to);
        put_words(c, to);
        fputs("        ;;\n", to);
    }
    fputs(ending, to);
}
