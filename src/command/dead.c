/* SPDX-License-Identifier: Apache-2.0 */
/* petiole dead - look at the dead letters, send them again, or throw them away. */
#include "command.h"
#include "dead_letters.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define WORDS_MAX 256

struct dead {
    const char *words[WORDS_MAX]; /* the verb, then ids */
    size_t nwords;
    const char *reason, *queue, *task, *to;
    bool all, json, raw, back;
    size_t shown, done, failed;
};

static bool is_meant(const struct dead *o, const struct dead_letter *d)
{
    bool named = o->nwords == 1;
    for (size_t i = 1; i < o->nwords; i++)
        named |= strncmp(o->words[i], d->id, strlen(o->words[i])) == 0;
    return named && (!o->reason || strstr(dead_letter_text(d, "reason"), o->reason)) &&
           (!o->queue || strcmp(dead_letter_text(d, "queue"), o->queue) == 0) &&
           (!o->task || strcmp(dead_letter_text(d, "task"), o->task) == 0);
}

/* ---- list and show ------------------------------------------------------------ */

static void print_json(const struct dead_letter *d)
{
    json_object *line = json_object_new_object();
    json_object_object_add(line, "letter", json_object_new_string(d->id));
    if (json_object_is_type(d->head, json_type_object)) {
        const struct json_object_iterator end = json_object_iter_end(d->head);
        struct json_object_iterator it = json_object_iter_begin(d->head);
        for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it))
            json_object_object_add(line, json_object_iter_peek_name(&it),
                                   json_object_get(json_object_iter_peek_value(&it)));
    }
    json_object_object_add(line, "bytes", json_object_new_int64(d->bytes));
    puts(json_object_to_json_string_ext(line, JSON_C_TO_STRING_PLAIN |
                                                  JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(line);
}

static void print_row(const struct dead_letter *d)
{
    char when[32] = "?";
    time_t t = (time_t)atoll(dead_letter_text(d, "time"));
    struct tm tm;
    if (t > 0 && gmtime_r(&t, &tm))
        strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%SZ", &tm);
    printf("%-12s  %-20s  %-12s  %-20s  %s\n", d->id, when,
           dead_letter_text(d, "queue"), dead_letter_text(d, "task"),
           dead_letter_text(d, "reason"));
}

static enum dead_next list_one(struct client *c, const struct dead_letter *d, void *ctx)
{
    struct dead *o = ctx;
    (void)c;
    if (!is_meant(o, d))
        return DEAD_STAYS;
    if (!o->json && o->shown == 0)
        printf("%-12s  %-20s  %-12s  %-20s  %s\n", "LETTER", "TIME", "QUEUE", "TASK",
               "REASON");
    o->shown++;
    if (o->json)
        print_json(d);
    else
        print_row(d);
    return DEAD_STAYS;
}

/* The message's bytes, of which each is a Latin-1 character. */
static void print_message(json_object *message)
{
    const char *p = json_object_get_string(message);
    for (size_t n = (size_t)json_object_get_string_len(message); n > 0; n--, p++) {
        unsigned char b = (unsigned char)*p;
        if ((b == 0xc2 || b == 0xc3) && n > 1) {
            p++, n--;
            b = (unsigned char)((unsigned char)*p + (b == 0xc3 ? 64 : 0));
        }
        putchar(b);
    }
}

static enum dead_next show_one(struct client *c, const struct dead_letter *d, void *ctx)
{
    struct dead *o = ctx;
    if (!is_meant(o, d))
        return DEAD_STAYS;
    const redisReply *reply = dead_letter_read(c, d);
    json_object *letter = reply ? json_tokener_parse(reply->str) : NULL;
    json_object *message = json_object_is_type(letter, json_type_object)
                               ? json_object_object_get(letter, "message")
                               : NULL;
    o->shown++;
    if (o->json) {
        puts(reply ? reply->str : "{}");
    } else if (!o->raw) {
        printf("letter:  %s\nreason:  %s\nqueue:   %s\ntask:    %s\nid:      %s\n"
               "time:    %s\nmessage: ",
               d->id, dead_letter_text(d, "reason"), dead_letter_text(d, "queue"),
               dead_letter_text(d, "task"), dead_letter_text(d, "id"),
               dead_letter_text(d, "time"));
    }
    if (!o->json && message)
        print_message(message);
    if (!o->json && !o->raw)
        putchar('\n');
    json_object_put(letter);
    return c->lost ? DEAD_FAILED : DEAD_STAYS;
}

/* ---- replay and drop ---------------------------------------------------------- */

static const char *why_not(enum dead_outcome outcome)
{
    return outcome == DEAD_NO_TEXT    ? "it holds no message"
           : outcome == DEAD_NO_QUEUE ? "its queue is not known: name one with --to"
           : outcome == DEAD_MOVED    ? "another command changed it meanwhile"
                                      : "see above";
}

static enum dead_next change_one(struct client *c, const struct dead_letter *d,
                                 void *ctx)
{
    struct dead *o = ctx;
    if (!is_meant(o, d))
        return DEAD_STAYS;
    enum dead_outcome outcome = strcmp(o->words[0], "replay") == 0
                                    ? dead_letter_replay(c, d, o->to, !o->back)
                                    : dead_letter_drop(c, d);
    if (outcome == DEAD_DONE) {
        o->done++;
        return DEAD_GONE;
    }
    o->failed++;
    fprintf(stderr, "petiole dead: cannot %s %s: %s\n", o->words[0], d->id,
            why_not(outcome));
    return c->lost ? DEAD_FAILED : DEAD_STAYS;
}

static int conclude(const struct dead *o, bool ok)
{
    const char *verb = o->words[0];
    if (strcmp(verb, "list") == 0 && !o->json && ok)
        printf("%zu dead letter%s.\n", o->shown, o->shown == 1 ? "" : "s");
    else if (strcmp(verb, "replay") == 0 || strcmp(verb, "drop") == 0)
        printf("%s %zu dead letter%s.\n",
               strcmp(verb, "replay") == 0 ? "Replayed" : "Dropped", o->done,
               o->done == 1 ? "" : "s");
    bool found = o->nwords == 1 || o->shown + o->done + o->failed > 0;
    if (ok && !found)
        fprintf(stderr, "petiole dead: no such letter: petiole dead list names them\n");
    return ok && found && o->failed == 0 ? EXIT_STOPPED : EXIT_FAILED;
}

static int run(struct dead *o, dead_letter_fn *f, int argc, char **argv)
{
    struct client c;
    int code = client_open(&c, "petiole dead", argc, argv);
    if (code)
        return code;
    code = conclude(o, dead_letters_each(&c, f, o));
    client_close(&c);
    return code;
}

static int dispatch(int argc, char **argv)
{
    struct dead o = {0};
    int code =
        command_read(&command_dead, &o, &argc, argv, o.words, &o.nwords, WORDS_MAX);
    if (code)
        return code;
    const char *verb = o.nwords ? o.words[0] : "";
    if (strcmp(verb, "list") == 0)
        return run(&o, list_one, argc, argv);
    if (strcmp(verb, "show") == 0)
        return run(&o, show_one, argc, argv);
    bool changes = strcmp(verb, "replay") == 0 || strcmp(verb, "drop") == 0;
    if (changes && (o.nwords > 1) != o.all)
        return run(&o, change_one, argc, argv);
    if (changes)
        return command_complain(EXIT_USAGE, "petiole dead",
                                "name letters, or say --all");
    return command_refuse_word(&command_dead, o.nwords ? verb : NULL);
}

static const struct command_word verbs[] = {
    {"list", NULL, "a table of them"},
    {"show", "ID...", "all that is known, and the message"},
    {"replay", "ID...", "send the original message again, and forget the letter"},
    {"drop", "ID...", "throw it away"},
    {0},
};

#define AT(field) .offset = offsetof(struct dead, field)

static const struct command_option options[] = {
    {"reason", 0, "TEXT", "only those whose reason holds this text", AT(reason)},
    {"queue", 0, "NAME", "only those of this queue", AT(queue)},
    {"task", 0, "NAME", "only those of this task", AT(task)},
    {"all", 0, NULL, "replay or drop all of these, without naming each", AT(all)},
    {"json", 0, NULL, "one JSON object a line", AT(json)},
    {"raw", 0, NULL, "show: the message alone, byte for byte", AT(raw)},
    {"to", 0, "NAME", "replay: to this queue, not the one it came from", AT(to)},
    {"back", 0, NULL, "replay: behind what waits there, not before it", AT(back)},
    {0},
};

const struct command command_dead = {
    .name = "dead",
    .run = dispatch,
    .summary = "messages that nobody could run: list, replay, drop",
    .usage = "list|show|replay|drop [ID...] [-b URL] [OPTIONS]",
    .about = "Messages that nobody could run are kept, with the reason. Oldest first.",
    .words = verbs,
    .options = options,
    .settings = "broker config",
    .exits = "0 done; 1 not done, or no such letter; 64 the command line is wrong",
};
