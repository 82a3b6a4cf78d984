/* SPDX-License-Identifier: Apache-2.0 */
#include "page.h"

#include "../../protocol/utf8.h"
#include "../worker.h"
#include "health.h"
#include "metrics_parts.h"
#include "page_head.h"

#define ROWS_MAX 200u /* of a table */

struct page {
    struct wr *out;
    struct worker *w;
    int64_t now_us;
    size_t rows;
};

/* ---- text --------------------------------------------------------------------- */

static void put_valid(struct wr *out, const char *p, const char *end)
{
    for (; p < end; p++)
        if (*p == '<')
            wr_text(out, "&lt;");
        else if (*p == '>')
            wr_text(out, "&gt;");
        else if (*p == '&')
            wr_text(out, "&amp;");
        else if (*p == '"')
            wr_text(out, "&quot;");
        else if (*p == '\'')
            wr_text(out, "&#39;");
        else
            wr_put(out, (struct str){(unsigned char)*p < ' ' ? " " : p, 1});
}

void page_put_text(struct wr *out, struct str text)
{
    const char *p = text.p, *end = text.p + text.n;
    while (p && p < end) {
        const char *valid = utf8_skip_valid(p, end);
        put_valid(out, p, valid);
        p = valid;
        if (p < end) {
            wr_text(out, "\xEF\xBF\xBD");
            p++;
        }
    }
}

/* "12 µs", "40 ms", "4.2 s", "3 min", "5 h", "12 d" */
static void put_duration(struct wr *out, double s)
{
    if (s < 0.001)
        wr_printf(out, "%.0f µs", s * 1e6);
    else if (s < 1)
        wr_printf(out, "%.0f ms", s * 1e3);
    else if (s < 60)
        wr_printf(out, "%.*f s", s < 10 ? 1 : 0, s);
    else if (s < 2 * 3600)
        wr_printf(out, "%.0f min", s / 60);
    else if (s < 2 * 86400)
        wr_printf(out, "%.0f h", s / 3600);
    else
        wr_printf(out, "%.0f d", s / 86400);
}

static void put_cell(struct wr *out, const char *class, struct str text)
{
    wr_printf(out, "<td class=%s>", class);
    page_put_text(out, text);
}

static void put_number(struct wr *out, double n)
{
    wr_printf(out, "<td class=n>%.0f", n);
}

static void begin_table(struct page *g, const char *title, const char *columns)
{
    g->rows = 0;
    wr_printf(g->out, "<section><h2>%s</h2><div class=t><table><tr>%s\n", title,
              columns);
}

static void end_table(struct page *g, const char *none)
{
    wr_text(g->out, "</table></div>");
    if (g->rows == 0)
        wr_printf(g->out, "<p class=none>%s</p>", none);
    if (g->rows > ROWS_MAX)
        wr_printf(g->out, "<p class=none>… and %zu more</p>", g->rows - ROWS_MAX);
    wr_text(g->out, "</section>\n");
}

/* ---- the head ----------------------------------------------------------------- */

static void put_state(struct page *g)
{
    struct wr why;
    wr_init(&why, 1024);
    bool ready = health_is_ready(g->w, &why);
    wr_printf(g->out, "<span class=\"state %s\">", ready ? "good" : "bad");
    page_put_text(g->out, ready ? STR("ready") : wr_str(&why));
    wr_text(g->out, "</span>");
    wr_finish(&why);
}

static void put_title(struct page *g)
{
    struct worker *w = g->w;
    struct str name = str_of(w->config->hostname);
    wr_text(g->out, page_head);
    wr_text(g->out, "<title>");
    page_put_text(g->out, name);
    wr_text(g->out, "</title>\n<header><h1>");
    page_put_text(g->out, name);
    wr_text(g->out, "</h1>");
    put_state(g);
    wr_printf(g->out, "<p>petiole %s, up for ", PTL_VERSION);
    put_duration(g->out, (double)(g->now_us - w->started_us) / 1e6);
    wr_text(g->out, ", broker ");
    page_put_text(g->out, str_of(w->config->broker.masked));
    wr_text(g->out, w->broker_up && !w->announced_loss ? "" : " (not connected)");
    wr_text(g->out, "</p></header>\n");
}

static void put_tile(struct page *g, const char *what, size_t n)
{
    wr_printf(g->out, "<div><dt>%s</dt><dd>%zu</dd></div>", what, n);
}

static void put_rate(struct page *g, const char *what, enum metrics_task kind)
{
    double rate = metrics_rate(g->w->metrics, kind);
    wr_printf(g->out, "<div><dt>%s</dt><dd>%.*f<small>/s</small></dd></div>", what,
              rate > 0 && rate < 10 ? 2 : 0, rate);
}

static void put_tiles(struct page *g)
{
    const struct worker *w = g->w;
    const size_t *n = w->counts;
    wr_text(g->out, "<dl>");
    wr_printf(g->out, "<div><dt>running</dt><dd>%zu<small> of %zu</small></dd></div>",
              n[RQ_RUNNING], pool_size(w->pool));
    put_tile(g, "ready to run", n[RQ_READY] + n[RQ_GIVEN]);
    put_tile(g, "wait for their time", n[RQ_WAITING] + n[RQ_LIMITED]);
    put_tile(g, "for other workers", n[RQ_PARKED]);
    put_rate(g, "received", METRICS_RECEIVED);
    put_rate(g, "succeeded", METRICS_SUCCEEDED);
    put_rate(g, "failed", METRICS_FAILED);
    put_rate(g, "retried", METRICS_RETRIED);
    wr_text(g->out, "</dl>\n");
}

/* ---- tables ------------------------------------------------------------------- */

static void put_child(void *ctx, const struct pool_child *c)
{
    struct page *g = ctx;
    struct wr *out = g->out;
    if (++g->rows > ROWS_MAX)
        return;
    wr_text(out, "<tr>");
    put_cell(out, "k", str_of(c->name));
    wr_printf(out, "<td class=n>%d", c->pid);
    put_cell(out, "s", str_of(c->running ? "runs" : c->state));
    put_cell(out, "w", c->running ? c->running->name : STR(""));
    put_cell(out, "i", c->running ? c->running->id : STR(""));
    wr_text(out, "<td class=n>");
    if (c->running)
        put_duration(out, c->runs_s);
    put_number(out, (double)c->tasks);
    wr_text(out, "\n");
}

static void put_children(struct page *g)
{
    begin_table(g, "Children",
                "<th>child<th class=n>pid<th>state<th>task<th>id<th class=n>for<th "
                "class=n>done");
    pool_each_child(g->w->pool, put_child, g);
    end_table(g, "no child has started yet");
}

static void put_queues(struct page *g)
{
    const struct queue_table *t = &g->w->config->queues;
    wr_text(g->out, "<section><h2>Queues</h2><p>");
    for (size_t i = 0; i < t->taken && i < ROWS_MAX; i++) {
        wr_text(g->out, "<span class=q>");
        page_put_text(g->out, str_of(t->all[i].name));
        wr_text(g->out, "</span> ");
    }
    wr_text(g->out, "</p></section>\n");
}

static void put_task(void *ctx, const struct series *s)
{
    struct page *g = ctx;
    struct str key = {s->key, s->nkey};
    const double *v = s->values;
    double runs = 0;
    if (++g->rows > ROWS_MAX)
        return;
    for (size_t i = METRICS_RUNTIME_AT; i < METRICS_RUNTIME_SUM; i++)
        runs += v[i];
    wr_text(g->out, "<tr>");
    put_cell(g->out, "w", metrics_key_part(&key));
    put_cell(g->out, "k", metrics_key_part(&key));
    put_number(g->out, v[METRICS_RECEIVED]);
    put_number(g->out, v[METRICS_SUCCEEDED]);
    wr_printf(g->out, "<td class=\"n%s\">%.0f", v[METRICS_FAILED] > 0 ? " bad" : "",
              v[METRICS_FAILED]);
    put_number(g->out, v[METRICS_RETRIED]);
    wr_text(g->out, "<td class=n>");
    if (runs > 0)
        put_duration(g->out, v[METRICS_RUNTIME_SUM] / runs);
    wr_text(g->out, "\n");
}

static void put_tasks(struct page *g)
{
    begin_table(g, "Tasks since the start",
                "<th>task<th>queue<th class=n>received<th class=n>succeeded<th "
                "class=n>failed<th class=n>retried<th class=n>mean");
    series_each(&g->w->metrics->tasks, put_task, g);
    end_table(g, "none yet");
}

static void put_failure(struct page *g, const struct metrics_failure *f)
{
    g->rows++;
    wr_text(g->out, "<tr><td class=n>");
    put_duration(g->out, (double)(g->now_us - f->at_us) / 1e6);
    wr_text(g->out, " ago");
    put_cell(g->out, "w", str_of(f->name));
    put_cell(g->out, "e", str_of(f->exception));
    put_cell(g->out, "i", str_of(f->id));
    wr_text(g->out, "\n");
}

static void put_failures(struct page *g)
{
    const struct metrics *m = g->w->metrics;
    begin_table(g, "Last failures", "<th class=n>when<th>task<th>exception<th>id");
    for (size_t i = 1; i <= METRICS_FAILURES; i++) {
        const struct metrics_failure *f =
            &m->failures[(m->next_failure + METRICS_FAILURES - i) % METRICS_FAILURES];
        if (f->at_us > 0)
            put_failure(g, f);
    }
    end_table(g, "none");
}

void page_write(struct wr *out, struct worker *w)
{
    struct page g = {.out = out, .w = w, .now_us = worker_now_us(w)};
    put_title(&g);
    put_tiles(&g);
    put_children(&g);
    put_failures(&g);
    put_tasks(&g);
    put_queues(&g);
    wr_text(out,
            "<footer>rates are of the last minute; this page loads itself again every "
            "5 s · <a href=/metrics>metrics</a> · <a href=/livez>live</a> · <a "
            "href=/readyz>ready</a></footer>\n</html>\n");
}
