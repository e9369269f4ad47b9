/* malloc, free and the rest, for the whole static program, over Doug Lea's allocator. Contract:
 * nb_heap.h.
 *
 * dlmalloc (2.8.3 as libffi's source carries it, public domain) is included with its system layer
 * cut down to one MORECORE over the region: no mmap, no sbrk, no locks of its own. One lock around
 * every call replaces those, because fork() has to take it and because the region's state belongs
 * under the same lock.
 *
 * Giving memory back. glibc's python returns big blocks to the kernel at once (munmap) up to the
 * first free of such a block, later only above a threshold that grows to 64 MB. Here: a free top
 * above NB_HEAP_TRIM is trimmed at once, a freed block above NB_HEAP_HUGE loses its pages at once,
 * and everything else waits for nb_heap_release(), which runs while the program waits for its next
 * event. So a 1 MB string that is made and dropped in a loop faults its pages in once, and a 5 MB
 * event leaves nothing behind. */
#include "nb_heap.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NB_HEAP_PAGE                                                                               \
    ((size_t)4096) /* unit of `top`; a multiple of it is used where pages are larger */
#define NB_HEAP_TRIM ((size_t)64 << 20)
#define NB_HEAP_HUGE ((size_t)32 << 20)
#define NB_HEAP_LARGE ((size_t)64 << 10)   /* blocks from here on count as `idle` when freed */
#define NB_HEAP_IDLE_MAX ((size_t)1 << 20) /* nb_heap_release() does nothing below this */
#define NB_HEAP_KEEP_TOP                                                                           \
    ((size_t)256 << 10) /* free top kept by nb_heap_release(), so small events never refault */

static struct nb_heap heap;
static bool keep_clear; /* see nb_heap_keep_clear() */

/* ---- failures: nothing that allocates may be called here ---- */

static void nb_heap_say(const char *text) {
    ssize_t ignored = write(STDERR_FILENO, text, strlen(text));
    (void)ignored;
}

static _Noreturn void nb_heap_corrupt(void) {
    nb_heap_say(
        "native-bootstrap: the heap is damaged (double free, or a write past a block's end)\n");
    abort();
}

/* ---- the lock: a futex, so that its state is one word that a fork's child can simply clear ----
 */

static int lock_word; /* 0 free, 1 held, 2 held and somebody waits */

static void nb_heap_wait(void) {
    while (__atomic_exchange_n(&lock_word, 2, __ATOMIC_ACQUIRE) != 0)
        syscall(SYS_futex, &lock_word, FUTEX_WAIT_PRIVATE, 2, NULL, NULL, 0);
}

void nb_heap_lock(void) {
    int expected = 0;
    if (__builtin_expect(!__atomic_compare_exchange_n(&lock_word, &expected, 1, 0, __ATOMIC_ACQUIRE,
                                                      __ATOMIC_RELAXED),
                         0))
        nb_heap_wait();
}

void nb_heap_unlock(void) {
    if (__builtin_expect(__atomic_exchange_n(&lock_word, 0, __ATOMIC_RELEASE) == 2, 0))
        syscall(SYS_futex, &lock_word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* musl's fork() calls this around the system call, after the program's own pthread_atfork handlers:
 * -1 before, 0 in the parent, 1 in the child, whose other threads (and so whose lock holders and
 * waiters) are gone. */
void __malloc_atfork(int who);
void __malloc_atfork(int who) {
    if (who < 0)
        nb_heap_lock();
    else if (who == 0)
        nb_heap_unlock();
    else
        __atomic_store_n(&lock_word, 0, __ATOMIC_RELEASE);
}

/* ---- the region ---- */

static void nb_heap_map(void) {
    size_t size = NB_HEAP_SIZE;
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
    for (; size >= NB_HEAP_SIZE_MIN; size /= 2) {
        void *at = mmap(NB_HEAP_BASE, size, PROT_READ | PROT_WRITE, flags, -1, 0);
        if (at == (void *)NB_HEAP_BASE)
            break;
        if (at != MAP_FAILED) { /* a kernel before 4.17 takes the address as a hint only */
            munmap(at, size);
            size = 0;
        } else if (errno == EEXIST) {
            size = 0;
        }
    }
    if (size < NB_HEAP_SIZE_MIN) {
        nb_heap_say(
            "native-bootstrap: no room for the heap at 0x1000000000: raise the address space limit "
            "(ulimit -v) to 256 MB or more\n");
        _exit(1);
    }
    heap.base = heap.top = heap.high = NB_HEAP_BASE;
    heap.size = size;
}

void nb_heap_init(void) {
    nb_heap_lock();
    if (heap.base == NULL)
        nb_heap_map();
    nb_heap_unlock();
}

const struct nb_heap *nb_heap_state(void) {
    return &heap;
}

/* Drops the pages that lie wholly in [from, to). */
static void nb_heap_drop(char *from, char *to) {
    static size_t page;
    if (page == 0)
        page = (size_t)sysconf(_SC_PAGESIZE);
    uintptr_t first = ((uintptr_t)from + page - 1) & ~(page - 1);
    uintptr_t last = (uintptr_t)to & ~(page - 1);
    if (first < last)
        madvise((void *)first, last - first, MADV_DONTNEED); /* a hint: failure costs memory only */
}

/* sbrk() on the region. Called with the lock held. */
static void *nb_heap_more(intptr_t increment) {
    if (heap.base == NULL)
        nb_heap_map();
    char *old = heap.top;
    if (increment > 0) {
        if ((size_t)increment > heap.size - (size_t)(heap.top - heap.base))
            return (void *)-1;
        heap.top += increment;
        if (heap.top > heap.high)
            heap.high = heap.top;
    } else if (increment < 0) {
        if ((size_t)-increment > (size_t)(heap.top - heap.base))
            return (void *)-1;
        heap.top += increment;
        nb_heap_drop(heap.top, old);
    }
    return old;
}

/* ---- dlmalloc ---- */

#define USE_DL_PREFIX 1
#define MALLOC_ALIGNMENT ((size_t)16)
#define HAVE_MORECORE 1
#define MORECORE nb_heap_more
#define MORECORE_CONTIGUOUS 1
#define HAVE_MMAP 0
#define HAVE_MREMAP 0
#define USE_LOCKS 0
#define NO_MALLINFO 1
#define FOOTERS 0
#define DEFAULT_GRANULARITY ((size_t)256 << 10)
#define DEFAULT_TRIM_THRESHOLD NB_HEAP_TRIM
#define malloc_getpagesize NB_HEAP_PAGE
#define ABORT nb_heap_corrupt()
#define CORRUPTION_ERROR_ACTION(m) nb_heap_corrupt()
#define USAGE_ERROR_ACTION(m, p) nb_heap_corrupt()

/* Declared static first: dlmalloc's own declarations and definitions then have internal linkage
 * too. */
static void *dlmalloc(size_t);
static void dlfree(void *);
static void *dlcalloc(size_t, size_t);
static void *dlrealloc(void *, size_t);
static void *dlmemalign(size_t, size_t);
static void *dlvalloc(size_t);
static void *dlpvalloc(size_t);
static int dlmallopt(int, int);
static size_t dlmalloc_footprint(void);
static size_t dlmalloc_max_footprint(void);
static void **dlindependent_calloc(size_t, size_t, void **);
static void **dlindependent_comalloc(size_t, size_t *, void **);
static int dlmalloc_trim(size_t);
static size_t dlmalloc_usable_size(void *);
static void dlmalloc_stats(void);

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpragmas"
#pragma GCC diagnostic ignored "-Wunknown-warning-option"
#pragma GCC diagnostic ignored "-Wall"
#pragma GCC diagnostic ignored "-Wextra"
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wnull-pointer-arithmetic"
#pragma GCC diagnostic ignored "-Wexpansion-to-defined"
#pragma GCC diagnostic ignored "-Wunused-value"
#include "dlmalloc.c"
#pragma GCC diagnostic pop

/* ---- giving back ---- */

/* Large free chunks hang in bitwise tries by size; same-size chunks form a ring. Depth is at most
 * 64 levels. */
static size_t nb_heap_drop_tree(tchunkptr root) {
    size_t dropped = 0;
    if (root == NULL)
        return 0;
    tchunkptr node = root;
    do {
        size_t size = chunksize(node);
        if (size >= NB_HEAP_LARGE) {
            /* the links stand in the first bytes, the size again after the last */
            nb_heap_drop((char *)node + sizeof(struct malloc_tree_chunk), (char *)node + size);
            dropped += size;
        }
        node = node->fd;
    } while (node != root);
    return dropped + nb_heap_drop_tree(root->child[0]) + nb_heap_drop_tree(root->child[1]);
}

void nb_heap_release(void) {
    if (__atomic_load_n(&heap.idle, __ATOMIC_RELAXED) < NB_HEAP_IDLE_MAX)
        return;
    nb_heap_lock();
    if (gm->topsize > NB_HEAP_KEEP_TOP)
        dlmalloc_trim(NB_HEAP_KEEP_TOP);
    for (bindex_t i = 0; i < NTREEBINS; i++)
        if (minsize_for_tree_index(i + 1 < NTREEBINS ? i + 1 : i) >= NB_HEAP_LARGE)
            nb_heap_drop_tree(*treebin_at(gm, i));
    heap.idle = 0;
    heap.released++;
    nb_heap_unlock();
}

/* ---- for a dump ---- */

void nb_heap_keep_clear(bool on) {
    keep_clear = on;
}

void nb_heap_resume(size_t size) {
    heap.size = size;
}

static void nb_heap_clear_tree(tchunkptr root) {
    if (root == NULL)
        return;
    tchunkptr node = root;
    do {
        char *from = (char *)node + sizeof(struct malloc_tree_chunk);
        memset(from, 0, chunksize(node) - sizeof(struct malloc_tree_chunk));
        node = node->fd;
    } while (node != root);
    nb_heap_clear_tree(root->child[0]);
    nb_heap_clear_tree(root->child[1]);
}

/* A chunk of less than NB_HEAP_LARGE that hangs in a tree; NULL if there is none. */
static tchunkptr nb_heap_find_small(tchunkptr root) {
    if (root == NULL || chunksize(root) < NB_HEAP_LARGE)
        return root;
    tchunkptr found = nb_heap_find_small(root->child[0]);
    return found != NULL ? found : nb_heap_find_small(root->child[1]);
}

/* Chunks of this size are there, so one of them is taken as a whole. */
static void nb_heap_take_chunk(size_t size) {
    dlmalloc(size - sizeof(size_t));
}

void nb_heap_retire(void) {
    nb_heap_lock();
    for (bindex_t i = 0; i < NSMALLBINS; i++)
        while ((gm->smallmap & idx2bit(i)) != 0)
            nb_heap_take_chunk(small_index2size(i));
    for (bindex_t i = 0; i < NTREEBINS; i++)
        for (tchunkptr one; (one = nb_heap_find_small(*treebin_at(gm, i))) != NULL;)
            nb_heap_take_chunk(chunksize(one));
    if (gm->dvsize > 0 && gm->dvsize < NB_HEAP_LARGE)
        nb_heap_take_chunk(gm->dvsize);
    nb_heap_unlock();
}

/* Of a chunk of n bytes, the links stand in the first ones and belong to the allocator; the size
 * that the next chunk keeps of it stands behind its end. The two chunks that are in no bin have no
 * links. */
void nb_heap_clear_free(void) {
    const size_t linked = sizeof(struct malloc_chunk), single = 2 * sizeof(size_t);
    nb_heap_lock();
    dlmalloc_trim(0);
    for (bindex_t i = 0; i < NSMALLBINS; i++) {
        mchunkptr bin = smallbin_at(gm, i);
        for (mchunkptr node = bin->fd; gm->smallmap & idx2bit(i) && node != bin; node = node->fd)
            memset((char *)node + linked, 0, chunksize(node) - linked);
    }
    for (bindex_t i = 0; i < NTREEBINS; i++)
        nb_heap_clear_tree(*treebin_at(gm, i));
    if (gm->dvsize > 0)
        memset((char *)gm->dv + single, 0, gm->dvsize - single);
    if (gm->topsize > 0) {
        /* Behind it there is room for a segment's record, with a head that says how much. */
        mchunkptr foot = chunk_plus_offset(gm->top, gm->topsize);
        memset((char *)gm->top + single, 0, gm->topsize - single);
        foot->prev_foot = 0;
        memset((char *)foot + single, 0, chunksize(foot) - single);
    }
    nb_heap_unlock();
}

/* ---- the family ---- */

static void *nb_heap_fail(void) {
    errno = ENOMEM;
    return NULL;
}

/* Under a name of its own: the compiler would turn a malloc() and memset() in calloc() into a call
 * of calloc(). */
static inline void *nb_heap_take(size_t size) {
    nb_heap_lock();
    void *block = dlmalloc(size);
    nb_heap_unlock();
    return block;
}

void *malloc(size_t size) {
    return nb_heap_take(size);
}

void free(void *block) {
    if (block == NULL)
        return;
    int saved = errno; /* POSIX.1-2024: free() preserves errno */
    nb_heap_lock();
    size_t size = dlmalloc_usable_size(block);
    if (__builtin_expect(size >= NB_HEAP_LARGE, 0)) {
        if (size >= NB_HEAP_HUGE)
            nb_heap_drop(block, (char *)block + size);
        else
            __atomic_store_n(&heap.idle, heap.idle + size, __ATOMIC_RELAXED);
    }
    if (__builtin_expect(keep_clear, 0))
        memset(block, 0, size);
    dlfree(block);
    nb_heap_unlock();
    errno = saved;
}

void *calloc(size_t count, size_t each) {
    size_t size;
    if (__builtin_mul_overflow(count, each, &size))
        return nb_heap_fail();
    void *block = nb_heap_take(size); /* cleared outside the lock */
    return block == NULL ? NULL : memset(block, 0, size);
}

void *realloc(void *block, size_t size) {
    nb_heap_lock();
    size_t before = block == NULL ? 0 : dlmalloc_usable_size(block);
    void *moved = dlrealloc(block, size);
    if (moved != NULL && before >= NB_HEAP_LARGE)
        __atomic_store_n(&heap.idle, heap.idle + before, __ATOMIC_RELAXED);
    nb_heap_unlock();
    return moved;
}

void *reallocarray(void *block, size_t count, size_t each) {
    size_t size;
    if (__builtin_mul_overflow(count, each, &size))
        return nb_heap_fail();
    return realloc(block, size);
}

void *memalign(size_t alignment, size_t size) {
    if (alignment > heap.size && heap.size != 0)
        return nb_heap_fail();
    nb_heap_lock();
    void *block = dlmemalign(alignment, size);
    nb_heap_unlock();
    return block;
}

static int nb_heap_is_power(size_t n) {
    return n != 0 && (n & (n - 1)) == 0;
}

void *aligned_alloc(size_t alignment, size_t size) {
    if (!nb_heap_is_power(alignment)) {
        errno = EINVAL;
        return NULL;
    }
    return memalign(alignment, size);
}

int posix_memalign(void **result, size_t alignment, size_t size) {
    if (!nb_heap_is_power(alignment) || alignment % sizeof(void *) != 0)
        return EINVAL;
    int saved = errno;
    void *block = memalign(alignment, size);
    errno = saved;
    if (block == NULL)
        return ENOMEM;
    *result = block;
    return 0;
}

void *valloc(size_t size);
void *valloc(size_t size) {
    return memalign((size_t)sysconf(_SC_PAGESIZE), size);
}

size_t malloc_usable_size(void *block);
size_t malloc_usable_size(void *block) {
    return block == NULL ? 0 : dlmalloc_usable_size(block);
}
