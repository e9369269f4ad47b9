/* OpenSSL's idea of the CPU: its constructor has asked the build machine's.
 *
 * While initialising it is the baseline that the program is compiled for, so that the image is the
 * same whatever CPU it was built on, and nothing in it was chosen for a CPU that a function may not
 * have. A restored process asks its own (x86_64: the SHA extensions are worth it; the arm64
 * baseline has all that matters). */
#include "nb_snapshot.h"

#include <stdint.h>

#if defined(__x86_64__)

/* OpenSSL's crypto/cpuid.c and x86_64cpuid.pl; absent from a program without it. Words 0 and 1 are
 * EDX and ECX of CPUID leaf 1, the others come from leaf 7. */
enum { NB_CAPABILITY_WORDS = 10 };
extern uint32_t OPENSSL_ia32cap_P[NB_CAPABILITY_WORDS] __attribute__((weak));
extern uint64_t OPENSSL_ia32_cpuid(uint32_t *words) __attribute__((weak));

#define NB_CAPABILITY_SET (1u << 10) /* what OpenSSL itself sets: the words are filled in */

void nb_capability_baseline(void) {
    if (OPENSSL_ia32cap_P == 0)
        return;
    for (int i = 0; i < NB_CAPABILITY_WORDS; i++)
        OPENSSL_ia32cap_P[i] = 0;
    OPENSSL_ia32cap_P[0] = NB_CAPABILITY_SET | 1u << 15 | 1u << 23 | 1u << 24 | 1u << 25 | 1u << 26;
#ifdef __SSSE3__
    OPENSSL_ia32cap_P[1] |= 1u << 0 | 1u << 9; /* SSE3, SSSE3 */
#endif
#ifdef __SSE4_2__
    OPENSSL_ia32cap_P[1] |= 1u << 19 | 1u << 20 | 1u << 23; /* SSE4.1, SSE4.2, POPCNT */
#endif
#ifdef __PCLMUL__
    OPENSSL_ia32cap_P[1] |= 1u << 1;
#endif
#ifdef __AES__
    OPENSSL_ia32cap_P[1] |= 1u << 25;
#endif
#ifdef __AVX2__
    OPENSSL_ia32cap_P[1] |= 1u << 12 | 1u << 22 | 1u << 26 | 1u << 27 | 1u << 28; /* FMA … AVX */
    OPENSSL_ia32cap_P[2] |= 1u << 3 | 1u << 5 | 1u << 8;                          /* BMI, AVX2 */
#endif
}

void nb_capability_detect(void) {
    if (OPENSSL_ia32cap_P == 0 || OPENSSL_ia32_cpuid == 0)
        return;
    uint64_t words = OPENSSL_ia32_cpuid(OPENSSL_ia32cap_P);
    OPENSSL_ia32cap_P[0] = (uint32_t)words | NB_CAPABILITY_SET;
    OPENSSL_ia32cap_P[1] = (uint32_t)(words >> 32);
}

#else

extern unsigned int OPENSSL_armcap_P __attribute__((weak));

void nb_capability_baseline(void) {
    if (&OPENSSL_armcap_P == 0)
        return;
    OPENSSL_armcap_P = 1u << 0;                                /* NEON; crypto/arm_arch.h */
#if defined(__ARM_FEATURE_AES) && defined(__ARM_FEATURE_SHA2)
    OPENSSL_armcap_P |= 1u << 2 | 1u << 3 | 1u << 4 | 1u << 5; /* AES, SHA-1, SHA-256, PMULL */
#endif
}

void nb_capability_detect(void) {}

#endif
