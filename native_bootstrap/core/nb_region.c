/* See nb_region.h. mmap() and mremap() here take the place of musl's weak ones for the whole
 * program; musl itself calls __mmap() and __mremap(), as these do. */
#define _GNU_SOURCE
#include "nb_region.h"
#include "nb_virtual.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

void *__mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset);
void *__mremap(void *from, size_t length, size_t wanted, int flags, ...);

struct nb_region_half {
    _Atomic uintptr_t next;
    uintptr_t end;
};

static struct nb_region_half nb_region_modules = {(uintptr_t)NB_REGION_BASE,
                                                  (uintptr_t)NB_REGION_MEMORY};
static struct nb_region_half nb_region_memory = {(uintptr_t)NB_REGION_MEMORY,
                                                 (uintptr_t)NB_REGION_END};

static size_t nb_region_page(void) {
    return getauxval(AT_PAGESZ);
}

/* 0: there is no room. `length` in whole pages. */
static uintptr_t nb_region_take(struct nb_region_half *half, size_t length, size_t alignment) {
    uintptr_t next = atomic_load(&half->next), at;
    do {
        at = (next + alignment - 1) & ~(uintptr_t)(alignment - 1);
        if (at < next || at > half->end || length > half->end - at)
            return 0;
    } while (!atomic_compare_exchange_weak(&half->next, &next, at + length));
    return at;
}

/* Maps at the next place where there is nothing yet. */
static void *nb_region_map(struct nb_region_half *half, size_t length, size_t alignment,
                           int protection, int flags) {
    size_t page = nb_region_page();
    if (length == 0 || (alignment & (alignment - 1)) != 0) {
        errno = EINVAL;
        return MAP_FAILED;
    }
    if (alignment < page)
        alignment = page;
    size_t whole = (length + page - 1) & ~(page - 1);
    while (whole >= length) {
        uintptr_t at = nb_region_take(half, whole, alignment);
        if (at == 0)
            break;
        void *mapped = __mmap((void *)at, whole, protection, flags | MAP_FIXED_NOREPLACE, -1, 0);
        if (mapped == (void *)at || (mapped == MAP_FAILED && errno != EEXIST))
            return mapped;
        if (mapped != MAP_FAILED) /* a kernel before 4.17 takes the address as a hint only */
            munmap(mapped, whole);
    }
    errno = ENOMEM;
    return MAP_FAILED;
}

void *nb_region_reserve(size_t length, size_t alignment) {
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    void *at = nb_region_map(&nb_region_modules, length, alignment, PROT_NONE, flags);
    return at == MAP_FAILED ? NULL : at;
}

void nb_region_release(void *reserved, size_t length) {
    size_t page = nb_region_page();
    uintptr_t begin = (uintptr_t)reserved, end = begin + ((length + page - 1) & ~(page - 1));
    munmap(reserved, end - begin);
    atomic_compare_exchange_strong(&nb_region_modules.next, &end, begin);
}

/* ---- in place of musl's ---- */

static bool nb_region_wants(const void *at, int protection, int flags) {
    const int kind = MAP_PRIVATE | MAP_ANONYMOUS;
    const int harmless = kind | MAP_NORESERVE | MAP_STACK | MAP_POPULATE;
    return at == NULL && (flags & kind) == kind && (flags & ~harmless) == 0 &&
           (protection & PROT_EXEC) == 0;
}

void *mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset) {
    if (nb_virtual_is_on() && nb_region_wants(at, protection, flags)) {
        void *mapped = nb_region_map(&nb_region_memory, length, 0, protection, flags);
        if (mapped != MAP_FAILED || errno != ENOMEM)
            return mapped;
    }
    return __mmap(at, length, protection, flags, fd, offset);
}

/* What has to move stays in the region. */
static void *nb_region_move(void *from, size_t length, size_t wanted) {
    void *same = __mremap(from, length, wanted, 0);
    if (same != MAP_FAILED || errno != ENOMEM)
        return same;
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    void *to = nb_region_map(&nb_region_memory, wanted, 0, PROT_NONE, flags);
    if (to == MAP_FAILED)
        return MAP_FAILED;
    void *moved = __mremap(from, length, wanted, MREMAP_MAYMOVE | MREMAP_FIXED, to);
    if (moved == MAP_FAILED) {
        int saved = errno;
        munmap(to, wanted);
        errno = saved;
    }
    return moved;
}

void *mremap(void *from, size_t length, size_t wanted, int flags, ...) {
    if (nb_virtual_is_on() && flags == MREMAP_MAYMOVE && nb_region_has(from))
        return nb_region_move(from, length, wanted);
    va_list list;
    va_start(list, flags);
    void *to = flags & MREMAP_FIXED ? va_arg(list, void *) : NULL;
    va_end(list);
    return __mremap(from, length, wanted, flags, to);
}
