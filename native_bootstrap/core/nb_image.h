/* The image of an initialised process, appended to the program that it belongs to.
 *
 *   [ pristine ELF ][ pad ][ header | tables | pad ][ hot pages ][ mapped ranges ]
 *
 * The build runs the pristine program once, takes the raw dump (nb_dump.h) and writes this layout
 * (build_scripts/snapshot/image.py). The ELF part is not changed but for the slot below, which says
 * where the image is; so a program that cannot use its image simply starts as if it had none.
 *
 * All numbers little endian. Offsets of tables count from the header; offsets of pages from the
 * start of the file. Everything that the kernel is asked to map lies on page boundaries.
 *
 *   maps     ranges of memory that are mapped from the file, copy on write
 *   reads    hot pages: ranges that the first invocation writes to. They lie together in the file,
 *            in this order, and are read into place at once (the same pages are zero in `maps`, so
 *            that they are not stored twice). The first `heap_reads` of them are in the heap.
 *   guards   environment variables that the image depends on, with value or absence
 *
 * Besides these, no variable that begins with PYTHON may differ from the build's: the interpreter
 * has read them already. */
#ifndef NB_IMAGE_H
#define NB_IMAGE_H

#include <stdint.h>

#define NB_IMAGE_SLOT_MAGIC "NB-IMAGE-SLOT-01" /* 16 bytes, found by the build in the file */
#define NB_IMAGE_MAGIC 0x314547414d49424eULL   /* "NBIMAGE1" */
#define NB_IMAGE_PAGE 4096
#define NB_IMAGE_MAX_TABLES ((uint64_t)4 << 20)
#define NB_IMAGE_ABSENT UINT32_MAX             /* value_length: must not be set */
#define NB_IMAGE_OR_ABSENT ((uint32_t)1 << 31) /* in value_length: may also not be set */

/* In the program's read-only data. Patched by the build once the image is complete. */
struct nb_image_slot {
    char magic[16];
    uint8_t program[32]; /* SHA-256 of the program with this slot's later fields zero */
    uint64_t offset;     /* of the header in the file; 0: there is no image */
};

struct nb_image_header {
    uint64_t magic;
    uint64_t check;      /* nb_image_check() of the bytes after this field, to tables_length */
    uint8_t program[32]; /* as in the slot: an image is good for this one program only */
    uint64_t file_length;
    uint64_t tables_length; /* header and tables; a multiple of 8 */
    uint64_t reads_offset;  /* of the hot pages, in the file */
    uint64_t heap_base, heap_top;
    uint32_t page_size, map_count, read_count, heap_reads;
    uint32_t guard_count, maps, reads, guards;
};

struct nb_image_map {
    uint64_t address, length, offset;
};

/* Like struct iovec on a 64-bit machine: the table is handed to preadv() as it is. */
struct nb_image_read {
    uint64_t address, length;
};

/* name and value: offsets of bytes without a terminator. */
struct nb_image_guard {
    uint32_t name, name_length, value, value_length;
};

/* A checksum against damage (not against intent): every bit of every word counts. */
static inline uint64_t nb_image_check(const uint64_t *words, uint64_t count) {
    uint64_t h = 0xcbf29ce484222325ULL;
    for (uint64_t i = 0; i < count; i++) {
        h = (h ^ words[i]) * 0x100000001b3ULL;
        h = h << 29 | h >> 35;
    }
    return h;
}

#endif
