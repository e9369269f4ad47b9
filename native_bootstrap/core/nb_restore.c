/* Takes a program's image into use, at the ELF entry. Contract: nb_snapshot.h, format: nb_image.h.
 *
 * The C library does not run yet: no errno, no thread-local storage, no malloc; only the stack and
 * raw system calls. Everything is checked first; the mapping over .data and .bss is the point of no
 * return. Until then a failure undoes the heap's mapping, and the pristine program starts. After
 * it, _start re-initialises what the C library keeps of the environment, the auxiliary vector and
 * the thread pointer, and main() finds NB_SNAPSHOT_RESTORED. */
#include "nb_heap.h"
#include "nb_image.h"
#include "nb_snapshot.h"
#include "nb_syscall.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/mman.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#ifndef MAP_NORESERVE
#define MAP_NORESERVE 0x4000
#endif
#define NB_RESTORE_IOVECS 1024 /* UIO_MAXIOV */
#define NB_RESTORE_SWITCH "NATIVE_BOOTSTRAP_SNAPSHOT"

/* Volatile: the build writes its fields into the finished file. */
__attribute__((used, aligned(64))) static const volatile struct nb_image_slot nb_restore_slot = {
    .magic = {NB_IMAGE_SLOT_MAGIC[0], NB_IMAGE_SLOT_MAGIC[1], NB_IMAGE_SLOT_MAGIC[2],
              NB_IMAGE_SLOT_MAGIC[3], NB_IMAGE_SLOT_MAGIC[4], NB_IMAGE_SLOT_MAGIC[5],
              NB_IMAGE_SLOT_MAGIC[6], NB_IMAGE_SLOT_MAGIC[7], NB_IMAGE_SLOT_MAGIC[8],
              NB_IMAGE_SLOT_MAGIC[9], NB_IMAGE_SLOT_MAGIC[10], NB_IMAGE_SLOT_MAGIC[11],
              NB_IMAGE_SLOT_MAGIC[12], NB_IMAGE_SLOT_MAGIC[13], NB_IMAGE_SLOT_MAGIC[14],
              NB_IMAGE_SLOT_MAGIC[15]},
};

static size_t nb_restore_size;

size_t nb_restore_heap_size(void) {
    return nb_restore_size;
}

/* What the start has to go by: the initial stack, taken apart. */
struct nb_restore_start {
    long argc;
    char **argv, **environ;
    const unsigned long *auxv;
};

/* ---- text: bounded, without the C library ---- */

static size_t nb_restore_length(const char *text) {
    size_t n = 0;
    while (text[n] != '\0') {
        n++;
        __asm__ volatile(""); /* not a call of strlen() */
    }
    return n;
}

static bool nb_restore_same(const char *a, const char *b, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (a[i] != b[i])
            return false;
    return true;
}

struct nb_restore_line {
    char text[512];
    size_t used;
};

static void nb_restore_add(struct nb_restore_line *line, const char *text, size_t n) {
    for (size_t i = 0; i < n && line->used < sizeof line->text - 1; i++)
        line->text[line->used++] = text[i] < ' ' && text[i] >= 0 ? '?' : text[i];
}

/* One line on stderr. `name` and `note` may be empty. Values are not shown: they may be secrets. */
static void nb_restore_say(const char *what, const char *name, size_t name_length,
                           const char *note) {
    struct nb_restore_line line = {.used = 0};
    nb_restore_add(&line, what, nb_restore_length(what));
    nb_restore_add(&line, name, name_length);
    nb_restore_add(&line, note, nb_restore_length(note));
    line.text[line.used++] = '\n';
    nb_syscall(SYS_write, 2, line.text, line.used);
}

#define NB_RESTORE_WITHOUT "native-bootstrap: starting without the snapshot: "

static enum nb_restore_result nb_restore_refuse(enum nb_restore_result result, const char *why) {
    nb_restore_say(NB_RESTORE_WITHOUT, "", 0, why);
    return result;
}

static _Noreturn void nb_restore_die(const char *why) {
    nb_restore_say("native-bootstrap: cannot start: ", "", 0, why);
    for (;;)
        nb_syscall(SYS_exit_group, 1, 0, 0);
}

/* ---- the environment ---- */

/* The value of a variable in the initial environment; NULL if it is not set. */
static const char *nb_restore_variable(char **environ, const char *name, size_t n) {
    for (; *environ != NULL; environ++)
        if (nb_restore_same(*environ, name, n) && (*environ)[n] == '=')
            return *environ + n + 1;
    return NULL;
}

static const struct nb_image_guard *nb_restore_guards(const struct nb_image_header *header) {
    return (const struct nb_image_guard *)((const char *)header + header->guards);
}

static bool nb_restore_holds(const struct nb_image_header *header,
                             const struct nb_image_guard *guard, char **environ) {
    const char *base = (const char *)header;
    const char *value = nb_restore_variable(environ, base + guard->name, guard->name_length);
    if (value == NULL)
        return (guard->value_length & NB_IMAGE_OR_ABSENT) != 0; /* or ABSENT itself */
    uint32_t n = guard->value_length & ~NB_IMAGE_OR_ABSENT;
    return guard->value_length != NB_IMAGE_ABSENT && nb_restore_length(value) == n &&
           nb_restore_same(value, base + guard->value, n);
}

static bool nb_restore_is_guarded(const struct nb_image_header *header, const char *name,
                                  size_t n) {
    const struct nb_image_guard *guards = nb_restore_guards(header);
    for (uint32_t i = 0; i < header->guard_count; i++)
        if (guards[i].name_length == n &&
            nb_restore_same((const char *)header + guards[i].name, name, n))
            return true;
    return false;
}

/* In the C locale the interpreter turns on its UTF-8 mode (PEP 540), once and for all. */
static const char *nb_restore_locale(char **environ) {
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    static const char *const refused[] = {"C", "POSIX"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = nb_restore_variable(environ, names[i], nb_restore_length(names[i]));
        if (value == NULL || *value == '\0')
            continue;
        for (size_t k = 0; k < sizeof refused / sizeof *refused; k++)
            if (nb_restore_same(value, refused[k], nb_restore_length(refused[k]) + 1))
                return names[i];
        return NULL;
    }
    return NULL;
}

static enum nb_restore_result nb_restore_environment(const struct nb_image_header *header,
                                                     char **environ) {
    const struct nb_image_guard *guards = nb_restore_guards(header);
    for (uint32_t i = 0; i < header->guard_count; i++) {
        if (nb_restore_holds(header, &guards[i], environ))
            continue;
        nb_restore_say(NB_RESTORE_WITHOUT, (const char *)header + guards[i].name,
                       guards[i].name_length,
                       guards[i].value_length == NB_IMAGE_ABSENT
                           ? " is set; when the snapshot was made it was not (build with --env)"
                           : " has another value than when the snapshot was made");
        return NB_RESTORE_ENVIRONMENT;
    }
    const char *locale = nb_restore_locale(environ);
    if (locale != NULL) {
        nb_restore_say(NB_RESTORE_WITHOUT, locale, nb_restore_length(locale),
                       " asks for the C locale");
        return NB_RESTORE_ENVIRONMENT;
    }
    for (char **variable = environ; *variable != NULL; variable++) {
        size_t n = 0;
        if (!nb_restore_same(*variable, "PYTHON", 6))
            continue;
        while ((*variable)[n] != '=' && (*variable)[n] != '\0')
            n++;
        if (nb_restore_is_guarded(header, *variable, n))
            continue;
        nb_restore_say(NB_RESTORE_WITHOUT, *variable, n,
                       " is set; when the snapshot was made it was not (build with --env)");
        return NB_RESTORE_ENVIRONMENT;
    }
    return NB_RESTORE_DONE;
}

/* ---- the header ---- */

extern const Elf64_Ehdr __ehdr_start; /* made by the linker */

/* Where an image may put something. */
struct nb_restore_room {
    uint64_t heap, heap_end, data, data_end;
};

/* The heap as the header has it, and the program's writable segments, rounded to pages. */
static struct nb_restore_room nb_restore_room_of(const struct nb_image_header *header) {
    const Elf64_Phdr *segment =
        (const Elf64_Phdr *)((const char *)&__ehdr_start + __ehdr_start.e_phoff);
    struct nb_restore_room room = {header->heap_base, header->heap_top, UINT64_MAX, 0};
    for (unsigned i = 0; i < __ehdr_start.e_phnum; i++) {
        if (segment[i].p_type != PT_LOAD || (segment[i].p_flags & PF_W) == 0)
            continue;
        uint64_t first = segment[i].p_vaddr & ~(uint64_t)(NB_IMAGE_PAGE - 1);
        uint64_t last = (segment[i].p_vaddr + segment[i].p_memsz + NB_IMAGE_PAGE - 1) &
                        ~(uint64_t)(NB_IMAGE_PAGE - 1);
        room.data = first < room.data ? first : room.data;
        room.data_end = last > room.data_end ? last : room.data_end;
    }
    return room;
}

static bool nb_restore_is_ours(const struct nb_restore_room *room, uint64_t address,
                               uint64_t length) {
    uint64_t end = address + length;
    if (length == 0 || ((address | length) & (NB_IMAGE_PAGE - 1)) != 0 || end < address)
        return false;
    return (address >= room->heap && end <= room->heap_end) ||
           (address >= room->data && end <= room->data_end);
}

static bool nb_restore_table_fits(const struct nb_image_header *header, uint32_t offset,
                                  uint64_t count, uint64_t size) {
    return offset % 8 == 0 && offset >= sizeof *header &&
           offset + count * size <= header->tables_length;
}

static bool nb_restore_maps_good(const struct nb_image_header *header,
                                 const struct nb_restore_room *room) {
    const struct nb_image_map *maps =
        (const struct nb_image_map *)((const char *)header + header->maps);
    for (uint32_t i = 0; i < header->map_count; i++)
        if (!nb_restore_is_ours(room, maps[i].address, maps[i].length) ||
            maps[i].offset % NB_IMAGE_PAGE != 0 || maps[i].offset > header->file_length ||
            maps[i].length > header->file_length - maps[i].offset)
            return false;
    return true;
}

static bool nb_restore_reads_good(const struct nb_image_header *header,
                                  const struct nb_restore_room *room) {
    const struct nb_image_read *reads =
        (const struct nb_image_read *)((const char *)header + header->reads);
    uint64_t hot = 0; /* cannot overflow: fewer than 2^18 of at most 2^34 */
    for (uint32_t i = 0; i < header->read_count; i++) {
        bool in_heap = reads[i].address >= room->heap;
        if (!nb_restore_is_ours(room, reads[i].address, reads[i].length) ||
            in_heap != (i < header->heap_reads))
            return false;
        hot += reads[i].length;
    }
    return header->heap_reads <= header->read_count &&
           header->reads_offset <= header->file_length &&
           hot <= header->file_length - header->reads_offset;
}

static bool nb_restore_guards_good(const struct nb_image_header *header) {
    const struct nb_image_guard *guards = nb_restore_guards(header);
    for (uint32_t i = 0; i < header->guard_count; i++) {
        uint64_t value = guards[i].value_length == NB_IMAGE_ABSENT
                             ? 0
                             : guards[i].value_length & ~NB_IMAGE_OR_ABSENT;
        uint64_t end = (uint64_t)guards[i].name + guards[i].name_length;
        if (guards[i].name_length == 0 || end > header->tables_length ||
            guards[i].value + value > header->tables_length)
            return false;
        for (uint64_t at = guards[i].name; at < end; at++)
            if (((const char *)header)[at] == '\0' || ((const char *)header)[at] == '=')
                return false; /* no name of a variable; it would be looked for past its end */
    }
    return true;
}

static bool nb_restore_tables_good(const struct nb_image_header *header) {
    const struct nb_restore_room room = nb_restore_room_of(header);
    return nb_restore_table_fits(header, header->maps, header->map_count,
                                 sizeof(struct nb_image_map)) &&
           nb_restore_table_fits(header, header->reads, header->read_count,
                                 sizeof(struct nb_image_read)) &&
           nb_restore_table_fits(header, header->guards, header->guard_count,
                                 sizeof(struct nb_image_guard)) &&
           nb_restore_maps_good(header, &room) && nb_restore_reads_good(header, &room) &&
           nb_restore_guards_good(header);
}

static enum nb_restore_result nb_restore_check(const struct nb_image_header *header,
                                               uint64_t file_length) {
    if (header->magic != NB_IMAGE_MAGIC || header->file_length != file_length)
        return nb_restore_refuse(NB_RESTORE_DAMAGED, "the image is damaged or incomplete");
    for (size_t i = 0; i < sizeof header->program; i++)
        if (header->program[i] != nb_restore_slot.program[i])
            return nb_restore_refuse(NB_RESTORE_PROGRAM, "the image belongs to another program");
    const uint64_t *words = (const uint64_t *)header;
    if (header->tables_length < sizeof *header || header->tables_length % 8 != 0 ||
        header->tables_length > NB_IMAGE_MAX_TABLES ||
        header->tables_length > file_length - nb_restore_slot.offset ||
        nb_image_check(words + 2, header->tables_length / 8 - 2) != header->check ||
        header->page_size != NB_IMAGE_PAGE || header->heap_base != (uint64_t)NB_HEAP_BASE ||
        header->heap_top < header->heap_base ||
        header->heap_top - header->heap_base > NB_HEAP_SIZE || !nb_restore_tables_good(header))
        return nb_restore_refuse(NB_RESTORE_DAMAGED, "the image's tables are damaged");
    return NB_RESTORE_DONE;
}

/* ---- memory ---- */

static bool nb_restore_failed(long result) {
    return result < 0 && result > -4096;
}

static long nb_restore_mmap(uint64_t address, uint64_t length, int flags, long fd,
                            uint64_t offset) {
    return nb_syscall6(SYS_mmap, (long)address, (long)length, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | flags, fd, (long)offset);
}

/* The region that malloc works in, as nb_heap_map() makes it; 0 when there is no room. */
static size_t nb_restore_region(uint64_t needed) {
    const int flags = MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
    for (size_t size = NB_HEAP_SIZE; size >= NB_HEAP_SIZE_MIN + needed; size /= 2) {
        long at = nb_restore_mmap((uint64_t)NB_HEAP_BASE, size, flags, -1, 0);
        if (at == (long)NB_HEAP_BASE)
            return size;
        if (!nb_restore_failed(at)) /* a kernel before 4.17 takes the address as a hint only */
            nb_syscall(SYS_munmap, at, size, 0);
    }
    return 0;
}

/* Maps the ranges in the heap, or those outside of it. */
static bool nb_restore_map(const struct nb_image_header *header, bool in_heap, long fd) {
    const struct nb_image_map *maps =
        (const struct nb_image_map *)((const char *)header + header->maps);
    for (uint32_t i = 0; i < header->map_count; i++) {
        if ((maps[i].address >= header->heap_base) != in_heap)
            continue;
        if (nb_restore_mmap(maps[i].address, maps[i].length, MAP_FIXED, fd, maps[i].offset) !=
            (long)maps[i].address)
            return false;
    }
    return true;
}

/* The rest of `count` ranges of which preadv() has read the first `done` bytes, one by one: a file
 * system may break off a long read, and no call reads more than 2 GB. */
static bool nb_restore_read_rest(const struct nb_image_read *reads, uint32_t count, uint64_t done,
                                 uint64_t offset, long fd) {
    for (uint32_t i = 0; i < count; i++) {
        uint64_t length = reads[i].length, here = done < length ? done : length;
        done -= here;
        while (here < length) {
            long n = nb_syscall6(SYS_pread64, fd, (long)(reads[i].address + here),
                                 (long)(length - here), (long)(offset + here), 0, 0);
            if (n == -EINTR)
                continue;
            if (n <= 0)
                return false;
            here += (uint64_t)n;
        }
        offset += length;
    }
    return true;
}

/* Reads the hot ranges [first, last) into place, all in a few calls. *offset moves on. */
static bool nb_restore_read(const struct nb_image_header *header, uint32_t first, uint32_t last,
                            uint64_t *offset, long fd) {
    const struct nb_image_read *reads =
        (const struct nb_image_read *)((const char *)header + header->reads);
    while (first < last) {
        uint32_t count = last - first < NB_RESTORE_IOVECS ? last - first : NB_RESTORE_IOVECS;
        uint64_t wanted = 0;
        for (uint32_t i = 0; i < count; i++)
            wanted += reads[first + i].length;
        long n = nb_syscall6(SYS_preadv, fd, (long)&reads[first], (long)count, (long)*offset, 0, 0);
        uint64_t done = nb_restore_failed(n) ? 0 : (uint64_t)n;
        if (done != wanted && !nb_restore_read_rest(&reads[first], count, done, *offset, fd))
            return false;
        *offset += wanted;
        first += count;
    }
    return true;
}

static enum nb_restore_result nb_restore_load(const struct nb_image_header *header, long fd) {
    size_t size = nb_restore_region(header->heap_top - header->heap_base);
    uint64_t offset = header->reads_offset;
    if (size == 0)
        return nb_restore_refuse(NB_RESTORE_MEMORY, "no room for its heap (ulimit -v?)");
    if (!nb_restore_map(header, true, fd) ||
        !nb_restore_read(header, 0, header->heap_reads, &offset, fd)) {
        nb_syscall(SYS_munmap, NB_HEAP_BASE, size, 0);
        return nb_restore_refuse(NB_RESTORE_MEMORY, "its heap cannot be mapped");
    }
    /* The point of no return. */
    if (!nb_restore_map(header, false, fd) ||
        !nb_restore_read(header, header->heap_reads, header->read_count, &offset, fd))
        nb_restore_die("the snapshot's data cannot be mapped");
    nb_restore_size = size;
    return NB_RESTORE_DONE;
}

/* ---- from the top ---- */

static struct nb_restore_start nb_restore_take_apart(const unsigned long *stack) {
    struct nb_restore_start start = {.argc = (long)stack[0], .argv = (char **)(stack + 1)};
    start.environ = start.argv + start.argc + 1;
    char **end = start.environ;
    while (*end != NULL)
        end++;
    start.auxv = (const unsigned long *)(end + 1);
    return start;
}

static unsigned long nb_restore_auxiliary(const struct nb_restore_start *start,
                                          unsigned long type) {
    for (const unsigned long *entry = start->auxv; entry[0] != AT_NULL; entry += 2)
        if (entry[0] == type)
            return entry[1];
    return 0;
}

static bool nb_restore_is_asked(const struct nb_restore_start *start) {
    const char *name = NB_RESTORE_SWITCH;
    if (start->argc > 1 && start->argv[1][0] == '-')
        return false;
    const char *value = nb_restore_variable(start->environ, name, sizeof NB_RESTORE_SWITCH - 1);
    return value == NULL || !(value[0] == 'o' && value[1] == 'f' && value[2] == 'f' && !value[3]);
}

static long nb_restore_open(const struct nb_restore_start *start) {
    const int flags = O_RDONLY | O_CLOEXEC;
    long fd = nb_syscall6(SYS_openat, AT_FDCWD, (long)"/proc/self/exe", flags, 0, 0, 0);
    const char *name = (const char *)nb_restore_auxiliary(start, AT_EXECFN);
    if (nb_restore_failed(fd) && name != NULL) /* no /proc */
        fd = nb_syscall6(SYS_openat, AT_FDCWD, (long)name, flags, 0, 0, 0);
    return fd;
}

static enum nb_restore_result nb_restore_from(const struct nb_restore_start *start, long fd) {
    uint64_t at = nb_restore_slot.offset, window = NB_IMAGE_MAX_TABLES;
    struct stat status;
    if (nb_restore_failed(nb_syscall(SYS_fstat, fd, &status, 0)))
        return nb_restore_refuse(NB_RESTORE_FILE, "the program's own file cannot be opened");
    uint64_t length = (uint64_t)status.st_size;
    if (at % NB_IMAGE_PAGE != 0 || at >= length || length - at < sizeof(struct nb_image_header))
        return nb_restore_refuse(NB_RESTORE_DAMAGED, "the image is damaged or incomplete");
    /* As far as tables may reach; pages that are not looked at cost nothing. */
    window = length - at < window ? length - at : window;
    long mapped = nb_syscall6(SYS_mmap, 0, (long)window, PROT_READ, MAP_PRIVATE, fd, (long)at);
    if (nb_restore_failed(mapped))
        return nb_restore_refuse(NB_RESTORE_MEMORY, "its tables cannot be mapped");
    const struct nb_image_header *header = (const struct nb_image_header *)mapped;
    enum nb_restore_result result = nb_restore_check(header, length);
    if (result == NB_RESTORE_DONE)
        result = nb_restore_environment(header, start->environ);
    if (result == NB_RESTORE_DONE)
        result = nb_restore_load(header, fd);
    nb_syscall(SYS_munmap, mapped, window, 0);
    return result;
}

enum nb_restore_result nb_restore_at(const unsigned long *stack) {
    if (nb_restore_slot.offset == 0)
        return NB_RESTORE_NO_IMAGE;
    struct nb_restore_start start = nb_restore_take_apart(stack);
    if (!nb_restore_is_asked(&start))
        return NB_RESTORE_NOT_ASKED;
    for (int fd = 0; fd < 3; fd++)
        if (nb_restore_failed(nb_syscall(SYS_fcntl, fd, F_GETFD, 0)))
            return nb_restore_refuse(NB_RESTORE_STREAMS, "a standard stream is closed");
    if (nb_restore_auxiliary(&start, AT_PAGESZ) != NB_IMAGE_PAGE)
        return nb_restore_refuse(NB_RESTORE_PAGE_SIZE, "this machine's pages are not of 4 KB");
    long fd = nb_restore_open(&start);
    if (nb_restore_failed(fd))
        return nb_restore_refuse(NB_RESTORE_FILE, "the program's own file cannot be opened");
    enum nb_restore_result result = nb_restore_from(&start, fd);
    nb_syscall(SYS_close, fd, 0, 0);
    return result;
}
