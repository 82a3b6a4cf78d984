/* SPDX-License-Identifier: Apache-2.0 */
/* exception_name - where Python finds the exceptions that Celery users meet: those of
 * Python 3.11, Celery, billiard and kombu. Of two with one name, the builtin counts. */
#include "result.h"

#define BUILTINS "builtins"
#define CELERY "celery.exceptions"
#define BILLIARD "billiard.exceptions"
#define KOMBU "kombu.exceptions"

static const struct {
    const char *name, *module;
    const char *bases; /* separated by spaces; of an alias, what it stands for */
} exceptions[] = {
    /* sorted by name */
    {"AlreadyRegistered", CELERY, "TaskError"},
    {"AlwaysEagerIgnored", CELERY, "CeleryWarning"},
    {"ArithmeticError", BUILTINS, "Exception"},
    {"AssertionError", BUILTINS, "Exception"},
    {"AttributeError", BUILTINS, "Exception"},
    {"BackendError", CELERY, "Exception"},
    {"BackendGetMetaError", CELERY, "BackendError"},
    {"BackendStoreError", CELERY, "BackendError"},
    {"BaseException", BUILTINS, ""},
    {"BaseExceptionGroup", BUILTINS, "BaseException"},
    {"BatchPublishError", KOMBU, "KombuError"},
    {"BlockingIOError", BUILTINS, "OSError"},
    {"BrokenPipeError", BUILTINS, "ConnectionError"},
    {"BufferError", BUILTINS, "Exception"},
    {"BytesWarning", BUILTINS, "Warning"},
    {"CDeprecationWarning", CELERY, "DeprecationWarning"},
    {"CPendingDeprecationWarning", CELERY, "PendingDeprecationWarning"},
    {"CeleryCommandException", CELERY, "Exception"},
    {"CeleryError", CELERY, "Exception"},
    {"CeleryWarning", CELERY, "UserWarning"},
    {"ChannelLimitExceeded", KOMBU, "LimitExceeded"},
    {"ChildProcessError", BUILTINS, "OSError"},
    {"ChordError", CELERY, "TaskError"},
    {"ConnectionAbortedError", BUILTINS, "ConnectionError"},
    {"ConnectionError", BUILTINS, "OSError"},
    {"ConnectionLimitExceeded", KOMBU, "LimitExceeded"},
    {"ConnectionRefusedError", BUILTINS, "ConnectionError"},
    {"ConnectionResetError", BUILTINS, "ConnectionError"},
    {"ContentDisallowed", KOMBU, "SerializerNotInstalled"},
    {"CoroStop", BILLIARD, "Exception"},
    {"DecodeError", KOMBU, "SerializationError"},
    {"DeprecationWarning", BUILTINS, "Warning"},
    {"DuplicateNodenameWarning", CELERY, "CeleryWarning"},
    {"DuplicateTaskNameWarning", CELERY, "CeleryWarning"},
    {"EOFError", BUILTINS, "Exception"},
    {"EncodeError", KOMBU, "SerializationError"},
    {"EncodingWarning", BUILTINS, "Warning"},
    {"EnvironmentError", BUILTINS, "OSError"},
    {"Exception", BUILTINS, "BaseException"},
    {"ExceptionGroup", BUILTINS, "BaseExceptionGroup Exception"},
    {"FileExistsError", BUILTINS, "OSError"},
    {"FileNotFoundError", BUILTINS, "OSError"},
    {"FixupWarning", CELERY, "CeleryWarning"},
    {"FloatingPointError", BUILTINS, "ArithmeticError"},
    {"FutureWarning", BUILTINS, "Warning"},
    {"GeneratorExit", BUILTINS, "BaseException"},
    {"HttpError", KOMBU, "Exception"},
    {"IOError", BUILTINS, "OSError"},
    {"Ignore", CELERY, "TaskPredicate"},
    {"ImportError", BUILTINS, "Exception"},
    {"ImportWarning", BUILTINS, "Warning"},
    {"ImproperlyConfigured", CELERY, "CeleryError"},
    {"IncompleteStream", CELERY, "TaskError"},
    {"InconsistencyError", KOMBU, "ConnectionError"},
    {"IndentationError", BUILTINS, "SyntaxError"},
    {"IndexError", BUILTINS, "LookupError"},
    {"InterruptedError", BUILTINS, "OSError"},
    {"InvalidTaskError", CELERY, "TaskError"},
    {"IsADirectoryError", BUILTINS, "OSError"},
    {"KeyError", BUILTINS, "LookupError"},
    {"KeyboardInterrupt", BUILTINS, "BaseException"},
    {"KombuError", KOMBU, "Exception"},
    {"LimitExceeded", KOMBU, "KombuError"},
    {"LookupError", BUILTINS, "Exception"},
    {"MaxRetriesExceededError", CELERY, "TaskError"},
    {"MemoryError", BUILTINS, "Exception"},
    {"MessageStateError", KOMBU, "KombuError"},
    {"ModuleNotFoundError", BUILTINS, "ImportError"},
    {"NameError", BUILTINS, "Exception"},
    {"NotADirectoryError", BUILTINS, "OSError"},
    {"NotBoundError", KOMBU, "KombuError"},
    {"NotConfigured", CELERY, "CeleryWarning"},
    {"NotImplementedError", BUILTINS, "RuntimeError"},
    {"NotRegistered", CELERY, "KeyError TaskError"},
    {"OSError", BUILTINS, "Exception"},
    {"OperationalError", KOMBU, "KombuError"},
    {"OverflowError", BUILTINS, "ArithmeticError"},
    {"PendingDeprecationWarning", BUILTINS, "Warning"},
    {"PermissionError", BUILTINS, "OSError"},
    {"ProcessLookupError", BUILTINS, "OSError"},
    {"QueueNotFound", CELERY, "KeyError TaskError"},
    {"RecursionError", BUILTINS, "RuntimeError"},
    {"ReferenceError", BUILTINS, "Exception"},
    {"Reject", CELERY, "TaskPredicate"},
    {"ResourceWarning", BUILTINS, "Warning"},
    {"RestartFreqExceeded", BILLIARD, "Exception"},
    {"Retry", CELERY, "TaskPredicate"},
    {"RuntimeError", BUILTINS, "Exception"},
    {"RuntimeWarning", BUILTINS, "Warning"},
    {"SecurityError", CELERY, "CeleryError"},
    {"SecurityWarning", CELERY, "CeleryWarning"},
    {"SerializationError", KOMBU, "KombuError"},
    {"SerializerNotInstalled", KOMBU, "KombuError"},
    {"SoftTimeLimitExceeded", BILLIARD, "Exception"},
    {"StopAsyncIteration", BUILTINS, "Exception"},
    {"StopIteration", BUILTINS, "Exception"},
    {"SyntaxError", BUILTINS, "Exception"},
    {"SyntaxWarning", BUILTINS, "Warning"},
    {"SystemError", BUILTINS, "Exception"},
    {"SystemExit", BUILTINS, "BaseException"},
    {"TabError", BUILTINS, "IndentationError"},
    {"TaskError", CELERY, "CeleryError"},
    {"TaskPredicate", CELERY, "CeleryError"},
    {"TaskRevokedError", CELERY, "TaskError"},
    {"Terminated", BILLIARD, "Exception"},
    {"TimeLimitExceeded", BILLIARD, "Exception"},
    {"TimeoutError", BUILTINS, "OSError"},
    {"TypeError", BUILTINS, "Exception"},
    {"UnboundLocalError", BUILTINS, "NameError"},
    {"UnicodeDecodeError", BUILTINS, "UnicodeError"},
    {"UnicodeEncodeError", BUILTINS, "UnicodeError"},
    {"UnicodeError", BUILTINS, "ValueError"},
    {"UnicodeTranslateError", BUILTINS, "UnicodeError"},
    {"UnicodeWarning", BUILTINS, "Warning"},
    {"UserWarning", BUILTINS, "Warning"},
    {"ValueError", BUILTINS, "Exception"},
    {"VersionMismatch", KOMBU, "KombuError"},
    {"Warning", BUILTINS, "Exception"},
    {"WorkerLostError", BILLIARD, "Exception"},
    {"WorkerShutdown", CELERY, "SystemExit"},
    {"WorkerTerminate", CELERY, "SystemExit"},
    {"ZeroDivisionError", BUILTINS, "ArithmeticError"},
};

typedef __typeof__(exceptions[0]) entry;

static const entry *find(struct str name)
{
    size_t low = 0, high = sizeof(exceptions) / sizeof(exceptions[0]);

    while (low < high) {
        size_t middle = (low + high) / 2;
        struct str other = str_of(exceptions[middle].name);
        size_t shorter = name.n < other.n ? name.n : other.n;
        int order = shorter ? memcmp(name.p, other.p, shorter) : 0;
        if (order == 0 && name.n == other.n)
            return &exceptions[middle];
        if (order < 0 || (order == 0 && name.n < other.n))
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

static struct str module_of(struct str name, struct str fallback)
{
    const entry *e = find(name);

    return e ? str_of(e->module) : fallback;
}

void result_exception_name(struct str name, struct str fallback, struct str *type,
                           struct str *module)
{
    const char *colon = name.n ? memchr(name.p, ':', name.n) : NULL;
    const char *dot = colon ? colon : name.n ? memrchr(name.p, '.', name.n) : NULL;
    size_t before = dot ? (size_t)(dot - name.p) : 0;

    if (before > 0 && before + 1 < name.n) {
        *module = (struct str){name.p, before};
        *type = (struct str){dot + 1, name.n - before - 1};
        return;
    }
    *type = name;
    *module = module_of(name, fallback);
}

/* ---- What is derived from what ------------------------------------------------ */

/* Python has three names for one class. */
static struct str without_alias(struct str name)
{
    return str_is(name, "IOError") || str_is(name, "EnvironmentError") ? STR("OSError")
                                                                       : name;
}

/* The classes known here form a tree of at most six levels, and never a circle. */
static bool is_derived(struct str name, struct str from)
{
    const entry *e = find(name);
    struct str bases = str_of(e ? e->bases : ""), base;

    if (str_eq(name, from))
        return true;
    for (const char *p = bases.p; p < bases.p + bases.n; p = base.p + base.n + 1) {
        const char *space = memchr(p, ' ', (size_t)(bases.p + bases.n - p));

        base = (struct str){p, (size_t)((space ? space : bases.p + bases.n) - p)};
        if (is_derived(base, from))
            return true;
    }
    return false;
}

static bool is_known(struct str type, struct str module)
{
    const entry *e = find(type);

    return e && str_is(module, e->module);
}

bool result_exception_is(struct str name, struct str base, struct str fallback)
{
    struct str type, module, base_type, base_module;

    result_exception_name(without_alias(name), fallback, &type, &module);
    result_exception_name(without_alias(base), fallback, &base_type, &base_module);
    if (str_eq(type, base_type) && str_eq(module, base_module))
        return true;
    if (!is_known(base_type, base_module))
        return false;
    if (is_known(type, module))
        return is_derived(type, base_type);
    return str_is(base_type, "Exception") || str_is(base_type, "BaseException");
}
