/* SPDX-License-Identifier: Apache-2.0 */
/* control_parts - what the commands that act share: arguments as Python takes them, and
 * its words for what it cannot take. */
#ifndef PETIOLE_CONTROL_PARTS_H
#define PETIOLE_CONTROL_PARTS_H

#include "control.h"

#include "../../protocol/pyrepr.h"

struct control_ids {
    struct str *all; /* sorted, each once */
    size_t n;
    const ptl_value *other; /* the first that is no text, or NULL */
};

/* 'str', 'int', 'NoneType': as Python's errors name it. */
const char *control_type_name(const ptl_value *v);
/* The reply {"ok": …} of any length; finishes the text. */
void control_ok_text(struct control_call *c, struct wr *text);
/* The argument `signal`, SIGTERM without one. False: it is no signal, and the reply
 * says so as celery.platforms does. */
bool control_read_signal(struct control_call *c, int *signum);
/* The argument of that name as range() takes it. False: the reply is Python's
 * TypeError. Without it *n stays. */
bool control_read_count(struct control_call *c, const char *name, int64_t *n);
/* A text that is an argument; false, with Python's KeyError in the reply or, where it
 * cannot be a key, its TypeError. */
bool control_read_text(struct control_call *c, const char *name, struct str *out);

/* control_stamps.c */
void control_revoke_stamped(struct control_call *c);

#endif
