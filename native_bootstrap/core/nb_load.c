/* Mapping a shared object and what it needs. Contract: nb_object.h. */
#define _GNU_SOURCE
#include "nb_dl.h"
#include "nb_object.h"
#include "nb_region.h"
#include "nb_virtual.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* ---- ranges of the program's own file, for a snapshot ---- */

static struct nb_dl_file_range *nb_load_ranges;
static size_t nb_load_range_count, nb_load_range_room;

size_t nb_dl_file_ranges(const struct nb_dl_file_range **ranges) {
    *ranges = nb_load_ranges;
    return nb_load_range_count;
}

static bool nb_load_add_range(struct nb_dl_file_range range) {
    if (nb_load_range_count == nb_load_range_room) {
        size_t room = nb_load_range_room > 0 ? 2 * nb_load_range_room : 16;
        struct nb_dl_file_range *more = reallocarray(nb_load_ranges, room, sizeof *more);
        if (more == NULL)
            return false;
        nb_load_ranges = more;
        nb_load_range_room = room;
    }
    nb_load_ranges[nb_load_range_count++] = range;
    return true;
}

/* ---- segments ---- */

static int nb_load_protection(const Elf64_Phdr *segment) {
    return ((segment->p_flags & PF_R) != 0 ? PROT_READ : 0) |
           ((segment->p_flags & PF_W) != 0 ? PROT_WRITE : 0) |
           ((segment->p_flags & PF_X) != 0 ? PROT_EXEC : 0);
}

static uint64_t nb_load_page(void) {
    return getauxval(AT_PAGESZ);
}

static char *nb_load_page_end(const char *at) {
    return (char *)(((uintptr_t)at + nb_load_page() - 1) & -nb_load_page());
}

/* The part behind the file's bytes: zeros. */
static bool nb_load_map_rest(const struct nb_object *object, const Elf64_Phdr *s, char *begin) {
    char *data_end = object->base + s->p_vaddr + s->p_filesz;
    char *page_end = nb_load_page_end(data_end);
    char *end = nb_load_page_end(object->base + s->p_vaddr + s->p_memsz);
    if (s->p_filesz == 0)
        page_end = begin;
    else if ((s->p_flags & PF_W) != 0)
        memset(data_end, 0, (size_t)(page_end - data_end));
    return end <= page_end || mmap(page_end, (size_t)(end - page_end), nb_load_protection(s),
                                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED;
}

static bool nb_load_map_segment(const struct nb_object *object, const Elf64_Phdr *s) {
    uint64_t skew = s->p_vaddr % nb_load_page();
    char *begin = object->base + (s->p_vaddr - skew);
    uint64_t length = (skew + s->p_filesz + nb_load_page() - 1) & -nb_load_page();
    if (s->p_filesz > 0 &&
        !nb_file_map(&object->file, begin, length, nb_load_protection(s), s->p_offset - skew))
        return false;
    if (s->p_filesz > 0 && (s->p_flags & PF_W) == 0 && object->file.embedded != NULL &&
        !nb_load_add_range((struct nb_dl_file_range){.address = (uintptr_t)begin,
                                                     .length = length,
                                                     .offset = nb_file_offset(&object->file) +
                                                               s->p_offset - skew}))
        return false;
    return nb_load_map_rest(object, s, begin);
}

/* nb_elf.h promises it for pages of 4 KB. */
static bool nb_load_fits_pages(const struct nb_elf *elf) {
    const uint64_t page = nb_load_page();
    uint64_t end = 0;
    for (unsigned i = 0; i < elf->segment_count; i++) {
        const Elf64_Phdr *s = &elf->segments[i];
        if (s->p_type != PT_LOAD)
            continue;
        if ((s->p_offset - s->p_vaddr) % page != 0 || (s->p_vaddr & -page) < end)
            return false;
        end = (s->p_vaddr + s->p_memsz + page - 1) & -page;
    }
    return true;
}

/* The reservation is larger than the alignment asks for, instead of lying at a multiple of it: so
 * the next one begins where this one ends, and what a failed load took is free again. */
static bool nb_load_reserve(struct nb_object *object) {
    const struct nb_elf *elf = &object->elf;
    uint64_t align = elf->align > nb_load_page() ? elf->align : nb_load_page();
    uint64_t low = elf->low & -align;
    object->reserved_length =
        ((elf->high - low + nb_load_page() - 1) & -nb_load_page()) + align - nb_load_page();
    object->reserved = nb_region_reserve(object->reserved_length, 0);
    if (object->reserved == NULL)
        return false;
    object->base = (char *)(((uintptr_t)object->reserved + align - 1) & -align) - low;
    object->memory = object->base + elf->low;
    return true;
}

static bool nb_load_map(struct nb_object *object) {
    const struct nb_elf *elf = &object->elf;
    const char *path = object->file.path;
    if (!nb_load_fits_pages(elf)) {
        nb_dl_fail("%s: laid out for smaller pages than this machine's, which have %llu KB", path,
                   (unsigned long long)nb_load_page() / 1024);
        return false;
    }
    if (!nb_load_reserve(object)) {
        nb_dl_fail("%s: no room in the address space: %s", path, strerror(errno));
        return false;
    }
    for (unsigned i = 0; i < elf->segment_count; i++) {
        if (elf->segments[i].p_type != PT_LOAD || nb_load_map_segment(object, &elf->segments[i]))
            continue;
        nb_dl_fail("%s: cannot be mapped: %s%s", path, strerror(errno),
                   errno == EPERM ? " (is its file system mounted with noexec?)" : "");
        return false;
    }
    return true;
}

/* ---- one file ---- */

/* The ranges of the last object that was mapped. */
static void nb_load_forget_ranges(const struct nb_object *object) {
    while (nb_load_range_count > 0 && object->memory != NULL &&
           nb_load_ranges[nb_load_range_count - 1].address >= (uintptr_t)object->memory)
        nb_load_range_count--;
}

static void nb_load_free(struct nb_object *object) {
    nb_load_forget_ranges(object);
    if (object->reserved != NULL)
        nb_region_release(object->reserved, object->reserved_length);
    nb_file_close(&object->file);
    free(object->folder);
    free(object->needs);
    free(object->group);
    free(object);
}

void nb_load_undo(struct nb_load *load) {
    /* The last first: then the region's place is free again. */
    while (load->first != NULL) {
        struct nb_object **link = &load->first;
        while ((*link)->next != NULL)
            link = &(*link)->next;
        struct nb_object *object = *link;
        *link = NULL;
        nb_load_free(object);
    }
    load->last = NULL;
}

/* Its symbols would be found in part, and mean other things. That it asks for libc.so.6 does not
   tell: some are built for both C libraries. */
static const char *nb_load_glibc(const struct nb_elf *elf) {
    const char *name;
    for (unsigned i = 0; (name = nb_elf_needed(elf, i)) != NULL; i++)
        if (strncmp(name, "ld-linux", 8) == 0)
            return name;
    return nb_elf_glibc_version(elf);
}

static bool nb_load_check(const struct nb_object *object, const char *wrong) {
    const char *path = object->file.path;
    if (wrong != NULL) {
        nb_dl_fail("%s: %s", path, wrong);
        return false;
    }
    const char *glibc = nb_load_glibc(&object->elf);
    if (glibc != NULL)
        nb_dl_fail("%s: built for glibc (it needs %s): this program takes musllinux wheels", path,
                   glibc);
    return glibc == NULL;
}

/* Takes `path` over. The object is at the end of `load`, without what it needs. */
static struct nb_object *nb_load_file(struct nb_load *load, char *path, struct nb_object *by) {
    struct nb_object *object = calloc(1, sizeof *object);
    const char *why = "no memory";
    char *shown = strdup(path);
    if (object == NULL || shown == NULL || !nb_file_open(&object->file, path, &why)) {
        nb_dl_fail("%s: %s", shown != NULL ? shown : "dlopen", why);
        free(shown);
        free(object);
        return NULL;
    }
    free(shown);
    const char *wrong = nb_elf_read(&object->elf, object->file.bytes, object->file.length);
    if (!nb_load_check(object, wrong)) {
        nb_load_free(object);
        return NULL;
    }
    object->folder = strdup(object->file.path);
    if (object->folder == NULL)
        nb_dl_fail("%s: no memory", object->file.path);
    else
        *strrchr(object->folder, '/') = '\0';
    if (object->folder == NULL || !nb_load_map(object)) {
        nb_load_free(object);
        return NULL;
    }
    nb_file_settle(&object->file);
    object->by = by;
    if (load->last != NULL)
        load->last->next = object;
    else
        load->first = object;
    load->last = object;
    return object;
}

/* ---- what is loaded already ---- */

/* One after the other: what is published, then what is in `load`. NULL begins and ends. */
static struct nb_object *nb_load_next(const struct nb_load *load, const struct nb_object *o) {
    struct nb_object *next = o != NULL ? nb_object_next(o) : nb_object_first();
    return next != NULL || (o != NULL && o == load->last) ? next : load->first;
}

static bool nb_load_is_same(const struct nb_object *object, const struct nb_file *file) {
    return strcmp(object->file.path, file->path) == 0 ||
           (object->file.embedded == NULL && file->number != 0 &&
            object->file.device == file->device && object->file.number == file->number);
}

static struct nb_object *nb_load_known(const struct nb_load *load, const struct nb_file *file) {
    struct nb_object *o = nb_load_next(load, NULL);
    while (o != NULL && !nb_load_is_same(o, file))
        o = nb_load_next(load, o);
    return o;
}

static bool nb_load_is_called(const struct nb_object *object, const char *name) {
    const char *base = strrchr(object->file.path, '/') + 1;
    return strcmp(base, name) == 0 ||
           (object->elf.soname != NULL && strcmp(object->elf.soname, name) == 0);
}

static struct nb_object *nb_load_called(const struct nb_load *load, const char *name) {
    struct nb_object *o = nb_load_next(load, NULL);
    while (o != NULL && !nb_load_is_called(o, name))
        o = nb_load_next(load, o);
    return o;
}

/* ---- search ---- */

/* folder/name with $ORIGIN, as an absolute path of its own; NULL if there is no such file. */
static char *nb_load_try(const char *folder, size_t length, const char *origin, const char *name) {
    char text[PATH_MAX];
    size_t used = 0, skip;
    for (size_t i = 0; i < length && used < sizeof text; i += skip) {
        bool bare = strncmp(folder + i, "$ORIGIN", 7) == 0;
        bool braced = strncmp(folder + i, "${ORIGIN}", 9) == 0;
        skip = bare ? 7 : braced ? 9 : 1;
        const char *piece = skip > 1 ? origin : folder + i;
        size_t n = skip > 1 ? strlen(origin) : 1;
        if (n >= sizeof text - used)
            return NULL;
        memcpy(text + used, piece, n);
        used += n;
    }
    size_t n = strlen(name);
    if (used == 0 || n + 2 > sizeof text - used)
        return NULL;
    text[used] = '/';
    memcpy(text + used + 1, name, n + 1);
    char *path = nb_file_path(text);
    if (path == NULL || nb_file_exists(path))
        return path;
    free(path);
    return NULL;
}

/* Along a list of folders with colons. */
static char *nb_load_search(const char *folders, const char *origin, const char *name) {
    while (folders != NULL && *folders != '\0') {
        size_t n = strcspn(folders, ":");
        char *path = nb_load_try(folders, n, origin, name);
        if (path != NULL)
            return path;
        folders += n + (folders[n] == ':');
    }
    return NULL;
}

/* ---- with all that it needs ---- */

static bool nb_load_needs(struct nb_load *load, struct nb_object *object) {
    unsigned count = 0;
    const char *name;
    while (nb_elf_needed(&object->elf, count) != NULL)
        count++;
    object->needs = calloc(count + 1, sizeof *object->needs);
    if (object->needs == NULL) {
        nb_dl_fail("%s: no memory", object->file.path);
        return false;
    }
    for (unsigned i = 0; (name = nb_elf_needed(&object->elf, i)) != NULL; i++) {
        if (nb_dl_is_own(name))
            continue;
        struct nb_object *needed = nb_load_named(load, name, object);
        if (needed == NULL)
            return false;
        object->needs[object->need_count++] = needed;
    }
    return true;
}

/* Run paths count for what is below, too, as in musl. */
static char *nb_load_find(const struct nb_load *load, const char *name, const struct nb_object *by,
                          struct nb_object **known) {
    char *path = NULL;
    for (; by != NULL && path == NULL; by = by->by)
        path = nb_load_search(by->elf.run_path, by->folder, name);
    if (path == NULL)
        *known = nb_load_called(load, name);
    return path != NULL || *known != NULL ? path
                                          : nb_load_search(getenv("LD_LIBRARY_PATH"), "", name);
}

static void nb_load_fail(const char *name, const struct nb_object *by) {
    const char *run_path = by != NULL ? by->elf.run_path : NULL;
    if (strchr(name, '/') != NULL)
        nb_dl_fail("%s: %s", name, strerror(errno));
    else if (by != NULL)
        nb_dl_fail("%s: needs %s, which is not there (its run path: %s)", by->file.path, name,
                   run_path != NULL ? run_path : "none");
    else
        nb_dl_fail("%s: not found, neither in the program nor along LD_LIBRARY_PATH", name);
}

struct nb_object *nb_load_named(struct nb_load *load, const char *name, struct nb_object *by) {
    struct nb_object *known = NULL;
    char *path =
        strchr(name, '/') != NULL ? nb_file_path(name) : nb_load_find(load, name, by, &known);
    if (path == NULL) {
        if (known == NULL)
            nb_load_fail(name, by);
        return known;
    }
    struct nb_file same = {.path = path};
    struct stat status;
    if (stat(path, &status) == 0) { /* on disk it may be known under another name */
        same.device = status.st_dev;
        same.number = status.st_ino;
    }
    known = nb_load_known(load, &same);
    if (known != NULL) {
        free(path);
        return known;
    }
    struct nb_object *object = nb_load_file(load, path, by);
    return object != NULL && nb_load_needs(load, object) ? object : NULL;
}

/* The next in the list of those to look at; false: no memory. */
static bool nb_load_join(struct nb_object ***group, unsigned *count, struct nb_object *object) {
    if (object->is_marked)
        return true;
    if ((*count & (*count - 1)) == 0) { /* full at each power of two */
        struct nb_object **more =
            reallocarray(*group, *count > 0 ? 2 * (size_t)*count : 1, sizeof **group);
        if (more == NULL)
            return false;
        *group = more;
    }
    object->is_marked = true;
    (*group)[(*count)++] = object;
    return true;
}

bool nb_load_group(struct nb_object *root) {
    struct nb_object **group = NULL;
    unsigned count = 0;
    bool good = nb_load_join(&group, &count, root);
    for (unsigned i = 0; good && i < count; i++)
        for (unsigned n = 0; good && n < group[i]->need_count; n++)
            good = nb_load_join(&group, &count, group[i]->needs[n]);
    for (unsigned i = 0; i < count; i++)
        group[i]->is_marked = false;
    if (!good) {
        free(group);
        return false;
    }
    root->group = group;
    root->group_count = count;
    return true;
}
