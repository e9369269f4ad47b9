/* Shared objects in the memory of this process. Map of the loader:
 *
 *   nb_elf.c, nb_elf_names.c  what a file says of itself, checked       (pure, fuzzed)
 *   nb_file.c                 where a file is: inside the program, or on disk
 *   nb_load.c                 its segments mapped, and those of what it needs
 *   nb_relocate.c             symbols found, relocations applied
 *   nb_tls.c                  thread-local storage
 *   nb_dl.c                   dlopen and its kin; constructors; what is loaded
 *   nb_dl_error.c             messages, one per thread */
#ifndef NB_OBJECT_H
#define NB_OBJECT_H

#include "nb_elf.h"
#include "nb_file.h"

#include <stdbool.h>
#include <stddef.h>

struct nb_object {
    struct nb_object *next; /* in the order of loading; published with release semantics */
    struct nb_file file;
    struct nb_elf elf;
    char *folder;            /* $ORIGIN */
    struct nb_object *by;    /* the first that asked for it; NULL: dlopen() */
    char *reserved, *memory; /* of elf.high - elf.low bytes, in a reservation */
    size_t reserved_length;
    char *base;                        /* address 0 of the object */
    struct nb_object **needs, **group; /* what it asks for; itself and all below, breadth first */
    unsigned need_count, group_count;
    ptrdiff_t tls;   /* of its block, from the thread pointer; 0: it has none */
    unsigned opened; /* dlopen() without dlclose() */
    bool is_global, is_started, is_marked;
    bool is_ready; /* started, with all that it needs */
};

/* The first of all; never NULL entries, never removed. */
struct nb_object *nb_object_first(void);
struct nb_object *nb_object_next(const struct nb_object *object);
/* The one whose segments hold this address, or NULL. */
struct nb_object *nb_object_at(const void *address);

/* ---- nb_load.c; under the loader's lock ---- */

/* What one dlopen() loads, in order, before it is published. */
struct nb_load {
    struct nb_object *first, *last;
};

/* The object with all it needs: from `load`, already published, or newly mapped into `load`.
 * NULL with a message. `name` with a slash is a path; else it is looked for in the run paths of
 * `by` and of those that asked for that, among what is loaded, and along LD_LIBRARY_PATH. */
struct nb_object *nb_load_named(struct nb_load *load, const char *name, struct nb_object *by);
/* Fills object->group. False: no memory. */
bool nb_load_group(struct nb_object *object);
/* Unmaps and frees everything in `load`. */
void nb_load_undo(struct nb_load *load);

/* ---- nb_relocate.c; under the loader's lock ---- */

struct nb_found {
    struct nb_object *object; /* NULL: the program */
    const Elf64_Sym *symbol;  /* NULL: the program, or undefined and weak */
    void *address;            /* of a thread-local variable: NULL */
};

/* What the program answers for that name; NULL if it does not. `last`: only where no object has
 * such a symbol of its own. */
void *nb_find_in_program(const char *name, bool last);
/* Program, global objects, then root's group (root may be NULL). */
bool nb_find(const struct nb_object *root, const char *name, struct nb_found *found);
/* In one object. */
bool nb_find_in(struct nb_object *object, const char *name, struct nb_found *found);
/* A place in every thread for its thread-local storage, before anybody refers to it. False with a
 * message, as below. */
bool nb_relocate_make_room(struct nb_object *object);
/* Relocations and protection. */
bool nb_relocate(const struct nb_object *root, struct nb_object *object);
/* Its initial values for every thread, once nothing can fail any more. (They may hold addresses, so
 * they are complete only after the relocations.) */
void nb_relocate_start_tls(struct nb_object *object);

/* ---- nb_dl_error.c ---- */

__attribute__((format(printf, 1, 2))) void nb_dl_fail(const char *format, ...);
/* Before a fork(): no other thread is making what they share, for which a child would wait. */
void nb_dl_error_prepare(void);

#endif
