/* nb_libc.c in place of zig's and musl's own: values from higher precision, errors by their rule.
 */
#include "nb_libc.c"

#include "check.h"

#include <float.h>
#include <string.h>

/* In units of the last place of `expected`. */
static double test_ulps(double value, double expected) {
    return fabs(value - expected) / (nextafter(fabs(expected), INFINITY) - fabs(expected));
}

static void test_logarithms(void) {
    for (int k = -1074; k < 1024; k++)
        CHECK(log2(ldexp(1, k)) == k);
    static const double tens[] = {1e-300, 1e-10, 0.1, 1, 10, 1e3, 1e22, 1e300};
    static const int powers[] = {-300, -10, -1, 0, 1, 3, 22, 300};
    for (size_t i = 0; i < sizeof tens / sizeof *tens; i++)
        CHECK(log10(tens[i]) == powers[i]);
    /* Subnormal arguments. */
    CHECK(test_ulps(log2(1e-308), -1023.1538532253076) < 2);
    CHECK(test_ulps(log10(1e-310), -310) < 2);
    /* log2(x) and log10(x) differ by a factor; a slip in one table of constants would show. */
    uint64_t state = 1;
    for (int i = 0; i < 100000; i++) {
        uint64_t bits = check_random(&state) & INT64_MAX;
        double x;
        memcpy(&x, &bits, sizeof x);
        if (x > 0 && x < INFINITY)
            CHECK(test_ulps(log10(x), log2(x) * 0.30102999566398120) < 5);
    }
}

static void test_domains(void) {
    static const double negative[] = {-DBL_TRUE_MIN, -1, -0x1p20, -INFINITY};
    for (size_t i = 0; i < sizeof negative / sizeof *negative; i++) {
        CHECK(isnan(log2(negative[i])) && isnan(log10(negative[i])));
        CHECK(isnan(acosh(negative[i])));
    }
    CHECK(log2(0) == -INFINITY && log10(-0.0) == -INFINITY && isnan(acosh(0.5)));
    CHECK(log2(INFINITY) == INFINITY && log10(INFINITY) == INFINITY);
    CHECK(acosh(INFINITY) == INFINITY && isnan(acosh(NAN)) && isnan(log2(NAN)));
    CHECK(acosh(1) == 0);
    for (double x = -0x1p10; x > -0x1p40; x *= 1.37)
        CHECK(isnan(acosh(x)));
    for (double y = 0x1p-4; y < 700; y *= 1.1)
        CHECK(test_ulps(acosh(cosh(y)), y) < 300); /* cosh is flat near 0 */
}

static void test_advice(void) {
    errno = 7;
    CHECK(posix_fadvise(-1, 0, 0, POSIX_FADV_WILLNEED) == EBADF);
    CHECK(posix_fallocate(-1, 0, 10) == EBADF);
    FILE *file = tmpfile();
    CHECK(file != NULL);
    CHECK(posix_fadvise(fileno(file), 0, 0, POSIX_FADV_WILLNEED) == 0);
    CHECK(posix_fadvise(fileno(file), 0, 0, -1) == EINVAL);
    CHECK(errno == 7);
    fclose(file);
}

static void test_locales(void) {
    char saved[64];
    CHECK(setenv("LANG", "nb_NO.UTF-8", 1) == 0 && unsetenv("LC_ALL") == 0);
    CHECK(setlocale(LC_ALL, "de_DE.UTF-8") == NULL);
    CHECK(setlocale(LC_NUMERIC, "C.ISO8859-1") == NULL);
    CHECK(setlocale(LC_ALL, "C.UTF-8;de_DE;C;C;C;C") == NULL);
    CHECK(strcmp(setlocale(LC_ALL, NULL), "C") == 0); /* nothing has changed */
    CHECK(setlocale(LC_ALL, "C.UTF-8") != NULL && setlocale(LC_ALL, "POSIX") != NULL);
    CHECK(setlocale(LC_CTYPE, "") != NULL); /* what the environment says */
    CHECK(strlen(setlocale(LC_ALL, NULL)) < sizeof saved);
    strcpy(saved, setlocale(LC_ALL, NULL));
    CHECK(strchr(saved, ';') != NULL);
    CHECK(setlocale(LC_ALL, "C") != NULL && setlocale(LC_ALL, saved) != NULL);
    CHECK(strcmp(setlocale(LC_ALL, NULL), saved) == 0);
}

static void test_pathconf(void) {
    CHECK(pathconf("/", _PC_NAME_MAX) == 255 && fpathconf(0, _PC_PIPE_BUF) == 4096);
    errno = 0;
    CHECK(pathconf("/nowhere", _PC_NAME_MAX) == -1 && errno == ENOENT);
    CHECK(fpathconf(-1, _PC_NAME_MAX) == -1 && errno == EBADF);
    errno = 0;
    CHECK(pathconf("/", -1) == -1 && errno == EINVAL);
}

int main(void) {
    test_logarithms();
    test_domains();
    test_advice();
    test_locales();
    test_pathconf();
    printf("libc: logarithms, file advice, locales and limits as C and POSIX say\n");
    return 0;
}
