/* SPDX-License-Identifier: Apache-2.0 */
#include "module.h"

#include "../../protocol/json.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TASKS_PER_PLUGIN 10000u

/* The plugin's rows have no padding, so a field appended always changes def_size. */
_Static_assert(sizeof(ptl_def) == 9 * sizeof(void *) + 10 * sizeof(uint32_t),
               "a row has padding");
/* Without a `run` there is no task. */
#define SHORTEST_ROW offsetof(ptl_def, summary)

__attribute__((format(printf, 2, 3))) static bool refuse(struct module_error *e,
                                                         const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(e->text, sizeof(e->text), fmt, ap);
    va_end(ap);
    return false;
}

/* ---- The plugin as a whole ---------------------------------------------------- */

static bool open_library(struct module *m, struct module_error *e)
{
    const char *why;

    m->library = dlopen(m->path, RTLD_NOW | RTLD_LOCAL);
    if (m->library)
        return true;
    why = dlerror();
    return refuse(e, "cannot load plugin: %s%s", why,
                  strstr(why, "undefined symbol: ptl_")
                      ? " (it was built for a newer petiole: rebuild it, or upgrade "
                        "petiole)"
                      : "");
}

static bool check_plugin(const struct module *m, struct module_error *e)
{
    const ptl_module *p = m->plugin;

    if (!p)
        return refuse(e,
                      "%s is not a petiole plugin: it has no symbol ptl_module_v1, "
                      "which PTL_MODULE makes",
                      m->path);
    if (p->abi != PTL_ABI)
        return refuse(e,
                      "plugin %s was built for ABI %u, this worker speaks %u: rebuild "
                      "it, or upgrade petiole",
                      m->path, p->abi, PTL_ABI);
    if (p->def_size < SHORTEST_ROW || p->def_size % sizeof(void *) != 0 ||
        p->ndefs > MAX_TASKS_PER_PLUGIN || !p->name || (p->ndefs > 0 && !p->defs))
        return refuse(e, "plugin %s is damaged: rebuild it", m->path);
    return true;
}

/* ---- Its rows ----------------------------------------------------------------- */

/* A newer plugin's longer row is fine as long as it leaves the new fields zero, which
 * by the header's rule means "as before". */
static bool copy_row(ptl_def *def, const ptl_module *p, size_t i)
{
    const char *row = (const char *)p->defs + i * p->def_size;
    size_t known = p->def_size < sizeof(*def) ? p->def_size : sizeof(*def);

    memset(def, 0, sizeof(*def));
    memcpy(def, row, known);
    for (size_t at = known; at < p->def_size; at++)
        if (row[at] != 0)
            return false;
    return true;
}

static bool is_task_name(struct str name)
{
    if (name.n == 0 || name.n > 255)
        return false;
    for (size_t i = 0; i < name.n; i++)
        if ((unsigned char)name.p[i] <= ' ' || name.p[i] == 0x7f)
            return false;
    return true;
}

static struct str last_part(struct str name)
{
    const char *dot = memrchr(name.p, '.', name.n);

    return dot ? str_of(dot + 1) : name;
}

static bool apply_row(struct module_row *row, struct module_error *e)
{
    struct wr why;

    wr_init(&why, sizeof(e->text));
    bool ok = attributes_apply_row(&row->attributes, &row->def, &why);
    if (!ok)
        refuse(e, "plugin %s: " STR_FMT, row->module->path, STR_ARG(wr_str(&why)));
    wr_finish(&why);
    return ok;
}

static bool read_row(struct module_row *row, struct module *m, size_t i,
                     struct module_error *e)
{
    const char *why;

    if (!copy_row(&row->def, m->plugin, i))
        return refuse(e,
                      "plugin %s uses row fields that this worker does not know: "
                      "upgrade petiole",
                      m->path);
    row->module = m;
    row->name = str_of(row->def.name);
    if (!is_task_name(row->name))
        return refuse(e, "plugin %s: row %zu has no usable task name", m->path, i);
    if (!row->def.run)
        return refuse(e, "plugin %s: task '%s' has no run function", m->path,
                      row->def.name);
    row->function = last_part(row->name);
    row->attributes = (struct attributes)ATTRIBUTES_DEFAULTS;
    if (!apply_row(row, e))
        return false;
    why = params_read(&row->params, row->def.params ? row->def.params : "");
    if (why)
        return refuse(e, "plugin %s: task '%s' has params \"%s\": %s", m->path,
                      row->def.name, row->def.params, why);
    return true;
}

/* ---- The table ---------------------------------------------------------------- */

static int compare_names(struct str a, struct str b)
{
    int order = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);

    return order ? order : (a.n > b.n) - (a.n < b.n);
}

/* Where a row of this name is, or would be. */
static size_t row_place(const struct module_table *t, struct str name)
{
    size_t from = 0, to = t->nrows;

    while (from < to) {
        size_t middle = from + (to - from) / 2;

        if (compare_names(t->rows[middle]->name, name) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

const struct module_row *module_row(const struct module_table *t, struct str name)
{
    size_t at = row_place(t, name);

    return at < t->nrows && str_eq(t->rows[at]->name, name) ? t->rows[at] : NULL;
}

static bool add_row(struct module_table *t, const struct module_row *row,
                    struct module_error *e)
{
    const struct module_row *other = module_row(t, row->name);
    size_t at = row_place(t, row->name);
    struct module_row **rows, *kept;

    if (other)
        return refuse(e, "task '%s' is in both %s and %s: leave one of them out",
                      row->def.name, other->module->path, row->module->path);
    rows = realloc(t->rows, (t->nrows + 1) * sizeof(*rows));
    if (rows)
        t->rows = rows;
    kept = malloc(sizeof(*kept));
    if (!rows || !kept) {
        free(kept);
        return refuse(e, "plugin %s: out of memory", row->module->path);
    }
    *kept = *row;
    memmove(rows + at + 1, rows + at, (t->nrows - at) * sizeof(*rows));
    rows[at] = kept;
    t->nrows++;
    return true;
}

static bool add_rows(struct module_table *t, struct module *m, struct module_error *e)
{
    struct module_row row;

    for (size_t i = 0; i < m->plugin->ndefs; i++)
        if (!read_row(&row, m, i, e) || !add_row(t, &row, e))
            return false;
    return true;
}

static struct module *add_module(struct module_table *t, const char *path)
{
    struct module **modules = realloc(t->modules, (t->nmodules + 1) * sizeof(*modules));
    struct module *m = modules ? calloc(1, sizeof(*m)) : NULL;

    if (modules)
        t->modules = modules;
    if (!m || !(m->path = strdup(path))) {
        free(m);
        return NULL;
    }
    return modules[t->nmodules++] = m;
}

static bool is_loaded(const struct module_table *t, const struct module *m)
{
    for (size_t i = 0; i < t->nmodules; i++)
        if (t->modules[i] != m && t->modules[i]->library == m->library)
            return true;
    return false;
}

bool module_load(struct module_table *t, const char *path, struct module_error *e)
{
    struct module *m = add_module(t, path);

    if (!m)
        return refuse(e, "plugin %s: out of memory", path);
    if (!open_library(m, e))
        return false;
    if (is_loaded(t, m)) {
        m->ready = true; /* its namesake's init has been or will be called */
        return true;
    }
    m->plugin = dlsym(m->library, "ptl_module_v1");
    return check_plugin(m, e) && add_rows(t, m, e);
}

bool module_add(struct module_table *t, const ptl_module *plugin, const char *origin,
                struct module_error *e)
{
    struct module *m = add_module(t, origin);

    if (!m)
        return refuse(e, "out of memory for the tasks of %s", origin);
    m->plugin = plugin;
    return add_rows(t, m, e);
}

bool module_init_all(struct module_table *t, struct module_error *e)
{
    for (size_t i = 0; i < t->nmodules; i++) {
        struct module *m = t->modules[i];
        int rc = !m->ready && m->plugin->init ? m->plugin->init(&m->state) : 0;

        if (rc < 0)
            return refuse(e, "plugin %s: its init failed: %s", m->path, strerror(-rc));
        m->ready = true;
    }
    return true;
}

void module_finish_all(struct module_table *t)
{
    for (size_t i = t->nmodules; i-- > 0;) {
        struct module *m = t->modules[i];

        if (m->ready && m->plugin && m->plugin->fini)
            m->plugin->fini(m->state);
        free(m->path);
        free(m);
    }
    for (size_t i = 0; i < t->nrows; i++)
        free(t->rows[i]);
    free(t->rows);
    free(t->modules);
    *t = (struct module_table){0};
}

/* ---- Attributes --------------------------------------------------------------- */

bool module_set_attributes(struct module_table *t, const struct attributes *worker,
                           struct str annotations, struct module_error *e)
{
    struct json_error fault;
    const ptl_value *map = NULL;
    bool ok = true;
    struct arena a;

    arena_init(&a, (size_t)64 << 20);
    if (annotations.n > 0 && !(map = json_read(&a, annotations, 0, NULL, &fault)))
        ok = refuse(e, "task_annotations cannot be read: %s", fault.what);
    for (size_t i = 0; ok && i < t->nrows; i++) {
        struct module_row *row = t->rows[i];

        row->attributes = *worker;
        ok = apply_row(row, e);
        attributes_annotate(&row->attributes, map, row->name);
    }
    arena_finish(&a);
    return ok;
}
