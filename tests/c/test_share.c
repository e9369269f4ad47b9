/* nb_share.c and nb_vcpu.c over a machine of the test's own: what modules are told of the
 * processors, and what their thread pools are told after a restore. */
#define _GNU_SOURCE
#include "check.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

static long processors; /* of the machine */

static long test_sysconf(int name) {
    return name == _SC_NPROCESSORS_ONLN || name == _SC_NPROCESSORS_CONF ? processors : 1000 + name;
}

static int test_affinity(size_t size, cpu_set_t *set) {
    memset(set, 0, size);
    for (long i = 0; i < processors; i++)
        CPU_SET_S(3 * (size_t)i + 1, size, set); /* not the first ones */
    return 0;
}

#define sysconf test_sysconf
#define sched_getaffinity(thread, size, set) (thread == 99 ? -1 : test_affinity(size, set))
#define pthread_getaffinity_np(thread, size, set) ((void)thread, test_affinity(size, set))
#define getauxval(type) ((type) + 7)
#include "nb_share.c"
#include "nb_vcpu.c"

_Atomic bool nb_virtual_on;

static void memory(const char *megabytes) {
    if (megabytes != NULL)
        setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", megabytes, 1);
    else
        unsetenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE");
}

/* Every way to ask gives the same. */
static int count(void) {
    cpu_set_t set, other;
    int all = nb_vcpu_get_nprocs();
    CHECK(nb_vcpu_get_nprocs_conf() == all && nb_share_processors() == all);
    CHECK(nb_vcpu_sysconf(_SC_NPROCESSORS_ONLN) == all);
    CHECK(nb_vcpu_sysconf(_SC_NPROCESSORS_CONF) == all);
    CHECK(nb_vcpu_sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) == all);
    CHECK(nb_vcpu_pthread_getaffinity_np(pthread_self(), sizeof other, &other) == 0);
    CHECK(CPU_EQUAL(&set, &other));
    return all;
}

static void shares(void) {
    static const struct {
        const char *memory;
        int processors, expected;
    } rows[] = {
        {NULL, 1, 1},    {NULL, 6, 6},     {"128", 2, 1},    {"1769", 6, 1},
        {"1770", 6, 2},  {"3538", 6, 2},   {"3539", 6, 3},   {"10240", 6, 6},
        {"10240", 2, 2}, {"10240", 64, 6}, {"1", 6, 1},      {"0", 6, 6},
        {"", 6, 6},      {"-5", 6, 6},     {"128 MB", 6, 6}, {"99999999999999999999", 6, 6},
        {"x", 6, 6},     {"1769", -1, 1},  {NULL, -1, 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        memory(rows[i].memory);
        processors = rows[i].processors;
        CHECK(nb_share_processors() == rows[i].expected);
        if (processors > 0)
            CHECK(count() == rows[i].expected);
    }
    memory("128");
    processors = 4;
    cpu_set_t set;
    CHECK(nb_vcpu_sched_getaffinity(0, sizeof set, &set) == 0 && CPU_ISSET(1, &set));
    CHECK(nb_vcpu_sched_getaffinity(99, sizeof set, &set) == -1);
    CHECK(nb_vcpu_sysconf(_SC_PAGESIZE) == 1000 + _SC_PAGESIZE);
    CHECK(nb_vcpu_getauxval(AT_PAGESZ) == AT_PAGESZ + 7);
    CHECK(nb_vcpu_getauxval(AT_HWCAP) == AT_HWCAP + 7);
}

static void initialising(void) {
    cpu_set_t set;
    nb_virtual_on = true;
    memory("10240");
    processors = 6;
    CHECK(count() == 1);
    CHECK(nb_vcpu_sched_getaffinity(0, sizeof set, &set) == 0 && CPU_ISSET(0, &set));
    CHECK(nb_vcpu_getauxval(AT_HWCAP) != AT_HWCAP + 7 && nb_vcpu_getauxval(AT_HWCAP2) == 0);
    CHECK((nb_vcpu_getauxval(AT_HWCAP) >> 11 & 1) == 0);
    CHECK(nb_vcpu_getauxval(AT_PAGESZ) == AT_PAGESZ + 7);
    nb_virtual_on = false;
}

/* ---- thread pools ---- */

static const char *there[3];
static int told_blas, told_openmp;

static void set_blas(int threads) {
    told_blas = threads;
}

static void set_openmp(int threads) {
    told_openmp = threads;
}

void *nb_dl_find_in_modules(const char *name) {
    for (size_t i = 0; i < sizeof there / sizeof *there && there[i] != NULL; i++)
        if (strcmp(there[i], name) == 0)
            return strcmp(name, "omp_set_num_threads") == 0 ? (void *)set_openmp : (void *)set_blas;
    return NULL;
}

static void pools(void) {
    static const struct {
        const char *there[3], *blas, *openmp;
        int processors, told_blas, told_openmp;
    } rows[] = {
        {{NULL}, NULL, NULL, 4, 0, 0},
        {{"openblas_set_num_threads"}, NULL, NULL, 4, 4, 0},
        {{"scipy_openblas_set_num_threads64_", "omp_set_num_threads"}, NULL, NULL, 4, 4, 4},
        {{"scipy_openblas_set_num_threads64_", "omp_set_num_threads"}, NULL, NULL, 1, 0, 0},
        {{"openblas_set_num_threads64_", "omp_set_num_threads"}, "2", NULL, 4, 2, 4},
        {{"openblas_set_num_threads64_", "omp_set_num_threads"}, NULL, "3", 4, 3, 3},
        {{"scipy_openblas_set_num_threads", "omp_set_num_threads"}, "2", "3", 4, 2, 3},
        {{"openblas_set_num_threads", "omp_set_num_threads"}, "1", "1", 4, 0, 0},
        {{"openblas_set_num_threads"}, "100", NULL, 4, 4, 0},
        {{"openblas_set_num_threads"}, "many", NULL, 4, 4, 0},
        {{"openblas_set_num_threads"}, "0", "2", 4, 2, 0},
    };
    memory(NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        memcpy(there, rows[i].there, sizeof there);
        unsetenv("OPENBLAS_NUM_THREADS");
        unsetenv("OMP_NUM_THREADS");
        if (rows[i].blas != NULL)
            setenv("OPENBLAS_NUM_THREADS", rows[i].blas, 1);
        if (rows[i].openmp != NULL)
            setenv("OMP_NUM_THREADS", rows[i].openmp, 1);
        processors = rows[i].processors;
        told_blas = told_openmp = 0;
        nb_share_resume();
        CHECK(told_blas == rows[i].told_blas && told_openmp == rows[i].told_openmp);
    }
}

int main(void) {
    shares();
    initialising();
    pools();
    printf("share: processors by memory, while initialising, thread pools\n");
    return 0;
}
