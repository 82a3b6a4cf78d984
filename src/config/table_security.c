/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of signed messages: security_. */
#include "table.h"

/* clang-format off */
ROWS(security,
    {.key = "security_cert_store", .type = CONFIG_TEXT, .offset = AT(security.cert_store),
     .help = "folder, or pattern of files, of the certificates whose signers are believed"},
    {.key = "security_key", .type = CONFIG_TEXT, .offset = AT(security.key),
     .help = "file of the key that handlers' messages are signed with"},
    {.key = "security_key_password", .type = CONFIG_TEXT,
     .offset = AT(security.key_password),
     .help = "of an encrypted security_key"},
    {.key = "security_certificate", .type = CONFIG_TEXT, .offset = AT(security.certificate),
     .help = "file of the certificate that goes with security_key"},
    {.key = "security_digest", .type = CONFIG_TEXT, .offset = AT(security.digest),
     .default_text = "sha256",
     .help = "hash of the signatures, by its name in OpenSSL"},
);
/* clang-format on */
