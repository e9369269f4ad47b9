/* Does this machine's CPU have the instructions that this program was compiled for?
 *
 * Everything else in the program may use them, the C library's own start-up included, so the check
 * stands at the ELF entry point: link with --entry=nb_cpu_start. It needs nothing of the C library;
 * on a lack it writes one line to stderr and exits with 1. nb_cpu_check() is the same for a program
 * that was linked with the usual entry. */
#ifndef NB_CPU_H
#define NB_CPU_H

void nb_cpu_check(void);

#endif
