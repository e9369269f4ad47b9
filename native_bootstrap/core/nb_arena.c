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
