/* SPDX-License-Identifier: Apache-2.0 */
/* petiole config - settings of a Python application as a file, and a look at a file. */
#include "../config/load.h"
#include "../config/table.h"
#include "../config/value.h"
#include "command.h"

#include <errno.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ANSWER_MAX_BYTES (1 << 20)
#define PYTHON_SECONDS 60
#define NO_CELERY 3 /* the script's own exit codes */
#define NO_APPLICATION 4

/* Settings that differ from Celery's defaults. A value that JSON cannot say becomes
 * {"python": "what it is"}, which stands for no value of any setting. */
static const char script[] =
    "import json, os, sys\n"
    "from datetime import timedelta\n"
    "sys.path.insert(0, os.getcwd())\n"
    "out, sys.stdout = sys.stdout, sys.stderr\n"
    "try:\n"
    "    from celery.app.defaults import DEFAULTS\n"
    "    from celery.app.utils import find_app\n"
    "except ImportError as e:\n"
    "    if e.name != 'celery':\n"
    "        print(e, file=sys.stderr)\n"
    "    sys.exit(3)\n"
    "try:\n"
    "    conf = find_app(sys.argv[1]).conf\n"
    "    keys = [k for k in sorted(set(DEFAULTS) | set(conf.changes or {}))\n"
    "            if k.islower() and k != 'deprecated_settings']\n"
    "except BaseException as e:\n"
    "    print(f'{type(e).__name__}: {e}'.splitlines()[0], file=sys.stderr)\n"
    "    sys.exit(4)\n"
    "def plain(v):\n"
    "    if isinstance(v, timedelta):\n"
    "        return v.total_seconds()\n"
    "    if isinstance(v, (list, tuple, set, frozenset)):\n"
    "        return [plain(i) for i in v]\n"
    "    if isinstance(v, dict):\n"
    "        return {str(k): plain(i) for k, i in v.items()}\n"
    "    if v is None or isinstance(v, (bool, int, float, str)):\n"
    "        return v\n"
    "    if type(v).__name__ == 'Queue':\n"
    "        exchange = v.exchange\n"
    "        return {k: plain(i) for k, i in dict(\n"
    "            name=v.name, exchange=exchange.name, exchange_type=exchange.type,\n"
    "            routing_key=v.routing_key, queue_arguments=v.queue_arguments,\n"
    "            max_priority=v.max_priority).items() if i is not None}\n"
    "    return {'python': repr(v)[:200]}\n"
    "found = {}\n"
    "for k in keys:\n"
    "    v = conf.get(k)\n"
    "    if v is not None and v != DEFAULTS.get(k):\n"
    "        found[k] = plain(v)\n"
    "json.dump(found, out)\n";

#define complain(code, ...) command_complain(code, "petiole config", __VA_ARGS__)

/* ---- Python ------------------------------------------------------------------- */

static void become_python(int out, const char *app)
{
    dup2(out, STDOUT_FILENO);
    alarm(PYTHON_SECONDS); /* execv keeps it: an import that hangs is killed */
    execlp("python3", "python3", "-c", script, app, (char *)NULL);
    fprintf(stderr, "petiole config: cannot run python3: %s\n", strerror(errno));
    _exit(127);
}

static size_t read_all(int fd, char *text)
{
    size_t n = 0;
    ssize_t got;
    while (n < ANSWER_MAX_BYTES && (got = read(fd, text + n, ANSWER_MAX_BYTES - n)) > 0)
        n += (size_t)got;
    text[n] = '\0';
    return n;
}

static int judge(int status, const char *app)
{
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        return complain(EXIT_FAILED, "%s was not read within %d s", app,
                        PYTHON_SECONDS);
    if (!WIFEXITED(status))
        return complain(EXIT_FAILED, "python3 was ended by signal %d",
                        WTERMSIG(status));
    switch (WEXITSTATUS(status)) {
    case 0:
        return EXIT_STOPPED;
    case NO_CELERY:
        return complain(EXIT_FAILED, "the python3 in PATH has no Celery: activate the "
                                     "application's environment");
    case NO_APPLICATION:
        return complain(EXIT_FAILED,
                        "cannot read the application %s: see the line above", app);
    default:
        return complain(EXIT_FAILED, "python3 ended with exit code %d",
                        WEXITSTATUS(status));
    }
}

/* The script's answer; NULL once the failure was told. */
static json_object *ask_python(const char *app)
{
    char *text = malloc(ANSWER_MAX_BYTES + 1);
    int ends[2], status = 0;
    if (!text || pipe(ends) < 0) {
        free(text);
        complain(EXIT_FAILED, "cannot ask python3: %s", strerror(errno));
        return NULL;
    }
    pid_t child = fork();
    if (child == 0)
        become_python(ends[1], app);
    close(ends[1]);
    read_all(ends[0], text);
    close(ends[0]);
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    json_object *found =
        judge(status, app) == EXIT_STOPPED ? json_tokener_parse(text) : NULL;
    if (!found && status == 0)
        complain(EXIT_FAILED, "python3 wrote no JSON, or more than 1 MB");
    free(text);
    return found;
}

/* ---- what petiole takes of it --------------------------------------------------- */

static bool is_python_only(json_object *value)
{
    if (json_object_is_type(value, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(value); i++)
            if (is_python_only(json_object_array_get_idx(value, i)))
                return true;
        return false;
    }
    if (!json_object_is_type(value, json_type_object))
        return false;
    const struct json_object_iterator end = json_object_iter_end(value);
    struct json_object_iterator it = json_object_iter_begin(value);
    for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it))
        if (strcmp(json_object_iter_peek_name(&it), "python") == 0 ||
            is_python_only(json_object_iter_peek_value(&it)))
            return true;
    return false;
}

/* Would the worker take it? 1: yes; 0: it says nothing to a worker; -1 with *e: no. */
static int try_setting(struct config *c, const char *key, json_object *value,
                       struct error *e)
{
    const struct config_option *o = config_find(key);
    if (is_python_only(value))
        return error_set(e, EINVAL, "setting '%s' holds what only Python can read",
                         key);
    if (!o && config_is_prefix(key))
        return config_try_object(c, key, value, e) < 0 ? -1 : 1;
    if (!o)
        return config_unknown("setting", key, false, e);
    if (o->type == CONFIG_IGNORED)
        return 0;
    char as[96];
    snprintf(as, sizeof(as), "setting '%s'", key);
    return config_set_json(c, o, value, as, e) < 0 ? -1 : 1;
}

static int print_taken(json_object *found)
{
    json_object *taken = json_object_new_object();
    struct config *c = calloc(1, sizeof(*c));
    struct error e;
    if (!taken || !c)
        return complain(EXIT_FAILED, "out of memory");
    const struct json_object_iterator end = json_object_iter_end(found);
    struct json_object_iterator it = json_object_iter_begin(found);
    for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it)) {
        const char *key = json_object_iter_peek_name(&it);
        json_object *value = json_object_iter_peek_value(&it);
        int r = try_setting(c, key, value, &e);
        if (r > 0)
            json_object_object_add(taken, key, json_object_get(value));
        else if (r < 0)
            complain(EXIT_FAILED, "left out: %s", e.msg);
    }
    puts(json_object_to_json_string_ext(taken, JSON_C_TO_STRING_PRETTY |
                                                   JSON_C_TO_STRING_NOSLASHESCAPE));
    fputs(c->warnings, stderr);
    json_object_put(taken);
    config_finish(c);
    free(c);
    return EXIT_STOPPED;
}

static int import(const char *app)
{
    json_object *found = ask_python(app);
    int code = found ? print_taken(found) : EXIT_FAILED;
    json_object_put(found);
    return code;
}

static int check(const char *file)
{
    struct config c;
    struct error e;
    char *argv[] = {(char *)(uintptr_t) "worker", (char *)(uintptr_t) "--config",
                    (char *)(uintptr_t)file,      (char *)(uintptr_t) "-A",
                    (char *)(uintptr_t) "demo",   NULL};
    int code = config_load(&c, 5, argv, &e) < 0 ? complain(EXIT_FAILED, "%s", e.msg)
                                                : EXIT_STOPPED;
    fputs(c.warnings, stderr);
    if (code == EXIT_STOPPED)
        printf("%s: OK\n", file);
    config_finish(&c);
    return code;
}

static int run(int argc, char **argv)
{
    const char *words[2] = {NULL};
    size_t nwords;
    int code = command_read(&command_config, NULL, &argc, argv, words, &nwords, 2);
    if (code)
        return code;
    if (nwords == 2 && strcmp(words[0], "import") == 0)
        return import(words[1]);
    if (nwords == 2 && strcmp(words[0], "check") == 0)
        return check(words[1]);
    if (nwords == 1 && command_knows_word(&command_config, words[0]))
        return complain(EXIT_USAGE, "%s what? see petiole config --help", words[0]);
    return command_refuse_word(&command_config, words[0]);
}

static const struct command_word verbs[] = {
    {"import", "APP", "settings of a Python application as JSON"},
    {"check", "FILE", "does petiole worker take this file?"},
    {0},
};

const struct command command_config = {
    .name = "config",
    .run = run,
    .summary = "settings of a Python application, or a check of a file",
    .usage = "import APP\ncheck FILE",
    .about =
        "APP is what celery -A takes: a module, or module:attribute. Its python3 is "
        "the first in PATH: activate the application's environment. What petiole "
        "does not take is named on standard error.",
    .words = verbs,
    .exits = "0 done; 1 the application cannot be read or the file is refused; "
             "64 the command line is wrong",
    .examples = "petiole config import proj.celery_app > petiole.json\n"
                "petiole config check petiole.json",
};
