/* SPDX-License-Identifier: Apache-2.0 */
/* bind - gives a call's arguments to a row's parameters, as CPython does.
 *
 * A row says "path width height?", with a `*` at its end if it takes more than it
 * names; a call is a list and a map. What does not fit is
 * told in CPython's words, with the last dotted part of the task's name standing for
 * the function, so that a caller reads what a Python worker would have written. */
#ifndef PETIOLE_BIND_H
#define PETIOLE_BIND_H

#include "../../protocol/buf.h"
#include "../../protocol/value.h"

#include <stdbool.h>

#define BIND_MAX_PARAMS 32

struct params {
    struct str names[BIND_MAX_PARAMS]; /* borrowed from the row's text */
    size_t n;
    size_t nrequired; /* these come first */
    bool takes_more;  /* which the handler reads from the request */
};

/* Reads "x y height? *"; NULL, or a static sentence saying what is wrong with it. */
const char *params_read(struct params *p, const char *text);
/* The index of a parameter, or -1. */
int params_find(const struct params *p, struct str name);

/* Fills bound[0 .. p->n), NULL where nothing was given. On a call that does not fit
 * returns false and writes the TypeError's text. */
bool bind_call(const struct params *p, struct str function, const ptl_value *args,
               const ptl_value *kwargs, const ptl_value **bound, struct wr *why);

#endif
