/* SPDX-License-Identifier: Apache-2.0 */
/* landlock - which files a process that reads a document may open: for a converter the
 * system's libraries and data, for a text file none. The kernel's interface is called
 * directly, and its newer fields are spelled out here, because Debian 12's headers and
 * C library know only the first version. */
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <gnu/lib-names.h>
#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

/* As of version 6; a kernel takes the longer form if what it does not know is zero. */
struct ruleset {
    uint64_t files;
    uint64_t network;
    uint64_t scopes;
};

#define RIGHT_REFER (1ull << 13)    /* since version 2 */
#define RIGHT_TRUNCATE (1ull << 14) /* 3 */
#define RIGHT_TCP ((1ull << 2) - 1) /* 4: bind and connect */
#define RIGHT_IOCTL (1ull << 15)    /* 5 */
#define SCOPE_ALL ((1ull << 2) - 1) /* 6: abstract sockets and signals */
#define RIGHTS_OF_FIRST ((1ull << 13) - 1)

static const char *const readable[] = {
    "/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/fonts", "/var/cache/fontconfig",
};
/* An ELF program cannot be executed without its loader. */
static const char *const loaders[] = {"/lib64/" LD_SO, "/lib/" LD_SO};

int landlock_version(void)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, 1u /* …_VERSION */);

    return version > 0 ? (int)version : 0;
}

static struct ruleset everything_of(int version)
{
    return (struct ruleset){
        .files = RIGHTS_OF_FIRST | (version >= 2 ? RIGHT_REFER : 0) |
                 (version >= 3 ? RIGHT_TRUNCATE : 0) | (version >= 5 ? RIGHT_IOCTL : 0),
        .network = version >= 4 ? RIGHT_TCP : 0,
        .scopes = version >= 6 ? SCOPE_ALL : 0,
    };
}

/* A path that does not exist cannot be opened later either: no rule, no harm. */
static int allow(int rules, const char *path, uint64_t rights)
{
    struct landlock_path_beneath_attr rule = {
        .allowed_access = rights,
        .parent_fd = open(path, O_PATH | O_CLOEXEC),
    };
    long failed;

    if (rule.parent_fd < 0)
        return 0;
    failed =
        syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0u);
    if (failed && errno == EINVAL) { /* a file, which has no right to be listed */
        rule.allowed_access &= ~(uint64_t)LANDLOCK_ACCESS_FS_READ_DIR;
        failed = syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH,
                         &rule, 0u);
    }
    close(rule.parent_fd);
    return (int)failed;
}

static int allow_program(int rules, const char *program)
{
    const uint64_t reading = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
    const uint64_t running = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_EXECUTE;
    int failed = allow(rules, program, running);

    for (size_t i = 0; i < sizeof(loaders) / sizeof(loaders[0]) && !failed; i++)
        failed = allow(rules, loaders[i], running);
    for (size_t i = 0; i < sizeof(readable) / sizeof(readable[0]) && !failed; i++)
        failed = allow(rules, readable[i], reading);
    return failed;
}

int landlock_enter(const struct sandbox *s)
{
    int version = landlock_version();
    struct ruleset all = everything_of(version);
    long rules, failed = 0;

    if (!version)
        return 0;
    rules = syscall(SYS_landlock_create_ruleset, &all, sizeof all, 0u);
    if (rules < 0)
        return -1;
    if (s->program)
        failed = allow_program((int)rules, s->program);
    if (!failed)
        failed = syscall(SYS_landlock_restrict_self, (int)rules, 0u);
    close((int)rules);
    return failed ? -1 : 0;
}
