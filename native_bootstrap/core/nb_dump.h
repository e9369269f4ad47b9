/* The raw dump: the writable memory of an initialised process, as it is. Input of
 * build_scripts/snapshot/image.py, which lays the image out; it never ships.
 *
 *   header, ranges; then at `offset` the bytes of each range. Pages of zeros are not written: the
 *   file has holes there. The magic is written last: a dump without it is incomplete. */
#ifndef NB_DUMP_H
#define NB_DUMP_H

#include <stdint.h>

#define NB_DUMP_MAGIC 0x31504d5544424eULL /* "NBDUMP1" */
#define NB_DUMP_RANGES 16

struct nb_dump_header {
    uint64_t magic, count;
    uint64_t heap_base, heap_top;
    struct {
        uint64_t address, length, offset;
    } ranges[NB_DUMP_RANGES];
};

#endif
