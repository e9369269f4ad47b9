/* dlopen, dlsym, dladdr and the rest for a static program.
 *
 * Now: the program itself answers for the names of the system libraries it contains
 * (ctypes.CDLL(None), CDLL("libc.so.6"), find_library's answers), through a symbol table made at
 * link time. Any other file is refused with a message: loading binary extension modules is a
 * separate step that will extend nb_dl.c.
 *
 * The table: nb_symtab[0 .. nb_symtab_count), sorted by strcmp of the names. The link step makes
 * it; without one the weak references below are null and every look-up fails. */
#ifndef NB_DL_H
#define NB_DL_H

#include <stdbool.h>
#include <stddef.h>

struct nb_dl_symbol {
    const char *name;
    const void *address;
};

extern const struct nb_dl_symbol nb_symtab[] __attribute__((weak));
extern const size_t nb_symtab_count __attribute__((weak));

/* What dladdr reports as the program's file. Nuitka derives __file__ and co_filename of compiled
 * modules from its folder: "/var/task/bootstrap" on Lambda, so that they are "/var/task/app.py".
 * Keeps the pointer. */
void nb_dl_set_program(const char *path);
const char *nb_dl_program(void);

#endif
