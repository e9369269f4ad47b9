/* What the C tests share: a check that names its line, and a small deterministic random generator.
 */
#ifndef NB_TEST_CHECK_H
#define NB_TEST_CHECK_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* xorshift64*: the same sequence everywhere, so that a failure comes back. */
static inline uint64_t check_random(uint64_t *state) {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

/* Writes a file for the fuzzer to start from; `number` is its name. */
static inline void check_seed(const char *folder, size_t number, const void *data, size_t size) {
    char path[512];
    snprintf(path, sizeof path, "%s/%zu", folder, number);
    FILE *file = fopen(path, "wb");
    CHECK(file != NULL && fwrite(data, 1, size, file) == size && fclose(file) == 0);
}

#endif
