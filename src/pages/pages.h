/* SPDX-License-Identifier: Apache-2.0 */
/* pages - man pages and shells' completions, made at build time from the table of
 * commands (src/command/command.h). */
#ifndef PETIOLE_PAGES_H
#define PETIOLE_PAGES_H

#include "../command/command.h"

/* An option as all of them see it, a command's own or a worker's setting. */
struct page_option {
    const char *name, *also;
    char letter;
    const char *metavar; /* NULL: a flag; "[…]": it may lack */
    const char *help;
    const char *choices; /* separated by spaces, or NULL */
    const char *group;   /* of a worker's, or NULL */
};

/* Those that a command's help tells, all of them for the worker, then --help. False: no
 * more. */
bool page_option_at(const struct command *c, size_t i, struct page_option *o);
/* Takes it a value that stands in the next word? */
bool page_takes_word(const struct page_option *o);
/* Its value is the name of a file, or of a folder. */
bool page_is_file(const struct page_option *o);
bool page_is_folder(const struct page_option *o);

/* Prints one: for NULL the page of petiole itself. */
void page_man(const struct command *c, FILE *to);
void page_bash(FILE *to);
void page_zsh(FILE *to);
void page_fish(FILE *to);

#endif
