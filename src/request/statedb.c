/* SPDX-License-Identifier: Apache-2.0 */
#include "statedb.h"

#include "../../protocol/json.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FORMAT 1
#define ARENA_MAX_BYTES ((size_t)1 << 30) /* the values of the largest file */

/* ---- writing ------------------------------------------------------------------ */

static int64_t wall_of(const struct limited_item *item, struct statedb_times t)
{
    return t.wall_s - (t.now_ms - item->at_ms) / 1000;
}

static void write_ids(struct wr *w, const struct limited *ids, struct statedb_times t)
{
    const char *comma = "";
    for (const struct limited_item *i = limited_first(ids); i;
         i = limited_next(ids, i)) {
        wr_printf(w, "%s\n  ", comma);
        json_write_str(w, limited_text(i));
        wr_printf(w, ": %lld", (long long)wall_of(i, t));
        comma = ",";
    }
}

static void write_stamps(struct wr *w, const struct limited *stamps,
                         struct statedb_times t)
{
    const char *comma = "";
    for (const struct limited_item *i = limited_first(stamps); i;
         i = limited_next(stamps, i)) {
        struct str name, value;
        revoke_split_stamp(limited_text(i), &name, &value);
        wr_printf(w, "%s\n  [", comma);
        json_write_str(w, name);
        wr_text(w, ", ");
        wr_put(w, value);
        wr_printf(w, ", %lld]", (long long)wall_of(i, t));
        comma = ",";
    }
}

bool statedb_write_text(struct wr *out, const struct revoke *r, uint64_t clock,
                        struct statedb_times t)
{
    wr_printf(out, "{\"petiole_state\": %d,\n \"clock\": %llu,\n \"revoked\": {",
              FORMAT, (unsigned long long)clock);
    write_ids(out, &r->ids, t);
    wr_text(out, "},\n \"revoked_stamps\": [");
    write_stamps(out, &r->stamps, t);
    wr_text(out, "]}\n");
    return !out->bad;
}

static bool write_all(int fd, struct str text)
{
    while (text.n > 0) {
        ssize_t n = write(fd, text.p, text.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        text.p += n;
        text.n -= (size_t)n;
    }
    return true;
}

/* A rename is on the disk once its folder is. */
static void sync_folder(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - path) + 1 : 1,
             slash ? path : ".");
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    fsync(fd);
    close(fd);
}

int statedb_save(const char *path, struct str text, struct error *e)
{
    char fresh[PATH_MAX];
    if ((size_t)snprintf(fresh, sizeof(fresh), "%s.new", path) >= sizeof(fresh))
        return error_set(e, ENAMETOOLONG, "the name of the state file is too long");
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool ok = fd >= 0 && write_all(fd, text) && fsync(fd) == 0;
    int why = errno;
    if (fd >= 0 && close(fd) < 0 && ok) {
        why = errno;
        ok = false;
    }
    if (ok && rename(fresh, path) < 0) {
        why = errno;
        ok = false;
    }
    if (!ok)
        return error_set(e, why, "cannot write the state file %s: %s", path,
                         strerror(why));
    sync_folder(path);
    return 0;
}

/* ---- reading ------------------------------------------------------------------ */

/* When something happened, by a clock that counts on; what lies in the future, as after
 * the wall clock was set back, happened just now. */
static int64_t at_ms(const ptl_value *wall_s, struct statedb_times t)
{
    int64_t then_s =
        value_kind(wall_s) == PTL_FLOAT && wall_s->u.d > 0 && wall_s->u.d < 1e15
            ? (int64_t)wall_s->u.d
            : value_as_int(wall_s, 0);
    int64_t age_s = t.wall_s - then_s;
    if (then_s < 0 || age_s < 0)
        age_s = 0;
    return t.now_ms - (age_s < INT32_MAX ? age_s : INT32_MAX) * 1000;
}

static void read_ids(struct revoke *r, const ptl_value *map, struct statedb_times t)
{
    for (size_t i = 0; i < value_len(map); i++)
        limited_add(&r->ids, map->u.map.pairs[i].key,
                    at_ms(map->u.map.pairs[i].value, t));
}

/* One that makes no sense is passed over. */
static void read_stamps(struct revoke *r, const ptl_value *list, struct statedb_times t)
{
    for (size_t i = 0; i < value_len(list); i++) {
        const ptl_value *stamp = value_at(list, i);
        struct str name = value_as_str(value_at(stamp, 0));
        if (value_len(stamp) == 3 && name.n)
            revoke_stamp(r, name, value_at(stamp, 1), at_ms(value_at(stamp, 2), t));
    }
}

static bool is_kind_or_missing(const ptl_value *v, ptl_kind kind)
{
    return value_is_null(v) || v->kind == kind;
}

/* NULL, or what is wrong with it. */
static const char *read_text(struct arena *a, struct str text, struct revoke *r,
                             uint64_t *clock, struct statedb_times t)
{
    struct json_error fault;
    const ptl_value *root = json_read(a, text, 0, NULL, &fault);
    if (!root)
        return fault.out_of_memory ? "it is too large" : fault.what;
    if (value_as_int(value_get(root, "petiole_state"), 0) != FORMAT)
        return "it is no state file of this version";
    const ptl_value *ids = value_get(root, "revoked");
    const ptl_value *stamps = value_get(root, "revoked_stamps");
    int64_t ticks = value_as_int(value_get(root, "clock"), 0);
    if (!is_kind_or_missing(ids, PTL_MAP) || !is_kind_or_missing(stamps, PTL_LIST) ||
        ticks < 0)
        return "a part of it has the wrong type";
    read_ids(r, ids, t);
    read_stamps(r, stamps, t);
    *clock = (uint64_t)ticks;
    return NULL;
}

/* NULL, or what is wrong; *text is the caller's to free. */
static const char *load(int fd, char **text, size_t *n)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return strerror(errno);
    if (!S_ISREG(st.st_mode))
        return "it is no regular file";
    if ((uint64_t)st.st_size > STATEDB_MAX_BYTES)
        return "it is too large";
    *text = malloc((size_t)st.st_size + 1);
    if (!*text)
        return "out of memory";
    while (*n < (size_t)st.st_size) {
        ssize_t m = read(fd, *text + *n, (size_t)st.st_size - *n);
        if (m < 0 && errno == EINTR)
            continue;
        if (m < 0)
            return strerror(errno);
        if (m == 0)
            break;
        *n += (size_t)m;
    }
    return NULL;
}

static int set_aside(const char *path, const char *why, struct error *e)
{
    char aside[PATH_MAX];
    snprintf(aside, sizeof(aside), "%.*s.damaged", PATH_MAX - 16, path);
    bool moved = rename(path, aside) == 0;
    return error_set(e, EINVAL,
                     "cannot use the state file %s: %s; starting without it%s%s", path,
                     why, moved ? ", it is kept as " : "", moved ? aside : "");
}

int statedb_read(const char *path, struct revoke *r, uint64_t *clock,
                 struct statedb_times t, struct error *e)
{
    char *text = NULL;
    size_t n = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT
                   ? 0
                   : error_set(e, errno, "cannot read the state file %s: %s", path,
                               strerror(errno));
    struct arena a;
    arena_init(&a, ARENA_MAX_BYTES);
    const char *why = load(fd, &text, &n);
    if (!why)
        why = read_text(&a, (struct str){text, n}, r, clock, t);
    close(fd);
    int result = why ? set_aside(path, why, e) : 0;
    arena_finish(&a);
    free(text);
    return result;
}
