/* SPDX-License-Identifier: Apache-2.0 */
/* publishing - the settings of what handlers send, as HELLO carries them to a child. */
#ifndef PETIOLE_PUBLISHING_H
#define PETIOLE_PUBLISHING_H

#include "../config.h"

#include "../../protocol/buf.h"

/* An object of the settings by Celery's names; child/route.h says which it reads. */
void publishing_write(struct wr *w, const struct config *c);

#endif
