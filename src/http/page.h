/* SPDX-License-Identifier: Apache-2.0 */
/* page - the worker's state for people: one page of HTML without anything from
 * elsewhere, that loads itself again. It shows names of tasks and what failed, never
 * arguments. Whatever comes from messages is escaped. */
#ifndef PETIOLE_PAGE_H
#define PETIOLE_PAGE_H

#include "../../protocol/buf.h"

struct worker;

void page_write(struct wr *out, struct worker *w);
/* Text between tags, or in a quoted attribute. */
void page_put_text(struct wr *out, struct str text);

#endif
