/* SPDX-License-Identifier: Apache-2.0 */
/* security - the settings of signed messages (Celery's setup_security). */
#ifndef PETIOLE_SECURITY_H
#define PETIOLE_SECURITY_H

#include "../protocol/arena.h"
#include "../protocol/buf.h"

/* By Celery's names without their prefix; NULL or "" is not given. */
struct security {
    char *key, *key_password, *certificate; /* paths, and the key's password */
    char *cert_store; /* a folder of certificates, or a pattern of their paths */
    char *digest;     /* "sha256" */
};

/* As HELLO carries it to a child; nothing if no cert_store is given. Reading keeps
 * copies in the arena; false if the text is none, or without memory. */
void security_write(struct wr *w, const struct security *s);
bool security_read(struct arena *a, struct str text, struct security *s);

#endif
