/* Thread-local storage of modules that are loaded while the program runs.
 *
 * Every thread's block has room behind (x86_64: below) the program's own variables, of a size that
 * is chosen at link time: nb_tls_block is the main thread's block, in .bss, so that a snapshot
 * holds it. A module gets an offset from the thread pointer that is the same in every thread
 * (static TLS), so all models of access are as cheap as in a program that was linked with it.
 *
 * nb_tls.c replaces musl's __init_tls() and __tls_get_addr(). */
#ifndef NB_TLS_H
#define NB_TLS_H

#include <stddef.h>

/* The main thread's block: musl's control block, the program's variables, the room for modules.
 * Made by the link step to fit what it links; small without one. */
extern unsigned char nb_tls_block[];
extern const size_t nb_tls_block_size; /* a multiple of 64 */

#define NB_TLS_ALIGN 64    /* of a block; a module that wants more is refused */
#define NB_TLS_MODULES 512 /* modules, at most */

/* Room for `size` bytes in every thread, at an address congruent to `like` modulo `align`. The
 * offset from the thread pointer; 0: errno is ENOMEM (no room) or EINVAL (alignment). */
ptrdiff_t nb_tls_add(size_t size, size_t align, const void *like);

/* Gives the block its initial contents: `length` bytes at `image`, then zeros up to `size`. In this
 * thread, all others and all to come. `image` must stay. */
void nb_tls_start(ptrdiff_t offset, const void *image, size_t length, size_t size);

/* Undoes nb_tls_add(), for a load that failed: what was added since the mark was taken, and not
 * started. */
struct nb_tls_mark {
    size_t used, modules;
};
struct nb_tls_mark nb_tls_mark(void);
void nb_tls_take_back(struct nb_tls_mark mark);

/* Where the calling thread has what lies at this offset. */
void *nb_tls_address(ptrdiff_t offset);

#endif
