/* SPDX-License-Identifier: Apache-2.0 */
#include "revoke.h"

#include "../../protocol/json.h"
#include "../../protocol/pyrepr.h"

#include <errno.h>
#include <stdlib.h>

static int64_t number_in_environment(const char *name, int64_t otherwise, int64_t most)
{
    const char *text = getenv(name);
    char *end = NULL;
    errno = 0;
    long long n = text ? strtoll(text, &end, 10) : -1;
    return end == text || !end || *end || errno || n < 0 ? otherwise
           : n < most                                    ? n
                                                         : most;
}

void revoke_init(struct revoke *r)
{
    int64_t most =
        number_in_environment("CELERY_WORKER_REVOKES_MAX", REVOKES_MAX, 10000000);
    int64_t expires_ms = 1000 * number_in_environment("CELERY_WORKER_REVOKE_EXPIRES",
                                                      REVOKE_EXPIRES_S, 1000000000);
    limited_init(&r->ids, (size_t)most, expires_ms);
    limited_init(&r->stamps, REVOKE_STAMPS_MAX, expires_ms);
}

void revoke_finish(struct revoke *r)
{
    limited_finish(&r->ids);
    limited_finish(&r->stamps);
}

/* ---- stamps ------------------------------------------------------------------- */

static bool write_stamp(struct wr *w, struct str name, const ptl_value *value)
{
    wr_init(w, LIMITED_TEXT_MAX);
    wr_put(w, name);
    wr_u8(w, 0);
    json_write(w, value);
    return !w->bad && !memchr(name.p, 0, name.n);
}

bool revoke_stamp(struct revoke *r, struct str name, const ptl_value *value,
                  int64_t now_ms)
{
    struct wr w;
    bool ok = name.n > 0 && write_stamp(&w, name, value) &&
              limited_add(&r->stamps, wr_str(&w), now_ms);
    if (name.n > 0)
        wr_finish(&w);
    return ok;
}

void revoke_split_stamp(struct str text, struct str *name, struct str *value_json)
{
    name->p = text.p;
    name->n = strnlen(text.p, text.n);
    value_json->p = text.p + name->n + 1;
    value_json->n = text.n - name->n - 1;
}

static bool is_revoked(const struct revoke *r, struct str name, const ptl_value *value,
                       struct wr *shown)
{
    struct wr w;
    bool found = write_stamp(&w, name, value) && limited_has(&r->stamps, wr_str(&w));
    wr_finish(&w);
    if (found && shown) {
        wr_text(shown, "{");
        pyrepr(shown, &(ptl_value){.kind = PTL_STR, .u.s = name});
        wr_text(shown, ": ");
        pyrepr(shown, value);
        wr_text(shown, "}");
    }
    return found;
}

/* A stamp may be a list of values, as Celery's are once tasks pass them on: one of them
 * is enough. */
static bool any_is_revoked(const struct revoke *r, struct str name,
                           const ptl_value *value, struct wr *shown)
{
    if (value_kind(value) != PTL_LIST)
        return is_revoked(r, name, value, shown);
    for (size_t i = 0; i < value_len(value); i++)
        if (is_revoked(r, name, value_at(value, i), shown))
            return true;
    return false;
}

bool revoke_has_stamp(struct revoke *r, const ptl_value *headers, int64_t now_ms,
                      struct wr *shown)
{
    const ptl_value *names = value_get(headers, "stamped_headers");
    const ptl_value *stamps = value_get(headers, "stamps");
    if (r->stamps.n == 0 || value_kind(names) != PTL_LIST)
        return false;
    limited_trim(&r->stamps, now_ms);
    for (size_t i = 0; i < value_len(names); i++) {
        struct str name = value_as_str(value_at(names, i));
        const ptl_value *value = name.n ? value_find(stamps, name) : NULL;
        if (value && any_is_revoked(r, name, value, shown))
            return true;
    }
    return false;
}
