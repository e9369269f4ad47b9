/* nb_elf.c under the sanitizers, over the objects of objects.py: what they say of themselves, every
 * truncation of them, and seeded mutations of their headers, segments, dynamic sections, hash
 * tables, symbols and versions.
 *
 * Invariant: no input makes nb_elf_read() or what is asked afterwards read outside of the file. */
#include "nb_elf.c"
#include "nb_elf_names.c"

#include "check.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MUTATIONS = 40000, ROOM = 1 << 17 };

/* ---- all questions ---- */

static volatile size_t sink;

static void ask_names(const struct nb_elf *elf) {
    const char *name;
    for (unsigned i = 0; (name = nb_elf_needed(elf, i)) != NULL && i < 1000; i++)
        sink += strlen(name);
    sink += (name = nb_elf_glibc_version(elf)) != NULL ? strlen(name) : 0;
    sink += elf->soname != NULL ? strlen(elf->soname) : 0;
    sink += elf->run_path != NULL ? strlen(elf->run_path) : 0;
    for (uint64_t at = 0; at <= elf->strings.count; at += 1 + elf->strings.count / 100)
        sink += (name = nb_elf_string(elf, at)) != NULL ? strlen(name) : 0;
    CHECK(nb_elf_string(elf, elf->strings.count) == NULL && nb_elf_string(elf, UINT64_MAX) == NULL);
}

static void ask_symbols(const struct nb_elf *elf) {
    static const char *const absent[] = {"", "a", "absent", "value_", "thing_versioo"};
    const Elf64_Sym *symbols = (const Elf64_Sym *)elf->symbols.at;
    for (uint64_t i = 0; i < elf->symbols.count && i < 300; i++) {
        const char *name = nb_elf_string(elf, symbols[i].st_name);
        const Elf64_Sym *found = name != NULL ? nb_elf_find(elf, name) : NULL;
        if (found != NULL)
            CHECK(found >= symbols && found < symbols + elf->symbols.count &&
                  strcmp(nb_elf_string(elf, found->st_name), name) == 0);
    }
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
        sink += nb_elf_find(elf, absent[i]) != NULL;
}

static void ask_table(struct nb_elf_table table, size_t each) {
    for (uint64_t i = 0; i < table.count * each; i++)
        sink += table.at[i];
}

/* What the loader relies on without asking again. */
static void ask_promises(const struct nb_elf *elf) {
    uint64_t end = 0;
    for (unsigned i = 0; i < elf->segment_count; i++) {
        const Elf64_Phdr *s = &elf->segments[i];
        if (s->p_type != PT_LOAD)
            continue;
        CHECK(s->p_vaddr >= end && s->p_vaddr >= elf->low && s->p_filesz <= s->p_memsz);
        end = s->p_vaddr + s->p_memsz;
        CHECK(end <= elf->high && (s->p_offset - s->p_vaddr) % NB_ELF_PAGE == 0);
        CHECK(s->p_offset + s->p_filesz <= elf->length && s->p_offset <= elf->length);
    }
    CHECK(elf->high - elf->low <= NB_ELF_SPAN && elf->low % NB_ELF_PAGE == 0);
    CHECK(elf->align >= NB_ELF_PAGE && elf->align <= NB_ELF_ALIGN_MAX);
    CHECK(elf->init_count == 0 || nb_elf_has(elf, elf->init_array, elf->init_count * 8, PF_R));
    CHECK(elf->fini_count == 0 || nb_elf_has(elf, elf->fini_array, elf->fini_count * 8, PF_R));
    if (elf->tls != NULL && elf->tls->p_filesz > 0)
        CHECK(nb_elf_has(elf, elf->tls->p_vaddr, elf->tls->p_filesz, PF_R));
    if (elf->relro != NULL)
        CHECK(nb_elf_has(elf, elf->relro->p_vaddr, 1, PF_W));
    CHECK(nb_elf_bytes(elf, end, 1) == NULL && nb_elf_bytes(elf, 0, UINT64_MAX) == NULL);
    CHECK(!nb_elf_has(elf, UINT64_MAX, 2, 0) && !nb_elf_has(elf, elf->low, UINT64_MAX, 0));
}

/* Whether the file is good; every byte that it points to is read. */
static bool ask(const void *file, size_t length) {
    struct nb_elf elf;
    if (nb_elf_read(&elf, file, length) != NULL)
        return false;
    ask_promises(&elf);
    ask_names(&elf);
    ask_symbols(&elf);
    ask_table(elf.rela, sizeof(Elf64_Rela));
    ask_table(elf.plt, sizeof(Elf64_Rela));
    ask_table(elf.relr, sizeof(uint64_t));
    ask_table(elf.rows, sizeof(Elf64_Dyn));
    ask_table(elf.symbols, sizeof(Elf64_Sym));
    return true;
}

/* In a block of exactly its size, for the address sanitizer. */
static bool ask_exactly(const void *data, size_t length) {
    void *copy = malloc(length > 0 ? length : 1);
    CHECK(copy != NULL);
    memcpy(copy, data, length);
    bool good = ask(copy, length);
    free(copy);
    return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    ask_exactly(data, size);
    return 0;
}

#ifndef NB_LIBFUZZER

/* ---- objects ---- */

static const char *const names[] = {
    "tls_general.so", "versioned.so", "old_hash.so",    "packed.so", "user_1.so",
    "glibc.so",       "order_a.so",   "irelative.so",   "weak.so",   "tls_descriptor.so",
    "frames.so",      "old_user.so",  "v1/libthing.so",
};
enum { NAMES = sizeof names / sizeof *names };
static _Alignas(64) unsigned char original[ROOM], mutated[ROOM];
static char folder[PATH_MAX];

static size_t read_object(const char *name) {
    char path[2 * PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    CHECK(file != NULL);
    size_t length = fread(original, 1, ROOM, file);
    CHECK(length > 0 && length < ROOM && fclose(file) == 0);
    return length;
}

static const char *wrong_with(const char *name) {
    static struct nb_elf elf;
    return nb_elf_read(&elf, original, read_object(name));
}

static void good_ones(void) {
    struct nb_elf elf;
    CHECK(nb_elf_read(&elf, original, read_object("user_1.so")) == NULL);
    CHECK(strcmp(elf.soname, "user_1.so") == 0 && strstr(elf.run_path, "$ORIGIN/v1") != NULL);
    CHECK(strcmp(nb_elf_needed(&elf, 0), "libthing.so") == 0 && nb_elf_needed(&elf, 1) == NULL);
    CHECK(nb_elf_find(&elf, "user_calls") != NULL && nb_elf_find(&elf, "thing_version") == NULL);
    CHECK(nb_elf_glibc_version(&elf) == NULL);
    CHECK(nb_elf_read(&elf, original, read_object("versioned.so")) == NULL);
    CHECK(nb_elf_find(&elf, "versioned") != NULL && nb_elf_find(&elf, "only_old") == NULL);
    CHECK(nb_elf_read(&elf, original, read_object("old_hash.so")) == NULL);
    CHECK(elf.gnu_hash == NULL && elf.hash != NULL && nb_elf_find(&elf, "pointers_sum") != NULL);
    CHECK(nb_elf_read(&elf, original, read_object("packed.so")) == NULL);
    CHECK(elf.relr.count > 0 && elf.relro != NULL);
    CHECK(nb_elf_read(&elf, original, read_object("tls_general.so")) == NULL);
    CHECK(elf.tls->p_align == 64 && nb_elf_find(&elf, "value") != NULL);
    CHECK(nb_elf_read(&elf, original, read_object("order_a.so")) == NULL);
    CHECK(elf.init_count == 1 && elf.fini_count == 1 && elf.init != 0 && elf.fini != 0);
    CHECK(nb_elf_read(&elf, original, read_object("glibc.so")) == NULL);
    CHECK(strcmp(nb_elf_needed(&elf, 0), "libc.so.6") == 0);
}

static void bad_ones(void) {
    CHECK(strstr(wrong_with("foreign.so"), "built for") != NULL);
    CHECK(strstr(wrong_with("text.so"), "text relocations") != NULL);
    struct nb_elf elf;
    Elf64_Ehdr *header = (Elf64_Ehdr *)original;
    size_t length = read_object("v1/libthing.so");
    header->e_type = ET_EXEC;
    CHECK(strcmp(nb_elf_read(&elf, original, length), "not a shared object") == 0);
    header->e_machine = EM_RISCV;
    CHECK(strcmp(nb_elf_read(&elf, original, length), "built for another kind of machine") == 0);
    header->e_ident[EI_CLASS] = ELFCLASS32;
    CHECK(strstr(nb_elf_read(&elf, original, length), "64-bit") != NULL);
    CHECK(strcmp(nb_elf_read(&elf, "#!/bin/sh", 9), "not an ELF file") == 0);
    CHECK(strcmp(nb_elf_read(&elf, "", 0), "not an ELF file") == 0);
    length = read_object("v1/libthing.so");
    Elf64_Phdr *segments = (Elf64_Phdr *)(original + header->e_phoff);
    for (int i = 0; i < header->e_phnum; i++)
        if (segments[i].p_type == PT_LOAD)
            segments[i].p_flags |= PF_W | PF_X;
    CHECK(strstr(nb_elf_read(&elf, original, length), "writable and executable") != NULL);
}

/* ---- truncations, against memory that cannot be read ---- */

static void truncations(void) {
    long page = sysconf(_SC_PAGESIZE);
    char *map =
        mmap(NULL, ROOM + (size_t)page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(map != MAP_FAILED && mprotect(map + ROOM, (size_t)page, PROT_NONE) == 0);
    for (size_t n = 0; n < NAMES; n++) {
        size_t length = read_object(names[n]), good = 0;
        CHECK(ask_exactly(original, length));
        for (size_t cut = 0; cut < length; cut++) {
            good += ask_exactly(original, cut);
            char *at = map + ROOM - cut; /* a file is at least as aligned as its rows */
            if ((uintptr_t)at % 8 == 0)
                ask(memcpy(at, original, cut), cut);
        }
        CHECK(good < length / 10 * 9); /* section headers are not needed */
    }
    munmap(map, ROOM + (size_t)page);
}

/* ---- mutations ---- */

static uint64_t seed = 0x5eed5eed5eed5eed;

static uint64_t below(uint64_t n) {
    return check_random(&seed) % n;
}

static uint64_t a_value(uint64_t was, size_t length) {
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
        return below(length + 64);
    case 5:
        return UINT64_C(1) << below(64);
    case 6:
        return was * below(1 << 20);
    default:
        return check_random(&seed);
    }
}

static void put(size_t at, size_t size, size_t length) {
    uint64_t value = 0;
    if (at + size > length)
        return;
    memcpy(&value, mutated + at, size);
    value = a_value(value, length);
    memcpy(mutated + at, &value, size);
}

/* A place in something that nb_elf.c looks at, with the size of a field there. */
static void mutate(const struct nb_elf *elf, size_t length) {
    size_t file = (size_t)elf->file;
    const void *hash = elf->gnu_hash != NULL ? (const void *)elf->gnu_hash : elf->hash;
    switch (below(8)) {
    case 0:
        put(below(sizeof(Elf64_Ehdr) / 2) * 2, 2, length);
        break;
    case 1:
    case 2:
        put((size_t)elf->segments - file + below(elf->segment_count * 7ul) * 8, 8, length);
        break;
    case 3:
    case 4:
        put((size_t)elf->rows.at - file + below(elf->rows.count * 2 + 1) * 8, 8, length);
        break;
    case 5:
        put((size_t)hash - file + below(32) * 4, 4, length);
        break;
    case 6:
        put((size_t)elf->symbols.at - file + below(48) * 4, 4, length);
        break;
    default:
        if (below(2) && elf->versions != NULL)
            put((size_t)elf->versions - file + below(64) * 2, 2, length);
        else
            put(below(length), 1, length);
    }
}

static void mutations(unsigned count) {
    unsigned good = 0;
    for (unsigned n = 0; n < count; n++) {
        struct nb_elf elf;
        size_t length = n % 64 == 0 || n == 0 ? read_object(names[n / 64 % NAMES]) : 0;
        static size_t last;
        last = length > 0 ? length : last;
        CHECK(nb_elf_read(&elf, original, last) == NULL);
        memcpy(mutated, original, last);
        for (uint64_t times = 1 + below(3); times > 0; times--)
            mutate(&elf, last);
        good += ask_exactly(mutated, last);
    }
    CHECK(count < 1000 || (good > count / 20 && good < count / 10 * 9)); /* both are met */
}

int main(int argc, char **argv) {
    CHECK(realpath(argv[0], folder) != NULL);
    strcpy(strrchr(folder, '/'), "/objects");
    for (size_t n = 0; argc > 1 && n < NAMES; n++) {
        size_t length = read_object(names[n]);
        check_seed(argv[1], n, original, length);
    }
    unsigned count =
        getenv("NB_TEST_MUTATIONS") ? (unsigned)atoi(getenv("NB_TEST_MUTATIONS")) : MUTATIONS;
    good_ones();
    bad_ones();
    truncations();
    mutations(count);
    printf("elf: %d objects, all their truncations, %u mutations\n", NAMES, count);
    return 0;
}
#endif
