/* The program's one heap: malloc's family and pymalloc's arenas in ONE fixed region of the address
 * space.
 *
 * Map of the C core
 *   nb_cpu.c       first code of the process: does this CPU have what the compiler used?
 *   nb_heap.c      malloc family on the fixed region (dlmalloc); nb_arena.c hands it to pymalloc
 *   nb_mem.c       memchr, memcmp, strlen … with vectors
 *   nb_http.c      HTTP/1.1 response parser: no I/O, no allocation
 *   nb_client.c    one keep-alive socket to the Runtime API; nb_clientmodule.c is `_nb_client`
 *   nb_archive.c   the module archive's format;               nb_archivemodule.c is `_nb_archive`
 *   nb_dl.c        dlopen/dlsym/dladdr over a link-time symbol table
 *   nb_region.c    where loaded modules lie, and what libraries map while initialising
 *   nb_cpuid.c     their cpuid, while initialising;           nb_vcpu.c, nb_share.c processors
 *   nb_restore.c   an initialised process taken from the file;  nb_dump.c writes it at build time
 *   nb_snapshot.c  around both;                               nb_snapshotmodule.c is `_nb_snapshot`
 *   nb_main.c      interpreter start-up; under NB_HOST_PYTHON the pack's `python3.13`
 *
 * Contract
 *   - The region starts at NB_HEAP_BASE in every process. What lies in [base, top) is everything
 * that malloc or pymalloc ever handed out and has not given back from the end; [top, base + size)
 * holds nothing. A dump of the process is the writable segments plus [base, top): the allocator's
 * own state is in .bss.
 *   - Nothing here assumes that fresh memory is zero (a dumped heap is mapped from a file, and
 * MADV_DONTNEED on such a page brings the file's bytes back, not zeros), so calloc always clears.
 *   - Thread-safe; safe across fork() from a threaded process (musl calls __malloc_atfork, which is
 * ours).
 *   - Not async-signal-safe, as usual. */
#ifndef NB_HEAP_H
#define NB_HEAP_H

#include <stdbool.h>
#include <stddef.h>

/* Above any non-PIE program and its brk, below any mmap on 39-bit (aarch64) and 47-bit address
 * spaces. */
#define NB_HEAP_BASE ((char *)0x1000000000UL)
#define NB_HEAP_SIZE ((size_t)16 << 30)
#define NB_HEAP_SIZE_MIN ((size_t)64 << 20) /* less than this cannot run an interpreter */

struct nb_heap {
    char *base;      /* NULL until the first allocation or nb_heap_init() */
    char *top;       /* first byte never handed to the allocator; page-aligned */
    size_t size;     /* length of the mapping: NB_HEAP_SIZE, less under RLIMIT_AS */
    char *high;      /* largest `top` so far */
    size_t idle;     /* bytes freed in large blocks since the last nb_heap_release() */
    size_t released; /* calls of nb_heap_release() that gave something back */
};

/* Maps the region; a second call does nothing. No room: one line on stderr, exit 1. */
void nb_heap_init(void);

/* The heap's state, for a dump and for tests. Take nb_heap_lock() first when other threads run. */
const struct nb_heap *nb_heap_state(void);

void nb_heap_lock(void);
void nb_heap_unlock(void);

/* While on, a block is cleared when it is freed: nothing of what it held is left in the unused end
 * of the next block in its place. For the process that becomes an image; off: no cost but a branch.
 */
void nb_heap_keep_clear(bool on);
void nb_arena_keep_clear(bool on); /* the same for pymalloc; only while no other thread runs */

/* Zeroes what is free, so that a dump holds no trace of it. No other thread may run. */
void nb_heap_clear_free(void);

/* Small free blocks are given up: what a restored process allocates then lies together, instead of
 * on one more page for each hole. They are a part of the image's size, and never touched. */
void nb_heap_retire(void);

/* After a restore: the region has this size in the new process. */
void nb_heap_resume(size_t size);

/* Gives the pages of large free blocks and of the free top back to the kernel, if enough has been
 * freed since the last call for that to pay. Called when the program is about to wait (for the next
 * invocation): never on the path of a computation, which would pay for every page again. */
void nb_heap_release(void);

/* pymalloc's arenas come from this heap. Call before the interpreter exists, after
 * pre-initialisation. */
void nb_arena_install(void);

/* Zeroes what is free in pymalloc's pools, and lets new objects go to new ones. For a dump; with
 * the GIL. */
void nb_arena_settle(void);

#endif
