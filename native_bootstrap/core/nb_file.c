/* Contract: nb_file.h. */
#define _GNU_SOURCE
#include "nb_file.h"

#include "nb_dl.h"
#include "nb_elf.h"
#include "nb_region.h"
#include "nb_virtual.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

extern const Elf64_Ehdr __ehdr_start; /* made by the linker */

/* ---- names ---- */

/* Takes "." and ".." out, in place. As text: a link on the way is not followed. */
static void nb_file_simplify(char *path) {
    char *out = path;
    for (const char *in = path; *in != '\0';) {
        while (*in == '/')
            in++;
        size_t n = strcspn(in, "/");
        if (n == 2 && in[0] == '.' && in[1] == '.') {
            while (out > path && *--out != '/')
                ;
        } else if (n > 0 && !(n == 1 && in[0] == '.')) {
            *out++ = '/';
            memmove(out, in, n);
            out += n;
        }
        in += n;
    }
    if (out == path)
        *out++ = '/';
    *out = '\0';
}

/* The embedded file of that name. Names below the task root are the function's own. */
static const struct nb_embedded *nb_file_embedded(const char *path) {
    const char *program = nb_dl_program(), *slash = strrchr(program, '/');
    size_t root = slash != NULL ? (size_t)(slash - program) + 1 : 0;
    if (&nb_embedded_count == NULL || root == 0 || strncmp(path, program, root) != 0)
        return NULL;
    for (size_t low = 0, high = nb_embedded_count; low < high;) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(nb_embedded[middle].path, path + root);
        if (order == 0)
            return &nb_embedded[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

bool nb_file_exists(const char *path) {
    return nb_file_embedded(path) != NULL || access(path, R_OK) == 0;
}

char *nb_file_path(const char *path) {
    char whole[PATH_MAX] = "";
    if (path[0] != '/' && getcwd(whole, sizeof whole) == NULL)
        return NULL;
    size_t used = strlen(whole), length = strlen(path);
    if (used + 1 + length + 1 > sizeof whole) {
        errno = ENAMETOOLONG;
        return NULL;
    }
    whole[used++] = '/';
    memcpy(whole + used, path, length + 1);
    char *plain = strdup(whole);
    if (plain == NULL)
        return NULL;
    nb_file_simplify(plain);
    /* ".." behind a link to a folder is another folder than the text says. */
    if (strstr(whole, "/..") != NULL && !nb_file_exists(plain) && access(whole, R_OK) == 0)
        strcpy(plain, whole); /* the longer one: it fits into the memory that strdup() took */
    return plain;
}

/* ---- bytes ---- */

/* All of a file on disk, in the region: a snapshot then holds it. */
static const char *nb_file_read(struct nb_file *file) {
    struct stat status;
    if (fstat(file->descriptor, &status) != 0 || !S_ISREG(status.st_mode))
        return "not a regular file";
    if (status.st_size == 0)
        return "empty";
    file->length = (size_t)status.st_size;
    if (!nb_virtual_is_on()) { /* numbers of this machine mean nothing in an image */
        file->device = status.st_dev;
        file->number = status.st_ino;
    }
    char *at = nb_region_reserve(file->length, 0);
    if (at == NULL)
        return "no room in the address space";
    if (!nb_file_map(file, at, file->length, PROT_READ, 0)) {
        const char *reason = strerror(errno);
        nb_region_release(at, file->length);
        return reason;
    }
    file->bytes = (const unsigned char *)at;
    return NULL;
}

bool nb_file_open(struct nb_file *file, char *path, const char **why) {
    *file = (struct nb_file){.path = path, .embedded = nb_file_embedded(path)};
    *why = NULL;
    if (file->embedded != NULL) {
        file->bytes = file->embedded->begin;
        file->length = file->embedded->length;
        file->descriptor = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    } else { /* a pipe of that name is refused, not waited for */
        file->descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        *why = file->descriptor < 0 ? strerror(errno) : nb_file_read(file);
    }
    if (*why != NULL) {
        nb_file_settle(file);
        free(path);
    }
    return *why == NULL;
}

void nb_file_settle(struct nb_file *file) {
    if (file->descriptor >= 0)
        close(file->descriptor);
    file->descriptor = -1;
}

void nb_file_close(struct nb_file *file) {
    nb_file_settle(file);
    if (file->embedded == NULL)
        nb_region_release((void *)file->bytes, file->length);
    free(file->path);
}

/* ---- mapping ---- */

uint64_t nb_file_offset(const struct nb_file *file) {
    const Elf64_Phdr *segment =
        (const Elf64_Phdr *)((const char *)&__ehdr_start + __ehdr_start.e_phoff);
    uint64_t at = (uint64_t)(uintptr_t)file->bytes;
    for (unsigned i = 0; i < __ehdr_start.e_phnum; i++)
        if (segment[i].p_type == PT_LOAD && at >= segment[i].p_vaddr &&
            at - segment[i].p_vaddr < segment[i].p_filesz)
            return at - segment[i].p_vaddr + segment[i].p_offset;
    return 0;
}

static bool nb_file_copy(const struct nb_file *file, char *at, size_t length, int protection,
                         uint64_t offset) {
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    if (mmap(at, length, PROT_READ | PROT_WRITE, flags, -1, 0) == MAP_FAILED)
        return false;
    uint64_t rest = file->length - offset;
    memcpy(at, file->bytes + offset, rest < length ? rest : length);
    return mprotect(at, length, protection) == 0;
}

bool nb_file_map(const struct nb_file *file, char *at, size_t length, int protection,
                 uint64_t offset) {
    uint64_t place = file->embedded != NULL ? nb_file_offset(file) + offset : offset;
    if (file->embedded != NULL && (file->descriptor < 0 || place % getauxval(AT_PAGESZ) != 0))
        return nb_file_copy(file, at, length, protection, offset);
    return mmap(at, length, protection, MAP_PRIVATE | MAP_FIXED, file->descriptor, (off_t)place) !=
           MAP_FAILED;
}
