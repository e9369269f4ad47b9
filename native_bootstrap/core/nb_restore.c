/* Takes a program's image into use, at the ELF entry. Contract: nb_snapshot.h, format: nb_image.h.
 *
 * The C library does not run yet: no errno, no thread-local storage, no malloc; only the stack and
 * raw system calls. Everything is checked first; the mapping over .data and .bss is the point of no
 * return. Until then a failure undoes the mappings of region and heap, and the pristine program
 * starts. After it, _start re-initialises what the C library keeps of the environment, the
 * auxiliary vector and the thread pointer, and main() finds NB_SNAPSHOT_RESTORED. */
#include "nb_early.h"
#include "nb_guards.h"
#include "nb_heap.h"
#include "nb_image.h"
#include "nb_region.h"
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

/* ---- what is said: bounded, without the C library ---- */

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
    nb_restore_add(&line, what, nb_early_length(what));
    nb_restore_add(&line, name, name_length);
    nb_restore_add(&line, note, nb_early_length(note));
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

/* ---- the header ---- */

extern const Elf64_Ehdr __ehdr_start; /* made by the linker */

/* Where an image may put something. */
struct nb_restore_room {
    uint64_t data, data_end, heap, heap_end;
};

/* The heap as the header has it, and the program's writable segments, rounded to pages. */
static struct nb_restore_room nb_restore_room_of(const struct nb_image_header *header) {
    const Elf64_Phdr *segment =
        (const Elf64_Phdr *)((const char *)&__ehdr_start + __ehdr_start.e_phoff);
    struct nb_restore_room room = {UINT64_MAX, 0, header->heap_base, header->heap_top};
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

static bool nb_restore_within(uint64_t address, uint64_t end, uint64_t from, uint64_t to) {
    return address >= from && end <= to;
}

static bool nb_restore_is_ours(const struct nb_restore_room *room, uint64_t address,
                               uint64_t length) {
    uint64_t end = address + length;
    if (length == 0 || ((address | length) & (NB_IMAGE_PAGE - 1)) != 0 || end < address)
        return false;
    return nb_restore_within(address, end, room->heap, room->heap_end) ||
           nb_restore_within(address, end, room->data, room->data_end) ||
           nb_restore_within(address, end, (uint64_t)NB_REGION_BASE, (uint64_t)NB_REGION_END);
}

static bool nb_restore_table_fits(const struct nb_image_header *header, uint32_t offset,
                                  uint64_t count, uint64_t size) {
    return offset % 8 == 0 && offset >= sizeof *header &&
           offset + count * size <= header->tables_length;
}

static const struct nb_image_map *nb_restore_maps(const struct nb_image_header *header) {
    return (const struct nb_image_map *)((const char *)header + header->maps);
}

static bool nb_restore_in_region(uint64_t address) {
    return address >= (uint64_t)NB_REGION_BASE && address < (uint64_t)NB_REGION_END;
}

/* Where a map takes its bytes from, and what may be done with them. */
static bool nb_restore_source_good(const struct nb_image_header *header,
                                   const struct nb_image_map *map) {
    const uint64_t image = nb_restore_slot.offset;
    const bool writable = map->protection == (PROT_READ | PROT_WRITE);
    const bool empty = map->offset == NB_IMAGE_EMPTY;
    if (!nb_restore_in_region(map->address) && (!writable || empty))
        return false;
    if (!writable && map->protection != PROT_READ && map->protection != (PROT_READ | PROT_EXEC) &&
        !(empty && map->protection == PROT_NONE))
        return false;
    if (empty)
        return true;
    if (map->offset % NB_IMAGE_PAGE != 0 || map->offset > header->file_length ||
        map->length > header->file_length - map->offset)
        return false;
    return map->offset >= image || (!writable && map->length <= image - map->offset);
}

static bool nb_restore_maps_good(const struct nb_image_header *header,
                                 const struct nb_restore_room *room) {
    const struct nb_image_map *maps = nb_restore_maps(header);
    uint64_t end = 0;
    for (uint32_t i = 0; i < header->map_count; i++) {
        if (!nb_restore_is_ours(room, maps[i].address, maps[i].length) || maps[i].address < end ||
            !nb_restore_source_good(header, &maps[i]))
            return false;
        end = maps[i].address + maps[i].length;
    }
    return true;
}

/* Whether one map has all of this range, writable. The maps are sound. */
static bool nb_restore_is_writable(const struct nb_image_header *header, uint64_t address,
                                   uint64_t length) {
    const struct nb_image_map *maps = nb_restore_maps(header);
    uint32_t first = 0, last = header->map_count; /* the last map that begins at or before it */
    while (first < last) {
        uint32_t middle = first + (last - first) / 2;
        if (maps[middle].address <= address)
            first = middle + 1;
        else
            last = middle;
    }
    return first > 0 && (maps[first - 1].protection & PROT_WRITE) != 0 &&
           address + length <= maps[first - 1].address + maps[first - 1].length;
}

static bool nb_restore_reads_good(const struct nb_image_header *header,
                                  const struct nb_restore_room *room) {
    const struct nb_image_read *reads =
        (const struct nb_image_read *)((const char *)header + header->reads);
    uint64_t hot = 0; /* cannot overflow: fewer than 2^18 of at most 2^35 */
    for (uint32_t i = 0; i < header->read_count; i++) {
        bool early = reads[i].address >= (uint64_t)NB_REGION_BASE;
        if (!nb_restore_is_ours(room, reads[i].address, reads[i].length) ||
            early != (i < header->early_reads) ||
            (nb_restore_in_region(reads[i].address) &&
             !nb_restore_is_writable(header, reads[i].address, reads[i].length)))
            return false;
        hot += reads[i].length;
    }
    return header->early_reads <= header->read_count &&
           header->reads_offset <= header->file_length &&
           hot <= header->file_length - header->reads_offset;
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
           nb_guards_sound(header);
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

/* At this address, or not at all. */
static bool nb_restore_map_at(uint64_t address, uint64_t length, uint64_t protection, int flags,
                              long fd, uint64_t offset) {
    long at = nb_syscall6(SYS_mmap, (long)address, (long)length, (long)protection,
                          MAP_PRIVATE | flags, fd, (long)offset);
    if (at != (long)address && !nb_restore_failed(at))
        nb_syscall(SYS_munmap, at, length, 0); /* a kernel before 4.17: the address is a hint */
    return at == (long)address;
}

/* The heap's address space, as nb_heap_map() makes it; 0 when there is no room. */
static size_t nb_restore_reserve_heap(uint64_t needed) {
    const int flags = MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
    for (size_t size = NB_HEAP_SIZE; size >= NB_HEAP_SIZE_MIN + needed; size /= 2)
        if (nb_restore_map_at((uint64_t)NB_HEAP_BASE, size, PROT_READ | PROT_WRITE, flags, -1, 0))
            return size;
    return 0;
}

/* In the region it must not be over anything: not as in the heap, which is ours already. */
static bool nb_restore_map_one(const struct nb_image_map *map, long fd) {
    bool empty = map->offset == NB_IMAGE_EMPTY;
    int flags = empty ? MAP_ANONYMOUS | MAP_NORESERVE : 0;
    flags |= nb_restore_in_region(map->address) ? MAP_FIXED_NOREPLACE : MAP_FIXED;
    return nb_restore_map_at(map->address, map->length, map->protection, flags, empty ? -1 : fd,
                             empty ? 0 : map->offset);
}

/* Maps the ranges in region and heap, or those before them. The number of the first that could not
 * be mapped; all: map_count. */
static uint32_t nb_restore_map(const struct nb_image_header *header, bool early, long fd) {
    const struct nb_image_map *maps = nb_restore_maps(header);
    for (uint32_t i = 0; i < header->map_count; i++)
        if ((maps[i].address >= (uint64_t)NB_REGION_BASE) == early &&
            !nb_restore_map_one(&maps[i], fd))
            return i;
    return header->map_count;
}

/* Of the first `count` maps, those in the region. */
static void nb_restore_unmap(const struct nb_image_header *header, uint32_t count) {
    const struct nb_image_map *maps = nb_restore_maps(header);
    for (uint32_t i = 0; i < count; i++)
        if (nb_restore_in_region(maps[i].address))
            nb_syscall(SYS_munmap, maps[i].address, maps[i].length, 0);
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

/* What can be undone: region and heap. */
static enum nb_restore_result nb_restore_load_early(const struct nb_image_header *header, long fd,
                                                    uint64_t *offset, size_t *size) {
    *size = nb_restore_reserve_heap(header->heap_top - header->heap_base);
    if (*size == 0)
        return nb_restore_refuse(NB_RESTORE_MEMORY, "no room for its heap (ulimit -v?)");
    uint32_t mapped = nb_restore_map(header, true, fd);
    if (mapped == header->map_count && nb_restore_read(header, 0, header->early_reads, offset, fd))
        return NB_RESTORE_DONE;
    nb_restore_unmap(header, mapped);
    nb_syscall(SYS_munmap, NB_HEAP_BASE, *size, 0);
    return nb_restore_refuse(NB_RESTORE_MEMORY, "its memory cannot be mapped (ulimit -v?)");
}

static enum nb_restore_result nb_restore_load(const struct nb_image_header *header, long fd) {
    uint64_t offset = header->reads_offset;
    size_t size;
    enum nb_restore_result result = nb_restore_load_early(header, fd, &offset, &size);
    if (result != NB_RESTORE_DONE)
        return result;
    /* The point of no return. */
    if (nb_restore_map(header, false, fd) != header->map_count ||
        !nb_restore_read(header, header->early_reads, header->read_count, &offset, fd))
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
    const char *value = nb_guards_variable(start->environ, name, sizeof NB_RESTORE_SWITCH - 1);
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

static bool nb_restore_is_expected(const struct nb_image_header *header, char **environ) {
    struct nb_guards_breach breach;
    if (nb_guards_hold(header, environ, &breach))
        return true;
    nb_restore_say(NB_RESTORE_WITHOUT, breach.name, breach.length, breach.why);
    return false;
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
    if (result == NB_RESTORE_DONE && !nb_restore_is_expected(header, start->environ))
        result = NB_RESTORE_ENVIRONMENT;
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
