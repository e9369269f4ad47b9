/* nb_dump.c: segments, a region with modules and a heap of the test's own, of random pages, are
 * written and read back.
 *
 * What must hold: a file with the magic holds all that the memory held, at the places that its
 * table says, but for what the loader says is the program's own file; and a dump that could not be
 * finished has no magic and an error. */
#define _GNU_SOURCE
#include "check.h"

#include <pthread.h>
#include <string.h>

#include "nb_region.h"
static char *region;
static size_t memory_page; /* from there on it is libraries' own memory */
#undef NB_REGION_BASE
#undef NB_REGION_END
#undef NB_REGION_MEMORY
#define NB_REGION_MEMORY (region + memory_page * PAGE)
#define NB_REGION_BASE region
#define NB_REGION_END (region + REGION_PAGES * PAGE)
enum { PAGE = 4096, PAGES = 300, HEAP_PAGES = 700, REGION_PAGES = 8000 };

#define __ehdr_start test_headers
#define pthread_self() test_self
static pthread_t test_self;
#include "nb_dump.c"
#undef pthread_self
#undef __ehdr_start

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

struct {
    Elf64_Ehdr header;
    Elf64_Phdr segments[20];
} test_program;
__asm__(".globl test_headers\n.set test_headers, test_program\n");

static struct nb_heap state;
const struct nb_heap *nb_heap_state(void) {
    return &state;
}

static char *data, *heap;

/* What the loader reports. */
static struct nb_dl_file_range from_file[8];
static size_t from_file_count;
size_t nb_dl_file_ranges(const struct nb_dl_file_range **ranges) {
    *ranges = from_file;
    return from_file_count;
}

static char *pages(size_t count) {
    void *at = mmap(NULL, count * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(at != MAP_FAILED);
    return at;
}

/* Zero pages alone and in runs, full ones, and ones with a single byte. */
static void fill(char *at, size_t count, uint64_t *random) {
    memset(at, 0, count * PAGE);
    for (size_t i = 0; i < count; i++) {
        char *page = at + i * PAGE;
        switch (check_random(random) % 5) {
        case 0:
            page[0] = 1;
            break;
        case 1:
            page[PAGE - 1] = (char)0x80;
            break;
        case 2:
            for (size_t k = 0; k < PAGE; k++)
                page[k] = (char)check_random(random);
        }
    }
}

static void add_segment(uint32_t type, uint32_t flags, const char *from, size_t length) {
    test_program.segments[test_program.header.e_phnum++] = (Elf64_Phdr){
        .p_type = type, .p_flags = flags, .p_vaddr = (uint64_t)from, .p_memsz = length};
}

/* As lld makes them: two writable segments that touch (one page is in both), and others. */
static void lay_out(void) {
    memset(&test_program, 0, sizeof test_program);
    test_program.header.e_phoff = sizeof test_program.header;
    add_segment(PT_LOAD, PF_R | PF_X, (char *)0x1000, PAGE);
    add_segment(PT_LOAD, PF_R | PF_W, data + 0x550, 2 * PAGE);
    add_segment(PT_LOAD, PF_R | PF_W, data + 2 * PAGE + 0xe10, 99 * PAGE);
    add_segment(PT_TLS, PF_R | PF_W, data, PAGE);
    add_segment(PT_LOAD, PF_R | PF_W, data + 200 * PAGE, 100 * PAGE - 5);
    state.base = heap;
    state.top = heap + HEAP_PAGES * PAGE - 100;
    test_self = (pthread_t)(data + 50 * PAGE);
}

struct dump {
    struct nb_dump_header header;
    struct nb_dump_range *rows;
};

static struct dump read_dump(int fd) {
    struct dump dump;
    CHECK(pread(fd, &dump.header, sizeof dump.header, 0) == sizeof dump.header);
    CHECK(dump.header.magic == NB_DUMP_MAGIC && dump.header.count <= NB_DUMP_MOST);
    size_t size = dump.header.count * sizeof *dump.rows;
    dump.rows = malloc(size);
    CHECK(pread(fd, dump.rows, size, sizeof dump.header) == (ssize_t)size);
    return dump;
}

static void check_range(int fd, const struct nb_dump_range *row, const char *from, size_t length,
                        uint32_t protection) {
    char *back = malloc(length);
    CHECK(row->address == (uint64_t)from && row->length == length);
    CHECK(row->offset % PAGE == 0 && row->kind == NB_DUMP_CONTENT);
    CHECK(row->protection == protection);
    CHECK(pread(fd, back, length, (off_t)row->offset) == (ssize_t)length);
    CHECK(memcmp(back, from, length) == 0);
    free(back);
}

static void check_dump(int fd) {
    const uint32_t both = PROT_READ | PROT_WRITE;
    struct stat status;
    struct dump dump = read_dump(fd);
    CHECK(dump.header.count == 3 && fstat(fd, &status) == 0);
    CHECK(dump.header.heap_base == (uint64_t)heap);
    CHECK(dump.header.heap_top == (uint64_t)heap + HEAP_PAGES * PAGE);
    check_range(fd, &dump.rows[0], data, 102 * PAGE, both);
    check_range(fd, &dump.rows[1], data + 200 * PAGE, 100 * PAGE, both);
    check_range(fd, &dump.rows[2], heap, HEAP_PAGES * PAGE, both);
    CHECK(status.st_size == (1 + 102 + 100 + HEAP_PAGES) * PAGE);
    free(dump.rows);
}

static int file(void) {
    int fd = memfd_create("dump", 0);
    CHECK(fd >= 0);
    return fd;
}

static void any_memory(int rounds) {
    uint64_t random = 7;
    for (int round = 0; round < rounds; round++) {
        int fd = file();
        fill(data, PAGES, &random);
        fill(heap, HEAP_PAGES, &random);
        CHECK(nb_dump_write(fd) == 0);
        check_dump(fd);
        close(fd);
    }
    /* All zero: nothing but the header, and the same length. */
    int fd = file();
    struct stat status;
    memset(data, 0, PAGES * PAGE);
    memset(heap, 0, HEAP_PAGES * PAGE);
    CHECK(nb_dump_write(fd) == 0 && fstat(fd, &status) == 0);
    check_dump(fd);
    CHECK(status.st_blocks * 512 <= 2 * PAGE);
    close(fd);
}

static void an_empty_heap(void) {
    int fd = file();
    state.top = state.base;
    CHECK(nb_dump_write(fd) == 0);
    struct dump dump = read_dump(fd);
    CHECK(dump.header.count == 3 && dump.rows[2].length == 0);
    CHECK(dump.header.heap_top == dump.header.heap_base);
    free(dump.rows);
    close(fd);
    lay_out();
}

/* ---- the region ---- */

/* Pages [from, to) of it, filled, with this protection at last; PROT_NONE: not mapped at all. */
static void put(size_t from, size_t to, int protection, uint64_t *random) {
    char *at = region + from * PAGE;
    size_t length = (to - from) * PAGE;
    CHECK(mprotect(at, length, PROT_READ | PROT_WRITE) == 0);
    fill(at, to - from, random);
    CHECK(mprotect(at, length, protection) == 0);
    if (protection == PROT_NONE)
        CHECK(munmap(at, length) == 0);
}

static void clear_region(void) {
    memory_page = REGION_PAGES;
    CHECK(mmap(region, (REGION_PAGES + 1) * PAGE, PROT_NONE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == region);
    from_file_count = 0;
}

static void is_file(size_t from, size_t to, uint64_t offset) {
    from_file[from_file_count++] =
        (struct nb_dl_file_range){(uint64_t)region + from * PAGE, (to - from) * PAGE, offset};
}

/* Two modules as lld lays them out, a library's own memory, and what lies between. */
static void modules(void) {
    const uint32_t r = PROT_READ, rx = PROT_READ | PROT_EXEC, rw = PROT_READ | PROT_WRITE;
    uint64_t random = 11;
    memory_page = 111;
    put(0, 2, (int)r, &random);
    put(2, 5, (int)rx, &random);
    put(5, 6, (int)r, &random); /* with relocations, so not the file's any more */
    put(6, 9, (int)rw, &random);
    put(9, 12, PROT_NONE, &random);
    put(12, 20, (int)r, &random); /* of the file in the middle only */
    put(20, 60, (int)rw, &random);
    put(60, 61, (int)rx, &random);
    put(62, 64, (int)r, &random); /* one range of the file, of which some has gone */
    put(64, 66, (int)rx, &random);
    put(109, 110, PROT_NONE, &random);
    put(110, 115, (int)rw, &random);
    CHECK(mprotect(region + 110 * PAGE, 3 * PAGE, PROT_NONE) == 0); /* a part is a module's gap */
    put(115, 116, PROT_NONE, &random);
    put(REGION_PAGES - 1, REGION_PAGES + 1, (int)rw, &random); /* one mapping with the heap's */
    is_file(62, 70, 800 * PAGE);
    is_file(14, 17, 900 * PAGE); /* in any order */
    is_file(0, 2, 100 * PAGE);
    is_file(2, 5, 103 * PAGE);
    is_file(20, 22, 777 * PAGE); /* but it is writable */
    is_file(40, 41, 700 * PAGE);
    const struct {
        size_t from, to;
        uint32_t protection;
        uint64_t file;
    } rows[] = {
        {0, 2, r, 100},
        {2, 5, rx, 103},
        {5, 6, r, 0},
        {6, 9, rw, 0},
        {12, 14, r, 0},
        {14, 17, r, 900},
        {17, 20, r, 0},
        {20, 60, rw, 0},
        {60, 61, rx, 0},
        {62, 64, r, 800},
        {64, 66, rx, 802},
        {111, 113, 0, 0},
        {113, 115, rw, 0},
        {116, REGION_PAGES - 1, 0, 0},
        {REGION_PAGES - 1, REGION_PAGES, rw, 0},
    };
    const size_t count = sizeof rows / sizeof *rows;
    int fd = file();
    CHECK(nb_dump_write(fd) == 0);
    struct dump dump = read_dump(fd);
    CHECK(dump.header.count == count + 3);
    CHECK(dump.rows[1].address == (uint64_t)data + 200 * PAGE);
    CHECK(dump.rows[count + 2].address == (uint64_t)heap);
    for (size_t i = 0; i < count; i++) {
        const struct nb_dump_range *row = &dump.rows[i + 2];
        char *from = region + rows[i].from * PAGE;
        size_t length = (rows[i].to - rows[i].from) * PAGE;
        if (rows[i].protection == 0) {
            CHECK(row->kind == NB_DUMP_NOTHING && row->offset == 0 && row->protection == 0);
            CHECK(row->address == (uint64_t)from && row->length == length);
            continue;
        }
        if (rows[i].file == 0) {
            check_range(fd, row, from, length, rows[i].protection);
            continue;
        }
        CHECK(row->kind == NB_DUMP_FILE && row->offset == rows[i].file * PAGE);
        CHECK(row->address == (uint64_t)from && row->length == length);
        CHECK(row->protection == rows[i].protection);
    }
    free(dump.rows);
    close(fd);
    clear_region();
}

/* Thousands of modules: each page another mapping. */
static void many_mappings(void) {
    uint64_t random = 13;
    for (size_t i = 0; i < REGION_PAGES; i++)
        put(i, i + 1, i % 2 ? PROT_READ : PROT_READ | PROT_WRITE, &random);
    int fd = file();
    CHECK(nb_dump_write(fd) == 0);
    struct dump dump = read_dump(fd);
    CHECK(dump.header.count == REGION_PAGES + 3);
    for (size_t i = 0; i < REGION_PAGES; i++)
        check_range(fd, &dump.rows[i + 2], region + i * PAGE, PAGE,
                    i % 2 ? PROT_READ : PROT_READ | PROT_WRITE);
    free(dump.rows);
    close(fd);
    clear_region();
}

static void check_refused(int fd, int error);

/* Memory that no image may hold. */
static void refused_mappings(void) {
    static const int protections[] = {PROT_READ | PROT_WRITE | PROT_EXEC, PROT_WRITE, PROT_EXEC};
    uint64_t random = 17;
    int fd = file();
    for (size_t i = 0; i < sizeof protections / sizeof *protections; i++) {
        put(3, 4, protections[i], &random);
        check_refused(fd, ENOTSUP);
        clear_region();
    }
    CHECK(mmap(region, PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == region);
    check_refused(fd, ENOTSUP);
    clear_region();
    close(fd);
}

/* The reader of /proc/self/maps, at each border of its buffer. */
static void lines(void) {
    static const struct {
        const char *text;
        struct nb_dump_mapping mapping;
        int found;
    } rows[] = {
        {"", {0, 0, 0, false}, 0},
        {"8000-fffffffffffff000 r-xp 0 0:1 /a b\n", {0x8000, 0xfffffffffffff000, 5, false}, 1},
        {"1-2 rw-s\n", {1, 2, 3, true}, 1},
        {"1-2 ---p 00000 00:00 0 \n", {1, 2, 0, false}, 1},
        {"1-2 r--p", {1, 2, 1, false}, -1},
        {"1-2", {1, 0, 0, false}, -1},
        {"1-", {1, 0, 0, false}, -1},
        {"1", {0, 0, 0, false}, -1},
        {"1-2\n", {1, 0, 0, false}, -1},
        {"1 2 r--p\n", {0, 0, 0, false}, -1},
        {"g-2 r--p\n", {0, 0, 0, false}, -1},
        {"A-2 r--p\n", {0, 0, 0, false}, -1},
        {"\n", {0, 0, 0, false}, -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (size_t before = 0; before < 4; before++) {
            int fd = file();
            struct nb_dump_reader reader = {.fd = fd};
            struct nb_dump_mapping mapping;
            size_t pad = before == 0 ? 0 : sizeof reader.buffer - 9 * before;
            char padding[sizeof reader.buffer];
            memset(padding, 'x', sizeof padding);
            memcpy(padding, "1-2 r--p ", 9);
            padding[pad > 0 ? pad - 1 : 0] = '\n';
            CHECK(write(fd, padding, pad) == (ssize_t)pad);
            CHECK(write(fd, rows[i].text, strlen(rows[i].text)) == (ssize_t)strlen(rows[i].text));
            CHECK(lseek(fd, 0, SEEK_SET) == 0);
            CHECK(before == 0 || nb_dump_next_line(&reader, &mapping) == 1);
            CHECK(nb_dump_next_line(&reader, &mapping) == rows[i].found);
            if (rows[i].found > 0) {
                const struct nb_dump_mapping *want = &rows[i].mapping;
                CHECK(mapping.begin == want->begin && mapping.end == want->end);
                CHECK(mapping.protection == want->protection && mapping.shared == want->shared);
                CHECK(nb_dump_next_line(&reader, &mapping) == 0);
            }
            close(fd);
        }
    }
}

/* Nowhere is there a magic when it did not go well. */
static void check_refused(int fd, int error) {
    struct nb_dump_header header = {0};
    CHECK(nb_dump_write(fd) == error);
    CHECK(pread(fd, &header, sizeof header, 0) <= 0 || header.magic != NB_DUMP_MAGIC);
}

static void what_cannot_be(void) {
    uint64_t random = 3;
    int fd = file();
    fill(heap, HEAP_PAGES, &random);
    test_self = (pthread_t)(data + 150 * PAGE); /* between the segments */
    check_refused(fd, ENOTSUP);
    lay_out();
    close(fd);
    int full = open("/dev/full", O_RDWR);
    if (full >= 0) {
        CHECK(nb_dump_write(full) == ENOSPC);
        close(full);
    }
    int read_only = open("/dev/null", O_RDONLY);
    CHECK(nb_dump_write(read_only) == EBADF);
    close(read_only);
    int ends[2];
    CHECK(pipe(ends) == 0 && nb_dump_write(ends[1]) == ESPIPE);
    close(ends[0]);
    close(ends[1]);
}

/* A limit at each place: an incomplete dump never looks like one. */
static void limits(void) {
    uint64_t random = 5;
    char name[] = "/tmp/nb-test-dump-XXXXXX"; /* a memfd knows no limit */
    int fd = mkstemp(name);
    CHECK(fd >= 0 && unlink(name) == 0);
    struct rlimit before, limit;
    fill(data, PAGES, &random);
    fill(heap, HEAP_PAGES, &random);
    heap[(HEAP_PAGES - 1) * PAGE] = 1;
    signal(SIGXFSZ, SIG_IGN);
    CHECK(getrlimit(RLIMIT_FSIZE, &before) == 0);
    for (rlim_t most = 100; most < (1 + 102 + 100 + HEAP_PAGES) * PAGE; most += 137 * PAGE + 77) {
        CHECK(ftruncate(fd, 0) == 0);
        limit = (struct rlimit){most, before.rlim_max};
        CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
        check_refused(fd, EFBIG);
        CHECK(setrlimit(RLIMIT_FSIZE, &before) == 0);
    }
    CHECK(ftruncate(fd, 0) == 0 && nb_dump_write(fd) == 0);
    check_dump(fd);
    close(fd);
}

int main(void) {
    data = pages(PAGES);
    heap = pages(HEAP_PAGES);
    region = pages(REGION_PAGES + 1);
    clear_region();
    lay_out();
    any_memory(40);
    an_empty_heap();
    lines();
    modules();
    many_mappings();
    refused_mappings();
    what_cannot_be();
    limits();
    printf("dump: 40 memories of %d pages, modules, limits, refusals\n", PAGES + HEAP_PAGES);
    return 0;
}
