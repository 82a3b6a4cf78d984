/* SPDX-License-Identifier: Apache-2.0 */
/* What keys do: those of `celery events`, and R, which it calls c. */
#include "monitor.h"

#include <ctype.h>

enum key {
    KEY_NONE,
    KEY_ESCAPE = 27,
    KEY_UP = 256,
    KEY_DOWN,
    KEY_PAGE_UP,
    KEY_PAGE_DOWN,
    KEY_HOME,
    KEY_END,
};

/* ---- reading
 * --------------------------------------------------------------------------- */

static int key_of_sequence(struct str s)
{
    static const struct {
        const char *sequence;
        enum key key;
    } keys[] = {
        {"A", KEY_UP},   {"B", KEY_DOWN},  {"5~", KEY_PAGE_UP}, {"6~", KEY_PAGE_DOWN},
        {"H", KEY_HOME}, {"1~", KEY_HOME}, {"F", KEY_END},      {"4~", KEY_END},
    };
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (str_is(s, keys[i].sequence))
            return keys[i].key;
    return KEY_NONE;
}

/* Behind "ESC [": parameters, and one letter or ~. */
static int next_sequence(struct str *s)
{
    size_t n = 0;
    while (n < s->n && (isdigit((unsigned char)s->p[n]) || s->p[n] == ';'))
        n++;
    n += n < s->n;
    int key = key_of_sequence((struct str){s->p, n});
    s->p += n;
    s->n -= n;
    return key;
}

static int next_key(struct str *s)
{
    unsigned char c = (unsigned char)*s->p;
    s->p++, s->n--;
    if (c != KEY_ESCAPE || s->n == 0 || (*s->p != '[' && *s->p != 'O'))
        return c;
    s->p++, s->n--;
    return next_sequence(s);
}

/* ---- moving
 * ---------------------------------------------------------------------------- */

struct seen_task *monitor_selected(const struct monitor *m)
{
    return m->nselected ? seen_find(&m->seen, (struct str){m->selected, m->nselected})
                        : NULL;
}

void monitor_select(struct monitor *m, const struct seen_task *t)
{
    struct str uuid = t->fields[SEEN_UUID];
    m->nselected = uuid.n < sizeof(m->selected) ? uuid.n : sizeof(m->selected);
    memcpy(m->selected, uuid.p, m->nselected);
}

static void move(struct monitor *m, int by)
{
    struct seen_task *t = monitor_selected(m), *next;
    if (!t) {
        if ((t = seen_first(&m->seen)))
            monitor_select(m, t);
        return;
    }
    for (; by > 0 && (next = seen_next(&m->seen, t)); by--)
        t = next;
    for (; by < 0 && (next = seen_before(&m->seen, t)); by++)
        t = next;
    monitor_select(m, t);
}

/* Keys that move: by how far; else 0. */
static int distance(const struct monitor *m, int key)
{
    switch (key) {
    case 'j':
    case 'J':
    case KEY_DOWN:
        return 1;
    case 'k':
    case 'K':
    case KEY_UP:
        return -1;
    case KEY_PAGE_DOWN:
    case ' ':
        return m->screen.rows / 2 + 1;
    case KEY_PAGE_UP:
        return -m->screen.rows / 2 - 1;
    case KEY_HOME:
        return -SEEN_TASKS;
    case KEY_END:
        return SEEN_TASKS;
    }
    return 0;
}

/* ---- doing
 * ----------------------------------------------------------------------------- */

static void prompt(struct monitor *m, const struct seen_task *t)
{
    if (t->fields[SEEN_NAME].n) {
        m->prompts = true;
        m->ntyped = 0;
        m->typed[0] = '\0';
    } else {
        monitor_note(m, "the task's name is not known");
    }
}

static void act(struct monitor *m, int key)
{
    static const struct {
        const char *keys;
        void (*act)(struct monitor *m, const struct seen_task *t);
    } actions[] = {
        {"iI\r\n", monitor_show_info},
        {"tT", monitor_show_traceback},
        {"r", monitor_show_result},
        {"RcC", monitor_revoke},
        {"lL", prompt},
    };
    const struct seen_task *t = monitor_selected(m);
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
        if (key > 0 && key < 128 && strchr(actions[i].keys, key)) {
            if (t)
                actions[i].act(m, t);
            else
                monitor_note(m, "no task is selected: j and k select one");
            return;
        }
}

static void press(struct monitor *m, int key)
{
    int by = distance(m, key);
    m->note[0] = '\0';
    if (by)
        move(m, by);
    else if (key == 'q' || key == 'Q')
        m->quits = true;
    else if (key == 'e' || key == 'E')
        monitor_enable(m);
    else
        act(m, key);
}

static void press_in_page(struct monitor *m, int key)
{
    int by = distance(m, key);
    int last = m->page.nlines - (m->screen.rows - 2);
    if (!by) {
        m->page.open = false;
        return;
    }
    m->page.top += by;
    if (m->page.top > last)
        m->page.top = last;
    if (m->page.top < 0)
        m->page.top = 0;
}

static void press_in_prompt(struct monitor *m, int key)
{
    const struct seen_task *t = monitor_selected(m);
    if (key == '\r' || key == '\n' || key == KEY_ESCAPE) {
        m->prompts = false;
        if (key != KEY_ESCAPE && m->ntyped && t)
            monitor_limit(m, t);
    } else if ((key == 127 || key == 8) && m->ntyped) {
        m->typed[--m->ntyped] = '\0';
    } else if (key > ' ' && key < 127 && m->ntyped + 1 < sizeof(m->typed)) {
        m->typed[m->ntyped++] = (char)key;
        m->typed[m->ntyped] = '\0';
    }
}

void monitor_keys(struct monitor *m, struct str typed)
{
    while (typed.n > 0 && !m->quits) {
        int key = next_key(&typed);
        if (m->prompts)
            press_in_prompt(m, key);
        else if (m->page.open)
            press_in_page(m, key);
        else if (key != KEY_NONE)
            press(m, key);
    }
    monitor_draw(m);
}
