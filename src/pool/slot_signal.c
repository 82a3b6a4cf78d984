/* SPDX-License-Identifier: Apache-2.0 */
#include "slot_parts.h"

#include <signal.h>
#include <sys/wait.h>

#define LOOK_MS 1
/* A process that has not stopped by then hangs in the kernel, and runs no other task.
 */
#define LOOKS_MAX 100

static void send_number(const struct slot *s, int signum, uint64_t job)
{
    sigqueue(s->process.pid, signum, (union sigval){.sival_int = (int)(uint32_t)job});
}

void slot_send_soft_limit(struct slot *s)
{
    send_number(s, FRAME_SIGNAL_SOFT_LIMIT, s->running->job);
}

void slot_send_leave_out(struct slot *s, const struct request *rq)
{
    send_number(s, FRAME_SIGNAL_LEAVE_OUT, rq->job);
}

static void deliver(struct slot *s)
{
    if (s->ending.signum == SIGKILL)
        slot_kill(s);
    else
        uv_process_kill(&s->process, s->ending.signum);
    s->ending.signum = 0;
}

static bool stands_still(const struct slot *s)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)s->process.pid, &info, WSTOPPED | WNOHANG | WNOWAIT) ==
               0 &&
           info.si_pid == s->process.pid;
}

void slot_end_running(struct slot *s, int signum)
{
    s->ending = (struct slot_ending){.signum = signum, .job = s->running->job};
    if (s->ngiven == 1) {
        deliver(s); /* should it be finished already, there is no other to meet */
        return;
    }
    slot_resume(s); /* it must be heard */
    uv_process_kill(&s->process, SIGSTOP);
    slot_wake_after(s, LOOK_MS);
}

/* Two looks: what the child said before it stood still is read in the turn between. */
void slot_look_at_ending(struct slot *s)
{
    struct slot_ending *e = &s->ending;
    if (!e->still) {
        e->still = stands_still(s) || ++e->looks >= LOOKS_MAX;
        slot_wake_after(s, LOOK_MS);
        return;
    }
    if (s->running && s->running->job == e->job)
        deliver(s);
    e->signum = 0; /* else it was finished in time */
    uv_process_kill(&s->process, SIGCONT);
}
