/* Virtual mode: what each replaced function gives while it is on and after it, and who is told.
 *
 * In the product build the functions stand in libc's place, so that what libc itself builds on them
 * is tested too. In the sanitized build they have other names, and libc's own stay. */
#define _GNU_SOURCE
#include "check.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef __GLIBC__
#define clock_gettime test_clock_gettime
#define clock_nanosleep test_clock_nanosleep
#define getenv test_getenv
#define getloadavg test_getloadavg
#define getpid test_getpid
#define getrandom test_getrandom
#define getrusage test_getrusage
#define sched_getcpu test_sched_getcpu
#define syscall test_syscall
#define sysinfo(info) test_sysinfo(info)
#define times test_times
#define uname test_uname
int clock_gettime(clockid_t clock, struct timespec *now);
int clock_nanosleep(clockid_t clock, int flags, const struct timespec *request,
                    struct timespec *remaining);
int test_sysinfo(struct sysinfo *info);
int uname(struct utsname *name);
pid_t getpid(void);
ssize_t getrandom(void *buffer, size_t size, unsigned flags);
#endif

#include "nb_clock.c"
#include "nb_facts.c"
#include "nb_random.c"
#include "nb_rekey.c"
#include "nb_virtual.c"
#include "nb_wait.c"

#ifdef __GLIBC__
void *__vdsosym(const char *version, const char *name) {
    (void)version, (void)name;
    return NULL;
}
#endif

static const unsigned char seed[NB_VIRTUAL_SEED] = {[31] = 1};

/* What the observer was told since the last look, as "kind detail,kind detail". */
static char told[4096];

static void hear(const char *kind, const char *detail) {
    struct timespec now;
    snprintf(told + strlen(told), sizeof told - strlen(told), "%s%s %s", *told ? "," : "", kind,
             detail);
    clock_gettime(CLOCK_REALTIME, &now); /* is not told */
    errno = ENOTTY;                      /* is not seen */
}

static bool was_told(const char *expected) {
    bool equal = strcmp(told, expected) == 0;
    if (!equal)
        fprintf(stderr, "told \"%s\", expected \"%s\"\n", told, expected);
    *told = '\0';
    return equal;
}

static void begin(void) {
    *told = '\0';
    nb_virtual_begin(seed);
    nb_virtual_observe(hear);
}

static void end(void) {
    nb_virtual_end();
    *told = '\0';
}

static int64_t ns_of(struct timespec time) {
    return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static int64_t read_clock(clockid_t clock) {
    struct timespec now;
    CHECK(clock_gettime(clock, &now) == 0 && now.tv_nsec < 1000000000);
    return ns_of(now);
}

/* ---- entropy ---- */

/* RFC 8439 A.1: test vectors 1 to 3. */
static void test_stream(void) {
    static const char *const blocks[] = {
        "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
        "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586",
        "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed"
        "29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f",
        "3aeb5224ecf849929b9d828db1ced4dd832025e8018b8160b82284f3c949aa5a"
        "8eca00bbb4a73bdad192b5c42f73f2fd4e273644c8b36125a64addeb006c13a0",
    };
    unsigned char drawn[3][64];
    static const unsigned char zero[NB_VIRTUAL_SEED];
    nb_virtual_begin(zero);
    CHECK(getrandom(drawn, 128, 0) == 128);
    nb_virtual_begin(seed);
    CHECK(getrandom(drawn[2], 1, 0) == 1); /* takes the first block */
    CHECK(getrandom(drawn[2], 64, GRND_NONBLOCK) == 64);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 64; j++) {
            char text[3];
            snprintf(text, sizeof text, "%02x", drawn[i][j]);
            CHECK(memcmp(text, blocks[i] + 2 * j, 2) == 0);
        }
    nb_virtual_end();
}

#ifndef __GLIBC__
/* Begun at the ELF entry, before libc is up: what a constructor draws is virtual, too. */
static unsigned char early[64];

#if defined(__x86_64__)
__asm__(".globl test_entry\ntest_entry:\n"
        "push %rdx\nsub $8, %rsp\ncall test_begin_early\nadd $8, %rsp\npop %rdx\njmp _start\n");
#else
__asm__(".globl test_entry\ntest_entry:\nmov x19, x0\nbl test_begin_early\nmov x0, x19\n"
        "b _start\n");
#endif

__attribute__((used)) void test_begin_early(void);
void test_begin_early(void) {
    nb_virtual_begin(seed);
}

__attribute__((constructor)) static void draw_early(void) {
    CHECK(syscall(SYS_getrandom, early, sizeof early, 0) == sizeof early);
}

static void test_early(void) {
    unsigned char again[64];
    CHECK(nb_virtual_is_on() && nb_virtual_is_owner());
    nb_virtual_begin(seed);
    CHECK(getrandom(again, sizeof again, 0) == sizeof again);
    CHECK(memcmp(early, again, sizeof again) == 0);
    nb_virtual_end();
}
#endif

/* A library that would identify the CPU by itself. */
static void test_core_type(void) {
    const char *name = "OPENBLAS_CORETYPE";
    begin();
#if defined(__aarch64__) && defined(__ARM_FEATURE_ATOMICS)
    CHECK(strcmp(getenv(name), "NEOVERSEN1") == 0);
#else
    CHECK(getenv(name) == NULL);
#endif
    CHECK(was_told("environment OPENBLAS_CORETYPE"));
    CHECK(setenv(name, "ARMV8", 1) == 0 && strcmp(getenv(name), "ARMV8") == 0);
    CHECK(unsetenv(name) == 0);
    nb_virtual_end();
    CHECK(getenv(name) == NULL);
}

static void test_entropy(void) {
    static unsigned char first[5000], second[5000];
    for (size_t size = 0; size <= sizeof first; size += 1 + size / 2) {
        begin();
        CHECK(getrandom(first, size, 0) == (ssize_t)size);
        begin();
        CHECK(syscall(SYS_getrandom, second, size, 0, 0, 0, 0) == (ssize_t)size);
        CHECK(was_told("entropy getrandom") && memcmp(first, second, size) == 0);
    }
    begin();
    CHECK(getrandom(second, 32, 4) == 32 && was_told("hash keys GRND_INSECURE"));
    begin();
    CHECK(syscall(SYS_getrandom, first, 32, 4, 0, 0, 0) == 32);
    CHECK(was_told("hash keys GRND_INSECURE") && memcmp(first, second, 32) == 0);
#ifndef __GLIBC__
    CHECK(getentropy(first, 256) == 0 && was_told("entropy getrandom"));
#endif
    nb_virtual_end();
    CHECK(getrandom(first, 32, 0) == 32 && getrandom(second, 32, 0) == 32);
    CHECK(memcmp(first, second, 32) != 0);
    errno = 0;
    CHECK(getrandom(first, 32, 0x4000) == -1 && errno == EINVAL);
    CHECK(was_told(""));
}

/* ---- time ---- */

static void test_clocks(void) {
    static const struct {
        clockid_t clock;
        int64_t start;
        const char *told;
    } clocks[] = {
        {CLOCK_REALTIME, NB_VIRTUAL_DATE, "clock CLOCK_REALTIME"},
        {CLOCK_REALTIME_COARSE, NB_VIRTUAL_DATE, "clock CLOCK_REALTIME_COARSE"},
        {CLOCK_TAI, NB_VIRTUAL_DATE, "clock CLOCK_TAI"},
        {CLOCK_MONOTONIC, 1, "clock CLOCK_MONOTONIC"},
        {CLOCK_MONOTONIC_RAW, 1, "clock CLOCK_MONOTONIC_RAW"},
        {CLOCK_MONOTONIC_COARSE, 1, "clock CLOCK_MONOTONIC_COARSE"},
        {CLOCK_BOOTTIME, 1, "clock CLOCK_BOOTTIME"},
        {CLOCK_PROCESS_CPUTIME_ID, 0, "clock CLOCK_PROCESS_CPUTIME_ID"},
        {CLOCK_THREAD_CPUTIME_ID, 0, "clock CLOCK_THREAD_CPUTIME_ID"},
        {-6, 0, "clock another clock"}, /* the CPU time of this process, by MAKE_PROCESS_CPUCLOCK */
    };
    struct timespec now;
    for (size_t i = 0; i < sizeof clocks / sizeof *clocks; i++) {
        int64_t before = read_clock(clocks[i].clock);
        begin();
        int64_t first = read_clock(clocks[i].clock);
        CHECK(was_told(clocks[i].told));
        CHECK(first == clocks[i].start * 1000000000 + 1000); /* the observer took one */
        CHECK(syscall(SYS_clock_gettime, clocks[i].clock, &now, 0, 0, 0, 0) == 0);
        CHECK(ns_of(now) == first + 2000 && was_told(clocks[i].told));
        nb_virtual_reset(); /* no news for virtual clocks */
        CHECK(read_clock(clocks[i].clock) == first + 4000);
        end();
        int64_t after = read_clock(clocks[i].clock);
        CHECK(after >= before && after - before < INT64_C(60000000000));
    }
    for (int on = 0; on < 2; on++) {
        errno = 0;
        CHECK(clock_gettime(99, &now) == -1 && errno == EINVAL);
        begin();
    }
    struct tms used;
    struct rusage usage;
    CHECK(times(&used) == 0 && used.tms_utime == 0 && was_told("clock times"));
    CHECK(getrusage(RUSAGE_SELF, &usage) == 0 && usage.ru_maxrss == 0);
    CHECK(was_told("clock getrusage"));
    CHECK(getrusage(99, &usage) == -1 && errno == EINVAL && was_told(""));
#ifndef __GLIBC__
    begin();
    struct timeval day;
    CHECK(time(NULL) == NB_VIRTUAL_DATE && gettimeofday(&day, NULL) == 0 && clock() == 5);
    CHECK(day.tv_sec == NB_VIRTUAL_DATE && day.tv_usec == 3);
    CHECK(was_told("clock CLOCK_REALTIME,clock CLOCK_REALTIME,clock CLOCK_PROCESS_CPUTIME_ID"));
#endif
    end();
    CHECK(getrusage(RUSAGE_SELF, &usage) == 0 && usage.ru_maxrss > 0);
    CHECK(times(&used) > 0);
}

static void on_alarm(int number) {
    (void)number;
}

/* Sleeps for real, and then the clocks have moved on by as much. */
static void test_sleep(void) {
    struct timespec time = {.tv_nsec = 30000000}, left;
    int64_t real = read_clock(CLOCK_MONOTONIC);
    begin();
    CHECK(clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL) == 0);
    CHECK(was_told("") && read_clock(CLOCK_REALTIME) % 1000000000 == 30001000);
    time = (struct timespec){.tv_sec = NB_VIRTUAL_DATE, .tv_nsec = 60000000};
    CHECK(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &time, NULL) == 0);
    CHECK(read_clock(CLOCK_MONOTONIC) == 1060001000);
    CHECK(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &time, NULL) == 0); /* has been */
    CHECK(read_clock(CLOCK_MONOTONIC) == 1060003000);
    time = (struct timespec){.tv_nsec = 1000000000};
    CHECK(clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL) == EINVAL);
    CHECK(clock_nanosleep(99, 0, &(struct timespec){0}, NULL) == EINVAL);
    CHECK(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &(struct timespec){0}, NULL) == EINVAL);

    struct sigaction action = {.sa_handler = on_alarm};
    struct itimerval timer = {.it_value = {.tv_usec = 50000}};
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &timer, NULL);
    time = (struct timespec){.tv_sec = LONG_MAX};
    int64_t before = read_clock(CLOCK_MONOTONIC);
    CHECK(clock_nanosleep(CLOCK_MONOTONIC, 0, &time, &left) == EINTR);
    int64_t slept = read_clock(CLOCK_MONOTONIC) - before;
    CHECK(slept > 40000000 && slept < INT64_C(10000000000) && left.tv_sec > 3999999900);
    end();
    CHECK(read_clock(CLOCK_MONOTONIC) - real > 105000000);
    time = (struct timespec){.tv_nsec = 1000};
    CHECK(clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL) == 0);
}

#define CALL(number, a, b, c, d, e)                                                                \
    __syscall_cp(number, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)

/* A wait that runs into its time limit moves the clocks on by the limit; another does not. */
static void test_waits(void) {
    struct timespec limit = {.tv_nsec = 20000000}, rest = limit;
    int ends[2], word = 7;
    sigset_t none;
    CHECK(pipe(ends) == 0 && sigemptyset(&none) == 0);
    struct pollfd end = {.fd = ends[0], .events = POLLIN};
    struct epoll_event event = {.events = EPOLLIN};
    int epoll = epoll_create1(0);
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &event) == 0);
    for (int ready = 0; ready < 2; ready++) {
        begin();
        int64_t at = nb_clock_peek(CLOCK_MONOTONIC), step = ready ? 0 : 20000000;
        CHECK(CALL(SYS_ppoll, &end, 1, &rest, 0, 8) == ready);
        CHECK(nb_clock_peek(CLOCK_MONOTONIC) == (at += step));
        CHECK(CALL(SYS_epoll_pwait, epoll, &event, 1, 20, 0) == ready);
        CHECK(nb_clock_peek(CLOCK_MONOTONIC) == (at += step));
        fd_set set;
        FD_ZERO(&set);
        FD_SET(ends[0], &set);
        rest = limit;
        CHECK(CALL(SYS_pselect6, ends[0] + 1, &set, 0, 0, &rest) == ready);
        CHECK(nb_clock_peek(CLOCK_MONOTONIC) == (at += step));
        CHECK(CALL(SYS_futex, &word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 7 + ready, &limit, 0) ==
              (ready ? -EAGAIN : -ETIMEDOUT));
        CHECK(nb_clock_peek(CLOCK_MONOTONIC) == (at += step));
        CHECK(CALL(SYS_rt_sigtimedwait, &none, 0, &limit, 8, 0) == -EAGAIN);
        CHECK(nb_clock_peek(CLOCK_MONOTONIC) == (at += 20000000));
#ifdef SYS_poll
        struct timeval time = {.tv_usec = 20000};
        FD_SET(ends[0], &set);
        CHECK(CALL(SYS_select, ends[0] + 1, &set, 0, 0, &time) == ready);
        CHECK(CALL(SYS_poll, &end, 1, 20, 0, 0) == ready);
        CHECK(CALL(SYS_epoll_wait, epoll, &event, 1, 20, 0) == ready);
        CHECK(nb_clock_peek(CLOCK_MONOTONIC) == (at += 3 * step));
#endif
        rest = limit;
        CHECK(write(ends[1], "x", 1) == 1 && was_told(""));
    }
    nb_virtual_end();
    close(epoll);
    close(ends[0]);
    close(ends[1]);
}

#ifndef __GLIBC__
/* The same through libc, which computes limits from its own clock. */
static void test_waits_of_libc(void) {
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t never = PTHREAD_COND_INITIALIZER;
    sem_t semaphore;
    CHECK(pthread_mutex_lock(&mutex) == 0 && sem_init(&semaphore, 0, 0) == 0);
    nb_virtual_begin(seed);
    CHECK(usleep(20000) == 0 && nb_clock_peek(CLOCK_MONOTONIC) == 1020000000);
    struct timespec until = {.tv_sec = NB_VIRTUAL_DATE, .tv_nsec = 50000000};
    CHECK(pthread_cond_timedwait(&never, &mutex, &until) == ETIMEDOUT);
    CHECK(nb_clock_peek(CLOCK_REALTIME) == ns_of(until) + 1000);
    until.tv_nsec = 70000000;
    CHECK(sem_timedwait(&semaphore, &until) == -1 && errno == ETIMEDOUT);
    CHECK(nb_clock_peek(CLOCK_REALTIME) / 1000000 == ns_of(until) / 1000000);
    until.tv_nsec = 90000000;
    CHECK(pthread_mutex_timedlock(&mutex, &until) == ETIMEDOUT);
    CHECK(nb_clock_peek(CLOCK_REALTIME) / 1000000 == ns_of(until) / 1000000);
    int64_t at = nb_clock_peek(CLOCK_MONOTONIC);
    CHECK(poll(NULL, 0, 20) == 0 && select(0, NULL, NULL, NULL, &(struct timeval){0, 20000}) == 0);
    CHECK(nb_clock_peek(CLOCK_MONOTONIC) == at + 40000000);
    nb_virtual_end();
    CHECK(poll(NULL, 0, 1) == 0);
}
#endif

/* ---- environment, process, machine ---- */

static void test_environment(void) {
    CHECK(setenv("NB_A", "1", 1) == 0 && setenv("NB_AB", "x=y", 1) == 0);
    for (int on = 0; on < 2; on++) {
        CHECK(strcmp(getenv("NB_A"), "1") == 0 && strcmp(getenv("NB_AB"), "x=y") == 0);
        CHECK(getenv("NB") == NULL && getenv("") == NULL && getenv("NB_A=") == NULL);
        CHECK(was_told(on ? "environment NB_A,environment NB_AB,environment NB,environment ,"
                            "environment NB_A="
                          : ""));
        begin();
    }
#ifndef __GLIBC__
    CHECK(secure_getenv("NB_A") != NULL && was_told("environment NB_A"));
#endif
    char **saved = environ;
    environ = NULL;
    CHECK(getenv("NB_A") == NULL);
    environ = saved;
    end();
}

static void test_machine(void) {
    struct utsname before, name;
    cpu_set_t set;
    struct sysinfo info;
    double load[3] = {1, 1, 1};
    CHECK(uname(&before) == 0 && strcmp(before.sysname, "Linux") == 0);
    long pages = sysconf(_SC_PAGESIZE), processors = sysconf(_SC_NPROCESSORS_ONLN);
    begin();
    CHECK(uname(&name) == 0 && was_told("machine uname"));
    CHECK(strcmp(name.nodename, "localhost") == 0 && strcmp(name.release, "5.10.0") == 0);
    CHECK(strcmp(name.machine, before.machine) == 0);
    CHECK(sysconf(_SC_NPROCESSORS_CONF) == 2 && sysconf(_SC_NPROCESSORS_ONLN) == 2);
    CHECK(was_told("machine cpu count,machine cpu count"));
    CHECK(sysconf(_SC_PAGESIZE) == pages && was_told(""));
    CHECK(sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) == 2);
    CHECK(pthread_getaffinity_np(pthread_self(), sizeof set, &set) == 0 && CPU_COUNT(&set) == 2);
    CHECK(was_told("machine cpu count,machine cpu count"));
    CHECK(sched_getaffinity(0, 1, &set) == -1 && errno == EINVAL);
    CHECK(sysinfo(&info) == 0 && info.totalram * info.mem_unit == 1 << 30);
    CHECK(was_told("machine memory"));
    CHECK(getloadavg(load, 9) == 3 && load[0] == 0 && load[2] == 0 && was_told("machine load"));
    CHECK(getloadavg(load, -1) == -1 && getloadavg(load, 0) == 0);
    CHECK(sched_getcpu() == 0 && was_told("machine sched_getcpu"));
#ifndef __GLIBC__
    char host[16];
    CHECK(sysconf(_SC_PHYS_PAGES) == (1 << 30) / pages && get_nprocs() == 2);
    CHECK(was_told("machine memory,machine cpu count"));
    CHECK(gethostname(host, sizeof host) == 0 && strcmp(host, "localhost") == 0);
    CHECK(was_told("machine uname"));
#endif
    nb_virtual_end();
    CHECK(uname(&name) == 0 && strcmp(name.release, before.release) == 0);
    CHECK(sysconf(_SC_NPROCESSORS_ONLN) == processors);
    CHECK(sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) == processors);
    CHECK(sched_getcpu() >= 0 && sysinfo(&info) == 0 && getloadavg(load, 3) == 3);
    CHECK(load[0] == (double)info.loads[0] / 65536 && was_told(""));
}

/* An impossible pid must not break what libc does by itself. */
static void test_process(void) {
    static const struct sigaction action = {.sa_handler = on_alarm};
    int status;
    pid_t real = getpid();
    begin();
    CHECK(getpid() == NB_VIRTUAL_PID && nb_virtual_real_pid() == real && was_told("pid getpid"));
    CHECK(syscall(SYS_getpid, 0, 0, 0, 0, 0, 0) == NB_VIRTUAL_PID && was_told("pid getpid"));
    CHECK(syscall(SYS_gettid, 0, 0, 0, 0, 0, 0) == NB_VIRTUAL_PID && was_told("pid gettid"));
    CHECK(syscall(SYS_getppid, 0, 0, 0, 0, 0, 0) == getppid() && was_told(""));
    errno = 0;
    CHECK(syscall(-1, 0, 0, 0, 0, 0, 0) == -1 && errno == ENOSYS);
    sigaction(SIGUSR1, &action, NULL);
    CHECK(raise(SIGUSR1) == 0 && pthread_kill(pthread_self(), SIGUSR1) == 0);
    pid_t child = fork();
    if (child == 0) {
        /* Its reads are not given to the observer of the other process. */
        bool good = getpid() == NB_VIRTUAL_PID && nb_virtual_real_pid() != real && was_told("");
        if (good)
            abort();
        _exit(1);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    CHECK(system("exit 3") == 3 << 8);
    nb_virtual_end();
    CHECK(getpid() == real && syscall(SYS_gettid, 0, 0, 0, 0, 0, 0) == real);
}

/* ---- who is told ---- */

static bool is_remembered(const char *kind, const char *detail, size_t *count) {
    const char *k, *d;
    bool found = false;
    for (*count = 0; nb_virtual_unseen(*count, &k, &d); ++*count)
        found = found || (strcmp(k, kind) == 0 && strcmp(d, detail) == 0);
    return found;
}

static void *read_elsewhere(void *name) {
    for (int i = 0; i < 2000; i++) {
        getenv(name);
        getpid();
        read_clock(CLOCK_MONOTONIC);
    }
    CHECK(syscall(SYS_gettid, 0, 0, 0, 0, 0, 0) != NB_VIRTUAL_PID);
    return NULL;
}

static void test_threads(void) {
    pthread_t threads[4];
    size_t count;
    static char long_name[100];
    memset(long_name, 'x', sizeof long_name - 1);
    char *names[] = {"NB_A", "NB_B", "NB_B", long_name};
    begin();
    CHECK(!is_remembered("pid", "getpid", &count) && count == 0);
    for (int i = 0; i < 4; i++)
        CHECK(pthread_create(&threads[i], NULL, read_elsewhere, names[i]) == 0);
    for (int i = 0; i < 4; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(was_told("") && is_remembered("environment", "NB_A", &count));
    CHECK(is_remembered("environment", "NB_B", &count) && is_remembered("pid", "getpid", &count));
    CHECK(is_remembered("clock", "CLOCK_MONOTONIC", &count) && count <= 5 * 4);
    CHECK(!is_remembered("overflow", "", &count));
    long_name[55] = '\0'; /* as much as is kept */
    CHECK(is_remembered("environment", long_name, &count));
    for (int i = 0; i < NB_VIRTUAL_UNSEEN; i++) {
        char name[16];
        snprintf(name, sizeof name, "NB_%d", i);
        nb_virtual_remember("environment", name);
    }
    CHECK(is_remembered("overflow", "", &count) && count == NB_VIRTUAL_UNSEEN + 1);
    nb_virtual_end();
    begin();
    CHECK(!is_remembered("overflow", "", &count) && count == 0);
    nb_virtual_end();
}

static void test_observer(void) {
    begin();
    errno = EDOM;
    CHECK(getenv("NB_A") != NULL && errno == EDOM);
    nb_virtual_hush();
    nb_virtual_hush();
    nb_virtual_unhush();
    getpid();
    CHECK(was_told("environment NB_A"));
    nb_virtual_unhush();
    getpid();
    CHECK(was_told("pid getpid"));
    nb_virtual_observe(NULL);
    CHECK(getpid() == NB_VIRTUAL_PID && was_told(""));
    nb_virtual_observe(hear);
    nb_virtual_end();
    getpid();
    CHECK(was_told(""));
    nb_virtual_begin(seed);
    getpid();
    CHECK(was_told("")); /* the observer was forgotten */
    nb_virtual_end();
    nb_virtual_rekey(); /* nothing to do, and no OpenSSL or sqlite here */
}

int main(void) {
#ifndef __GLIBC__
    test_early();
#endif
    test_stream();
    test_entropy();
    test_core_type();
    test_clocks();
    test_sleep();
    test_waits();
#ifndef __GLIBC__
    test_waits_of_libc();
#endif
    test_environment();
    test_machine();
    test_process();
    test_threads();
    test_observer();
    printf("virtual: entropy, clocks, sleep, environment, machine, process, threads, observer\n");
    return 0;
}
