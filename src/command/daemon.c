/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon.h"

#include "command.h"
#include "pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Set for the program that a restart in place starts: it is in the background already,
 * and holds its pid file. */
#define RESTARTED "PETIOLE_RESTARTED"

static int fail(int exit_code, const char *text)
{
    log_complain("%s", text);
    return exit_code;
}

/* ---- who it is ---------------------------------------------------------------- */

static bool is_number(const char *text, unsigned long *out)
{
    char *end;
    *out = strtoul(text, &end, 10);
    return end != text && !*end && *text != '-';
}

static int find_user(const char *text, uid_t *uid, gid_t *gid, struct error *e)
{
    unsigned long number;
    bool numeric = is_number(text, &number);
    const struct passwd *p = numeric ? getpwuid((uid_t)number) : getpwnam(text);
    if (!p && !numeric)
        return error_set(e, EINVAL, "option '--uid': there is no user '%.60s'", text);
    *uid = p ? p->pw_uid : (uid_t)number;
    *gid = p ? p->pw_gid : (gid_t)-1;
    return 0;
}

static int find_group(const char *text, gid_t *gid, struct error *e)
{
    unsigned long number;
    bool numeric = is_number(text, &number);
    const struct group *g = numeric ? NULL : getgrnam(text);
    if (!g && !numeric)
        return error_set(e, EINVAL, "option '--gid': there is no group '%.60s'", text);
    *gid = g ? g->gr_gid : (gid_t)number;
    return 0;
}

/* Groups first: a user that is no longer root may not change them. */
static int become(uid_t uid, gid_t gid, struct error *e)
{
    if (gid != (gid_t)-1 && gid != getegid() &&
        ((geteuid() == 0 && setgroups(1, &gid) < 0) || setgid(gid) < 0))
        return error_set(e, errno, "cannot become group %u: %s", (unsigned)gid,
                         strerror(errno));
    const struct passwd *p = uid != (uid_t)-1 ? getpwuid(uid) : NULL;
    if (p && geteuid() == 0 && uid != 0 && initgroups(p->pw_name, gid) < 0)
        return error_set(e, errno, "cannot take the groups of %s: %s", p->pw_name,
                         strerror(errno));
    if (uid != (uid_t)-1 && uid != geteuid() && setuid(uid) < 0)
        return error_set(e, errno, "cannot become user %u: %s", (unsigned)uid,
                         strerror(errno));
    if (uid != (uid_t)-1 && uid != 0 && setuid(0) == 0)
        return error_set(e, EPERM, "could become root again after --uid");
    return 0;
}

static int drop_privileges(const struct config *c, struct error *e)
{
    uid_t uid = (uid_t)-1;
    gid_t gid = (gid_t)-1;
    int r = c->uid ? find_user(c->uid, &uid, &gid, e) : 0;
    if (r == 0 && c->gid)
        r = find_group(c->gid, &gid, e);
    return r < 0 ? r : become(uid, gid, e);
}

static void warn_root(struct config *c)
{
    const char *force = getenv("C_FORCE_ROOT");
    if (geteuid() == 0 && !(force && *force))
        config_warn(c, "You're running the worker with superuser privileges: this is "
                       "absolutely not recommended! Please specify a different user "
                       "using the --uid option.");
}

/* ---- where its log goes ------------------------------------------------------- */

static int open_log(const struct config *c, int *fd, struct error *e)
{
    *fd = STDERR_FILENO;
    if (!c->log_file)
        return 0;
    *fd = open(c->log_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    return *fd >= 0 ? 0
                    : error_set(e, errno, "cannot write the log %s: %s", c->log_file,
                                strerror(errno));
}

static void configure_log(const struct config *c, int fd, bool detached)
{
    bool color = c->log_color == CONFIG_COLOR_ALWAYS ||
                 (c->log_color == CONFIG_COLOR_AUTO && isatty(fd));
    log_configure(&(struct log_options){
        .format = c->log_format,
        .task_format = c->task_log_format,
        .json = c->log_shape == CONFIG_LOG_JSON,
        .color = color && !c->no_color && !c->log_file,
        .fd = fd,
        .path = fd == STDERR_FILENO ? NULL : c->log_file,
        .is_stdout_too = detached && c->log_file,
    });
}

/* ---- the background ----------------------------------------------------------- */

/* The process that the shell waits for: it ends when the other one stands, with 0, or
 * failed, with its code. */
static int await(pid_t child, int fd)
{
    unsigned char code = EXIT_FAILED;
    if (read(fd, &code, 1) != 1)
        code = EXIT_FAILED;
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
        continue;
    return code;
}

/* Returns DAEMON_GO_ON in the background, with *told to say how it went; else the exit
 * code. */
static int go_into_background(int *told, struct error *e)
{
    int ends[2];
    pid_t child;
    if (pipe2(ends, O_CLOEXEC) < 0 || (child = fork()) < 0) {
        error_set(e, errno, "cannot detach: %s", strerror(errno));
        return fail(EXIT_FAILED, e->msg);
    }
    if (child > 0) {
        close(ends[1]);
        return await(child, ends[0]);
    }
    close(ends[0]);
    setsid();
    child = fork(); /* one that leads no session gets no terminal by opening one */
    if (child != 0)
        _exit(child < 0 ? EXIT_FAILED : EXIT_STOPPED);
    *told = ends[1];
    return DAEMON_GO_ON;
}

static void tell(int told, int exit_code)
{
    unsigned char code = (unsigned char)exit_code;
    if (write(told, &code, 1) < 0)
        return; /* the shell's process was killed meanwhile */
    close(told);
}

/* What is still printed goes to the log, or nowhere. */
static void let_go_of_terminal(const struct config *c, int log_fd)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int out = c->log_file ? log_fd : null;
    dup2(null, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    close(null);
}

/* ---- all of it ---------------------------------------------------------------- */

static int hold_pid_file(const struct config *c)
{
    struct error e;
    int r = c->pid_file ? pidfile_acquire(c->pid_file, &e) : 0;
    if (r == 0)
        return DAEMON_GO_ON;
    return fail(r == -EEXIST ? EXIT_PIDFILE : EXIT_FAILED, e.msg);
}

int daemon_enter(struct config *c)
{
    struct error e;
    int log_fd = STDERR_FILENO, told = -1, code = DAEMON_GO_ON;
    bool detach = c->detach && !getenv(RESTARTED) && !getenv("C_FAKEFORK");

    unsetenv(RESTARTED);
    configure_log(c, log_fd, false); /* for complaints */
    if (drop_privileges(c, &e) < 0)
        return fail(EXIT_FAILED, e.msg);
    warn_root(c);
    if (c->file_mode_mask >= 0)
        umask((mode_t)c->file_mode_mask);
    if (open_log(c, &log_fd, &e) < 0)
        return fail(EXIT_FAILED, e.msg);
    if (detach)
        code = go_into_background(&told, &e);
    if (code == DAEMON_GO_ON)
        code = hold_pid_file(c);
    if (code == DAEMON_GO_ON && detach)
        let_go_of_terminal(c, log_fd);
    if (told >= 0)
        tell(told, code == DAEMON_GO_ON ? EXIT_STOPPED : code);
    configure_log(c, log_fd, c->detach && code == DAEMON_GO_ON);
    return code;
}

void daemon_leave(const struct config *c)
{
    if (c->pid_file)
        pidfile_release(c->pid_file);
}

void daemon_mark_restart(void)
{
    setenv(RESTARTED, "1", 1);
}
