/* Environment, process and machine: the real ones, or in virtual mode constants (see nb_virtual.h).
 *
 * What is defined here under libc's own name keeps musl's member out of the program. Where that
 * member has more than we want to write again, the linker's --wrap puts ours in front
 * (build_scripts/toolchain.py: WRAPPED). get_nprocs, gethostname, getdomainname, secure_getenv and
 * getentropy are musl's and come through these. */
#define _GNU_SOURCE
#include "nb_virtual.h"

#include "nb_syscall.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

enum { NB_FACTS_CPUS = 2 };
static const unsigned long nb_facts_memory = 1UL << 30;

static long nb_facts_result(long result) {
    if (result >= 0)
        return result;
    errno = (int)-result;
    return -1;
}

/* ---- environment ---- */

#if defined(__aarch64__) && defined(__ARM_FEATURE_ATOMICS)
/* OpenBLAS reads the register that identifies the CPU, or takes its slowest code where it may not.
 * This is its name for the baseline (neoverse_n1); a start is guarded against another choice. */
static char *nb_facts_default(const char *name) {
    static char core[] = "NEOVERSEN1";
    return strcmp(name, "OPENBLAS_CORETYPE") == 0 && nb_virtual_is_on() ? core : NULL;
}
#else
static char *nb_facts_default(const char *name) {
    (void)name;
    return NULL;
}
#endif

char *getenv(const char *name) {
    if (nb_virtual_is_on())
        nb_virtual_note("environment", name);
    size_t n = (size_t)(strchrnul(name, '=') - name);
    if (n == 0 || name[n] != '\0' || environ == NULL)
        return NULL;
    for (char **variable = environ; *variable != NULL; variable++)
        if (**variable == *name && strncmp(*variable, name, n) == 0 && (*variable)[n] == '=')
            return *variable + n + 1;
    return nb_facts_default(name);
}

/* ---- process ---- */

pid_t nb_virtual_real_pid(void) {
    return (pid_t)nb_syscall(SYS_getpid, 0, 0, 0);
}

pid_t getpid(void) {
    if (nb_virtual_is_on()) {
        nb_virtual_note("pid", "getpid");
        return NB_VIRTUAL_PID;
    }
    return nb_virtual_real_pid();
}

/* OpenSSL, mimalloc and Rust's libraries ask this way. */
static bool nb_facts_syscall(long number, long a, long b, long c, const void *caller,
                             long *result) {
    switch (number) {
    case SYS_getrandom:
        *result = nb_random_draw((void *)a, (size_t)b, (unsigned)c, caller);
        return true;
    case SYS_getpid:
        *result = getpid();
        return true;
    case SYS_gettid:
        if (!nb_virtual_is_owner())
            return false;
        nb_virtual_note("pid", "gettid");
        *result = NB_VIRTUAL_PID;
        return true;
    case SYS_clock_gettime:
        *result = clock_gettime((clockid_t)a, (struct timespec *)b);
        return true;
    case SYS_uname:
        *result = uname((struct utsname *)a);
        return true;
    case SYS_sysinfo:
        *result = sysinfo((struct sysinfo *)a);
        return true;
    default:
        return false;
    }
}

long syscall(long number, ...) {
    va_list list;
    va_start(list, number);
    long a = va_arg(list, long), b = va_arg(list, long), c = va_arg(list, long);
    long d = va_arg(list, long), e = va_arg(list, long), f = va_arg(list, long);
    va_end(list);
    long result;
    if (nb_virtual_is_on() &&
        nb_facts_syscall(number, a, b, c, __builtin_return_address(0), &result))
        return result;
    return nb_facts_result(nb_syscall6(number, a, b, c, d, e, f));
}

/* ---- machine ---- */

int uname(struct utsname *name) {
    if (!nb_virtual_is_on())
        return (int)nb_facts_result(nb_syscall(SYS_uname, name, 0, 0));
    nb_virtual_note("machine", "uname");
    memset(name, 0, sizeof *name);
    strcpy(name->sysname, "Linux");
    strcpy(name->nodename, "localhost");
    strcpy(name->release, "5.10.0");
    strcpy(name->version, "#1 SMP");
#if defined(__x86_64__)
    strcpy(name->machine, "x86_64");
#else
    strcpy(name->machine, "aarch64");
#endif
    strcpy(name->domainname, "(none)");
    return 0;
}

int __lsysinfo(struct sysinfo *info);
int __lsysinfo(struct sysinfo *info) {
    if (!nb_virtual_is_on())
        return (int)nb_facts_result(nb_syscall(SYS_sysinfo, info, 0, 0));
    nb_virtual_note("machine", "memory");
    *info = (struct sysinfo){
        .uptime = 1,
        .totalram = nb_facts_memory,
        .freeram = nb_facts_memory / 2,
        .procs = 1,
        .mem_unit = 1,
    };
    return 0;
}

int sysinfo(struct sysinfo *info) __attribute__((alias("__lsysinfo")));

int getloadavg(double *load, int n) {
    if (n <= 0)
        return n == 0 ? 0 : -1;
    struct sysinfo info = {0};
    if (nb_virtual_is_on())
        nb_virtual_note("machine", "load");
    else
        sysinfo(&info);
    if (n > 3)
        n = 3;
    for (int i = 0; i < n; i++)
        load[i] = (double)info.loads[i] / (1 << SI_LOAD_SHIFT);
    return n;
}

/* ---- in front of musl's own ---- */

long __real_sysconf(int name);
long __wrap_sysconf(int name);
int __real_sched_getaffinity(pid_t thread, size_t size, cpu_set_t *set);
int __wrap_sched_getaffinity(pid_t thread, size_t size, cpu_set_t *set);
int __real_pthread_getaffinity_np(pthread_t thread, size_t size, cpu_set_t *set);
int __wrap_pthread_getaffinity_np(pthread_t thread, size_t size, cpu_set_t *set);

/* The numbers for memory come from __lsysinfo(), which is ours. */
long __wrap_sysconf(int name) {
    if (nb_virtual_is_on() && (name == _SC_NPROCESSORS_ONLN || name == _SC_NPROCESSORS_CONF)) {
        nb_virtual_note("machine", "cpu count");
        return NB_FACTS_CPUS;
    }
    return __real_sysconf(name);
}

static void nb_facts_affinity(size_t size, cpu_set_t *set) {
    nb_virtual_note("machine", "cpu count");
    memset(set, 0, size);
    for (int i = 0; i < NB_FACTS_CPUS; i++)
        CPU_SET_S(i, size, set);
}

int __wrap_sched_getaffinity(pid_t thread, size_t size, cpu_set_t *set) {
    int result = __real_sched_getaffinity(thread, size, set);
    if (result == 0 && nb_virtual_is_on())
        nb_facts_affinity(size, set);
    return result;
}

int __wrap_pthread_getaffinity_np(pthread_t thread, size_t size, cpu_set_t *set) {
    int result = __real_pthread_getaffinity_np(thread, size, set);
    if (result == 0 && nb_virtual_is_on())
        nb_facts_affinity(size, set);
    return result;
}
