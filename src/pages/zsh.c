/* SPDX-License-Identifier: Apache-2.0 */
/* Completion for zsh, by its _arguments. */
#include "pages.h"

#include <string.h>

/* Within single quotes, and within [ ] or between colons. */
static void put(const char *text, FILE *to)
{
    for (; *text; text++) {
        if (*text == '\'') {
            fputs("'\\''", to);
            continue;
        }
        if (strchr("[]:\\", *text))
            fputc('\\', to);
        fputc(*text, to);
    }
}

static void put_value(const struct page_option *o, FILE *to)
{
    if (!o->metavar)
        return;
    fputs(*o->metavar == '[' ? "::" : ":", to);
    put(o->metavar, to);
    fputc(':', to);
    if (o->choices)
        fprintf(to, "(%s)", o->choices);
    else if (page_is_file(o))
        fputs("_files", to);
    else if (page_is_folder(o))
        fputs("_files -/", to);
    else
        fputc(' ', to);
}

/* '(-a --args)'{-a+,--args=}'[positional arguments]:JSON: ' */
static void put_option(const struct page_option *o, FILE *to)
{
    const char *sign = o->metavar ? "=" : "";
    fputs("            ", to);
    if (o->letter)
        fprintf(to, "'(-%c --%s)'{-%c%s,--%s%s}'[", o->letter, o->name, o->letter,
                o->metavar ? "+" : "", o->name, sign);
    else
        fprintf(to, "'--%s%s[", o->name, sign);
    put(o->help, to);
    fputc(']', to);
    put_value(o, to);
    fputs("' \\\n", to);
}

static void put_words(const struct command *c, FILE *to)
{
    struct command_word w;
    bool files = false;
    for (size_t i = 0; command_word_at(c, i, &w); i++) {
        fputs(i ? " " : "            '1:word:((", to);
        fprintf(to, "%s\\:\"", w.name);
        put(w.help, to);
        fputc('"', to);
        files |= w.arguments && strstr(w.arguments, "FILE");
    }
    if (command_word_at(c, 0, &w))
        fputs("))' \\\n", to);
    fputs(files || c->words_last ? "            '*:argument:_files'\n"
                                 : "            '*:argument: '\n",
          to);
}

static void put_command(const struct command *c, FILE *to)
{
    struct page_option o;
    fprintf(to, "        %s)\n        _arguments -s -S : \\\n", c->name);
    for (size_t i = 0; page_option_at(c, i, &o); i++)
        put_option(&o, to);
    put_words(c, to);
    fputs("        ;;\n", to);
}

static const char beginning[] =
    "#compdef petiole\n"
    "# zsh completion for petiole. Made from the table of commands: do not edit.\n\n"
    "_petiole() {\n"
    "    local curcontext=$curcontext state line\n"
    "    typeset -A opt_args\n"
    "    local -a commands=(\n";

void page_zsh(FILE *to)
{
    const struct command *c;
    struct page_option o;
    fputs(beginning, to);
    for (size_t i = 0; (c = command_at(i)); i++) {
        fprintf(to, "        '%s:", c->name);
        put(c->summary, to);
        fputs("'\n", to);
    }
    fputs("    )\n    _arguments -C -s \\\n", to);
    for (size_t i = 0; page_option_at(&command_worker, i, &o); i++)
        put_option(&o, to);
    fputs("            '--version[the version]' \\\n"
          "            '1:command:->command' '*::argument:->argument'\n"
          "    case $state in\n"
          "    command) _describe -t commands command commands ;;\n"
          "    argument)\n        case $line[1] in\n",
          to);
    for (size_t i = 0; (c = command_at(i)); i++)
        put_command(c, to);
    fputs("        esac ;;\n    esac\n}\n\n"
          "if [ \"$funcstack[1]\" = _petiole ]; then _petiole \"$@\"\n"
          "else compdef _petiole petiole; fi\n",
          to);
}
