/* Memory besides the heap at addresses that a dump can hold: a region of the address space for the
 * segments of loaded modules, and, while a process initialises for a snapshot, for what libraries
 * map for themselves (anonymous, private, wherever: OpenBLAS' buffers, the arenas of mimalloc).
 *
 * Contract
 *   - [NB_REGION_BASE, NB_REGION_MEMORY) is what nb_region_reserve() gives, for modules; the rest
 * is mmap()'s. What is left without access there belongs to a library that may want it later; in a
 *     module it is a gap.
 *   - Places are handed out one after the other and never a second time (but for a reservation that
 *     is released while it is the last), so addresses are the same from run to run as long as one
 *     thread asks. The next free place is ordinary data: a restored process goes on behind what its
 *     image holds.
 *   - Outside of initialising, nobody but nb_region_reserve() puts anything here; mmap() and
 *     mremap() then cost a branch more than musl's.
 *   - Thread-safe, safe across fork() and in signal handlers: no lock, an atomic word each.
 *
 * Memory that is executable and writable at once, shared memory, mappings of files and what does
 * not fit go where the kernel wants: an image cannot hold them, and the observer sees them. Thread
 * stacks are musl's own __mmap() and so not here either. */
#ifndef NB_REGION_H
#define NB_REGION_H

#include "nb_heap.h"

#include <stddef.h>
#include <stdint.h>

#define NB_REGION_BASE ((char *)0x800000000UL)
#define NB_REGION_MEMORY ((char *)0xc00000000UL)
#define NB_REGION_END NB_HEAP_BASE

/* `length` bytes of address space without any access, to be mapped over. At a multiple of
 * `alignment`, a power of two (0: of a page). NULL: errno says why not. */
void *nb_region_reserve(size_t length, size_t alignment);
/* Unmaps all of a reservation that came to nothing, whatever has been mapped over it. */
void nb_region_release(void *reserved, size_t length);

static inline int nb_region_has(const void *address) {
    return (uintptr_t)address - (uintptr_t)NB_REGION_BASE <
           (uintptr_t)NB_REGION_END - (uintptr_t)NB_REGION_BASE;
}

#endif
