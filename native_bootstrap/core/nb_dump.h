/* The raw dump: the memory of an initialised process that is not as the program's file has it.
 * Input of build_scripts/snapshot/image.py, which lays the image out; it never ships.
 *
 *   header | ranges | then at `offset` the bytes of each range
 *
 * Ranges are in the order of their addresses: the program's writable segments, the region
 * (nb_region.h) and the heap. Pages of zeros are not written: the file has holes there. A range of
 * kind NB_DUMP_FILE has no bytes here: it is the program's own file from `offset` on, never
 * written to; NB_DUMP_NOTHING is address space without access. The magic is written last: a dump
 * without it is incomplete. */
#ifndef NB_DUMP_H
#define NB_DUMP_H

#include <stdint.h>

#define NB_DUMP_MAGIC 0x32504d5544424eULL /* "NBDUMP2" */
#define NB_DUMP_MOST 65536                /* ranges; a process cannot have more mappings */

struct nb_dump_header {
    uint64_t magic, count;
    uint64_t heap_base, heap_top;
};

enum nb_dump_kind { NB_DUMP_CONTENT = 0, NB_DUMP_FILE = 1, NB_DUMP_NOTHING = 2 };

struct nb_dump_range {
    uint64_t address, length, offset;
    uint32_t protection; /* PROT_READ | … */
    uint32_t kind;
};

#endif
