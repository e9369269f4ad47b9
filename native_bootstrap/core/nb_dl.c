/* dlopen and its kin. Contract: nb_dl.h; the parts: nb_object.h. */
#define _GNU_SOURCE
#include "nb_dl.h"

#include "nb_object.h"
#include "nb_tls.h"

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

static const char *nb_dl_path = "/proc/self/exe";

void nb_dl_set_program(const char *path) {
    nb_dl_path = path;
}

const char *nb_dl_program(void) {
    return nb_dl_path;
}

/* ---- what is loaded ---- */

/* Only ever appended to, so that an unwinder can walk it without a lock, in a constructor too. */
static struct nb_object *_Atomic nb_dl_first;
static struct nb_object *nb_dl_last;
static _Atomic unsigned nb_dl_count;

struct nb_object *nb_object_first(void) {
    return atomic_load_explicit(&nb_dl_first, memory_order_acquire);
}

struct nb_object *nb_object_next(const struct nb_object *object) {
    return __atomic_load_n(&object->next, __ATOMIC_ACQUIRE);
}

struct nb_object *nb_object_at(const void *address) {
    uintptr_t at = (uintptr_t)address;
    for (struct nb_object *o = nb_object_first(); o != NULL; o = nb_object_next(o))
        if (at - (uintptr_t)o->memory < o->elf.high - o->elf.low)
            return o;
    return NULL;
}

static void nb_dl_publish(const struct nb_load *load) {
    unsigned count = 0;
    if (load->first == NULL)
        return;
    for (const struct nb_object *o = load->first; o != NULL; o = o->next)
        count++;
    if (nb_dl_last != NULL)
        __atomic_store_n(&nb_dl_last->next, load->first, __ATOMIC_RELEASE);
    else
        atomic_store_explicit(&nb_dl_first, load->first, memory_order_release);
    nb_dl_last = load->last;
    atomic_fetch_add(&nb_dl_count, count);
}

/* ---- locks ----
 * One for the list and the loading, and one for constructors, which may load more. */

static pthread_mutex_t nb_dl_lock = PTHREAD_MUTEX_INITIALIZER;

/* Recursive, and its owner is still that in the child of a fork(): a thread keeps its pthread_t. */
static pthread_mutex_t nb_dl_starting = PTHREAD_MUTEX_INITIALIZER;
static _Atomic(pthread_t) nb_dl_starter;
static unsigned nb_dl_depth;

static void nb_dl_enter_starting(void) {
    if (atomic_load(&nb_dl_starter) != pthread_self()) {
        pthread_mutex_lock(&nb_dl_starting);
        atomic_store(&nb_dl_starter, pthread_self());
    }
    nb_dl_depth++;
}

/* False: another thread is in a constructor, or about to be. */
static bool nb_dl_try_starting(void) {
    if (atomic_load(&nb_dl_starter) != pthread_self() &&
        pthread_mutex_trylock(&nb_dl_starting) != 0)
        return false;
    atomic_store(&nb_dl_starter, pthread_self());
    nb_dl_depth++;
    return true;
}

static void nb_dl_leave_starting(void) {
    if (--nb_dl_depth == 0) {
        atomic_store(&nb_dl_starter, (pthread_t)0);
        pthread_mutex_unlock(&nb_dl_starting);
    }
}

/* musl's fork() calls this: -1 before, 0 in the parent, 1 in the child. A thread that is in a
 * constructor does not exist in the child: what it was starting stays half started there. */
void __ldso_atfork(int who);
void __ldso_atfork(int who) {
    if (who < 0) {
        nb_dl_error_prepare();
        pthread_mutex_lock(&nb_dl_lock);
        return;
    }
    pthread_mutex_unlock(&nb_dl_lock);
    if (who > 0 && atomic_load(&nb_dl_starter) != pthread_self()) {
        nb_dl_starting = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
        nb_dl_starter = (pthread_t)0;
        nb_dl_depth = 0;
    }
}

/* ---- constructors and destructors ---- */

static struct nb_object **nb_dl_started; /* in the order in which they were */
static size_t nb_dl_started_count, nb_dl_started_room;

/* The last one that is not finished; NULL at the end, or while another thread is in a constructor:
 * it may never come back from there, for want of an interpreter that has ended. */
static const struct nb_object *nb_dl_take_started(void) {
    const struct nb_object *object = NULL;
    if (!nb_dl_try_starting())
        return NULL;
    if (nb_dl_started_count > 0)
        object = nb_dl_started[--nb_dl_started_count];
    nb_dl_leave_starting();
    return object;
}

static void nb_dl_finish(void) {
    const struct nb_object *object;
    while ((object = nb_dl_take_started()) != NULL) {
        const struct nb_elf *elf = &object->elf;
        void (**functions)(void) = (void (**)(void))(object->base + elf->fini_array);
        for (uint64_t i = elf->fini_count; i > 0; i--)
            functions[i - 1]();
        if (elf->fini != 0)
            ((void (*)(void))(object->base + elf->fini))();
    }
}

static bool nb_dl_remember(struct nb_object *object) {
    if (nb_dl_started_count == nb_dl_started_room) {
        size_t room = nb_dl_started_room > 0 ? 2 * nb_dl_started_room : 16;
        struct nb_object **more = reallocarray(nb_dl_started, room, sizeof *more);
        if (more == NULL)
            return false;
        if (nb_dl_started == NULL)
            atexit(nb_dl_finish);
        nb_dl_started = more;
        nb_dl_started_room = room;
    }
    nb_dl_started[nb_dl_started_count++] = object;
    return true;
}

/* What it needs first. A cycle begins where it is entered. */
static void nb_dl_start(struct nb_object *object) {
    const struct nb_elf *elf = &object->elf;
    if (object->is_started)
        return;
    object->is_started = true;
    for (unsigned i = 0; i < object->need_count; i++)
        nb_dl_start(object->needs[i]);
    nb_dl_remember(object); /* without memory for that, its destructors do not run */
    if (elf->init != 0)
        ((void (*)(void))(object->base + elf->init))();
    void (**functions)(void) = (void (**)(void))(object->base + elf->init_array);
    for (uint64_t i = 0; i < elf->init_count; i++)
        functions[i]();
}

/* Whoever gets a handle has a started object. Nobody waits for another's constructors but who asks
 * for the same object, or is the first to ask for one. */
static void nb_dl_start_once(struct nb_object *object) {
    if (__atomic_load_n(&object->is_ready, __ATOMIC_ACQUIRE))
        return;
    nb_dl_enter_starting();
    nb_dl_start(object);
    if (nb_dl_depth == 1) /* else it may be in the middle of its own constructor */
        __atomic_store_n(&object->is_ready, true, __ATOMIC_RELEASE);
    nb_dl_leave_starting();
}

/* ---- opening ---- */

static char nb_dl_self; /* its address is the handle of the program */

/* musl's names, glibc's for the same libraries, and zlib's. In Python: OWN in
   build_scripts/symbols.py. A libutil.so is somebody's own. */
bool nb_dl_is_own(const char *name) {
    static const char *const own[] = {
        "libc.so",      "libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2",    "librt.so.1",
        "libutil.so.1", "libz.so.1", "libz.so",   "libm.so",         "libcrypt.so.1",
    };
    const char *base = strrchr(name, '/');
    base = base != NULL ? base + 1 : name;
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (strcmp(base, own[i]) == 0)
            return true;
    return strncmp(base, "libc.musl-", 10) == 0 || strncmp(base, "ld-musl-", 8) == 0 ||
           strncmp(base, "libpython3.", 11) == 0;
}

/* Nobody loads a second C library; of zlib an object may have a file of its own. */
static bool nb_dl_means_self(const char *file) {
    const char *slash = strrchr(file, '/');
    if (!nb_dl_is_own(file))
        return false;
    return slash == NULL || strncmp(slash, "/libz.", 6) != 0 || !nb_file_exists(file);
}

static bool nb_dl_complete(struct nb_load *load, struct nb_object *root) {
    for (struct nb_object *o = load->first; o != NULL; o = o->next)
        if (!nb_relocate_make_room(o))
            return false;
    for (struct nb_object *o = load->first; o != NULL; o = o->next)
        if (!nb_relocate(root, o))
            return false;
    for (struct nb_object *o = load->first; o != NULL; o = o->next)
        nb_relocate_start_tls(o);
    return true;
}

static bool nb_dl_make_group(struct nb_object *object) {
    if (object->group == NULL && !nb_load_group(object)) {
        nb_dl_fail("%s: no memory", object->file.path);
        return false;
    }
    return true;
}

/* Under the lock. */
static struct nb_object *nb_dl_load(const char *file) {
    struct nb_load load = {NULL, NULL};
    struct nb_tls_mark mark = nb_tls_mark();
    struct nb_object *object = nb_load_named(&load, file, NULL);
    if (object != NULL && nb_dl_make_group(object) && nb_dl_complete(&load, object)) {
        nb_dl_publish(&load);
        return object;
    }
    nb_load_undo(&load);
    nb_tls_take_back(mark);
    return NULL;
}

static struct nb_object *nb_dl_loaded(const char *file) {
    char *path = strchr(file, '/') != NULL ? nb_file_path(file) : NULL;
    struct nb_object *o = nb_object_first();
    for (; o != NULL; o = nb_object_next(o)) {
        const char *base = strrchr(o->file.path, '/') + 1;
        if (strcmp(path != NULL ? o->file.path : base, path != NULL ? path : file) == 0 ||
            (o->elf.soname != NULL && strcmp(o->elf.soname, file) == 0))
            break;
    }
    free(path);
    if (o == NULL)
        nb_dl_fail("%s: not loaded", file);
    return o;
}

/* Under the lock. */
static struct nb_object *nb_dl_open(const char *file, int mode) {
    struct nb_object *object = (mode & RTLD_NOLOAD) != 0 ? nb_dl_loaded(file) : nb_dl_load(file);
    if (object == NULL || !nb_dl_make_group(object))
        return NULL;
    __atomic_fetch_add(&object->opened, 1, __ATOMIC_RELAXED);
    for (unsigned i = 0; (mode & RTLD_GLOBAL) != 0 && i < object->group_count; i++)
        __atomic_store_n(&object->group[i]->is_global, true, __ATOMIC_RELEASE);
    return object;
}

void *dlopen(const char *file, int mode) {
    int cancelling;
    if (file == NULL || nb_dl_means_self(file))
        return &nb_dl_self;
    /* open() and close() would be points where a thread may end with the lock in its hands. */
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelling);
    pthread_mutex_lock(&nb_dl_lock);
    struct nb_object *object = nb_dl_open(file, mode);
    pthread_mutex_unlock(&nb_dl_lock);
    pthread_setcancelstate(cancelling, NULL);
    if (object != NULL)
        nb_dl_start_once(object);
    return object;
}

/* ---- handles ---- */

static struct nb_object *nb_dl_object(const void *handle) {
    for (struct nb_object *o = nb_object_first(); o != NULL; o = nb_object_next(o))
        if (o == handle)
            return __atomic_load_n(&o->opened, __ATOMIC_RELAXED) > 0 ? o : NULL;
    return NULL;
}

int dlclose(void *handle) {
    if (handle == &nb_dl_self)
        return 0;
    pthread_mutex_lock(&nb_dl_lock);
    struct nb_object *object = nb_dl_object(handle);
    if (object != NULL)
        __atomic_fetch_sub(&object->opened, 1, __ATOMIC_RELAXED);
    pthread_mutex_unlock(&nb_dl_lock);
    if (object == NULL)
        nb_dl_fail("dlclose: invalid handle %p", handle);
    return object == NULL;
}

/* The objects behind the caller's own. */
static bool nb_dl_find_next(const void *caller, const char *name, struct nb_found *found) {
    struct nb_object *own = nb_object_at(caller);
    struct nb_object *o = own != NULL ? nb_object_next(own) : nb_object_first();
    for (; o != NULL; o = nb_object_next(o))
        if (nb_find_in(o, name, found))
            return true;
    *found = (struct nb_found){.address = own != NULL ? nb_find_in_program(name, false) : NULL};
    return found->address != NULL;
}

/* Every object needs the C library, which is in the program. */
static bool nb_dl_find_below(const struct nb_object *object, const char *name,
                             struct nb_found *found) {
    for (unsigned i = 0; i < object->group_count; i++)
        if (nb_find_in(object->group[i], name, found))
            return true;
    *found = (struct nb_found){.address = nb_find_in_program(name, false)};
    if (found->address == NULL)
        found->address = nb_find_in_program(name, true);
    return found->address != NULL;
}

static void *nb_dl_address(const struct nb_found *found) {
    if (found->symbol != NULL && ELF64_ST_TYPE(found->symbol->st_info) == STT_TLS)
        return nb_tls_address(found->object->tls + (ptrdiff_t)found->symbol->st_value);
    if (found->symbol != NULL && ELF64_ST_TYPE(found->symbol->st_info) == STT_GNU_IFUNC)
        return NULL;
    return found->address;
}

__attribute__((noinline)) void *dlsym(void *restrict handle, const char *restrict name) {
    struct nb_found found;
    bool good;
    if (handle == RTLD_NEXT) {
        good = nb_dl_find_next(__builtin_return_address(0), name, &found);
    } else if (handle == RTLD_DEFAULT || handle == &nb_dl_self) {
        good = nb_find(NULL, name, &found);
    } else {
        const struct nb_object *object = nb_dl_object(handle);
        if (object == NULL) {
            nb_dl_fail("dlsym: invalid handle %p", handle);
            return NULL;
        }
        good = nb_dl_find_below(object, name, &found);
    }
    void *address = good ? nb_dl_address(&found) : NULL;
    if (!good)
        nb_dl_fail("Symbol not found: %s", name);
    else if (address == NULL && ELF64_ST_TYPE(found.symbol->st_info) == STT_GNU_IFUNC)
        nb_dl_fail("%s: an indirect function (IFUNC), which cannot be called: %s",
                   found.object->file.path, name);
    return address;
}

void *nb_dl_find_in_modules(const char *name) {
    struct nb_found found;
    for (struct nb_object *o = nb_object_first(); o != NULL; o = nb_object_next(o))
        if (nb_find_in(o, name, &found))
            return nb_dl_address(&found);
    return NULL;
}

int dlinfo(void *handle, int request, void *result) {
    (void)request;
    (void)result;
    nb_dl_fail("dlinfo: not available in a static program (handle %p)", handle);
    return -1;
}

/* ---- what lies where ---- */

extern const ElfW(Ehdr) __ehdr_start; /* both made by the linker */
extern const char _end[];

static void nb_dl_name_object(const struct nb_object *object, const void *address, Dl_info *info) {
    const Elf64_Sym *symbols = (const Elf64_Sym *)object->elf.symbols.at;
    uint64_t at = (uint64_t)((const char *)address - object->base), best = 0;
    *info = (Dl_info){.dli_fname = object->file.path, .dli_fbase = object->memory};
    for (uint64_t i = 1; i < object->elf.symbols.count; i++) {
        unsigned kind = ELF64_ST_TYPE(symbols[i].st_info);
        const char *name = nb_elf_string(&object->elf, symbols[i].st_name);
        if (symbols[i].st_shndx == SHN_UNDEF || (kind != STT_FUNC && kind != STT_OBJECT) ||
            symbols[i].st_value > at || symbols[i].st_value <= best || name == NULL ||
            (symbols[i].st_size > 0 && at - symbols[i].st_value >= symbols[i].st_size))
            continue;
        best = symbols[i].st_value;
        info->dli_sname = name;
        info->dli_saddr = object->base + best;
    }
}

int dladdr(const void *address, Dl_info *info) {
    const char *begin = (const char *)&__ehdr_start, *at = address;
    const struct nb_object *object = nb_object_at(address);
    if (object != NULL) {
        nb_dl_name_object(object, address, info);
        return 1;
    }
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

/* Unwinders walk stacks with this. A non-PIE program lies where it was linked: dlpi_addr is 0. */
int dl_iterate_phdr(int (*callback)(struct dl_phdr_info *, size_t, void *), void *context) {
    struct dl_phdr_info info = {
        .dlpi_name = nb_dl_path,
        .dlpi_phdr = (const ElfW(Phdr) *)getauxval(AT_PHDR),
        .dlpi_phnum = (ElfW(Half))getauxval(AT_PHNUM),
        .dlpi_adds = 1 + atomic_load(&nb_dl_count),
    };
    int result = callback(&info, sizeof info, context);
    for (struct nb_object *o = nb_object_first(); o != NULL && result == 0; o = nb_object_next(o)) {
        info.dlpi_addr = (ElfW(Addr))(uintptr_t)o->base;
        info.dlpi_name = o->file.path;
        info.dlpi_phdr = o->elf.segments;
        info.dlpi_phnum = (ElfW(Half))o->elf.segment_count;
        info.dlpi_tls_modid = o->tls != 0;
        info.dlpi_tls_data = o->tls != 0 ? nb_tls_address(o->tls) : NULL;
        result = callback(&info, sizeof info, context);
    }
    return result;
}
