/* A program that loads shared objects, as far as test_dl.c and test_damage.c share it: the loader
 * as in the product, a table of symbols as the link step makes it, and the objects of objects.py in
 * a folder beside the program. */
#ifndef NB_TEST_LOADING_H
#define NB_TEST_LOADING_H

#define _GNU_SOURCE
#include "nb_dl.c"

#include "nb_region.h"
#include "nb_snapshot.h"

#include "check.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- what the loader asks of others ---- */

_Atomic bool nb_virtual_on;

enum nb_snapshot_phase nb_snapshot_phase(void) {
    return NB_SNAPSHOT_NONE;
}

__attribute__((aligned(4096))) unsigned char nb_tls_block[96 << 10];
const size_t nb_tls_block_size = sizeof nb_tls_block;

/* ---- the program's symbols ---- */

static char *test_notes; /* seen by a child's parent, too */

static inline void note(char letter) {
    test_notes[strlen(test_notes)] = letter;
}

static char test_folder[400];

/* Good until the fourth call after it. */
static inline const char *object_path(const char *name) {
    static _Thread_local char paths[4][512];
    static _Thread_local unsigned turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", test_folder, name);
    return path;
}

static inline void *inner_open(const char *name) {
    return dlopen(object_path(name), RTLD_NOW);
}

/* In its place dlsym(RTLD_NEXT) of next.so finds that of what is loaded behind. */
static inline int common_last(void) {
    return 77;
}

void *__tls_get_addr(void *);

/* Sorted by strcmp, as the link step makes it. */
const struct nb_dl_symbol nb_symtab[] = {
    {"__tls_get_addr", __tls_get_addr},
    {"abort", abort},
    {"dlopen", dlopen},
    {"dlsym", dlsym},
    {"inner_open", inner_open},
    {"main_value", &nb_dl_path},
    {"note", note},
    {"pthread_create", pthread_create},
    {"pthread_join", pthread_join},
    {"strcmp", strcmp},
    {"strlen", strlen},
    {"strlen_not", NULL},
    {"zebra", printf},
};
const size_t nb_symtab_count = sizeof nb_symtab / sizeof *nb_symtab;
const struct nb_dl_symbol nb_symtab_last[] = {{"common", common_last}};
const size_t nb_symtab_last_count = sizeof nb_symtab_last / sizeof *nb_symtab_last;

/* ---- helpers ---- */

static inline void loading_begin(const char *program) {
    static char path[PATH_MAX];
    CHECK(realpath(program, path) != NULL && strlen(path) < sizeof test_folder - 10);
    nb_dl_set_program(path); /* embedded objects are in its folder */
    snprintf(test_folder, sizeof test_folder, "%.*s/objects", (int)(strrchr(path, '/') - path),
             path);
    test_notes = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(test_notes != MAP_FAILED);
}

/* Each part in a process of its own: nothing is ever unloaded. Returns how it ended. */
static inline int run_child(void (*part)(void), unsigned seconds) {
    fflush(NULL);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(seconds);
        part();
        exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    return status;
}

static char **only_parts; /* by their names; ends with NULL; none: all */

static inline bool is_wanted(const char *name) {
    if (only_parts == NULL || only_parts[0] == NULL)
        return true;
    for (char **part = only_parts; *part != NULL; part++)
        if (strcmp(*part, name) == 0)
            return true;
    return false;
}

static inline void in_child(const char *name, void (*part)(void)) {
    if (!is_wanted(name))
        return;
    memset(test_notes, 0, 4096);
    int status = run_child(part, 60);
    if (status != 0) {
        fprintf(stderr, "%s: ended with status 0x%x\n", name, (unsigned)status);
        abort();
    }
}
#define IN_CHILD(part) in_child(#part, part)

static inline void *open_object(const char *name, int mode) {
    void *object = dlopen(object_path(name), mode);
    if (object == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        abort();
    }
    return object;
}

static inline void *symbol_of(void *object, const char *name) {
    void *found = dlsym(object, name);
    if (found == NULL) {
        fprintf(stderr, "%s: %s\n", name, dlerror());
        abort();
    }
    return found;
}
#define CALL(object, name) ((int (*)(void))symbol_of(object, name))()

/* The object is refused with a message that has both texts. */
static inline void refused(const char *name, const char *text, const char *other) {
    void *object = dlopen(object_path(name), RTLD_NOW);
    const char *message = dlerror();
    if (object != NULL || message == NULL || strstr(message, text) == NULL ||
        strstr(message, other) == NULL) {
        fprintf(stderr, "%s: %p, \"%s\" lacks \"%s\" or \"%s\"\n", name, object,
                message != NULL ? message : "no message", text, other);
        abort();
    }
    CHECK(dlerror() == NULL);
}

static inline size_t read_object(const char *name, unsigned char *buffer, size_t room) {
    int fd = open(object_path(name), O_RDONLY);
    CHECK(fd >= 0);
    ssize_t length = read(fd, buffer, room);
    CHECK(length > 0 && (size_t)length < room && close(fd) == 0);
    return (size_t)length;
}

/* Becomes a file beside the others. */
static inline void write_object(const char *name, const unsigned char *data, size_t length) {
    unlink(object_path(name)); /* its mapping may be in use */
    int fd = open(object_path(name), O_WRONLY | O_CREAT | O_EXCL, 0600);
    CHECK(fd >= 0 && write(fd, data, length) == (ssize_t)length && close(fd) == 0);
}

#endif
