/* Waiting in virtual mode. Virtual clocks stand still while a process waits, so "until 0.1 s have
 * passed" around a sleep, a lock, a queue or a select would go on forever. Here a wait that ran
 * into its time limit moves the clocks on by that limit: afterwards they show what they should, and
 * the same in each build.
 *
 * All waits of musl go through __syscall_cp(), the system call that is a cancellation point. */
#define _GNU_SOURCE
#include "nb_syscall.h"
#include "nb_virtual.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <sys/time.h>

#define NB_WAIT_SECOND INT64_C(1000000000)
#define NB_WAIT_MOST INT64_C(4000000000) /* s; the kernel can count twice as many */

long __syscall_cp(long number, long a, long b, long c, long d, long e, long f);
int __clock_nanosleep(clockid_t clock, int flags, const struct timespec *request,
                      struct timespec *remaining);
/* musl's, hidden; in programs that use pthread_cancel. */
__attribute__((weak)) long __syscall_cp_c(long number, long a, long b, long c, long d, long e,
                                          long f);

static long nb_wait_call(long number, long a, long b, long c, long d, long e, long f) {
    if (__syscall_cp_c != NULL)
        return __syscall_cp_c(number, a, b, c, d, e, f);
    return nb_syscall6(number, a, b, c, d, e, f);
}

static int64_t nb_wait_ns(const struct timespec *time) {
    return (time->tv_sec < NB_WAIT_MOST ? time->tv_sec : NB_WAIT_MOST) * NB_WAIT_SECOND +
           time->tv_nsec;
}

/* The time limit of a wait in ns and the result that says it was reached; false: there is none. */
static bool nb_wait_limit(long number, const long *arguments, int64_t *ns, long *reached) {
    const void *limit = NULL;
    int milliseconds = -1;
    *reached = 0;
    switch (number) {
#ifdef SYS_poll
    case SYS_poll:
        milliseconds = (int)arguments[2];
        break;
    case SYS_epoll_wait:
        milliseconds = (int)arguments[3];
        break;
    case SYS_select: {
        const struct timeval *time = (const struct timeval *)arguments[4];
        if (time != NULL)
            *ns = nb_wait_ns(&(struct timespec){.tv_sec = time->tv_sec}) + time->tv_usec * 1000;
        return time != NULL;
    }
#endif
    case SYS_epoll_pwait:
        milliseconds = (int)arguments[3];
        break;
    case SYS_ppoll:
        limit = (const void *)arguments[2];
        break;
    case SYS_pselect6:
        limit = (const void *)arguments[4];
        break;
    case SYS_rt_sigtimedwait:
        limit = (const void *)arguments[2];
        *reached = -EAGAIN;
        break;
    case SYS_futex:
        if ((arguments[1] & FUTEX_CMD_MASK) == FUTEX_WAIT) /* its limit is relative */
            limit = (const void *)arguments[3];
        *reached = -ETIMEDOUT;
        break;
    }
    if (limit != NULL)
        *ns = nb_wait_ns(limit);
    else
        *ns = milliseconds * INT64_C(1000000);
    return limit != NULL || milliseconds >= 0;
}

long __syscall_cp(long number, long a, long b, long c, long d, long e, long f) {
    if (!nb_virtual_is_on())
        return nb_wait_call(number, a, b, c, d, e, f);
    const long arguments[] = {a, b, c, d, e, f};
    int64_t ns;
    long reached;
    /* Before the call: the kernel writes what is left into some limits. */
    bool limited = nb_wait_limit(number, arguments, &ns, &reached);
    long result = nb_wait_call(number, a, b, c, d, e, f);
    if (limited && result == reached)
        nb_clock_advance(ns);
    return result;
}

/* CPython's time.sleep() sleeps until a time on the monotonic clock. */
static int nb_wait_sleep(clockid_t clock, int flags, const struct timespec *request,
                         struct timespec *remaining) {
    if (request->tv_sec < 0 || request->tv_nsec < 0 || request->tv_nsec >= NB_WAIT_SECOND)
        return EINVAL;
    bool until = (flags & TIMER_ABSTIME) != 0;
    int64_t wait = nb_wait_ns(request) - (until ? nb_clock_peek(clock) : 0);
    if (wait < 0)
        wait = 0;
    struct timespec left = {0};
    struct timespec time = {.tv_sec = wait / NB_WAIT_SECOND, .tv_nsec = wait % NB_WAIT_SECOND};
    long result = nb_wait_call(SYS_clock_nanosleep, clock, 0, (long)&time, (long)&left, 0, 0);
    if (result == 0 || result == -EINTR)
        nb_clock_advance(wait - nb_wait_ns(&left));
    if (result == -EINTR && remaining != NULL && !until)
        *remaining = left;
    return (int)-result;
}

int __clock_nanosleep(clockid_t clock, int flags, const struct timespec *request,
                      struct timespec *remaining) {
    if (clock == CLOCK_THREAD_CPUTIME_ID)
        return EINVAL;
    if (nb_virtual_is_on())
        return nb_wait_sleep(clock, flags, request, remaining);
    return (int)-nb_wait_call(SYS_clock_nanosleep, clock, flags, (long)request, (long)remaining, 0,
                              0);
}

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *request,
                    struct timespec *remaining) __attribute__((alias("__clock_nanosleep")));
