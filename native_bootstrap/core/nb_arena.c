/* pymalloc's arenas (1 MB each, Objects/obmalloc.c) from the program's heap instead of from mmap,
 * so that every Python object lies in the one region that a dump copies. */
#include <Python.h>

#include "nb_heap.h"

#include <stdlib.h>

/* pymalloc cuts an arena into 16 KB pools at 16 KB boundaries: an arena that starts on one loses no
 * pool. */
#define NB_ARENA_ALIGNMENT ((size_t)16 << 10)

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
