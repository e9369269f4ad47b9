/* See nb_share.h. */
#include "nb_share.h"
#include "nb_dl.h"
#include "nb_virtual.h"

#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

enum { NB_SHARE_MEGABYTES = 1769 }; /* AWS Lambda Developer Guide, "Configuring function memory" */
enum { NB_SHARE_MOST = 1 << 20 };

/* A variable's value as a number; 0: it is not set, or is no positive number. */
static int nb_share_number(const char *name) {
    const char *text = getenv(name);
    char *end;
    if (text == NULL || *text < '0' || *text > '9')
        return 0;
    unsigned long number = strtoul(text, &end, 10);
    return *end != '\0' ? 0 : number < NB_SHARE_MOST ? (int)number : NB_SHARE_MOST;
}

int nb_share_processors(void) {
    if (nb_virtual_is_on())
        return 1;
    long real = sysconf(_SC_NPROCESSORS_ONLN);
    int all = real < 1 ? 1 : real < NB_SHARE_MOST ? (int)real : NB_SHARE_MOST;
    int megabytes = nb_share_number("AWS_LAMBDA_FUNCTION_MEMORY_SIZE");
    int share = (megabytes + NB_SHARE_MEGABYTES - 1) / NB_SHARE_MEGABYTES;
    return megabytes > 0 && share < all ? share : all;
}

/* What a library would have taken from its variables, the first of them that is set. */
static int nb_share_wanted(const char *const *variables, int most) {
    for (; *variables != NULL; variables++) {
        int wanted = nb_share_number(*variables);
        if (wanted > 0)
            return wanted < most ? wanted : most;
    }
    return most;
}

void nb_share_resume(void) {
    static const char *const blas[] = {"OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS",
                                       "OMP_NUM_THREADS", NULL};
    static const char *const *const openmp = blas + 2;
    /* OpenBLAS by itself, and as scipy's project builds it for numpy and scipy. */
    static const struct {
        const char *name;
        const char *const *variables;
    } pools[] = {
        {"openblas_set_num_threads", blas},       {"openblas_set_num_threads64_", blas},
        {"scipy_openblas_set_num_threads", blas}, {"scipy_openblas_set_num_threads64_", blas},
        {"omp_set_num_threads", openmp},
    };
    int most = nb_share_processors();
    if (most == 1)
        return;
    for (size_t i = 0; i < sizeof pools / sizeof *pools; i++) {
        void *set = nb_dl_find_in_modules(pools[i].name);
        int wanted = nb_share_wanted(pools[i].variables, most);
        if (set != NULL && wanted > 1)
            ((void (*)(int))set)(wanted);
    }
}
