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
 *   maps     ranges of memory, in the order of their addresses: mapped from the image, copy on
 *            write; or from the ELF part, which they must not be able to change (code and constants
 *            of modules: nothing is stored twice); or empty. Never writable and executable at once.
 *            In the program's segments and in the heap they are plain readable and writable memory;
 *            in the region (nb_region.h) they may also be kept for later, without any access.
 *   reads    hot pages: ranges that the first invocation writes to. They lie together in the file,
 *            in this order, and are read into place at once (the same pages are zero in `maps`, so
 *            that they are not stored twice). The first `early_reads` of them are in the region
 *            or the heap: what lies there can be undone.
 *   guards   environment variables that the image depends on, with value or absence; or patterns,
 *            which none may match that has no guard of its own: the beginning of names (PYTHON: the
 *            interpreter has read them already), a name in whatever case, a beginning in any */
#ifndef NB_IMAGE_H
#define NB_IMAGE_H

#include <stdint.h>

#define NB_IMAGE_SLOT_MAGIC "NB-IMAGE-SLOT-01" /* 16 bytes, found by the build in the file */
#define NB_IMAGE_MAGIC 0x324547414d49424eULL   /* "NBIMAGE2" */
#define NB_IMAGE_PAGE 4096
#define NB_IMAGE_MAX_TABLES ((uint64_t)4 << 20)
#define NB_IMAGE_EMPTY UINT64_MAX
#define NB_IMAGE_ABSENT UINT32_MAX             /* value_length: must not be set */
#define NB_IMAGE_OR_ABSENT ((uint32_t)1 << 31) /* in value_length: may also not be set */
/* value_length of the patterns; those of any case have their names in small letters */
#define NB_IMAGE_PREFIX (UINT32_MAX - 1)
#define NB_IMAGE_PREFIX_ANY_CASE (UINT32_MAX - 2)
#define NB_IMAGE_NAME_ANY_CASE (UINT32_MAX - 3) /* the least */

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
    uint32_t page_size, map_count, read_count, early_reads;
    uint32_t guard_count, maps, reads, guards;
};

struct nb_image_map {
    uint64_t address, length;
    uint64_t offset;     /* NB_IMAGE_EMPTY: anonymous memory */
    uint64_t protection; /* PROT_READ | PROT_WRITE …; PROT_NONE only of anonymous memory */
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
