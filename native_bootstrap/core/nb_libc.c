/* libc functions that zig 0.17.1 or its musl gets wrong, with the behaviour that C and POSIX ask
 * for.
 *
 * Zig's own are weak symbols, so these take their place in the program and behind dlsym. CPython's
 * test suite found them (tests/cpython): test_math, test_posix. */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#pragma STDC FP_CONTRACT OFF

/* Zig's log2 and log10 scale a subnormal argument but keep the low half of the unscaled one:
 * log2(1e-308) is off by 3e-7. Here x = 2^k * m with m in [sqrt(1/2), sqrt(2)), and ln(m) is
 * multiplied in two doubles. Within 1.1 ulp; exact for powers of two (ln(1) is 0) and of ten. */
struct nb_libc_parts {
    double power, ln;
};

static struct nb_libc_parts nb_libc_split(double x) {
    int k;
    double m = frexp(x, &k);
    if (m < M_SQRT1_2) {
        m *= 2;
        k--;
    }
    return (struct nb_libc_parts){.power = k, .ln = log(m)};
}

double log2(double x) {
    static const double per_ln2 = 0x1.71547652b82fep+0, per_ln2_low = 0x1.777d0ffda0d24p-56;
    if (!(x > 0) || isinf(x))
        return log(x); /* -inf, inf or NaN, with the same floating-point exceptions */
    struct nb_libc_parts of = nb_libc_split(x);
    double high = of.ln * per_ln2;
    double low = fma(of.ln, per_ln2, -high) + of.ln * per_ln2_low;
    return of.power + high + low;
}

double log10(double x) {
    static const double per_ln10 = 0x1.bcb7b1526e50ep-2, per_ln10_low = 0x1.95355baaafad3p-57;
    /* The high part has 40 bits, so that its product with k is exact. */
    static const double two = 0x1.34413509f6000p-2, two_low = 0x1.9fef311f12b36p-42;
    if (!(x > 0) || isinf(x))
        return log(x);
    struct nb_libc_parts of = nb_libc_split(x);
    double high = of.ln * per_ln10;
    double low = fma(of.ln, per_ln10, -high) + of.ln * per_ln10_low;
    return of.power * two + (high + (of.power * two_low + low));
}

/* musl's gives numbers for x < -2^18 or so, where there is no result: 1 / (x + sqrt(x*x - 1)) is
 * then noise. The formulas are its own (FreeBSD's). */
double acosh(double x) {
    if (!(x >= 1))
        return (x - x) / (x - x); /* NaN; invalid, unless x is one already */
    if (x < 2)
        return log1p(x - 1 + sqrt((x - 1) * (x - 1) + 2 * (x - 1)));
    if (x < 0x1p26)
        return log(2 * x - 1 / (x + sqrt(x * x - 1)));
    return log(x) + M_LN2;
}

/* These return the error and leave errno alone; zig's return -1. */
static int nb_libc_error(long result, int saved) {
    int error = result < 0 ? errno : 0;
    errno = saved;
    return error;
}

int posix_fadvise(int fd, off_t offset, off_t length, int advice) {
    int saved = errno;
    return nb_libc_error(syscall(SYS_fadvise64, fd, offset, length, advice), saved);
}

int posix_fallocate(int fd, off_t offset, off_t length) {
    int saved = errno;
    return nb_libc_error(syscall(SYS_fallocate, fd, 0, offset, length), saved);
}

/* ---- checks in front of musl's own: the linker's --wrap gives __wrap_NAME and __real_NAME ---- */

char *__real_setlocale(int category, const char *name);
long __real_fpathconf(int fd, int name);
char *__wrap_setlocale(int category, const char *name);
long __wrap_fpathconf(int fd, int name);
long __wrap_pathconf(const char *path, int name);

static bool nb_libc_is_locale(const char *name, size_t n) {
    static const char *const known[] = {"C", "POSIX", "C.UTF-8", "C.utf8"};
    static const char *const variables[] = {"LC_ALL",  "LANG",       "LC_CTYPE",    "LC_NUMERIC",
                                            "LC_TIME", "LC_COLLATE", "LC_MONETARY", "LC_MESSAGES"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strlen(known[i]) == n && memcmp(known[i], name, n) == 0)
            return true;
    /* A name from the environment is in force after setlocale(LC_ALL, ""), and may be restored. */
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        const char *value = getenv(variables[i]);
        if (value != NULL && strlen(value) == n && memcmp(value, name, n) == 0)
            return true;
    }
    return false;
}

/* musl takes every name for a locale, and then formats, sorts and parses as in C.UTF-8 all the
 * same. A name that there are no data for is refused, as glibc does on the managed runtimes'
 * images, so that locale.setlocale(LC_ALL, "de_DE.UTF-8") raises instead of pretending. */
char *__wrap_setlocale(int category, const char *name) {
    /* LC_ALL's answer names every category, with semicolons. */
    for (const char *part = name; part != NULL && *part != '\0';) {
        size_t n = strcspn(part, ";");
        if (!nb_libc_is_locale(part, n))
            return NULL;
        part += n + (part[n] == ';');
    }
    return __real_setlocale(category, name);
}

/* musl answers from a table, whatever file is meant, even one that does not exist. */
long __wrap_fpathconf(int fd, int name) {
    if (fcntl(fd, F_GETFD) < 0)
        return -1;
    return __real_fpathconf(fd, name);
}

long __wrap_pathconf(const char *path, int name) {
    if (access(path, F_OK) != 0)
        return -1;
    return __real_fpathconf(-1, name);
}
