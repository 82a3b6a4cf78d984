/* SPDX-License-Identifier: Apache-2.0 */
#include "security.h"

void security_write(struct wr *w, const struct security *s)
{
    const char *const fields[] = {s->key, s->key_password, s->certificate,
                                  s->cert_store, s->digest};

    if (!s->cert_store || !*s->cert_store)
        return;
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        wr_lstr(w, str_of(fields[i]));
}

bool security_read(struct arena *a, struct str text, struct security *s)
{
    char **fields[] = {&s->key, &s->key_password, &s->certificate, &s->cert_store,
                       &s->digest};
    struct rd r = rd_of(text);

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        *fields[i] = (char *)(uintptr_t)arena_copy(a, rd_str(&r)).p;
    return !r.bad && r.left == 0 && !a->failed;
}
