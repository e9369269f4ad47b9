/* The module archive: a read-only table of modules (bytecode, sources, paths), linked into the
 * program and read in place. No Python in here. The file format's writer is
 * build_scripts/archive.py; all numbers are little endian.
 *
 *   header, 64 bytes   magic "NBARCH01", u32 entry_count, u32 entry_size (40), u64 entries_off,
 * strings_off, strings_len, data_off, total_len, reserved (0) entries            sorted by the
 * bytes of their names, see nb_archive_raw_entry in nb_archive.c strings, data      names and
 * paths; code and sources
 *
 * Nothing in the file is trusted: nb_archive_open() checks the header, nb_archive_get() every
 * offset of the entry that it returns, so a damaged archive gives errors, never a read outside
 * [begin, end) (fuzzed). The table is not checked as a whole at start, which would touch every page
 * of it; nb_archive_check() does so for tests. */
#ifndef NB_ARCHIVE_H
#define NB_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum nb_archive_flag {
    NB_ARCHIVE_PACKAGE = 1,
    NB_ARCHIVE_NAMESPACE = 2,
    NB_ARCHIVE_CODE_DEFLATED = 4,   /* a zlib stream of code_raw_length bytes */
    NB_ARCHIVE_SOURCE_DEFLATED = 8, /* u32 raw length, then a zlib stream */
    NB_ARCHIVE_COMPILED = 16,       /* no code here: the module is in the Nuitka umbrella */
    NB_ARCHIVE_INFO = 32,           /* the name is "@key", the code bytes are UTF-8 text */
    NB_ARCHIVE_EXTENSION = 64,      /* no code here: the path is that of a shared object */
};

#define NB_ARCHIVE_NO_SOURCE UINT32_C(0xffffffff)
/* No module's code or source comes near this; a larger length is damage, not data to allocate for.
 */
#define NB_ARCHIVE_MAX_RAW (UINT32_C(256) << 20)

struct nb_archive {
    const unsigned char *begin, *entries, *strings, *data;
    uint64_t strings_length, data_length;
    uint32_t count;
};

struct nb_archive_entry {
    const char *name, *path; /* not terminated */
    uint32_t name_length, path_length;
    uint32_t flags;
    const unsigned char *code, *source; /* as stored; source is NULL when there is none */
    uint32_t code_length, code_raw_length;
    uint32_t source_length, source_raw_length; /* without the u32 in front of a deflated source */
};

/* 0, or -1 with *error set to a sentence. */
int nb_archive_open(struct nb_archive *a, const void *begin, size_t length, const char **error);
/* Opens the archive that is linked into this program (nb_archive_begin .. nb_archive_end). */
int nb_archive_linked(struct nb_archive *a, const char **error);
/* The i-th entry. False: it is damaged (or there is none). */
bool nb_archive_get(const struct nb_archive *a, uint32_t i, struct nb_archive_entry *entry);
/* 1 found, 0 not there, -1 a damaged entry was met. `index` may be NULL. */
int nb_archive_find(const struct nb_archive *a, const char *name, size_t length,
                    struct nb_archive_entry *entry, uint32_t *index);
/* First entry whose name is not less than `name`: where the names that begin with it stand. */
uint32_t nb_archive_lower(const struct nb_archive *a, const char *name, size_t length);
/* All entries readable and in order, no name twice. */
bool nb_archive_check(const struct nb_archive *a);
/* Inflates a stored zlib stream to exactly raw_length bytes. */
bool nb_archive_inflate(const unsigned char *stored, uint32_t length, void *raw,
                        uint32_t raw_length);

#endif
