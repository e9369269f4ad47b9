/* The life of a snapshot: initialise once at build time, dump, restore at every start.
 *
 *   nb_restore.c   at the ELF entry, before the C library: maps the image, or leaves all as it is
 *   nb_dump.c      at build time: writes the initialised process to a file
 *   nb_immortal.c  at build time: what lives for ever is read and not written
 *   nb_snapshot.c  around both, in main(): fork semantics, what C code has to do again
 *
 * A restored process is a forked child of the one that initialised: PyOS_BeforeFork() before the
 * dump, PyOS_AfterFork_Child() after the restore. */
#ifndef NB_SNAPSHOT_H
#define NB_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>

enum nb_snapshot_phase {
    NB_SNAPSHOT_NONE = 0,         /* a normal start */
    NB_SNAPSHOT_INITIALISING = 1, /* at build time, in the clean room */
    NB_SNAPSHOT_RESTORED = 2,     /* what the dumped image holds */
};

enum nb_snapshot_phase nb_snapshot_phase(void);

/* Why a start uses its image, or does not. Negative: it has one but cannot use it, and has said so
 * on stderr. Nothing has been changed in any of these cases but NB_RESTORE_DONE. */
enum nb_restore_result {
    NB_RESTORE_DONE = 0,
    NB_RESTORE_NO_IMAGE = 1,
    NB_RESTORE_NOT_ASKED = 2, /* `bootstrap -c …`, or NATIVE_BOOTSTRAP_SNAPSHOT=off */
    NB_RESTORE_FILE = -1,     /* the program's own file cannot be read */
    NB_RESTORE_DAMAGED = -2,
    NB_RESTORE_PROGRAM = -3, /* the image belongs to another program */
    NB_RESTORE_PAGE_SIZE = -4,
    NB_RESTORE_ENVIRONMENT = -5, /* a guarded variable differs */
    NB_RESTORE_MEMORY = -6,
    NB_RESTORE_STREAMS =
        -7, /* stdin, stdout or stderr is closed: its number will be another file's */
};

/* `stack` as the kernel leaves it at the entry point. Past the point of no return a failure ends
 * the process (exit code 1, one line on stderr). */
enum nb_restore_result nb_restore_at(const unsigned long *stack);
/* How much address space the heap was given; only after NB_RESTORE_DONE. */
size_t nb_restore_heap_size(void);

/* The build's own call is `bootstrap --native-bootstrap-initialise PLAN SEED`, SEED: 64 hexadecimal
 * digits. */
#define NB_SNAPSHOT_INITIALISE "--native-bootstrap-initialise"

/* At the ELF entry, like nb_restore_at(), which it calls; for the build's call it begins virtual
 * mode: what constructors read before main() is deterministic then, too. */
void nb_snapshot_enter(const unsigned long *stack);
/* Dumps the process, as a forked child of itself, to `fd`. With the GIL. Returns 0, or an exit code
 * after one line on stderr. */
int nb_snapshot_dump(int fd);

/* First thing in the main() of a restored process, with the GIL (held since the dump). */
void nb_snapshot_resume(void);

/* nb_capability.c: OpenSSL's CPU features, those of the baseline or of this machine. */
void nb_capability_baseline(void);
void nb_capability_detect(void);
/* nb_immortal.c; in the child, with the GIL: modules, classes, functions and constants lose their
 * reference counts. */
void nb_immortal_make(void);
/* nb_dump.c; in the child, single-threaded; allocates nothing. Returns 0 or errno. */
int nb_dump_write(int fd);

#endif
