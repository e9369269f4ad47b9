/* The loader in the place of musl's stubs, as in the product: what dlopen and its kin promise
 * (nb_dl.h), with objects made for it (objects.py), under threads and forks. What is wrong with a
 * file is test_damage.c's subject. */
#include "loading.h"

#include <errno.h>
#include <sys/auxv.h>
#include <sys/time.h>

/* ---- the program itself ---- */

static void handles(void) {
    static const char *const own[] = {
        "libc.so",         "libc.so.6", "/lib/libc.musl-x86_64.so.1",  "libm.so.6",
        "libpthread.so.0", "libz.so.1", "/lib/ld-musl-aarch64.so.1",   "/nowhere/libz.so.1",
        "libdl.so.2",      "libm.so",   "/nowhere/libpython3.13.so.1",
    };
    void *self = dlopen(NULL, RTLD_NOW);
    CHECK(self != NULL && dlclose(self) == 0 && dlerror() == NULL);
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        CHECK(dlopen(own[i], RTLD_LAZY | RTLD_GLOBAL) == self);
    CHECK(dlopen("/var/task/numpy/core.so", RTLD_NOW) == NULL);
    const char *message = dlerror();
    CHECK(message != NULL && strstr(message, "/var/task/numpy/core.so: No such file") != NULL);
    CHECK(dlerror() == NULL); /* told once */
    CHECK(dlclose((void *)1) != 0 && strstr(dlerror(), "invalid handle") != NULL);
    CHECK(dlsym((void *)1, "strlen") == NULL && strstr(dlerror(), "invalid handle") != NULL);
    CHECK(dlinfo(self, 1, &self) != 0 && strstr(dlerror(), "dlinfo") != NULL);
}

static void symbols(void) {
    void *self = dlopen(NULL, RTLD_NOW);
    for (size_t i = 0; i < nb_symtab_count; i++) {
        CHECK(i == 0 || strcmp(nb_symtab[i - 1].name, nb_symtab[i].name) < 0);
        CHECK(dlsym(self, nb_symtab[i].name) == nb_symtab[i].address);
    }
    CHECK(dlsym(RTLD_DEFAULT, "strlen") == (void *)strlen);
    CHECK(dlsym(self, "common") == (void *)common_last);
    dlerror();
    static const char *const absent[] = {"", "aaa", "strle", "strlen_", "zebra2", "\x7f"};
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++) {
        CHECK(dlsym(self, absent[i]) == NULL);
        const char *message = dlerror();
        CHECK(message != NULL && strncmp(message, "Symbol not found: ", 18) == 0);
        CHECK(strcmp(message + 18, absent[i]) == 0);
    }
    char name[5000]; /* longer than a message may be */
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    CHECK(dlsym(self, name) == NULL && strlen(dlerror()) < 1100);
    CHECK(dlopen(name, RTLD_NOW) == NULL && strlen(dlerror()) < 1100);
    name[0] = '/';
    CHECK(dlopen(name, RTLD_NOW) == NULL && strstr(dlerror(), "nnnn") != NULL);
}

static void addresses(void) {
    Dl_info info;
    const char *program = nb_dl_path;
    nb_dl_set_program("/var/task/bootstrap");
    CHECK(dladdr((void *)strlen, &info) != 0);
    CHECK(strcmp(info.dli_fname, "/var/task/bootstrap") == 0 &&
          strcmp(info.dli_sname, "strlen") == 0);
    CHECK(info.dli_saddr == (void *)strlen && info.dli_fbase == &__ehdr_start);
    CHECK(dladdr((char *)strlen + 1, &info) != 0 && info.dli_sname == NULL);
    static int in_bss;
    int on_stack = 0;
    CHECK(dladdr(&in_bss, &info) != 0 && dladdr(&on_stack, &info) == 0 && dladdr(NULL, &info) == 0);
    nb_dl_set_program(program);
}

/* A message belongs to the thread that failed. */
static void *other_thread(void *argument) {
    CHECK(dlerror() == NULL);
    CHECK(dlsym(NULL, "of the other thread") == NULL);
    CHECK(strstr(dlerror(), "of the other thread") != NULL);
    CHECK(dlerror() == NULL);
    return argument;
}

static void messages(void) {
    pthread_t ids[40];
    CHECK(dlsym(NULL, "of the first") == NULL);
    for (int i = 0; i < 4; i++) {
        CHECK(pthread_create(&ids[i], NULL, other_thread, NULL) == 0);
        pthread_join(ids[i], NULL);
    }
    for (int i = 0; i < 40; i++)
        CHECK(pthread_create(&ids[i], NULL, other_thread, NULL) == 0);
    for (int i = 0; i < 40; i++)
        pthread_join(ids[i], NULL);
    CHECK(strstr(dlerror(), "of the first") != NULL);
}

/* ---- constructors, destructors ---- */

static void order_inside(void) {
    void *a = open_object("order_a.so", RTLD_NOW);
    note('|');
    CHECK(open_object("order_c.so", RTLD_NOW) != a && dlopen(object_path("order_a.so"), 0) == a);
    CHECK(dlclose(a) == 0 && dlclose(a) == 0 && dlclose(a) != 0); /* counted, never unloaded */
    CHECK(dlsym(a, "first") == NULL && strstr(dlerror(), "invalid handle") != NULL);
    CHECK(open_object("order_a.so", RTLD_NOW) == a && dlsym(a, "first") != NULL);
    note('|');
}

/* What is needed first; DT_INIT before DT_INIT_ARRAY; at the end all of it backwards, once. */
static void order(void) {
    CHECK(run_child(order_inside, 20) == 0);
    if (strcmp(test_notes, "cb(a||A)BC") != 0) {
        fprintf(stderr, "order: %s\n", test_notes);
        abort();
    }
}

static void starter(void) {
    void *self = open_object("libstarter.so", RTLD_NOW);
    CHECK(((int (*)(void *))symbol_of(self, "starter_good"))(self));
}

static void *stay_in_constructor(void *ready) {
    nb_dl_enter_starting();
    pthread_barrier_wait(ready);
    for (;;)
        pause();
    return NULL;
}

static void exit_inside(void) {
    static pthread_barrier_t ready;
    pthread_t id;
    open_object("order_c.so", RTLD_NOW);
    pthread_barrier_init(&ready, NULL, 2);
    CHECK(pthread_create(&id, NULL, stay_in_constructor, &ready) == 0);
    pthread_barrier_wait(&ready);
    open_object("order_c.so", RTLD_NOW); /* is started: nobody waits for the other */
}

/* A thread that never comes back from a constructor does not keep the process from ending. */
static void exit_while_starting(void) {
    CHECK(run_child(exit_inside, 20) == 0);
    CHECK(strcmp(test_notes, "c") == 0);
}

static void fork_in_constructor(void) {
    /* order.c's note() is called in a constructor: the child it makes goes on loading. */
    nb_dl_enter_starting();
    pid_t child = fork();
    if (child == 0) {
        nb_dl_leave_starting();
        CHECK(CALL(open_object("v1/libthing.so", RTLD_NOW), "thing_version") == 1);
        _exit(0);
    }
    nb_dl_leave_starting();
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(CALL(open_object("v2/libthing.so", RTLD_NOW), "thing_version") == 2);
}

/* ---- which file, which symbol ---- */

static void circle(void) {
    void *one = open_object("circle_1.so", RTLD_NOW);
    CHECK(CALL(one, "both") == 12 && CALL(one, "circle_2") == 2);
    CHECK(CALL(open_object("circle_2.so", RTLD_NOW), "both") == 21);
}

/* Two versions of one library, each for whoever is beside it; one name for what is loaded. */
static void versions_of_a_library(void) {
    void *one = open_object("user_1.so", RTLD_NOW), *two = open_object("user_2.so", RTLD_NOW);
    CHECK(CALL(one, "user_calls") == 101 && CALL(two, "user_calls") == 102);
    CHECK(CALL(one, "thing_version") == 1 && CALL(two, "thing_version") == 2);
    CHECK(CALL(dlopen("libthing.so", RTLD_NOW), "thing_version") == 1);
    void *v2 = open_object("v2/libthing.so", RTLD_NOW);
    CHECK(v2 == dlopen(object_path("v1/../v2//./libthing.so"), RTLD_NOW));
    CHECK(CALL(v2, "thing_version") == 2);
    CHECK(CALL(open_object("top.so", RTLD_NOW), "user_calls") ==
          104 + 100); /* inherited run path */
    /* A file is known whatever it is called, also through links and from where we stand. */
    CHECK(symlink("v1", object_path("link")) == 0 || errno == EEXIST);
    void *v1 = open_object("v1/libthing.so", RTLD_NOW);
    CHECK(dlopen(object_path("link/libthing.so"), RTLD_NOW) == v1);
    CHECK(dlopen(object_path("link/../v1/libthing.so"), RTLD_NOW) == v1);
    CHECK(chdir(test_folder) == 0 && dlopen("v1/libthing.so", RTLD_NOW) == v1);
    CHECK(dlopen("./v1/libthing.so", RTLD_NOW | RTLD_NOLOAD) == v1);
}

/* ".." behind a link is not what the text says. */
static void links(void) {
    mkdir(object_path("far"), 0700);
    mkdir(object_path("far/folder"), 0700);
    CHECK(symlink("far/folder", object_path("near")) == 0 || errno == EEXIST);
    unsigned char data[8192];
    write_object("far/reached.so", data, read_object("v1/libthing.so", data, sizeof data));
    CHECK(CALL(open_object("near/../reached.so", RTLD_NOW), "thing_version") == 1);
}

static void library_path(void) {
    char folders[9000];
    CHECK(dlopen("libthing.so", RTLD_NOW) == NULL);
    CHECK(strstr(dlerror(), "libthing.so: not found") != NULL);
    snprintf(folders, sizeof folders, ":/nowhere:%s/v2:", test_folder);
    CHECK(setenv("LD_LIBRARY_PATH", folders, 1) == 0);
    CHECK(CALL(dlopen("libthing.so", RTLD_NOW), "thing_version") == 2);
}

static void scopes(void) {
    void *system = open_object("system.so", RTLD_NOW);
    CHECK(CALL(system, "user_calls") == 177);
    CHECK(dlsym(system, "strlen") == (void *)strlen); /* below everything is the C library */
    CHECK(CALL(system, "common") == 77 && dlsym(system, "absent") == NULL && dlerror() != NULL);
    refused("user_any.so", "user_any.so: ", "symbol not found: thing_version");
    void *local = open_object("v1/libthing.so", RTLD_NOW);
    refused("user_any.so", "user_any.so: ", "symbol not found: thing_version");
    CHECK(dlsym(RTLD_DEFAULT, "thing_version") == NULL);
    CHECK(dlopen(object_path("v2/libthing.so"), RTLD_NOLOAD) == NULL);
    CHECK(strstr(dlerror(), "not loaded") != NULL);
    CHECK(dlopen(object_path("v1/libthing.so"), RTLD_NOLOAD | RTLD_GLOBAL) == local);
    CHECK(CALL(open_object("user_any.so", RTLD_NOW), "user_calls") == 101);
    CHECK(CALL(RTLD_DEFAULT, "thing_version") == 1);
    CHECK(dlsym(dlopen(NULL, 0), "thing_version") == dlsym(local, "thing_version"));
    CHECK(nb_dl_find_in_modules("thing_version") == dlsym(local, "thing_version"));
    CHECK(nb_dl_find_in_modules("strlen") == NULL);
    /* The program's own come first, but for those of the second table. */
    CHECK(CALL(RTLD_DEFAULT, "common") == 1001);
}

static void next(void) {
    void *front = open_object("next.so", RTLD_NOW | RTLD_GLOBAL);
    CHECK(CALL(front, "common") == -1 || CALL(front, "common") == 10077);
    open_object("v2/libthing.so", RTLD_NOW);
    CHECK(CALL(front, "common") == 11002);
    size_t (*longer)(const char *) = (size_t(*)(const char *))symbol_of(front, "strlen");
    CHECK(longer != strlen && longer("four") == 5);
    CHECK(dlsym(RTLD_DEFAULT, "strlen") == (void *)strlen);
    CHECK(dlsym(RTLD_NEXT, "thing_version") != NULL); /* behind the program is everything */
}

static void weak_and_versioned(void) {
    CHECK(CALL(open_object("weak.so", RTLD_NOW), "weak_ones") == 4);
    void *versioned = open_object("versioned.so", RTLD_NOW);
    CHECK(CALL(versioned, "versioned") == 2);
    CHECK(dlsym(versioned, "only_old") == NULL && dlerror() != NULL); /* hidden, as for musl */
}

static void relocations(void) {
    const int sum = 16 * 108 + 3 * 108;
    static const char *const kinds[] = {"pointers.so", "packed.so", "old_hash.so"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        CHECK(CALL(open_object(kinds[i], RTLD_NOW), "pointers_sum") == sum);
    if (getauxval(AT_PAGESZ) == 4096)
        CHECK(CALL(open_object("pages_4k.so", RTLD_NOW), "pointers_sum") == sum);
    else
        refused("pages_4k.so", "pages_4k.so", "laid out for smaller pages");
    void *aligned = open_object("aligned.so", RTLD_NOW);
    CHECK(CALL(aligned, "pointers_sum") == sum);
    CHECK((uintptr_t)((struct nb_object *)aligned)->base % NB_ELF_ALIGN_MAX == 0);
    CHECK(nb_region_has(symbol_of(aligned, "pointers_sum")));
}

/* ---- protection ---- */

enum { WRITABLE = 0, READ_ONLY = 33 };
static char *protected_place;

static void end_read_only(int number) {
    (void)number;
    _exit(READ_ONLY);
}

static void write_there(void) {
    signal(SIGSEGV, end_read_only);
    *(volatile char *)protected_place = 1;
}

static void check_place(const void *place, int is) {
    protected_place = (char *)place;
    int status = run_child(write_there, 10);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == is);
}

static void check_protected(void *object) {
    check_place(symbol_of(object, "constant"), READ_ONLY);
    check_place((int *const *)symbol_of(object, "constant") + 127, READ_ONLY);
    check_place(symbol_of(object, "pointers_sum"), READ_ONLY);
    check_place(symbol_of(object, "variable"), WRITABLE);
    check_place((char *)symbol_of(object, "zeros") + 9999, WRITABLE);
    check_place(((struct nb_object *)object)->elf.rows.at, READ_ONLY); /* the file's bytes */
}

/* The end of PT_GNU_RELRO behind that of its segment, as lld before 18 had it. */
static void shorten_relro_segment(unsigned char *data) {
    const Elf64_Ehdr *header = (const Elf64_Ehdr *)data;
    Elf64_Phdr *segments = (Elf64_Phdr *)(data + header->e_phoff);
    uint64_t place = 0;
    for (int i = 0; i < header->e_phnum; i++)
        if (segments[i].p_type == PT_GNU_RELRO)
            place = segments[i].p_vaddr;
    for (int i = 0; i < header->e_phnum; i++) {
        if (segments[i].p_type == PT_LOAD && segments[i].p_vaddr == place) {
            CHECK(segments[i].p_memsz > segments[i].p_filesz);
            segments[i].p_memsz = segments[i].p_filesz;
            return;
        }
    }
    CHECK(false);
}

static void protection(void) {
    unsigned char data[16384];
    check_protected(open_object("packed.so", RTLD_NOW));
    check_protected(open_object("pointers.so", RTLD_NOW));
    size_t length = read_object("pointers.so", data, sizeof data);
    shorten_relro_segment(data);
    write_object("old_relro.so", data, length);
    check_protected(open_object("old_relro.so", RTLD_NOW));
}

/* ---- what lies where ---- */

static const struct nb_object *wanted;
static int visited, program_visited;

static int visit(struct dl_phdr_info *info, size_t size, void *context) {
    CHECK(size == sizeof *info && context == &visited);
    visited++;
    if (info->dlpi_addr == 0) {
        CHECK(strcmp(info->dlpi_name, nb_dl_path) == 0 && visited == 1);
        for (int i = 0; i < info->dlpi_phnum; i++) {
            const ElfW(Phdr) *p = &info->dlpi_phdr[i];
            program_visited += p->p_type == PT_LOAD && (uintptr_t)visit - p->p_vaddr < p->p_memsz;
        }
    }
    if (wanted == NULL || info->dlpi_addr != (uintptr_t)wanted->base)
        return 0;
    CHECK(strcmp(info->dlpi_name, wanted->file.path) == 0);
    int frames = 0, code = 0;
    uintptr_t function = (uintptr_t)symbol_of((void *)wanted, "framed") - info->dlpi_addr;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        if (p->p_type == PT_GNU_EH_FRAME) /* version 1 of the table */
            frames += *(const unsigned char *)(info->dlpi_addr + p->p_vaddr) == 1;
        code += p->p_type == PT_LOAD && function - p->p_vaddr < p->p_memsz;
    }
    CHECK(frames == 1 && code == 1);
    return 42;
}

static void where(void) {
    CHECK(dl_iterate_phdr(visit, &visited) == 0 && visited == 1 && program_visited == 1);
    open_object("v1/libthing.so", RTLD_NOW);
    wanted = open_object("frames.so", RTLD_NOW);
    open_object("v2/libthing.so", RTLD_NOW);
    visited = 0;
    CHECK(dl_iterate_phdr(visit, &visited) == 42 && visited == 3);
    Dl_info info;
    char *function = symbol_of((void *)wanted, "framed");
    CHECK(dladdr(function + 5, &info) != 0 && strcmp(info.dli_sname, "framed") == 0);
    CHECK(info.dli_saddr == function && info.dli_fbase == (void *)wanted->memory);
    CHECK(strcmp(info.dli_fname, object_path("frames.so")) == 0);
    CHECK(dladdr(wanted->memory, &info) != 0 && info.dli_sname == NULL);
    CHECK(nb_object_at(wanted->memory - 1) != wanted);
}

/* ---- thread-local storage ---- */

enum { EARLY = 6, MODULES = 4 };
static void *tls_modules[MODULES], *tls_user;
static pthread_barrier_t tls_loaded;

static void tls_use(void) {
    void *places[MODULES];
    for (int i = 0; i < MODULES; i++) {
        CHECK(CALL(tls_modules[i], "tls_check") == 0);
        places[i] = CALL(tls_modules[i], "tls_add") ? symbol_of(tls_modules[i], "tls_value") : NULL;
        places[i] = ((void *(*)(void))places[i])();
    }
    for (long n = 1; n <= 100; n++)
        for (int i = 0; i < MODULES; i++)
            ((long (*)(long))symbol_of(tls_modules[i], "tls_add"))(n * (i + 1));
    for (int i = 0; i < MODULES; i++) {
        long *value = places[i];
        *value -= 5050 * (i + 1);
        for (int j = 0; j < i; j++)
            CHECK(places[i] != places[j]);
    }
    /* dlsym gives this thread's; another object sees the same. */
    CHECK(dlsym(tls_modules[0], "value") == places[0]);
    CHECK(((long (*)(void))symbol_of(tls_user, "user_of_value"))() == *(long *)places[0]);
}

static void *tls_early(void *unused) {
    pthread_barrier_wait(&tls_loaded); /* exists */
    pthread_barrier_wait(&tls_loaded); /* may use it */
    tls_use();
    return unused;
}

static void *tls_late(void *unused) {
    tls_use();
    return unused;
}

static void tls(void) {
    static const char *const kinds[MODULES] = {"tls_general.so", "tls_local.so", "tls_initial.so",
                                               "tls_descriptor.so"};
    pthread_t early[EARLY], late;
    pthread_barrier_init(&tls_loaded, NULL, EARLY + 1);
    for (int i = 0; i < EARLY; i++)
        CHECK(pthread_create(&early[i], NULL, tls_early, NULL) == 0);
    pthread_barrier_wait(&tls_loaded);
    for (int i = 0; i < MODULES; i++)
        tls_modules[i] = open_object(kinds[i], RTLD_NOW);
    tls_user = open_object("tls_user.so", RTLD_NOW);
    pthread_barrier_wait(&tls_loaded);
    tls_use();
    for (int i = 0; i < EARLY; i++)
        pthread_join(early[i], NULL);
    for (int i = 0; i < 20; i++) { /* in a row: their stacks are used again */
        CHECK(pthread_create(&late, NULL, tls_late, NULL) == 0);
        pthread_join(late, NULL);
    }
}

/* ---- many threads, and forks among them ---- */

enum { THREADS = 64 };
static int rounds = 1000;
static void *shared_thing, *shared_tls;
static _Atomic bool stopping;

/* A copy of an object is another object. */
static void make_copies(const char *name, const char *prefix, int count) {
    static unsigned char data[32768];
    char copy[64];
    size_t length = read_object(name, data, sizeof data);
    for (int i = 0; i < count; i++) {
        snprintf(copy, sizeof copy, "%s_%d.so", prefix, i);
        write_object(copy, data, length);
    }
}

static void fail_once(long id, int n) {
    char name[64], *message;
    snprintf(name, sizeof name, "absent_%ld_%d", id, n);
    CHECK(dlsym(shared_thing, name) == NULL);
    message = dlerror();
    CHECK(message != NULL && strncmp(message, "Symbol not found: ", 18) == 0);
    CHECK(strcmp(message + 18, name) == 0 && dlerror() == NULL);
    if (n % 50 != 0)
        return;
    CHECK(dlopen(object_path(name), RTLD_NOW) == NULL);
    message = dlerror();
    CHECK(message != NULL && strstr(message, name) != NULL && strstr(message, "No such") != NULL);
}

static void *hammer(void *argument) {
    long id = (long)(intptr_t)argument, added = 0;
    char copy[64];
    long (*add)(long) = (long (*)(long))symbol_of(shared_tls, "tls_add");
    snprintf(copy, sizeof copy, "copy_%ld.so", id);
    for (int n = 0; n < rounds; n++) {
        CHECK(CALL(shared_thing, "thing_version") == 1);
        CHECK(add(id) == 42 + (added += id));
        fail_once(id, n);
        if (n == rounds / 2) {
            void *own = open_object(copy, RTLD_NOW);
            CHECK(CALL(own, "tls_check") == 0);
            CHECK(dlsym(own, "tls_check") != dlsym(shared_tls, "tls_check"));
        }
        if (n % 10 == 0) {
            void *same = open_object("v1/libthing.so", RTLD_NOW);
            CHECK(same == shared_thing && dlclose(same) == 0);
        }
    }
    return NULL;
}

static void load_shared(void) {
    shared_thing = open_object("v1/libthing.so", RTLD_NOW);
    shared_tls = open_object("tls_general.so", RTLD_NOW);
}

static void threads(void) {
    pthread_t ids[THREADS];
    make_copies("tls_general.so", "copy", THREADS);
    load_shared();
    for (long i = 0; i < THREADS; i++)
        CHECK(pthread_create(&ids[i], NULL, hammer, (void *)(intptr_t)i) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(ids[i], NULL) == 0);
    CHECK(atomic_load(&nb_dl_count) == 2 + THREADS);
}

static void *load_and_fail(void *argument) {
    long id = (long)(intptr_t)argument;
    char copy[64];
    for (int n = 0; !stopping; n++) {
        fail_once(id, n * 10);
        snprintf(copy, sizeof copy, "forked_%d.so", (int)(id * 32 + n % 32));
        open_object(copy, RTLD_NOW);
    }
    return NULL;
}

static void *check_shared_tls(void *unused) {
    CHECK(CALL(shared_tls, "tls_check") == 0);
    return unused;
}

/* A child of a process in which others load goes on as if alone. */
static void forks(void) {
    enum { LOADERS = 4 };
    pthread_t ids[LOADERS];
    make_copies("v1/libthing.so", "forked", LOADERS * 32);
    load_shared();
    for (long i = 0; i < LOADERS; i++)
        CHECK(pthread_create(&ids[i], NULL, load_and_fail, (void *)(intptr_t)i) == 0);
    for (int i = 0; i < 40; i++) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            alarm(20);
            fail_once(99, 0);
            CHECK(CALL(open_object("v2/libthing.so", RTLD_NOW), "thing_version") == 2);
            CHECK(CALL(open_object("tls_initial.so", RTLD_NOW), "tls_check") == 0);
            pthread_t late;
            CHECK(pthread_create(&late, NULL, check_shared_tls, NULL) == 0);
            pthread_join(late, NULL);
            _exit(0);
        }
        int status;
        CHECK(waitpid(child, &status, 0) == child);
        if (status != 0)
            fprintf(stderr, "child %d of %s: status 0x%x\n", i, __func__, (unsigned)status);
        CHECK(status == 0);
    }
    stopping = true;
    for (int i = 0; i < LOADERS; i++)
        pthread_join(ids[i], NULL);
}

/* Threads begin while objects with thread-local storage are being loaded: whoever can know of one
 * finds its initial values. */
enum { RACES = 48 };
static void *_Atomic raced[RACES];
static _Atomic int raced_count;

static void *check_raced(void *unused) {
    for (int i = 0, count = raced_count; i < count; i++) {
        CHECK(CALL(raced[i], "tls_check") == 0);
        CHECK(((long (*)(long))symbol_of(raced[i], "tls_add"))(i) == 42 + i);
    }
    return unused;
}

static void *begin_threads(void *unused) {
    while (!stopping) {
        pthread_t ids[4];
        for (int i = 0; i < 4; i++)
            CHECK(pthread_create(&ids[i], NULL, check_raced, NULL) == 0);
        for (int i = 0; i < 4; i++)
            CHECK(pthread_join(ids[i], NULL) == 0);
    }
    check_raced(NULL); /* one that was there all the time */
    return unused;
}

static void tls_races(void) {
    pthread_t ids[2];
    char name[64];
    make_copies("tls_descriptor.so", "raced", RACES);
    for (int i = 0; i < 2; i++)
        CHECK(pthread_create(&ids[i], NULL, begin_threads, NULL) == 0);
    for (int i = 0; i < RACES; i++) {
        snprintf(name, sizeof name, "raced_%d.so", i);
        raced[i] = open_object(name, RTLD_NOW);
        raced_count = i + 1;
    }
    stopping = true;
    for (int i = 0; i < 2; i++)
        CHECK(pthread_join(ids[i], NULL) == 0);
    check_raced(NULL);
}

/* A handler may look things up while the thread that it interrupts is loading. */
static _Atomic unsigned interruptions;

static void look_up(int number) {
    Dl_info info;
    (void)number;
    CHECK(CALL(shared_thing, "thing_version") == 1);
    CHECK(dladdr(dlsym(shared_thing, "common"), &info) != 0);
    CHECK(strcmp(info.dli_sname, "common") == 0);
    interruptions++;
}

static void signals(void) {
    char name[64];
    const struct itimerval often = {{0, 300}, {0, 300}}, never = {{0, 0}, {0, 0}};
    make_copies("tls_general.so", "copy", THREADS);
    load_shared();
    signal(SIGVTALRM, look_up);
    CHECK(setitimer(ITIMER_VIRTUAL, &often, NULL) == 0);
    for (int i = 0; i < THREADS || interruptions < 3; i++) {
        snprintf(name, sizeof name, "copy_%d.so", i % THREADS);
        CHECK(CALL(open_object(name, RTLD_NOW), "tls_check") == 0);
    }
    CHECK(setitimer(ITIMER_VIRTUAL, &never, NULL) == 0);
}

static void *cancelled(void *unused) {
    for (;; pthread_testcancel())
        fail_once(1, 0);
    return unused;
}

/* A thread that ends in the middle of it leaves no lock behind. */
static void cancelling(void) {
    load_shared();
    for (int i = 0; i < 20; i++) {
        pthread_t id;
        CHECK(pthread_create(&id, NULL, cancelled, NULL) == 0);
        usleep(2000);
        pthread_cancel(id);
        pthread_join(id, NULL);
        fail_once(2, 0);
    }
}

/* ---- inside the program ---- */

static void embedded(void) {
    const struct nb_dl_file_range *ranges;
    char path[4200], *slash;
    snprintf(path, sizeof path, "%s", nb_dl_path);
    slash = strrchr(path, '/');
    snprintf(slash, 200, "/inside/embedded.so");
    CHECK(access(path, F_OK) != 0); /* there is no such file */
    void *object = dlopen(path, RTLD_NOW);
    CHECK(object != NULL && CALL(object, "user_calls") == 105);
    CHECK(strcmp(((struct nb_object *)object)->file.path, path) == 0);
    CHECK(nb_dl_file_ranges(&ranges) > 0);
    size_t count = nb_dl_file_ranges(&ranges);
    int fd = open("/proc/self/exe", O_RDONLY);
    static unsigned char data[65536];
    for (size_t i = 0; fd >= 0 && i < count; i++) {
        CHECK(ranges[i].length <= sizeof data);
        CHECK(pread(fd, data, ranges[i].length, (off_t)ranges[i].offset) > 0);
        CHECK(memcmp(data, (void *)ranges[i].address, 64) == 0);
    }
    snprintf(slash, 200, "/inside/../inside/pointers.so");
    object = dlopen(path, RTLD_NOW);
    CHECK(object != NULL && CALL(object, "pointers_sum") == 19 * 108);
    check_protected(object);
    snprintf(slash, 200, "/inside/absent.so");
    CHECK(dlopen(path, RTLD_NOW) == NULL && strstr(dlerror(), "absent.so: No such file") != NULL);
}

/* Where there is no /proc, as in a chroot. */
static void embedded_without_proc(void) {
    char folder[4200];
    snprintf(folder, sizeof folder, "%s", nb_dl_path);
    *strrchr(folder, '/') = '\0';
    if (geteuid() != 0 || chroot(folder) != 0 || chdir("/") != 0) {
        printf("dl: not as root: without /proc not tried\n");
        return;
    }
    nb_dl_set_program("/bootstrap");
    snprintf(test_folder, sizeof test_folder, "/objects");
    CHECK(access("/proc", F_OK) != 0);
    embedded();
}

int main(int argc, char **argv) {
    loading_begin(argv[0]);
    only_parts = argc > 1 ? argv + 1 : NULL;
    if (getenv("NB_TEST_ROUNDS") != NULL)
        rounds = atoi(getenv("NB_TEST_ROUNDS"));
    IN_CHILD(handles);
    IN_CHILD(symbols);
    IN_CHILD(addresses);
    IN_CHILD(messages);
    IN_CHILD(order);
    IN_CHILD(exit_while_starting);
    IN_CHILD(starter);
    IN_CHILD(fork_in_constructor);
    IN_CHILD(circle);
    IN_CHILD(versions_of_a_library);
    IN_CHILD(links);
    IN_CHILD(library_path);
    IN_CHILD(scopes);
    IN_CHILD(next);
    IN_CHILD(weak_and_versioned);
    IN_CHILD(relocations);
    IN_CHILD(protection);
    IN_CHILD(where);
    IN_CHILD(tls);
    IN_CHILD(threads);
    IN_CHILD(forks);
    IN_CHILD(tls_races);
    IN_CHILD(signals);
    IN_CHILD(cancelling);
    IN_CHILD(embedded);
    IN_CHILD(embedded_without_proc);
    printf("dl: files and symbols, constructors, protection, thread-local storage, "
           "%d threads x %d calls, forks, what is inside the program\n",
           THREADS, rounds);
    return 0;
}
