/* SPDX-License-Identifier: Apache-2.0 */
/* steps - what canvas' parts need of each other: freezing, links, the steps of a chain.
 *
 * Every signature in here is an own one, except where `callback` says any. Pointers are
 * NULL, bools false with the fault set. */
#ifndef PROTOCOL_CANVAS_STEPS_H
#define PROTOCOL_CANVAS_STEPS_H

#include "signature.h"

/* Python's AsyncResult or GroupResult: what will be there once it has run. */
struct canvas_result {
    const ptl_value *id; /* null: None, an empty chain has no result */
    bool group;
    struct canvas_result **members; /* of a group */
    size_t n;
    struct canvas_result *parent;
};

/* What freezing gives a signature, each NULL for none. An id that it has stays. */
struct freezing {
    const ptl_value *id, *group_id, *root_id, *parent_id, *chord, *group_index;
};

/* ---- freeze.c, freeze_group.c: ids in place ------------------------------------- */

struct canvas_result *canvas_freeze(struct canvas *c, ptl_value *sig,
                                    const struct freezing *f);
/* Of a group: its members are replaced by frozen clones. */
struct canvas_result *freeze_group(struct canvas *c, ptl_value *group,
                                   const struct freezing *f);
/* A group of these, as yet without an id. */
ptl_value *group_over(struct canvas *c, ptl_value *tasks);
struct canvas_result *canvas_result_new(struct canvas *c, const ptl_value *id);
bool canvas_result_add(struct canvas *c, struct canvas_result *group,
                       struct canvas_result *member);
/* As as_tuple(): [[id, parent], null], of a group [[id, parent], [...]]. */
const ptl_value *canvas_result_tuple(struct canvas *c, const struct canvas_result *r);

/* ---- chain_steps.c, chain.c ------------------------------------------------------ */

/* What a chain is run or frozen with. */
struct chaining {
    bool clone; /* to be run; else to be frozen in place */
    const ptl_value *args, *kwargs;
    const ptl_value *link_error; /* for every step */
    struct freezing freezing;    /* of the last step */
};
/* Its steps in reverse, as a message's `chain` lists them. */
struct chain_steps {
    ptl_value *tasks;               /* a list */
    struct canvas_result **results; /* one for each */
};
bool chain_prepare(struct canvas *c, ptl_value *chain, const struct chaining *how,
                   struct chain_steps *steps);
/* Clones of its tasks, with its own callbacks on the last and errbacks on all. */
ptl_value *chain_unchain(struct canvas *c, const ptl_value *chain);
/* chord(header, chain(a, b)) in it becomes chord(header, a), b. */
bool chain_unroll_chords(struct canvas *c, ptl_value *chain);
/* A chain that does not begin with a group, which ran once for each of its members. */
bool chain_led_by_task(const ptl_value *sig);
/* The chord with the first task of its chain for a body, then the rest. */
ptl_value *chain_unroll_body(struct canvas *c, const ptl_value *chord);
/* The body stands in the chord once, not on each task of its header as well. */
bool strip_header_links(struct canvas *c, ptl_value *sig);

static inline bool is_empty_group(const ptl_value *sig)
{
    return signature_type(sig) == SIGNATURE_GROUP && !signature_task_count(sig);
}
static inline bool is_empty_chain(const ptl_value *sig)
{
    return signature_type(sig) == SIGNATURE_CHAIN && !signature_task_count(sig);
}

/* The body that a header is frozen for: an empty group is false to Python, so none. */
static inline const ptl_value *freeze_for(const ptl_value *body)
{
    return is_empty_group(body) ? NULL : body;
}

/* ---- link.c: as .link(), .link_error() and .set_immutable() ---------------------- */

bool canvas_link_to(struct canvas *c, ptl_value *sig, const ptl_value *callback);
bool canvas_link_error_to(struct canvas *c, ptl_value *sig, const ptl_value *callback);
bool canvas_make_immutable(struct canvas *c, ptl_value *sig);

/* ---- chord_links.c -------------------------------------------------------------- */

/* The body with these callbacks: a copy if there are any. */
ptl_value *chord_link_body(struct canvas *c, ptl_value *body, const ptl_value *links,
                           const ptl_value *errbacks);

/* ---- apply.c, chain.c, group.c, chord.c, mapped.c: as .apply_async() ------------ */

struct canvas_result *apply_any(struct canvas *c, ptl_value *sig,
                                const struct partial *with);
/* A plain call, whatever type the signature has. */
struct canvas_result *apply_task(struct canvas *c, const ptl_value *sig,
                                 const struct partial *with, struct str route_name);
struct canvas_result *apply_chain(struct canvas *c, ptl_value *chain,
                                  const struct partial *with);
struct canvas_result *apply_group(struct canvas *c, ptl_value *group,
                                  const struct partial *with);
struct canvas_result *apply_chord(struct canvas *c, ptl_value *chord,
                                  const struct partial *with);
/* What was read as a map or chunks. */
struct canvas_result *apply_mapped(struct canvas *c, enum signature_type type,
                                   ptl_value *sig, const struct partial *with);
/* The entry for the trail, unless add_to_parent says no. */
bool canvas_note_child(struct canvas *c, const ptl_value *options,
                       const struct canvas_result *r);

#endif
