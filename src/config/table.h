/* SPDX-License-Identifier: Apache-2.0 */
/* table - the rows of all settings, and how a name finds its row.
 *
 * To add a setting: a field in struct config, and a row here in the file of its prefix,
 * beside its neighbours. Fields that are not given are NULL, 0 and false. */
#ifndef PETIOLE_CONFIG_TABLE_H
#define PETIOLE_CONFIG_TABLE_H

#include "../config.h"

#define AT(field) offsetof(struct config, field)
#define ROWS(name, ...)                                                                \
    const struct config_option config_rows_##name[] = {__VA_ARGS__};                   \
    const size_t config_nrows_##name =                                                 \
        sizeof(config_rows_##name) / sizeof(config_rows_##name[0])

/* X(name) for each table_NAME.c, in the order of --help and docs/settings.md. */
#define CONFIG_TABLES(X)                                                               \
    X(command)                                                                         \
    X(app)                                                                             \
    X(broker)                                                                          \
    X(transport)                                                                       \
    X(result)                                                                          \
    X(result_transport)                                                                \
    X(security) X(redis) X(task) X(worker) X(control) X(petiole) X(known)

#define CONFIG_DECLARE_ROWS(name)                                                      \
    extern const struct config_option config_rows_##name[];                            \
    extern const size_t config_nrows_##name;
CONFIG_TABLES(CONFIG_DECLARE_ROWS)

/* The row of a setting by any of its names, in any case; NULL if there is none. */
const struct config_option *config_find(const char *name);
/* Has the row a field at its offset? */
static inline bool config_has_field(const struct config_option *o)
{
    return o->type < CONFIG_IGNORED;
}
/* --workdir and --config come before all others: they say where the rest is. */
static inline bool config_is_first(const struct config_option *o)
{
    return config_has_field(o) &&
           (o->offset == AT(config_file) || o->offset == AT(work_dir));
}
/* Are there rows "PREFIX.…"? Then an object under that name is taken apart. */
bool config_is_prefix(const char *prefix);
/* Sets *e to "unknown WHAT 'NAME'…" with the nearest name. `options`: among options,
 * which are shown with two dashes. Returns -EINVAL. */
int config_unknown(const char *what, const char *name, bool options, struct error *e);

#endif
