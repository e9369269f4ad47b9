/* What a shared object says of itself, read from the bytes of its file and checked.
 *
 * Everything is read from the file's bytes, never from where the object is mapped: relocations
 * cannot change what has been checked. The bytes must stay readable and unchanged as long as the
 * object is used. A file that breaks a rule gives an error text; no input whatever makes these
 * functions read outside of [file, file + length).
 *
 * Rules: ELF64, little endian, ET_DYN, this machine; at most NB_ELF_SEGMENTS program headers;
 * PT_LOADs in the order of their addresses, on pages of their own, congruent with their offsets
 * modulo 4096, none both writable and executable, together at most NB_ELF_SPAN; all tables of the
 * dynamic section inside the file-backed part of one PT_LOAD; the string table ends with a zero.
 * No text relocations. Symbol names, library names and relocation targets are checked when they
 * are used, by the functions below. */
#ifndef NB_ELF_H
#define NB_ELF_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NB_ELF_PAGE ((uint64_t)4096)
#define NB_ELF_ALIGN_MAX ((uint64_t)65536) /* arm64 linkers use 64 KB */
#define NB_ELF_SPAN ((uint64_t)1 << 30)    /* address space of one object */
#define NB_ELF_SEGMENTS 64                 /* real ones have about 10 */
#define NB_ELF_ENTRIES ((uint64_t)1 << 16) /* rows of a dynamic section */

/* A table of the file: `at` is NULL when the object has none. */
struct nb_elf_table {
    const unsigned char *at;
    uint64_t count; /* rows; bytes for strings */
};

struct nb_elf {
    const unsigned char *file;
    uint64_t length;
    const Elf64_Phdr *segments;
    unsigned segment_count;
    uint64_t low, high; /* page-aligned bounds of the PT_LOADs */
    uint64_t align;     /* of the mapping: 4096 … 65536 */
    const Elf64_Phdr *tls, *relro, *dynamic;

    struct nb_elf_table rows;    /* Elf64_Dyn, up to DT_NULL */
    struct nb_elf_table strings; /* the last byte is zero */
    struct nb_elf_table symbols; /* Elf64_Sym */
    const uint16_t *versions;    /* of the first version_count symbols */
    uint64_t version_count;
    const uint32_t *gnu_hash, *hash;
    uint64_t gnu_hash_words;                                 /* words readable from gnu_hash */
    struct nb_elf_table rela, plt, relr;                     /* Elf64_Rela, Elf64_Rela, uint64_t */
    const char *soname, *run_path;                           /* or NULL */
    uint64_t init, fini;                                     /* addresses of functions, or 0 */
    uint64_t init_array, init_count, fini_array, fini_count; /* in memory: relocations fill them */
};

/* NULL, or what is wrong with the file. `elf` keeps pointers into it. */
const char *nb_elf_read(struct nb_elf *elf, const void *file, size_t length);

/* The bytes of the file that are mapped to [address, address + length); NULL if they are not in the
 * file-backed part of one PT_LOAD. */
const unsigned char *nb_elf_bytes(const struct nb_elf *elf, uint64_t address, uint64_t length);

/* Whether [address, address + length) is memory of one PT_LOAD, writable or executable if asked. */
bool nb_elf_has(const struct nb_elf *elf, uint64_t address, uint64_t length, unsigned flags);

/* A string of the string table; NULL if the offset is outside. */
const char *nb_elf_string(const struct nb_elf *elf, uint64_t offset);

/* The n-th DT_NEEDED name; NULL when there are no more. A name outside of the table is "". */
const char *nb_elf_needed(const struct nb_elf *elf, unsigned n);

/* A defined, visible symbol of that name, or NULL. */
const Elf64_Sym *nb_elf_find(const struct nb_elf *elf, const char *name);

/* The library of a needed version that only glibc has ("GLIBC_2.17"), or NULL. */
const char *nb_elf_glibc_version(const struct nb_elf *elf);

#endif
