/* What loaded modules learn of the processor while a process initialises for a snapshot: the
 * baseline that the program is compiled for, so that nothing in an image was chosen for a CPU that
 * a function may not have, and so that the image is the same whatever CPU it was built on.
 *
 * x86_64: modules ask with the instruction cpuid. The loader gives every one that it knows of to
 * nb_cpuid_mask(), which puts a breakpoint (int3) in its place, in this process only: an image maps
 * the file's own pages again. SIGTRAP is then answered as cpuid would. (Not SIGILL and ud2: that
 * signal is taken by others, faulthandler for one.) Randomness in instructions (RDRAND, RDSEED) is
 * not part of the baseline: no start may share what they give.
 *
 * arm64: modules ask getauxval(); see nb_vcpu.c. */
#ifndef NB_CPUID_H
#define NB_CPUID_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct nb_cpuid {
    uint32_t eax, ebx, ecx, edx;
};

#if defined(__x86_64__)

/* `instruction`: 0f a2, in private pages with read and execute permission; anything else is left
 * alone. Thread-safe. Declared in nb_dl.h as well. */
void nb_cpuid_mask(unsigned char *instruction);

/* What the baseline's cpuid gives. */
struct nb_cpuid nb_cpuid_baseline(uint32_t leaf, uint32_t subleaf);

/* If *action is this file's, it becomes what it was before, and true is returned. */
bool nb_cpuid_see_through(struct sigaction *action);

/* In the process that is about to be dumped: nothing of this is left in its memory. */
void nb_cpuid_forget(void);

#else

static inline bool nb_cpuid_see_through(struct sigaction *action) {
    (void)action;
    return false;
}

static inline void nb_cpuid_forget(void) {}

#endif
#endif
