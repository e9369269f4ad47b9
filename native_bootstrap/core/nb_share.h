/* A function's share of the machine: how many processors loaded modules may use.
 *
 * Lambda gives CPU time in proportion to memory (1769 MB: one processor), while the kernel shows
 * all processors of the machine; a library with as many threads as there are processors only waits.
 * So modules are told the smaller number by what they ask with (nb_vcpu.c: sysconf,
 * sched_getaffinity …), and while a process initialises for a snapshot it is 1: then no library
 * starts threads, which an image could not hold, and a restored process tells their thread pools
 * the real number. */
#ifndef NB_SHARE_H
#define NB_SHARE_H

/* At least 1. Where AWS_LAMBDA_FUNCTION_MEMORY_SIZE is not set: all that the process may use. */
int nb_share_processors(void);

/* In a restored process with its environment: thread pools of OpenBLAS and OpenMP in the image get
 * as many threads as they would have got at a normal start. */
void nb_share_resume(void);

#endif
