/* nb_mem.c against the toolchain's own functions: `python tests/c/run.py --bench mem`. Not a test;
 * nothing asserts a time.
 *
 * Each figure is the best of many rounds: nanoseconds per call, or GB/s from 4 KB on. Short lengths
 * come at changing alignments, as strings do. The functions are called through pointers, so that no
 * call is folded. */
#include <string.h>

static void *(*volatile libc_memchr)(const void *, int,
                                     size_t) = (void *(*)(const void *, int, size_t))memchr;
static int (*volatile libc_memcmp)(const void *, const void *, size_t) = memcmp;
static size_t (*volatile libc_strlen)(const char *) = strlen;
extern void *__memrchr(const void *, int, size_t);
static void *(*volatile libc_memrchr)(const void *, int, size_t) = __memrchr;
static char *(*volatile libc_strchr)(const char *, int) = (char *(*)(const char *, int))strchr;
static int (*volatile libc_strcmp)(const char *, const char *) = strcmp;

#define memchr nb_bench_memchr
#define memrchr nb_bench_memrchr
#define memcmp nb_bench_memcmp
#define bcmp nb_bench_bcmp
#define strlen nb_bench_strlen
#define strnlen nb_bench_strnlen
#define strchr nb_bench_strchr
#define strchrnul nb_bench_strchrnul
#define strcmp nb_bench_strcmp
#define NB_MEM_NO_ALIASES
#include "nb_mem.c"

#include <stdio.h>
#include <time.h>

#define ROOM ((size_t)1 << 20)
static char a[ROOM + 128] __attribute__((aligned(64))), b[ROOM + 128] __attribute__((aligned(64)));
static volatile uintptr_t sink;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

enum function { MEMCHR, MEMRCHR, MEMCMP, STRLEN, STRCHR, STRCMP, FUNCTIONS };
static const char *const names[] = {"memchr", "memrchr", "memcmp", "strlen", "strchr", "strcmp"};

static uintptr_t call(enum function f, int ours, size_t shift, size_t n) {
    switch (f) {
    case MEMCHR:
        return (uintptr_t)(ours ? memchr : libc_memchr)(a + shift, 'y', n);
    case MEMRCHR:
        return (uintptr_t)(ours ? memrchr : libc_memrchr)(a + shift, 'y', n);
    case MEMCMP:
        return (uintptr_t)(ours ? memcmp : libc_memcmp)(a + shift, b + 64 - shift, n);
    case STRLEN:
        return (uintptr_t)(ours ? strlen : libc_strlen)(a + ROOM - n);
    case STRCHR:
        return (uintptr_t)(ours ? strchr : libc_strchr)(a + ROOM - n, 'y');
    default:
        return (uintptr_t)(ours ? strcmp : libc_strcmp)(a + ROOM - n, b + ROOM - n);
    }
}

static double nanoseconds(enum function f, int ours, size_t n) {
    size_t calls = n < 4096 ? 20000 : 40000000 / n / 16 + 1;
    double best = 1e18;
    for (int round = 0; round < 15; round++) {
        double start = now();
        for (size_t i = 0; i < calls; i++)
            sink = call(f, ours, i * 7 % 33, n);
        double each = (now() - start) / (double)calls;
        best = each < best ? each : best;
    }
    return best;
}

int main(void) {
    static const size_t sizes[] = {1,  2,   4,   8,   12,   16,   24,    32,     48,
                                   64, 100, 200, 500, 1000, 4096, 65536, 1 << 20};
    for (size_t i = 0; i < ROOM + 128; i++)
        a[i] = b[i] = 'x';
    a[ROOM] = b[ROOM] = '\0';
    printf("%-8s", "length");
    for (int f = 0; f < FUNCTIONS; f++)
        printf("  %18s", names[f]);
    printf("\n%-8s", "");
    for (int f = 0; f < FUNCTIONS; f++)
        printf("  %9s %8s", "core", "toolchain");
    printf("\n");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        printf("%-8zu", sizes[i]);
        for (enum function f = 0; f < FUNCTIONS; f++) {
            double ours = nanoseconds(f, 1, sizes[i]), theirs = nanoseconds(f, 0, sizes[i]);
            if (sizes[i] < 4096)
                printf("  %6.1f ns %6.1f ns", ours, theirs);
            else
                printf("  %5.1f G/s %5.1f G/s", (double)sizes[i] / ours, (double)sizes[i] / theirs);
        }
        printf("\n");
    }
    return 0;
}
