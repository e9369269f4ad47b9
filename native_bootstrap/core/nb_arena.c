/* pymalloc's arenas (1 MB each, Objects/obmalloc.c) from the program's heap instead of from mmap,
 * so that every Python object lies in the one region that a dump copies; and pymalloc's share in
 * preparing that dump. */
#define Py_BUILD_CORE 1
#include <Python.h>

#include "internal/pycore_interp.h"
#include "internal/pycore_obmalloc.h"
#include "internal/pycore_pystate.h"

#include "nb_heap.h"

#include <stdlib.h>
#include <string.h>

/* pymalloc cuts an arena into 16 KB pools at 16 KB boundaries: an arena that starts on one loses no
 * pool. */
#define NB_ARENA_ALIGNMENT ((size_t)POOL_SIZE)

static void *nb_arena_alloc(void *context, size_t size) {
    (void)context;
    void *arena = NULL;
    return posix_memalign(&arena, NB_ARENA_ALIGNMENT, size) == 0 ? arena : NULL;
}

static void nb_arena_free(void *context, void *arena, size_t size) {
    (void)context;
    (void)size;
    free(arena);
}

void nb_arena_install(void) {
    PyObjectArenaAllocator arenas = {NULL, nb_arena_alloc, nb_arena_free};
    PyObject_SetArenaAllocator(&arenas);
}

/* ---- while an image is made ---- */

static PyMemAllocatorEx nb_arena_below[2];

/* How large the block is in which pymalloc keeps an object; 0 for one that comes from malloc. */
static size_t nb_arena_size_of(const void *block) {
    const PyInterpreterState *interpreter = _PyInterpreterState_Main();
    if (interpreter == NULL || interpreter->obmalloc == NULL)
        return 0; /* not there yet */
    const struct _obmalloc_mgmt *mgmt = &interpreter->obmalloc->mgmt;
    for (uint i = 0; i < mgmt->maxarenas; i++)
        if (mgmt->arenas[i].address != 0 && (uintptr_t)block - mgmt->arenas[i].address < ARENA_SIZE)
            return (size_t)(POOL_ADDR(block)->szidx + 1) << ALIGNMENT_SHIFT;
    return 0;
}

static void *nb_arena_clear_malloc(void *below, size_t size) {
    PyMemAllocatorEx *allocator = below;
    return allocator->malloc(allocator->ctx, size);
}

static void *nb_arena_clear_calloc(void *below, size_t count, size_t size) {
    PyMemAllocatorEx *allocator = below;
    return allocator->calloc(allocator->ctx, count, size);
}

static void nb_arena_clear_free(void *below, void *block) {
    PyMemAllocatorEx *allocator = below;
    size_t size = block != NULL ? nb_arena_size_of(block) : 0;
    if (size > 0)
        memset(block, 0, size);
    allocator->free(allocator->ctx, block);
}

/* Always into another block, so that the old one is cleared. */
static void *nb_arena_clear_realloc(void *below, void *block, size_t size) {
    PyMemAllocatorEx *allocator = below;
    size_t before = block != NULL ? nb_arena_size_of(block) : 0;
    if (before == 0)
        return allocator->realloc(allocator->ctx, block, size);
    void *other = allocator->malloc(allocator->ctx, size);
    if (other != NULL) {
        memcpy(other, block, before < size ? before : size);
        nb_arena_clear_free(below, block);
    }
    return other;
}

void nb_arena_keep_clear(bool on) {
    const PyMemAllocatorDomain domains[] = {PYMEM_DOMAIN_MEM, PYMEM_DOMAIN_OBJ};
    for (size_t i = 0; i < sizeof domains / sizeof *domains; i++) {
        if (on)
            PyMem_GetAllocator(domains[i], &nb_arena_below[i]);
        PyMemAllocatorEx clearing = {
            .ctx = &nb_arena_below[i],
            .malloc = nb_arena_clear_malloc,
            .calloc = nb_arena_clear_calloc,
            .realloc = nb_arena_clear_realloc,
            .free = nb_arena_clear_free,
        };
        PyMem_SetAllocator(domains[i], on ? &clearing : &nb_arena_below[i]);
    }
}

/* ---- before a dump ---- */

/* A free block keeps the address of the next one in its first bytes. They are linked anew in the
 * order of their addresses: the one in which they were freed may differ from build to build. Behind
 * `nextoffset` no block has been carved yet. */
static void nb_arena_clear_pool(poolp pool) {
    bool is_free[POOL_SIZE / ALIGNMENT] = {false};
    size_t size = (size_t)(pool->szidx + 1) << ALIGNMENT_SHIFT;
    char *begin = (char *)pool + POOL_OVERHEAD;
    for (pymem_block *block = pool->freeblock; block != NULL; block = *(pymem_block **)block)
        is_free[(size_t)((char *)block - begin) / size] = true;
    pymem_block **link = &pool->freeblock;
    for (size_t i = 0; (i + 1) * size <= POOL_SIZE - POOL_OVERHEAD; i++) {
        if (!is_free[i])
            continue;
        *link = (pymem_block *)(begin + i * size);
        memset(*link, 0, size);
        link = (pymem_block **)*link;
    }
    *link = NULL;
    memset((char *)pool + pool->nextoffset, 0, POOL_SIZE - pool->nextoffset);
}

static void nb_arena_clear(const struct arena_object *arena) {
    char *pool = (char *)_Py_ALIGN_UP(arena->address, POOL_SIZE);
    for (; pool < (char *)arena->pool_address; pool += POOL_SIZE)
        if (((poolp)pool)->szidx < NB_SMALL_SIZE_CLASSES)
            nb_arena_clear_pool((poolp)pool);
    memset(pool, 0, arena->address + ARENA_SIZE - (uintptr_t)pool);
}

/* The pools that are partly used are taken out of circulation: what a start allocates then lies
 * together in new pools, instead of in one more page of each old one. A pool whose last block is
 * freed comes back (pymalloc unlinks it from its neighbours: itself). */
static void nb_arena_retire(struct _obmalloc_pools *pools) {
    for (size_t i = 0; i < NB_SMALL_SIZE_CLASSES; i++) {
        poolp head = (poolp)((char *)&pools->used[2 * i] - 2 * sizeof(pymem_block *));
        for (poolp pool = pools->used[2 * i]; pool != head;) {
            poolp next = pool->nextpool;
            pool->nextpool = pool->prevpool = pool;
            pool = next;
        }
        pools->used[2 * i] = pools->used[2 * i + 1] = head;
    }
}

void nb_arena_settle(void) {
    struct _obmalloc_state *state = _PyInterpreterState_GET()->obmalloc;
    for (uint i = 0; i < state->mgmt.maxarenas; i++)
        if (state->mgmt.arenas[i].address != 0)
            nb_arena_clear(&state->mgmt.arenas[i]);
    nb_arena_retire(&state->pools);
}
