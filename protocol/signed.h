/* SPDX-License-Identifier: Apache-2.0 */
/* signed - the bodies of Celery's `auth` serializer (celery.security).
 *
 *     base64( base64(signer) SEP base64(signature) SEP content type SEP
 *             content encoding SEP body )          SEP: the bytes 00 01
 *
 * The signer is named by his certificate's issuer and serial number. The signature is
 * RSA-PSS over the body, with the longest salt. Stands on OpenSSL; built into a module
 * of its own, which is loaded where the settings name a certificate store.
 *
 * Errors are lines of at most SIGNED_WHY_MAX bytes, and hold no key. */
#ifndef PROTOCOL_SIGNED_H
#define PROTOCOL_SIGNED_H

#include "serializer.h"

#include <stdint.h>

#define SIGNED_WHY_MAX 200

struct signers;

/* Whose messages are believed; nobody's yet. NULL if there is no such digest
 * ("sha256"), or no memory. */
struct signers *signers_create(const char *digest, char why[SIGNED_WHY_MAX]);
void signers_destroy(struct signers *s);
/* Adds a certificate, PEM. Refused: what is none, has another key than RSA, has
 * expired, or is there already. */
bool signers_add(struct signers *s, struct str pem, int64_t now_s,
                 char why[SIGNED_WHY_MAX]);
/* The key and certificate that this worker signs with; password may be NULL. */
bool signers_set_key(struct signers *s, struct str key_pem, const char *password,
                     struct str certificate_pem, char why[SIGNED_WHY_MAX]);

/* Verifies a body. False with *why, in the arena; it is NULL if the arena is full. */
bool signed_open(const struct signers *s, struct arena *a, struct str bytes,
                 int64_t now_s, struct serializer_signed *opened, const char **why);
/* Signs one. False if there is no key, or w is bad. */
bool signed_make(const struct signers *s, struct wr *w,
                 const struct serializer_signed *plain);

#endif
