/* Writes the raw dump of an initialised process. Contract: nb_snapshot.h, format: nb_dump.h.
 *
 * Runs in a forked child with one thread. Nothing here allocates: the heap is what is being
 * written. */
#include "nb_dump.h"
#include "nb_dl.h"
#include "nb_heap.h"
#include "nb_image.h"
#include "nb_region.h"
#include "nb_snapshot.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <unistd.h>

extern const Elf64_Ehdr __ehdr_start; /* made by the linker */

static bool nb_dump_is_zero(const char *page) {
    const uint64_t *words = (const uint64_t *)page;
    uint64_t all = 0;
    for (size_t i = 0; i < NB_IMAGE_PAGE / sizeof *words; i++)
        all |= words[i];
    return all == 0;
}

static bool nb_dump_put(int fd, const char *data, size_t length, uint64_t offset) {
    while (length > 0) {
        ssize_t n = pwrite(fd, data, length, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            errno = EIO; /* no progress: never to be taken for success */
        if (n <= 0)
            return false;
        data += n;
        length -= (size_t)n;
        offset += (uint64_t)n;
    }
    return true;
}

/* Writes what is not zero, run by run. */
static bool nb_dump_range(int fd, uint64_t address, uint64_t length, uint64_t offset) {
    const char *begin = (const char *)address;
    for (uint64_t at = 0; at < length;) {
        if (nb_dump_is_zero(begin + at)) {
            at += NB_IMAGE_PAGE;
            continue;
        }
        uint64_t end = at;
        while (end < length && !nb_dump_is_zero(begin + end))
            end += NB_IMAGE_PAGE;
        if (!nb_dump_put(fd, begin + at, end - at, offset + at))
            return false;
        at = end;
    }
    return true;
}

static uint64_t nb_dump_page_of(uint64_t address, uint64_t more) {
    return (address + more) & ~(uint64_t)(NB_IMAGE_PAGE - 1);
}

/* ---- what there is ---- */

/* Outside of all that is dumped. */
struct nb_dump_table {
    struct nb_dump_range *rows;
    uint64_t count;
};

static bool nb_dump_add(struct nb_dump_table *table, struct nb_dump_range row) {
    if (table->count == NB_DUMP_MOST) {
        errno = E2BIG;
        return false;
    }
    table->rows[table->count++] = row;
    return true;
}

/* The program's writable segments, merged where they share a page. */
static bool nb_dump_add_segments(struct nb_dump_table *table) {
    const Elf64_Phdr *segment =
        (const Elf64_Phdr *)((const char *)&__ehdr_start + __ehdr_start.e_phoff);
    uint64_t end = 0;
    for (unsigned i = 0; i < __ehdr_start.e_phnum; i++) {
        if (segment[i].p_type != PT_LOAD || (segment[i].p_flags & PF_W) == 0)
            continue;
        uint64_t from = nb_dump_page_of(segment[i].p_vaddr, 0);
        uint64_t to = nb_dump_page_of(segment[i].p_vaddr + segment[i].p_memsz, NB_IMAGE_PAGE - 1);
        if (table->count > 0 && from <= end)
            table->rows[table->count - 1].length += to - end;
        else if (!nb_dump_add(table, (struct nb_dump_range){.address = from,
                                                            .length = to - from,
                                                            .protection = PROT_READ | PROT_WRITE}))
            return false;
        end = to;
    }
    return true;
}

/* ---- the region's mappings ---- */

/* A mapping, or a part of one. */
struct nb_dump_mapping {
    uint64_t begin, end;
    uint32_t protection;
    bool shared;
};

/* /proc/self/maps, a line at a time. */
struct nb_dump_reader {
    int fd;
    ssize_t at, length;
    char buffer[4096];
};

/* -1 at the end, -2 on an error. */
static int nb_dump_next_byte(struct nb_dump_reader *reader) {
    if (reader->at == reader->length) {
        do
            reader->length = read(reader->fd, reader->buffer, sizeof reader->buffer);
        while (reader->length < 0 && errno == EINTR);
        reader->at = 0;
        if (reader->length <= 0)
            return reader->length == 0 ? -1 : -2;
    }
    return (unsigned char)reader->buffer[reader->at++];
}

/* A hexadecimal number and the one byte that ends it, which must be `stop`. */
static bool nb_dump_number(struct nb_dump_reader *reader, int byte, int stop, uint64_t *number) {
    *number = 0;
    for (; byte != stop; byte = nb_dump_next_byte(reader)) {
        if (byte >= '0' && byte <= '9')
            byte -= '0';
        else if (byte >= 'a' && byte <= 'f')
            byte -= 'a' - 10;
        else
            return false;
        *number = *number << 4 | (uint64_t)byte;
    }
    return true;
}

/* "begin-end rwxp …": 1, 0 at the end, -1 if it is something else. */
static int nb_dump_next_line(struct nb_dump_reader *reader, struct nb_dump_mapping *mapping) {
    int byte = nb_dump_next_byte(reader);
    if (byte == -1)
        return 0;
    if (!nb_dump_number(reader, byte, '-', &mapping->begin) ||
        !nb_dump_number(reader, nb_dump_next_byte(reader), ' ', &mapping->end))
        return -1;
    mapping->protection = 0;
    for (int i = 0; i < 3; i++)
        if (nb_dump_next_byte(reader) == "rwx"[i])
            mapping->protection |= (uint32_t[]){PROT_READ, PROT_WRITE, PROT_EXEC}[i];
    mapping->shared = nb_dump_next_byte(reader) != 'p';
    do
        byte = nb_dump_next_byte(reader);
    while (byte >= 0 && byte != '\n');
    return byte == '\n' ? 1 : -1;
}

/* The range of the program's file that `at` lies in, if it lies in one; *next: where that or the
 * gap before the next one ends, if that is before *next. */
static const struct nb_dl_file_range *nb_dump_file_at(uint64_t at, uint64_t *next) {
    const struct nb_dl_file_range *ranges = NULL;
    size_t count = nb_dl_file_ranges(&ranges);
    for (size_t i = 0; i < count; i++) {
        uint64_t begin = ranges[i].address, end = begin + ranges[i].length;
        if (at - begin < ranges[i].length) {
            *next = end < *next ? end : *next;
            return &ranges[i];
        }
        if (begin > at && begin < *next)
            *next = begin;
    }
    return NULL;
}

/* What is writable has been written to, whatever it was mapped from. */
static bool nb_dump_add_mapping(struct nb_dump_table *table, const struct nb_dump_mapping *from) {
    const bool both = (from->protection & PROT_WRITE) != 0 && (from->protection & PROT_EXEC) != 0;
    if ((from->protection & PROT_READ) == 0 || both || from->shared) {
        errno = ENOTSUP; /* no image may hold such memory */
        return false;
    }
    for (uint64_t at = from->begin, next; at < from->end; at = next) {
        next = from->end;
        const struct nb_dl_file_range *file =
            from->protection & PROT_WRITE ? NULL : nb_dump_file_at(at, &next);
        struct nb_dump_range row = {
            .address = at, .length = next - at, .protection = from->protection};
        if (file != NULL) {
            row.kind = NB_DUMP_FILE;
            row.offset = file->offset + (at - file->address);
        }
        if (!nb_dump_add(table, row))
            return false;
    }
    return true;
}

/* In a module it is a gap, and not needed. */
static bool nb_dump_add_nothing(struct nb_dump_table *table, const struct nb_dump_mapping *from) {
    uint64_t begin =
        from->begin > (uint64_t)NB_REGION_MEMORY ? from->begin : (uint64_t)NB_REGION_MEMORY;
    return begin >= from->end ||
           nb_dump_add(table, (struct nb_dump_range){.address = begin,
                                                     .length = from->end - begin,
                                                     .kind = NB_DUMP_NOTHING});
}

static bool nb_dump_add_lines(struct nb_dump_table *table, struct nb_dump_reader *reader) {
    struct nb_dump_mapping mapping;
    int found;
    while ((found = nb_dump_next_line(reader, &mapping)) > 0) {
        if (mapping.begin < (uint64_t)NB_REGION_BASE)
            continue;
        if (mapping.begin >= (uint64_t)NB_REGION_END)
            return true;
        if (mapping.end > (uint64_t)NB_REGION_END) /* the heap, merged with what is before it */
            mapping.end = (uint64_t)NB_REGION_END;
        if (mapping.protection == 0 ? !nb_dump_add_nothing(table, &mapping)
                                    : !nb_dump_add_mapping(table, &mapping))
            return false;
    }
    if (found < 0)
        errno = EIO;
    return found == 0;
}

static bool nb_dump_add_region(struct nb_dump_table *table) {
    struct nb_dump_reader reader = {.fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC)};
    if (reader.fd < 0)
        return false;
    bool good = nb_dump_add_lines(table, &reader);
    int saved = errno;
    close(reader.fd);
    errno = saved;
    return good;
}

/* ---- the dump ---- */

/* musl puts the main thread's control block and its thread-local storage into .bss as long as they
 * are small; elsewhere they would be lost. */
static bool nb_dump_has(const struct nb_dump_table *table, uint64_t address) {
    for (uint64_t i = 0; i < table->count; i++)
        if (address - table->rows[i].address < table->rows[i].length)
            return true;
    errno = ENOTSUP;
    return false;
}

static bool nb_dump_find(struct nb_dump_table *table, struct nb_dump_header *header) {
    const struct nb_heap *heap = nb_heap_state();
    header->heap_base = (uint64_t)heap->base;
    header->heap_top = nb_dump_page_of((uint64_t)heap->top, NB_IMAGE_PAGE - 1);
    struct nb_dump_range row = {.address = header->heap_base,
                                .length = header->heap_top - header->heap_base,
                                .protection = PROT_READ | PROT_WRITE};
    return nb_dump_add_segments(table) && nb_dump_has(table, (uint64_t)pthread_self()) &&
           nb_dump_add_region(table) && nb_dump_add(table, row);
}

/* The ranges' bytes, then the table, and the header at last. */
static bool nb_dump_put_all(int fd, struct nb_dump_table *table, struct nb_dump_header *header) {
    const uint64_t size = table->count * sizeof *table->rows;
    uint64_t offset = nb_dump_page_of(sizeof *header + size, NB_IMAGE_PAGE - 1);
    header->count = table->count;
    for (uint64_t i = 0; i < table->count; i++) {
        struct nb_dump_range *row = &table->rows[i];
        if (row->kind != NB_DUMP_CONTENT)
            continue;
        row->offset = offset;
        offset += row->length;
        if (!nb_dump_range(fd, row->address, row->length, row->offset))
            return false;
    }
    header->magic = NB_DUMP_MAGIC;
    return ftruncate(fd, (off_t)offset) == 0 &&
           nb_dump_put(fd, (const char *)table->rows, size, sizeof *header) &&
           nb_dump_put(fd, (const char *)header, sizeof *header, 0);
}

int nb_dump_write(int fd) {
    struct nb_dump_header header = {0};
    const size_t size = NB_DUMP_MOST * sizeof(struct nb_dump_range);
    struct nb_dump_table table = {
        .rows = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)};
    if (table.rows == MAP_FAILED)
        return errno;
    bool good = nb_dump_find(&table, &header) && nb_dump_put_all(fd, &table, &header);
    int error = good ? 0 : errno;
    munmap(table.rows, size);
    return error;
}
