/* The clocks: the kernel's through the vDSO, as in musl, or virtual ones (see nb_virtual.h).
 *
 * musl keeps the vDSO's address in a variable that nobody can reset; a restored process would jump
 * to where the vDSO was when the image was made. These are all the functions of musl's
 * clock_gettime.c, sched_getcpu.c, times.c and getrusage.c: as the program defines them, the linker
 * leaves those members of libc.a out. time(), gettimeofday(), clock() and timespec_get() go through
 * them. */
#define _GNU_SOURCE
#include "nb_virtual.h"

#include "nb_syscall.h"

#include <errno.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/times.h>
#include <time.h>

#define NB_CLOCK_SECOND INT64_C(1000000000)

typedef int nb_clock_function(clockid_t clock, struct timespec *now);
typedef long nb_clock_cpu_function(unsigned *cpu, unsigned *node, void *unused);

/* musl's, hidden: a symbol of the vDSO. */
void *__vdsosym(const char *version, const char *name);

int __clock_gettime(clockid_t clock, struct timespec *now);

static nb_clock_function nb_clock_find, nb_clock_kernel, nb_clock_virtual;
static nb_clock_cpu_function nb_clock_cpu_find, nb_clock_cpu_kernel, nb_clock_cpu_virtual;
static _Atomic(nb_clock_function *) nb_clock_now = nb_clock_find;
static _Atomic(nb_clock_cpu_function *) nb_clock_cpu = nb_clock_cpu_find;
static _Atomic int64_t nb_clock_elapsed; /* virtual nanoseconds */

void nb_clock_begin(void) {
    atomic_store(&nb_clock_elapsed, 0);
    atomic_store(&nb_clock_now, nb_clock_virtual);
    atomic_store(&nb_clock_cpu, nb_clock_cpu_virtual);
}

void nb_clock_end(void) {
    atomic_store(&nb_clock_now, nb_clock_find);
    atomic_store(&nb_clock_cpu, nb_clock_cpu_find);
}

static int nb_clock_result(long result) {
    if (result >= 0)
        return (int)result;
    errno = (int)-result;
    return -1;
}

/* ---- clock_gettime ---- */

static int nb_clock_kernel(clockid_t clock, struct timespec *now) {
    return (int)nb_syscall(SYS_clock_gettime, clock, now, 0);
}

/* The first call. Several threads may be here at once, but virtual mode must not be undone. */
static int nb_clock_find(clockid_t clock, struct timespec *now) {
#if defined(__x86_64__)
    nb_clock_function *found = (nb_clock_function *)__vdsosym("LINUX_2.6", "__vdso_clock_gettime");
#else
    nb_clock_function *found =
        (nb_clock_function *)__vdsosym("LINUX_2.6.39", "__kernel_clock_gettime");
#endif
    if (found == NULL)
        found = nb_clock_kernel;
    nb_clock_function *expected = nb_clock_find;
    atomic_compare_exchange_strong(&nb_clock_now, &expected, found);
    return found(clock, now);
}

int __clock_gettime(clockid_t clock, struct timespec *now) {
    int result = atomic_load_explicit(&nb_clock_now, memory_order_relaxed)(clock, now);
    if (result == 0)
        return 0;
    /* Some vDSOs say ENOSYS where they should make the system call; EINVAL is the kernel's word. */
    if (result != -EINVAL)
        result = nb_clock_kernel(clock, now);
    return nb_clock_result(result);
}

int clock_gettime(clockid_t clock, struct timespec *now) __attribute__((alias("__clock_gettime")));

/* ---- virtual time ---- */

static const char *nb_clock_name(clockid_t clock) {
    static const char *const names[] = {
        [CLOCK_REALTIME] = "CLOCK_REALTIME",
        [CLOCK_MONOTONIC] = "CLOCK_MONOTONIC",
        [CLOCK_PROCESS_CPUTIME_ID] = "CLOCK_PROCESS_CPUTIME_ID",
        [CLOCK_THREAD_CPUTIME_ID] = "CLOCK_THREAD_CPUTIME_ID",
        [CLOCK_MONOTONIC_RAW] = "CLOCK_MONOTONIC_RAW",
        [CLOCK_REALTIME_COARSE] = "CLOCK_REALTIME_COARSE",
        [CLOCK_MONOTONIC_COARSE] = "CLOCK_MONOTONIC_COARSE",
        [CLOCK_BOOTTIME] = "CLOCK_BOOTTIME",
        [CLOCK_REALTIME_ALARM] = "CLOCK_REALTIME_ALARM",
        [CLOCK_BOOTTIME_ALARM] = "CLOCK_BOOTTIME_ALARM",
        [CLOCK_TAI] = "CLOCK_TAI",
    };
    bool known = clock >= 0 && (size_t)clock < sizeof names / sizeof *names;
    return known && names[clock] != NULL ? names[clock] : "another clock";
}

/* Monotonic clocks begin low: a restored process, on a machine that has just booted, must not see
 * them run backwards. */
static int64_t nb_clock_start(clockid_t clock) {
    switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_REALTIME_ALARM:
    case CLOCK_TAI:
        return NB_VIRTUAL_DATE * NB_CLOCK_SECOND;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOTTIME:
    case CLOCK_BOOTTIME_ALARM:
        return NB_CLOCK_SECOND;
    default:
        return 0; /* CPU time of a process or thread */
    }
}

static struct timespec nb_clock_timespec(int64_t ns) {
    return (struct timespec){.tv_sec = ns / NB_CLOCK_SECOND, .tv_nsec = ns % NB_CLOCK_SECOND};
}

static int nb_clock_virtual(clockid_t clock, struct timespec *now) {
    int result = nb_clock_kernel(clock, now); /* which clocks there are is for the kernel to say */
    if (result < 0)
        return result;
    nb_virtual_note("clock", nb_clock_name(clock));
    *now = nb_clock_timespec(nb_clock_start(clock) + atomic_fetch_add(&nb_clock_elapsed, 1000));
    return 0;
}

int64_t nb_clock_peek(clockid_t clock) {
    return nb_clock_start(clock) + atomic_load(&nb_clock_elapsed);
}

void nb_clock_advance(int64_t ns) {
    atomic_fetch_add(&nb_clock_elapsed, ns);
}

/* ---- time that was used ---- */

clock_t times(struct tms *used) {
    long ticks = nb_syscall(SYS_times, used, 0, 0);
    if (nb_virtual_is_on()) {
        nb_virtual_note("clock", "times");
        if (used != NULL)
            memset(used, 0, sizeof *used);
        return 0;
    }
    return ticks; /* not an error code: the count wraps */
}

int getrusage(int who, struct rusage *usage) {
    long result = nb_syscall(SYS_getrusage, who, usage, 0);
    if (result == 0 && nb_virtual_is_on()) {
        nb_virtual_note("clock", "getrusage");
        memset(usage, 0, sizeof *usage);
    }
    return nb_clock_result(result);
}

/* ---- sched_getcpu ---- */

static long nb_clock_cpu_kernel(unsigned *cpu, unsigned *node, void *unused) {
    return nb_syscall(SYS_getcpu, cpu, node, unused);
}

static long nb_clock_cpu_find(unsigned *cpu, unsigned *node, void *unused) {
    nb_clock_cpu_function *found = NULL;
#if defined(__x86_64__)
    found = (nb_clock_cpu_function *)__vdsosym("LINUX_2.6", "__vdso_getcpu");
#endif
    if (found == NULL)
        found = nb_clock_cpu_kernel;
    nb_clock_cpu_function *expected = nb_clock_cpu_find;
    atomic_compare_exchange_strong(&nb_clock_cpu, &expected, found);
    return found(cpu, node, unused);
}

static long nb_clock_cpu_virtual(unsigned *cpu, unsigned *node, void *unused) {
    (void)node;
    (void)unused;
    nb_virtual_note("machine", "sched_getcpu");
    *cpu = 0;
    return 0;
}

int sched_getcpu(void) {
    unsigned cpu;
    long result = atomic_load_explicit(&nb_clock_cpu, memory_order_relaxed)(&cpu, NULL, NULL);
    return result == 0 ? (int)cpu : nb_clock_result(result);
}
