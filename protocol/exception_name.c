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
} exceptions[] = {
    /* sorted by name */
    {"AlreadyRegistered", CELERY},
    {"AlwaysEagerIgnored", CELERY},
    {"ArithmeticError", BUILTINS},
    {"AssertionError", BUILTINS},
    {"AttributeError", BUILTINS},
    {"BackendError", CELERY},
    {"BackendGetMetaError", CELERY},
    {"BackendStoreError", CELERY},
    {"BaseException", BUILTINS},
    {"BaseExceptionGroup", BUILTINS},
    {"BatchPublishError", KOMBU},
    {"BlockingIOError", BUILTINS},
    {"BrokenPipeError", BUILTINS},
    {"BufferError", BUILTINS},
    {"BytesWarning", BUILTINS},
    {"CDeprecationWarning", CELERY},
    {"CPendingDeprecationWarning", CELERY},
    {"CeleryCommandException", CELERY},
    {"CeleryError", CELERY},
    {"CeleryWarning", CELERY},
    {"ChannelLimitExceeded", KOMBU},
    {"ChildProcessError", BUILTINS},
    {"ChordError", CELERY},
    {"ConnectionAbortedError", BUILTINS},
    {"ConnectionError", BUILTINS},
    {"ConnectionLimitExceeded", KOMBU},
    {"ConnectionRefusedError", BUILTINS},
    {"ConnectionResetError", BUILTINS},
    {"ContentDisallowed", KOMBU},
    {"CoroStop", BILLIARD},
    {"DecodeError", KOMBU},
    {"DeprecationWarning", BUILTINS},
    {"DuplicateNodenameWarning", CELERY},
    {"DuplicateTaskNameWarning", CELERY},
    {"EOFError", BUILTINS},
    {"EncodeError", KOMBU},
    {"EncodingWarning", BUILTINS},
    {"EnvironmentError", BUILTINS},
    {"Exception", BUILTINS},
    {"ExceptionGroup", BUILTINS},
    {"FileExistsError", BUILTINS},
    {"FileNotFoundError", BUILTINS},
    {"FixupWarning", CELERY},
    {"FloatingPointError", BUILTINS},
    {"FutureWarning", BUILTINS},
    {"GeneratorExit", BUILTINS},
    {"HttpError", KOMBU},
    {"IOError", BUILTINS},
    {"Ignore", CELERY},
    {"ImportError", BUILTINS},
    {"ImportWarning", BUILTINS},
    {"ImproperlyConfigured", CELERY},
    {"IncompleteStream", CELERY},
    {"InconsistencyError", KOMBU},
    {"IndentationError", BUILTINS},
    {"IndexError", BUILTINS},
    {"InterruptedError", BUILTINS},
    {"InvalidTaskError", CELERY},
    {"IsADirectoryError", BUILTINS},
    {"KeyError", BUILTINS},
    {"KeyboardInterrupt", BUILTINS},
    {"KombuError", KOMBU},
    {"LimitExceeded", KOMBU},
    {"LookupError", BUILTINS},
    {"MaxRetriesExceededError", CELERY},
    {"MemoryError", BUILTINS},
    {"MessageStateError", KOMBU},
    {"ModuleNotFoundError", BUILTINS},
    {"NameError", BUILTINS},
    {"NotADirectoryError", BUILTINS},
    {"NotBoundError", KOMBU},
    {"NotConfigured", CELERY},
    {"NotImplementedError", BUILTINS},
    {"NotRegistered", CELERY},
    {"OSError", BUILTINS},
    {"OperationalError", KOMBU},
    {"OverflowError", BUILTINS},
    {"PendingDeprecationWarning", BUILTINS},
    {"PermissionError", BUILTINS},
    {"ProcessLookupError", BUILTINS},
    {"QueueNotFound", CELERY},
    {"RecursionError", BUILTINS},
    {"ReferenceError", BUILTINS},
    {"Reject", CELERY},
    {"ResourceWarning", BUILTINS},
    {"RestartFreqExceeded", BILLIARD},
    {"Retry", CELERY},
    {"RuntimeError", BUILTINS},
    {"RuntimeWarning", BUILTINS},
    {"SecurityError", CELERY},
    {"SecurityWarning", CELERY},
    {"SerializationError", KOMBU},
    {"SerializerNotInstalled", KOMBU},
    {"SoftTimeLimitExceeded", BILLIARD},
    {"StopAsyncIteration", BUILTINS},
    {"StopIteration", BUILTINS},
    {"SyntaxError", BUILTINS},
    {"SyntaxWarning", BUILTINS},
    {"SystemError", BUILTINS},
    {"SystemExit", BUILTINS},
    {"TabError", BUILTINS},
    {"TaskError", CELERY},
    {"TaskPredicate", CELERY},
    {"TaskRevokedError", CELERY},
    {"Terminated", BILLIARD},
    {"TimeLimitExceeded", BILLIARD},
    {"TimeoutError", BUILTINS},
    {"TypeError", BUILTINS},
    {"UnboundLocalError", BUILTINS},
    {"UnicodeDecodeError", BUILTINS},
    {"UnicodeEncodeError", BUILTINS},
    {"UnicodeError", BUILTINS},
    {"UnicodeTranslateError", BUILTINS},
    {"UnicodeWarning", BUILTINS},
    {"UserWarning", BUILTINS},
    {"ValueError", BUILTINS},
    {"VersionMismatch", KOMBU},
    {"Warning", BUILTINS},
    {"WorkerLostError", BILLIARD},
    {"WorkerShutdown", CELERY},
    {"WorkerTerminate", CELERY},
    {"ZeroDivisionError", BUILTINS},
};

static struct str module_of(struct str name, struct str fallback)
{
    size_t low = 0, high = sizeof(exceptions) / sizeof(exceptions[0]);

    while (low < high) {
        size_t middle = (low + high) / 2;
        struct str other = str_of(exceptions[middle].name);
        size_t shorter = name.n < other.n ? name.n : other.n;
        int order = memcmp(name.p, other.p, shorter);
        if (order == 0 && name.n == other.n)
            return str_of(exceptions[middle].module);
        if (order < 0 || (order == 0 && name.n < other.n))
            high = middle;
        else
            low = middle + 1;
    }
    return fallback;
}

void result_exception_name(struct str name, struct str fallback, struct str *type,
                           struct str *module)
{
    const char *dot = name.n ? memrchr(name.p, '.', name.n) : NULL;
    size_t before = dot ? (size_t)(dot - name.p) : 0;

    if (before > 0 && before + 1 < name.n) {
        *module = (struct str){name.p, before};
        *type = (struct str){dot + 1, name.n - before - 1};
        return;
    }
    *type = name;
    *module = module_of(name, fallback);
}
