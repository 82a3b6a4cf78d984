/* SPDX-License-Identifier: Apache-2.0 */
/* Completion for fish. */
#include "pages.h"

#include <string.h>

static void put_quoted(const char *text, FILE *to)
{
    fputc('\'', to);
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\')
            fputc('\\', to);
        fputc(*text, to);
    }
    fputc('\'', to);
}

/* The options of the worker that take a value: they may stand before the command. */
static void put_leading(FILE *to)
{
    struct page_option o;
    for (size_t i = 0; page_option_at(&command_worker, i, &o); i++) {
        if (!page_takes_word(&o))
            continue;
        if (o.letter)
            fprintf(to, " -%c", o.letter);
        fprintf(to, " --%s", o.name);
    }
}

static const char beginning[] =
    "# fish completion for petiole. Made from the table of commands: do not edit.\n\n"
    "# The first word that is neither an option nor its value, and the second.\n"
    "function __petiole_words\n"
    "    set -l skip 0\n"
    "    for word in (commandline -opc)[2..]\n"
    "        if test $skip = 1\n"
    "            set skip 0\n"
    "            continue\n"
    "        end\n"
    "        switch $word\n"
    "            case";

static const char helpers[] =
    "\n                set skip 1\n"
    "            case '-*'\n"
    "            case '*'\n"
    "                echo $word\n"
    "        end\n"
    "    end\n"
    "end\n\n"
    "function __petiole_is\n"
    "    set -l words (__petiole_words)\n"
    "    test \"$words[1]\" = \"$argv[1]\"\n"
    "end\n\n"
    "function __petiole_begins\n"
    "    set -l words (__petiole_words)\n"
    "    test \"$words[1]\" = \"$argv[1]\" -a (count $words) = $argv[2]\n"
    "end\n\n"
    "complete -c petiole -f\n";

static void put_option(const char *condition, const struct page_option *o, FILE *to)
{
    fprintf(to, "complete -c petiole -n '%s' -l %s", condition, o->name);
    if (o->letter)
        fprintf(to, " -s %c", o->letter);
    if (page_is_file(o) || page_is_folder(o))
        fputs(page_is_file(o) ? " -rF" : " -xa '(__fish_complete_directories)'", to);
    else if (page_takes_word(o))
        fputs(" -x", to);
    if (o->choices) {
        fputs(" -a ", to);
        put_quoted(o->choices, to);
    }
    fputs(" -d ", to);
    put_quoted(o->help, to);
    fputc('\n', to);
}

static void put_command(const struct command *c, FILE *to)
{
    struct page_option o;
    struct command_word w;
    char condition[64];
    snprintf(condition, sizeof(condition), "__petiole_is %s", c->name);
    fputc('\n', to);
    for (size_t i = 0; page_option_at(c, i, &o); i++)
        put_option(condition, &o, to);
    for (size_t i = 0; command_word_at(c, i, &w); i++) {
        fprintf(to, "complete -c petiole -n '__petiole_begins %s 1' -a %s -d ", c->name,
                w.name);
        put_quoted(w.help, to);
        fputc('\n', to);
        if (w.arguments && strstr(w.arguments, "FILE"))
            fprintf(to, "complete -c petiole -n '__petiole_begins %s 2' -F\n", c->name);
    }
    if (c->words_last)
        fprintf(to, "complete -c petiole -n '%s' -F\n", condition);
}

void page_fish(FILE *to)
{
    const struct command *c;
    struct page_option o;
    fputs(beginning, to);
    put_leading(to);
    fputs(helpers, to);
    for (size_t i = 0; (c = command_at(i)); i++) {
        fprintf(to, "complete -c petiole -n '__petiole_is \"\"' -a %s -d ", c->name);
        put_quoted(c->summary, to);
        fputc('\n', to);
    }
    fputs("complete -c petiole -n '__petiole_is \"\"' -l version -d 'the version'\n",
          to);
    for (size_t i = 0; page_option_at(&command_worker, i, &o); i++)
        put_option("__petiole_is \"\"", &o, to);
    for (size_t i = 0; (c = command_at(i)); i++)
        put_command(c, to);
}
