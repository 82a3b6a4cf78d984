/* SPDX-License-Identifier: Apache-2.0 */
/* signature - the map {task, args, kwargs, options, subtask_type, immutable}.
 *
 * What came from outside is read once (signature_read): checked, and its structure
 * copied, down through the tasks of chains, groups and chords. Such a signature, and a
 * clone, is the canvas' own: its map, its options and the lists of its tasks may be
 * changed. What it holds otherwise (args, the values of its options) is shared and
 * never changed: a list option is replaced when something is added to it.
 *
 * Functions that return a pointer return NULL, those that return bool false, with the
 * fault set. */
#ifndef PROTOCOL_CANVAS_SIGNATURE_H
#define PROTOCOL_CANVAS_SIGNATURE_H

#include "canvas.h"

enum signature_type {
    SIGNATURE_TASK,
    SIGNATURE_CHAIN, /* kwargs.tasks */
    SIGNATURE_GROUP, /* kwargs.tasks */
    SIGNATURE_CHORD, /* kwargs.header: a list, or a group once frozen; kwargs.body */
    SIGNATURE_MAP,   /* this and those below are so before they are read; then tasks */
    SIGNATURE_STARMAP,
    SIGNATURE_CHUNKS,
};

/* What a call brings along; each may be NULL. */
struct partial {
    const ptl_value *args, *kwargs, *options;
};

/* An own signature from any value, as Signature.from_dict reads one. A missing or null
 * args, kwargs, options or immutable reads as empty. */
ptl_value *signature_read(struct canvas *c, const ptl_value *v);
/* What all that follows relies on: ids are texts, the stamps' names a list. */
bool signature_check_options(struct canvas *c, const ptl_value *options);
/* As Signature.clone: own options, own tasks in a chain, own body in a chord, but a
 * group shares its members with its clone. */
ptl_value *signature_clone(struct canvas *c, const ptl_value *sig,
                           const struct partial *with);
/* As Signature._merge: args are put before those of a mutable signature, kwargs and
 * options replace, except group_id, stamped_headers and the stamps it has. */
bool signature_merge(struct canvas *c, const ptl_value *sig, const struct partial *with,
                     struct partial *merged);

/* Chains and groups are made with their options for keywords: one that is called
 * immutable makes them so. */
bool signature_take_immutable(struct canvas *c, ptl_value *sig);

enum signature_type signature_type(const ptl_value *sig);
struct str signature_task(const ptl_value *sig);
const ptl_value *signature_args(const ptl_value *sig);
ptl_value *signature_kwargs(const ptl_value *sig);
ptl_value *signature_options(const ptl_value *sig);
bool signature_immutable(const ptl_value *sig);
/* The tasks of a chain or group, or of the header of a chord; an own list. */
ptl_value *signature_tasks(const ptl_value *sig);
static inline size_t signature_task_count(const ptl_value *sig)
{
    return value_len(signature_tasks(sig));
}
/* One of them, from 0. */
ptl_value *signature_task_at(const ptl_value *sig, size_t index);
/* Of a chord; NULL if it has none. */
ptl_value *signature_body(const ptl_value *sig);

/* The fields: task, args, …, and what stands in kwargs. */
bool signature_set(struct canvas *c, ptl_value *sig, struct str field,
                   const ptl_value *v);
bool signature_set_kwarg(struct canvas *c, ptl_value *sig, struct str key,
                         const ptl_value *v);

/* NULL if it is not there; null is there. */
const ptl_value *signature_option(const ptl_value *sig, const char *key);
/* The id among its options, .n 0 if there is none. */
struct str signature_id(const ptl_value *sig, const char *key);
bool signature_set_option(struct canvas *c, ptl_value *sig, struct str key,
                          const ptl_value *v);
bool signature_set_id(struct canvas *c, ptl_value *sig, struct str key, struct str id);
bool signature_drop_option(struct canvas *c, ptl_value *sig, const char *key);
/* Adds to `link` or `link_error` what does not equal one that is there. */
bool signature_add_link(struct canvas *c, ptl_value *sig, struct str key,
                        const ptl_value *callback);

/* A new one over args (NULL: none), kwargs and a copy of options (NULL: none), each its
 * own from then on. */
ptl_value *signature_make(struct canvas *c, struct str task, enum signature_type type,
                          const ptl_value *args, const ptl_value *kwargs,
                          const ptl_value *options);

/* One more signature visited or made. */
bool canvas_count(struct canvas *c);
/* One level deeper in a signature; each true is followed by a canvas_leave. */
bool canvas_enter(struct canvas *c);
void canvas_leave(struct canvas *c);
/* An id that lives in the arena; .p NULL with the fault set. */
struct str canvas_new_id(struct canvas *c);
/* The items as a new list, `first` before `then`; each may be NULL. */
ptl_value *canvas_concat(struct canvas *c, const ptl_value *first,
                         const ptl_value *then);
#define CANVAS_FROZEN 6 /* options that freezing adds */
/* A copy of a map, or an empty one, with room for that many pairs more. */
ptl_value *canvas_copy_map(struct canvas *c, const ptl_value *map, size_t more);
/* The pair is set, or the fault. */
bool canvas_put(struct canvas *c, ptl_value *map, struct str key, const ptl_value *v);
/* Every pair of the second on top of the first. */
bool canvas_put_all(struct canvas *c, ptl_value *map, const ptl_value *more);
/* A copy of a map without some keys: a list of names that ends in NULL. */
ptl_value *canvas_without(struct canvas *c, const ptl_value *map,
                          const char *const *names);
/* NULL if it is null or not there. */
const ptl_value *canvas_given(const ptl_value *map, const char *key);
bool canvas_add(struct canvas *c, ptl_value *list, const ptl_value *v);
/* As maybe_list: a list is itself, null or NULL no items, else the one value. */
size_t canvas_list_len(const ptl_value *v);
const ptl_value *canvas_list_at(const ptl_value *v, size_t index);

#endif
