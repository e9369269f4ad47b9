/* Around dump and restore: fork semantics, and what C code has to do again. Contract:
 * nb_snapshot.h. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "nb_cpuid.h"
#include "nb_heap.h"
#include "nb_share.h"
#include "nb_snapshot.h"
#include "nb_virtual.h"

#include <elf.h>
#include <errno.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static enum nb_snapshot_phase phase;

enum nb_snapshot_phase nb_snapshot_phase(void) {
    return phase;
}

/* ---- build time ---- */

static int nb_snapshot_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool nb_snapshot_same(const char *a, const char *b) {
    while (*a != '\0' && *a == *b)
        a++, b++;
    return *a == *b;
}

/* The kernel's random bytes for this process, which the stack canary is made of. Copies of it are
 * left wherever memory is not cleared, such as between two long doubles: they would make two images
 * differ. */
static void nb_snapshot_settle_random(const unsigned long *stack) {
    const unsigned long *p = stack + 1 + stack[0] + 1;
    while (*p != 0) /* the environment */
        p++;
    for (p++; p[0] != AT_NULL; p += 2)
        if (p[0] == AT_RANDOM)
            getrandom((void *)p[1], 16, 0); /* of the stream, now */
}

/* Before the C library runs: nothing of it may be called. */
void nb_snapshot_enter(const unsigned long *stack) {
    char **argv = (char **)(stack + 1);
    unsigned char seed[NB_VIRTUAL_SEED];
    if (stack[0] != 4 || !nb_snapshot_same(argv[1], NB_SNAPSHOT_INITIALISE)) {
        nb_restore_at(stack);
        return;
    }
    for (size_t i = 0; i < sizeof seed; i++) {
        int high = nb_snapshot_digit(argv[3][2 * i]);
        int low = high < 0 ? -1 : nb_snapshot_digit(argv[3][2 * i + 1]);
        if (low < 0)
            return; /* a normal start, which does not know this option */
        seed[i] = (unsigned char)(high << 4 | low);
    }
    phase = NB_SNAPSHOT_INITIALISING;
    nb_virtual_begin(seed);
    nb_snapshot_settle_random(stack);
}

/* What the dump must not hold: pointers to the stack and random values that belong to this process
 * only. They would make two dumps differ; every start sets them anew. */
__attribute__((no_stack_protector)) static void nb_snapshot_forget(void) {
    extern uintptr_t __stack_chk_guard __attribute__((weak));
    extern char *__progname, *__progname_full, **__environ;
    setenv("TZ", "UTC0", 1); /* lets go of a zoneinfo file that musl has mapped */
    tzset();
    /* The stack canary, in the two places where musl keeps it (src/internal/pthread_impl.h). */
    if (&__stack_chk_guard != NULL)
        __stack_chk_guard = 0;
#if defined(__x86_64__)
    ((uintptr_t *)pthread_self())[5] = 0;
#else
    ((uintptr_t *)__builtin_thread_pointer())[-2] = 0;
#endif
    __environ = NULL;
    __progname = __progname_full = NULL;
}

/* Signal dispositions: a forked child has its parent's, a restored process has none. */
static struct {
    int number;
    struct sigaction action;
} nb_snapshot_signals[NSIG];
static size_t nb_snapshot_signal_count;

static void nb_snapshot_keep_signals(void) {
    for (int number = 1; number < NSIG; number++) {
        struct sigaction action;
        if (sigaction(number, NULL, &action) != 0)
            continue;
        nb_cpuid_see_through(&action);
        if (action.sa_handler == SIG_DFL)
            continue;
        nb_snapshot_signals[nb_snapshot_signal_count].number = number;
        nb_snapshot_signals[nb_snapshot_signal_count++].action = action;
    }
}

static void nb_snapshot_set_signals(void) {
    for (size_t i = 0; i < nb_snapshot_signal_count; i++)
        sigaction(nb_snapshot_signals[i].number, &nb_snapshot_signals[i].action, NULL);
}

static _Noreturn void nb_snapshot_child(int fd) {
    nb_immortal_make();
    nb_cpuid_forget();
    nb_virtual_end();
    nb_snapshot_forget();
    nb_arena_keep_clear(false);
    nb_heap_keep_clear(false);
    nb_arena_settle();
    nb_heap_clear_free();
    nb_heap_retire();
    phase = NB_SNAPSHOT_RESTORED;
    int error = nb_dump_write(fd);
    if (error != 0)
        fprintf(stderr, "native-bootstrap: the snapshot cannot be written: %s\n", strerror(error));
    _exit(error != 0);
}

int nb_snapshot_dump(int fd) {
    fflush(NULL);
    nb_snapshot_keep_signals();
    PyOS_BeforeFork();
    pid_t child = fork();
    if (child == 0)
        nb_snapshot_child(fd);
    PyOS_AfterFork_Parent();
    int status = -1;
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (child > 0 && WIFEXITED(status))
        return WEXITSTATUS(status);
    fprintf(stderr, "native-bootstrap: the snapshot cannot be written: %s\n",
            child < 0 ? strerror(errno) : "the writing process was killed");
    return 1;
}

/* ---- every start ---- */

/* musl calls this before main(). The constructors have run once, before the dump: a second time
 * they would undo what has been done since (mimalloc's, for one, prints what it kept to say). */
void __libc_start_init(void);
void __libc_start_init(void) {
    extern void _init(void) __attribute__((weak));
    extern void (*const __init_array_start)(void) __attribute__((weak));
    extern void (*const __init_array_end)(void) __attribute__((weak));
    if (phase == NB_SNAPSHOT_RESTORED)
        return;
    if (_init != NULL)
        _init();
    for (uintptr_t at = (uintptr_t)&__init_array_start; at < (uintptr_t)&__init_array_end;
         at += sizeof(void (*)(void)))
        (*(void (**)(void))at)();
}

void nb_snapshot_resume(void) {
    nb_heap_resume(nb_restore_heap_size());
    nb_virtual_reset();
    nb_capability_detect();
    nb_snapshot_set_signals();
    setlocale(LC_CTYPE, ""); /* LANG and LC_* of this process, as the interpreter does it */
    PyOS_AfterFork_Child();
    nb_virtual_rekey();
    nb_share_resume();
}
