/* dlopen, dlsym, dladdr and the rest for a static program. They take the place of musl's stubs,
 * whose objects are then never pulled in.
 *
 * The program answers for itself and for the system libraries that it contains (ctypes.CDLL(None),
 * CDLL("libc.so.6"), find_library's answers), through tables made at link time. Other shared
 * objects are loaded (map: nb_object.h). As in musl nothing is ever unloaded: dlclose() only
 * counts. Symbols are looked for in the program, in objects opened with RTLD_GLOBAL, then in the
 * object that was opened and in all it needs; versions are not compared.
 *
 * Thread-safe, and safe across fork(). Constructors run one thread at a time, outside of the
 * loader's lock; a constructor may load more. */
#ifndef NB_DL_H
#define NB_DL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nb_dl_symbol {
    const char *name;
    const void *address;
};

/* Sorted by strcmp of the names. The link step makes them; without, the weak references are null
 * and every look-up fails. `last`: names that an object's own libraries come before (zlib's). */
extern const struct nb_dl_symbol nb_symtab[] __attribute__((weak));
extern const size_t nb_symtab_count __attribute__((weak));
extern const struct nb_dl_symbol nb_symtab_last[] __attribute__((weak));
extern const size_t nb_symtab_last_count __attribute__((weak));

/* What dladdr reports as the program's file. Nuitka derives __file__ and co_filename of compiled
 * modules from its folder: "/var/task/bootstrap" on Lambda, so that they are "/var/task/app.py".
 * Objects embedded in the program lie in that folder, too. Keeps the pointer. */
void nb_dl_set_program(const char *path);
const char *nb_dl_program(void);

/* Whether a library of that name is part of the program. */
bool nb_dl_is_own(const char *name);

/* The first symbol of that name in any loaded object, not in the program; NULL if there is none. */
void *nb_dl_find_in_modules(const char *name);

/* Memory that is mapped from the program's own file and has never been written to, for a snapshot:
 * `offset` in the file. The array is valid until the next dlopen(). Returns its length. */
struct nb_dl_file_range {
    uint64_t address, length, offset;
};
size_t nb_dl_file_ranges(const struct nb_dl_file_range **ranges);

/* nb_cpuid.c: the cpuid instruction (two bytes) at that address becomes a question to the declared
 * baseline. Only while initialising for a snapshot. */
extern void nb_cpuid_mask(unsigned char *instruction) __attribute__((weak));

#endif
