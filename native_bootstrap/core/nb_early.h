/* Text for code that runs before the C library is ready. */
#ifndef NB_EARLY_H
#define NB_EARLY_H

#include <stdbool.h>
#include <stddef.h>

static inline size_t nb_early_length(const char *text) {
    size_t n = 0;
    while (text[n] != '\0') {
        n++;
        __asm__ volatile(""); /* not a call of strlen() */
    }
    return n;
}

static inline bool nb_early_same(const char *a, const char *b, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (a[i] != b[i])
            return false;
    return true;
}

#endif
