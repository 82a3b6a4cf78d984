/* SPDX-License-Identifier: Apache-2.0 */
/* The reply's value: what is fine, what is wrong, and lists that come to an end. */
#include "control.h"

#include "../../protocol/json.h"
#include "../../protocol/pyrepr.h"

#include <stdarg.h>
#include <stdio.h>

#define TEXT_MAX 1024     /* of an ok or an error */
#define ROOM_FOR_ENDS 64u /* brackets and braces behind a list */

static void put_one(struct control_call *c, const char *key, struct str text)
{
    c->reply->len = c->begun;
    c->reply->bad = false;
    wr_printf(c->reply, "{\"%s\": ", key);
    json_write_str(c->reply, text);
    wr_text(c->reply, "}");
}

void control_ok(struct control_call *c, const char *fmt, ...)
{
    char text[TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    put_one(c, "ok", str_of(text));
}

void control_error(struct control_call *c, const char *fmt, ...)
{
    char text[TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    put_one(c, "error", str_of(text));
}

void control_raise(struct control_call *c, const char *exception, const char *fmt, ...)
{
    char text[TEXT_MAX];
    struct wr repr;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    wr_init(&repr, 8 * TEXT_MAX);
    wr_printf(&repr, "%s(", exception);
    pyrepr(&repr, &(ptl_value){.kind = PTL_STR, .u.s = str_of(text)});
    wr_text(&repr, ")");
    log_line(LOG_ERROR, "pidbox command error: %.*s", STR_ARG(wr_str(&repr)));
    put_one(c, "error", wr_str(&repr));
    wr_finish(&repr);
}

const ptl_value *control_argument(const struct control_call *c, const char *name)
{
    const ptl_value *v = value_get(c->arguments, name);
    return value_is_null(v) ? NULL : v;
}

void control_items_begin(struct control_items *l, struct control_call *c, char open)
{
    *l = (struct control_items){.call = c,
                                .close = open == '{' ? '}' : ']',
                                .first = true};
    wr_put(c->reply, (struct str){&open, 1});
}

bool control_item_begin(struct control_items *l)
{
    if (l->left_out) {
        l->left_out++;
        return false;
    }
    l->mark = l->call->reply->len;
    if (!l->first)
        wr_text(l->call->reply, ", ");
    return true;
}

void control_item_end(struct control_items *l)
{
    struct wr *reply = l->call->reply;
    if (!reply->bad && reply->len + ROOM_FOR_ENDS <= reply->max) {
        l->first = false;
        return;
    }
    reply->len = l->mark;
    reply->bad = false;
    l->left_out++;
}

void control_items_end(struct control_items *l)
{
    wr_put(l->call->reply, (struct str){&l->close, 1});
    if (l->left_out)
        log_line(LOG_WARNING,
                 "remote control: %zu items did not fit into a reply of at most %zu "
                 "bytes and were left out",
                 l->left_out, l->call->reply->max);
}
