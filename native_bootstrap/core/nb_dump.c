/* Writes the raw dump of an initialised process. Contract: nb_snapshot.h, format: nb_dump.h.
 *
 * Runs in a forked child with one thread. Nothing here allocates: the heap is what is being
 * written. */
#include "nb_dump.h"
#include "nb_heap.h"
#include "nb_image.h"
#include "nb_snapshot.h"

#include <elf.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
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

/* The program's writable segments (merged where they share a page), then the heap. */
static bool nb_dump_find_ranges(struct nb_dump_header *header) {
    const Elf64_Phdr *segment =
        (const Elf64_Phdr *)((const char *)&__ehdr_start + __ehdr_start.e_phoff);
    uint64_t end = 0;
    for (unsigned i = 0; i < __ehdr_start.e_phnum; i++) {
        if (segment[i].p_type != PT_LOAD || (segment[i].p_flags & PF_W) == 0)
            continue;
        uint64_t from = nb_dump_page_of(segment[i].p_vaddr, 0);
        uint64_t to = nb_dump_page_of(segment[i].p_vaddr + segment[i].p_memsz, NB_IMAGE_PAGE - 1);
        if (header->count > 0 && from <= end) {
            header->ranges[header->count - 1].length += to - end;
        } else {
            if (header->count == NB_DUMP_RANGES - 1)
                return false;
            header->ranges[header->count].address = from;
            header->ranges[header->count++].length = to - from;
        }
        end = to;
    }
    const struct nb_heap *heap = nb_heap_state();
    header->heap_base = (uint64_t)heap->base;
    header->heap_top = nb_dump_page_of((uint64_t)heap->top, NB_IMAGE_PAGE - 1);
    header->ranges[header->count].address = header->heap_base;
    header->ranges[header->count++].length = header->heap_top - header->heap_base;
    return true;
}

/* musl puts the main thread's control block and its thread-local storage into .bss as long as they
 * are small; elsewhere they would be lost. */
static bool nb_dump_has(const struct nb_dump_header *header, uint64_t address) {
    for (uint64_t i = 0; i < header->count; i++)
        if (address - header->ranges[i].address < header->ranges[i].length)
            return true;
    return false;
}

int nb_dump_write(int fd) {
    struct nb_dump_header header = {0};
    if (!nb_dump_find_ranges(&header) || !nb_dump_has(&header, (uint64_t)pthread_self()))
        return ENOTSUP;
    uint64_t offset = NB_IMAGE_PAGE;
    for (uint64_t i = 0; i < header.count; i++) {
        header.ranges[i].offset = offset;
        offset += header.ranges[i].length;
    }
    for (uint64_t i = 0; i < header.count; i++)
        if (!nb_dump_range(fd, header.ranges[i].address, header.ranges[i].length,
                           header.ranges[i].offset))
            return errno;
    header.magic = NB_DUMP_MAGIC;
    if (ftruncate(fd, (off_t)offset) != 0 ||
        !nb_dump_put(fd, (const char *)&header, sizeof header, 0))
        return errno;
    return 0;
}
