/* What the loader refuses, with which words, and what a refusal leaves behind: nothing. Then
 * damage: seeded mutations of good objects (not of their code), mapped and relocated in a child.
 *
 * Invariant: a damaged file is loaded or refused with a message; never a crash, and the next load
 * works. */
#include "loading.h"

#include <errno.h>
#include <sys/auxv.h>

enum { ROOM = 1 << 17, MUTATIONS = 300 };
static unsigned char data[ROOM], original[ROOM];

/* ---- what is left behind ---- */

struct state {
    char *top;
    struct nb_tls_mark tls;
    unsigned objects, files;
    size_t ranges, lines;
};

static unsigned open_files(void) {
    unsigned count = 0;
    for (int fd = 0; fd < 256; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

/* Mappings in the region; none may be both writable and executable. */
static size_t region_lines(void) {
    char line[1024], rights[5];
    size_t count = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    CHECK(maps != NULL);
    while (fgets(line, sizeof line, maps) != NULL) {
        void *begin = (void *)strtoul(line, NULL, 16);
        CHECK(sscanf(line, "%*s %4s", rights) == 1); /* a path may hold the letters, too */
        CHECK(!nb_region_has(begin) || strstr(rights, "wx") == NULL);
        count += nb_region_has(begin) != 0;
    }
    fclose(maps);
    return count;
}

static struct state state_now(void) {
    const struct nb_dl_file_range *ranges;
    char *top = nb_region_reserve(1, 0); /* the next free place */
    nb_region_release(top, 1);
    return (struct state){.top = top,
                          .tls = nb_tls_mark(),
                          .objects = nb_dl_count,
                          .files = open_files(),
                          .ranges = nb_dl_file_ranges(&ranges),
                          .lines = region_lines()};
}

static void check_same(struct state before) {
    struct state now = state_now();
    CHECK(now.top == before.top && now.lines == before.lines);
    CHECK(now.tls.used == before.tls.used && now.tls.modules == before.tls.modules);
    CHECK(now.objects == before.objects && now.files == before.files);
    CHECK(now.ranges == before.ranges);
}

/* ---- refusals ---- */

static void check_next(void) {
    CHECK(CALL(open_object("user_1.so", RTLD_NOW), "user_calls") == 101);
    CHECK(CALL(open_object("tls_general.so", RTLD_NOW), "tls_check") == 0);
}

static const char *const refusals[][3] = {
    {"absent.so", "absent.so: No such file or directory", ""},
    {"foreign.so", "foreign.so: built for ", ", not for this machine"},
    {"no_symbol.so", "no_symbol.so: symbol not found: nobody_has_this", ""},
    {"no_library.so", "no_library.so: needs libabsent.so, which is not there", "$ORIGIN/libs"},
    {"half.so", "no_library.so: needs libabsent.so, which is not there", "$ORIGIN/libs"},
    {"glibc.so", "glibc.so: built for glibc (it needs GLIBC_2.17)", "musllinux"},
    {"irelative.so", "irelative.so: uses indirect functions (IRELATIVE)", ""},
    {"ifunc_user.so", "ifunc_user.so: uses an indirect function (IFUNC): chosen", ""},
    {"text.so", "text.so: has text relocations", "-fPIC"},
    {"tls_big.so", "tls_big.so: no room for its 1000000 bytes of thread-local storage", ""},
    {"tls_aligned.so", "an alignment of 128 bytes; 64 are possible", "tls_aligned.so"},
    {"old_user.so", "old_user.so: symbol not found: only_old", ""},
    {".", "not a regular file", ""},
    {"empty.so", "empty.so: empty", ""},
    {"pipe.so", "pipe.so: not a regular file", ""},
    {"script.so", "script.so: not an ELF file", ""},
    {"cut.so", "cut.so: truncated: ", ""},
    {"secret.so/x.so", "secret.so/x.so: Not a directory", ""},
};

static void make_bad_files(void) {
    size_t length = read_object("pointers.so", data, ROOM);
    write_object("empty.so", data, 0);
    write_object("secret.so", data, length);
    write_object("cut.so", data, length / 3);
    write_object("script.so", (const unsigned char *)"#!/bin/sh\necho hello\n", 21);
    unlink(object_path("pipe.so"));
    CHECK(mkfifo(object_path("pipe.so"), 0600) == 0);
}

static void refusing(void) {
    make_bad_files();
    dlopen("/nowhere", RTLD_NOW); /* this thread's message has its place */
    dlerror();
    for (int again = 0; again < 2; again++) { /* after others have been loaded, too */
        struct state before = state_now();
        for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
            refused(refusals[i][0], refusals[i][1], refusals[i][2]);
            check_same(before);
        }
        check_next();
    }
    /* Ten thousand failures later there is as much room as before. */
    struct state before = state_now();
    for (int n = 0; n < 2000; n++)
        CHECK(dlopen(object_path(n % 2 ? "half.so" : "tls_aligned.so"), RTLD_NOW) == NULL);
    check_same(before);
    void *ifunc = open_object("ifunc.so", RTLD_NOW);
    CHECK(dlsym(ifunc, "chosen") == NULL && strstr(dlerror(), "IFUNC") != NULL);
}

/* ---- relocations that only a broken file has ---- */

static Elf64_Rela *first_relocation(const char *name, size_t *length) {
    static struct nb_elf elf;
    *length = read_object(name, data, ROOM);
    CHECK(nb_elf_read(&elf, data, *length) == NULL && elf.rela.count > 1);
    return (Elf64_Rela *)elf.rela.at;
}

static void relocation_refused(uint64_t info, uint64_t offset, const char *message) {
    size_t length;
    Elf64_Rela *one = first_relocation("pointers.so", &length);
    one->r_info = info;
    one->r_offset = offset != 0 ? offset : one->r_offset;
    write_object("patched.so", data, length);
    refused("patched.so", message, "patched.so: ");
}

static void relocations(void) {
#if defined(__x86_64__)
    const uint64_t copy = R_X86_64_COPY, relative = R_X86_64_RELATIVE, pointer = R_X86_64_64;
    const uint64_t local = R_X86_64_TPOFF64;
#else
    const uint64_t copy = R_AARCH64_COPY, relative = R_AARCH64_RELATIVE, pointer = R_AARCH64_ABS64;
    const uint64_t local = 1030;
#endif
    dlsym(NULL, "absent");
    dlerror();
    struct state before = state_now();
    relocation_refused(copy, 0, "copy relocation");
    relocation_refused(999, 0, "unknown type 999");
    relocation_refused(relative, 8, "outside of its data");
    relocation_refused(relative, UINT64_MAX - 7, "outside of its data");
    relocation_refused(relative, UINT64_C(1) << 40, "outside of its data");
    relocation_refused(ELF64_R_INFO(UINT32_MAX, pointer), 0, "without a symbol");
    relocation_refused(ELF64_R_INFO(1, local), 0, "thread-local");
    check_same(before);
    check_next();
}

/* ---- damage ---- */

static uint64_t seed;

static uint64_t below(uint64_t n) {
    return check_random(&seed) % n;
}

static uint64_t a_value(uint64_t was, const struct nb_elf *elf) {
    switch (below(8)) {
    case 0:
        return 0;
    case 1:
        return UINT64_MAX - below(64);
    case 2:
        return was + below(33) - 16;
    case 3:
        return was ^ UINT64_C(1) << below(64);
    case 4:
        return below(elf->high + 4096);
    case 5:
        return UINT64_C(1) << below(40);
    case 6:
        return below(40);
    default:
        return check_random(&seed);
    }
}

static void put(const void *place, size_t size, const struct nb_elf *elf) {
    size_t at = (size_t)((const unsigned char *)place - original);
    uint64_t value = 0;
    if (at + size > elf->length)
        return;
    memcpy(&value, data + at, size);
    value = a_value(value, elf);
    memcpy(data + at, &value, size);
}

/* A field of a relocation, also of its type and symbol alone. */
static void mutate_table(struct nb_elf_table table, const struct nb_elf *elf) {
    if (table.count == 0)
        return;
    const unsigned char *row = table.at + below(table.count) * sizeof(Elf64_Rela);
    switch (below(4)) {
    case 0:
        put(row, 8, elf);
        break;
    case 1:
        put(row + 8, 4, elf);
        break;
    case 2:
        put(row + 12, 4, elf);
        break;
    default:
        put(row + 16, 8, elf);
    }
}

static void mutate(const struct nb_elf *elf) {
    const unsigned char *symbols = elf->symbols.at, *hash = (const unsigned char *)elf->gnu_hash;
    switch (below(10)) {
    case 0:
    case 1:
        put((const uint64_t *)elf->segments + below(elf->segment_count * 7ul), 8, elf);
        break;
    case 2:
        put((const uint32_t *)elf->segments + below(elf->segment_count * 14ul), 4, elf);
        break;
    case 3:
    case 4:
        put((const uint64_t *)elf->rows.at + below(elf->rows.count * 2 + 1), 8, elf);
        break;
    case 5:
        put(symbols + below(12 * sizeof(Elf64_Sym)), 1 + below(8), elf);
        break;
    case 6:
        put(hash + below(16) * 4, 4, elf);
        break;
    case 7:
        put(elf->relr.at + below(elf->relr.count * 8 + 1), 1 + below(8), elf);
        break;
    case 8:
        mutate_table(elf->plt, elf);
        break;
    default:
        mutate_table(elf->rela, elf);
    }
}

static const char *const victims[] = {"tls_general.so", "packed.so",    "pointers.so",
                                      "tls_user.so",    "versioned.so", "tls_descriptor.so",
                                      "tls_initial.so", "user_1.so",    "weak.so"};

/* Everything but the constructors, which are code at addresses of the file's choice. */
static void load_damaged(void) {
    pthread_mutex_lock(&nb_dl_lock);
    struct nb_object *object = nb_dl_load(object_path("damaged.so"));
    pthread_mutex_unlock(&nb_dl_lock);
    const char *message = dlerror();
    if (object == NULL) {
        CHECK(message != NULL && message[0] != '\0');
        note('-');
    } else {
        Dl_info info;
        struct nb_found found;
        object->opened++;
        nb_find_in(object, "value", &found);
        dlsym(object, "user_calls");
        nb_find(object, "thing_version", &found);
        dladdr(object->memory + (object->elf.high - object->elf.low) / 2, &info);
        note('+');
    }
    region_lines();
    void *next = open_object("packed.so", RTLD_NOW);
    CHECK(CALL(next, "pointers_sum") == 19 * 108);
    CHECK(CALL(open_object("tls_initial.so", RTLD_NOW), "tls_check") == 0);
    _exit(0);
}

static void damage(unsigned number) {
    static struct nb_elf elf;
    seed = 0x5eed + UINT64_C(0x9e3779b97f4a7c15) * (number + 1);
    const char *name = victims[number % (sizeof victims / sizeof *victims)];
    size_t length = read_object(name, original, ROOM);
    CHECK(nb_elf_read(&elf, original, length) == NULL);
    memcpy(data, original, length);
    for (uint64_t times = 1 + below(2); times > 0; times--)
        mutate(&elf);
    write_object("damaged.so", data, length);
    int status = run_child(load_damaged, 20);
    if (status != 0) {
        fprintf(stderr, "mutation %u of %s: status 0x%x; kept as %s\n", number, name,
                (unsigned)status, object_path("damaged.so"));
        abort();
    }
}

int main(int argc, char **argv) {
    loading_begin(argv[0]);
    unsigned count =
        getenv("NB_TEST_MUTATIONS") ? (unsigned)atoi(getenv("NB_TEST_MUTATIONS")) : MUTATIONS;
    IN_CHILD(refusing);
    IN_CHILD(relocations);
    memset(test_notes, 0, 4096);
    for (unsigned n = argc > 1 ? (unsigned)atoi(argv[1]) : 0; n < count; n++) {
        if (strlen(test_notes) > 4000)
            memset(test_notes, 0, 4096);
        damage(n);
    }
    if (count >= MUTATIONS) /* both happen */
        CHECK(strchr(test_notes, '+') != NULL && strchr(test_notes, '-') != NULL);
    printf("damage: %zu refusals, %u mutations\n", sizeof refusals / sizeof *refusals, count);
    return 0;
}
