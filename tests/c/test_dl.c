/* nb_dl.c in the place of musl's stubs, as in the product, with a symbol table of this program's
 * own. */
#define _GNU_SOURCE
#include "nb_dl.c"

#include "check.h"

#include <math.h>

/* Sorted by strcmp, as the link step makes it. */
const struct nb_dl_symbol nb_symtab[] = {
    {"abort", abort},   {"dlopen", dlopen},   {"main_value", &nb_dl_path},
    {"strlen", strlen}, {"strlen_not", NULL}, {"zebra", printf},
};
const size_t nb_symtab_count = sizeof nb_symtab / sizeof *nb_symtab;

static void handles(void) {
    static const char *const own[] = {
        "libc.so",         "libc.so.6", "/lib/libc.musl-x86_64.so.1", "libm.so.6",
        "libpthread.so.0", "libz.so.1", "/lib/ld-musl-aarch64.so.1"};
    void *self = dlopen(NULL, RTLD_NOW);
    CHECK(self != NULL && dlclose(self) == 0 && dlerror() == NULL);
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        CHECK(dlopen(own[i], RTLD_LAZY | RTLD_GLOBAL) == self);
    CHECK(dlopen("/var/task/numpy/core.so", RTLD_NOW) == NULL);
    const char *message = dlerror();
    CHECK(message != NULL && strstr(message, "/var/task/numpy/core.so") != NULL);
    CHECK(strstr(message, "cannot load binary extension modules") != NULL);
    CHECK(dlerror() == NULL); /* told once */
    CHECK(dlclose((void *)1) != 0 && strstr(dlerror(), "invalid handle") != NULL);
    CHECK(dlsym((void *)1, "strlen") == NULL && strstr(dlerror(), "invalid handle") != NULL);
}

static void symbols(void) {
    void *self = dlopen(NULL, RTLD_NOW);
    for (size_t i = 0; i < nb_symtab_count; i++)
        CHECK(dlsym(self, nb_symtab[i].name) == nb_symtab[i].address);
    CHECK(dlsym(RTLD_DEFAULT, "strlen") == (void *)strlen);
    static const char *const absent[] = {"", "aaa", "strle", "strlen_", "zebra2", "\x7f"};
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++) {
        CHECK(dlsym(self, absent[i]) == NULL);
        const char *message = dlerror();
        CHECK(message != NULL && strncmp(message, "Symbol not found: ", 18) == 0);
        CHECK(strcmp(message + 18, absent[i]) == 0);
    }
    char name[2000]; /* longer than a message may be */
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    CHECK(dlsym(self, name) == NULL && strlen(dlerror()) < 600);
}

static void addresses(void) {
    Dl_info info;
    nb_dl_set_program("/var/task/bootstrap");
    CHECK(dladdr((void *)strlen, &info) != 0);
    CHECK(strcmp(info.dli_fname, "/var/task/bootstrap") == 0 &&
          strcmp(info.dli_sname, "strlen") == 0);
    CHECK(info.dli_saddr == (void *)strlen && info.dli_fbase == &__ehdr_start);
    CHECK(dladdr((char *)strlen + 1, &info) != 0 && info.dli_sname == NULL);
    static int in_bss;
    int on_stack = 0;
    CHECK(dladdr(&in_bss, &info) != 0 && dladdr(&on_stack, &info) == 0 && dladdr(NULL, &info) == 0);
}

static int calls;

static int visit(struct dl_phdr_info *info, size_t size, void *context) {
    int loads = 0, here = 0;
    CHECK(size == sizeof *info && context == &calls && info->dlpi_addr == 0);
    CHECK(strcmp(info->dlpi_name, "/var/task/bootstrap") == 0);
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        loads += p->p_type == PT_LOAD;
        here += p->p_type == PT_LOAD && (uintptr_t)visit >= p->p_vaddr &&
                (uintptr_t)visit < p->p_vaddr + p->p_memsz;
    }
    CHECK(loads >= 2 && here == 1);
    calls++;
    return 42;
}

/* A message belongs to the thread that failed. */
static void *other_thread(void *argument) {
    CHECK(dlerror() == NULL);
    CHECK(dlsym(NULL, "of the other thread") == NULL);
    CHECK(strstr(dlerror(), "of the other thread") != NULL);
    CHECK(dlerror() == NULL);
    return argument;
}

static void threads(void) {
    pthread_t ids[20];
    CHECK(dlsym(NULL, "of the first") == NULL);
    for (int i = 0; i < 4; i++) {
        CHECK(pthread_create(&ids[i], NULL, other_thread, NULL) == 0);
        pthread_join(ids[i], NULL);
    }
    CHECK(strstr(dlerror(), "of the first") != NULL);
    for (int i = 0; i < 20; i++)
        CHECK(pthread_create(&ids[i], NULL, other_thread, NULL) == 0);
    for (int i = 0; i < 20; i++)
        pthread_join(ids[i], NULL);
}

int main(void) {
    handles();
    symbols();
    addresses();
    CHECK(dl_iterate_phdr(visit, &calls) == 42 && calls == 1);
    threads();
    printf("dl: handles, symbols, addresses, program headers, messages per thread\n");
    return 0;
}
