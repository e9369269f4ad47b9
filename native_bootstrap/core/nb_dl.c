/* See nb_dl.h. These definitions take the place of musl's stubs, whose objects are then never
 * pulled in. */
#define _GNU_SOURCE
#include "nb_dl.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>

static const char *nb_dl_path = "/proc/self/exe";

void nb_dl_set_program(const char *path) {
    nb_dl_path = path;
}

const char *nb_dl_program(void) {
    return nb_dl_path;
}

/* ---- errors, per thread ----
 * Not thread-local storage: musl keeps the main thread's TLS block in .bss only while it is tiny,
 * and a dump relies on that. A few slots keyed by thread do; a thread whose slot was taken over
 * loses an unread message, no more. */

#define NB_DL_SLOTS 8
static struct nb_dl_error {
    bool set;
    pthread_t owner;
    char text[512];
} nb_dl_errors[NB_DL_SLOTS];
static unsigned nb_dl_next;
static pthread_mutex_t nb_dl_lock = PTHREAD_MUTEX_INITIALIZER;

/* In turn, so that a message that has just been fetched is not overwritten at once; unread ones
 * last. */
static struct nb_dl_error *nb_dl_new_slot(void) {
    for (size_t i = 0; i < NB_DL_SLOTS; i++) {
        struct nb_dl_error *slot = &nb_dl_errors[nb_dl_next++ % NB_DL_SLOTS];
        if (!slot->set)
            return slot;
    }
    return &nb_dl_errors[nb_dl_next++ % NB_DL_SLOTS];
}

static struct nb_dl_error *nb_dl_own_slot(void) {
    for (size_t i = 0; i < NB_DL_SLOTS; i++)
        if (nb_dl_errors[i].set && pthread_equal(nb_dl_errors[i].owner, pthread_self()))
            return &nb_dl_errors[i];
    return NULL;
}

__attribute__((format(printf, 1, 2))) static void nb_dl_fail(const char *format, ...) {
    va_list arguments;
    pthread_mutex_lock(&nb_dl_lock);
    struct nb_dl_error *slot = nb_dl_own_slot();
    if (slot == NULL)
        slot = nb_dl_new_slot();
    slot->set = true;
    slot->owner = pthread_self();
    va_start(arguments, format);
    vsnprintf(slot->text, sizeof slot->text, format, arguments);
    va_end(arguments);
    pthread_mutex_unlock(&nb_dl_lock);
}

char *dlerror(void) {
    pthread_mutex_lock(&nb_dl_lock);
    struct nb_dl_error *slot = nb_dl_own_slot();
    if (slot != NULL)
        slot->set = false;
    pthread_mutex_unlock(&nb_dl_lock);
    return slot != NULL ? slot->text : NULL;
}

/* ---- handles ---- */

static char nb_dl_self; /* its address is the handle of the program */

/* Names under which programs and find_library() ask for what is linked into this one. */
static bool nb_dl_is_own(const char *name) {
    static const char *const own[] = {
        "libc.so",    "libc.so.6",    "libm.so.6", "libpthread.so.0", "libdl.so.2",
        "librt.so.1", "libutil.so.1", "libz.so.1", "libcrypt.so.1",
    };
    const char *base = strrchr(name, '/');
    base = base != NULL ? base + 1 : name;
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (strcmp(base, own[i]) == 0)
            return true;
    return strncmp(base, "libc.musl-", 10) == 0 || strncmp(base, "ld-musl-", 8) == 0;
}

void *dlopen(const char *file, int mode) {
    (void)mode;
    if (file == NULL || nb_dl_is_own(file))
        return &nb_dl_self;
    nb_dl_fail("%s: this program is static and cannot load binary extension modules yet", file);
    return NULL;
}

int dlclose(void *handle) {
    if (handle == &nb_dl_self)
        return 0;
    nb_dl_fail("dlclose: invalid handle %p", handle);
    return 1;
}

void *dlsym(void *restrict handle, const char *restrict name) {
    if (handle != &nb_dl_self && handle != RTLD_DEFAULT && handle != RTLD_NEXT) {
        nb_dl_fail("dlsym: invalid handle %p", handle);
        return NULL;
    }
    size_t low = 0, high = &nb_symtab_count != NULL ? nb_symtab_count : 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(nb_symtab[middle].name, name);
        if (order == 0)
            return (void *)nb_symtab[middle].address;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    nb_dl_fail("Symbol not found: %s", name);
    return NULL;
}

int dlinfo(void *handle, int request, void *result) {
    (void)request;
    (void)result;
    nb_dl_fail("dlinfo: not available in a static program (handle %p)", handle);
    return -1;
}

/* ---- the program as a loaded object ---- */

extern const ElfW(Ehdr) __ehdr_start; /* both made by the linker */
extern const char _end[];

int dladdr(const void *address, Dl_info *info) {
    const char *begin = (const char *)&__ehdr_start, *at = address;
    if (at < begin || at >= _end)
        return 0;
    *info = (Dl_info){.dli_fname = nb_dl_path, .dli_fbase = (void *)begin};
    /* The table has no sizes, so only an exact address can be named without guessing. */
    size_t count = &nb_symtab_count != NULL ? nb_symtab_count : 0;
    for (size_t i = 0; i < count; i++) {
        if (nb_symtab[i].address == address) {
            info->dli_sname = nb_symtab[i].name;
            info->dli_saddr = (void *)address;
            break;
        }
    }
    return 1;
}

/* libunwind walks stacks with this. A non-PIE program lies where it was linked: dlpi_addr is 0. */
int dl_iterate_phdr(int (*callback)(struct dl_phdr_info *, size_t, void *), void *context) {
    struct dl_phdr_info info = {
        .dlpi_name = nb_dl_path,
        .dlpi_phdr = (const ElfW(Phdr) *)getauxval(AT_PHDR),
        .dlpi_phnum = (ElfW(Half))getauxval(AT_PHNUM),
    };
    extern void *__tls_get_addr(size_t *);
    for (unsigned i = 0; i < info.dlpi_phnum; i++) {
        if (info.dlpi_phdr[i].p_type == PT_TLS) {
            info.dlpi_tls_modid = 1;
            info.dlpi_tls_data = __tls_get_addr((size_t[]){1, 0});
        }
    }
    return callback(&info, sizeof info, context);
}
