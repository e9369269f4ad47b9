/* Where a shared object's file is: inside this program (the build puts the function's own there,
 * page-aligned, in read-only data), or on disk. */
#ifndef NB_FILE_H
#define NB_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The table that the link step makes, sorted by strcmp of `path`; absent from a program without.
 * `path` is relative to the task root, `begin` page-aligned. `cpuid`: offsets of true cpuid
 * instructions in the file (x86_64). */
struct nb_embedded {
    const char *path;
    const unsigned char *begin;
    size_t length;
    const uint32_t *cpuid;
    size_t cpuid_count;
};

extern const struct nb_embedded nb_embedded[] __attribute__((weak));
extern const size_t nb_embedded_count __attribute__((weak));

struct nb_file {
    char *path;                         /* absolute, without "." and ".." */
    const struct nb_embedded *embedded; /* NULL: on disk */
    const unsigned char *bytes;         /* all of it, for as long as the object lives */
    size_t length;
    int descriptor; /* open until nb_file_settle(); -1: not, or the program could not be opened */
    dev_t device;   /* on disk: what it is, whatever its name; number 0: not known */
    ino_t number;
};

/* `path` made absolute and plain, in memory of its own; NULL: errno says why not. */
char *nb_file_path(const char *path);
/* Whether there is such a file. */
bool nb_file_exists(const char *path);
/* Takes `path` (from nb_file_path) over. False: *why says what is wrong; path is freed. */
bool nb_file_open(struct nb_file *file, char *path, const char **why);
/* No more will be mapped. */
void nb_file_settle(struct nb_file *file);
void nb_file_close(struct nb_file *file);

/* Maps part of the file, from a page boundary of it, over reserved memory; false: errno. A part of
 * the program is copied when it cannot be mapped: without /proc, or where pages are larger. */
bool nb_file_map(const struct nb_file *file, char *at, size_t length, int protection,
                 uint64_t offset);
/* Where in the program's own file an embedded one begins. */
uint64_t nb_file_offset(const struct nb_file *file);

#endif
