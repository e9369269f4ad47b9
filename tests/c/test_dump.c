/* nb_dump.c: segments and a heap of the test's own, of random pages, are written and read back.
 *
 * What must hold: a file with the magic holds all that the memory held, at the places that its
 * header says; and a dump that could not be finished has no magic and an error. */
#define _GNU_SOURCE
#include "check.h"

#include <pthread.h>
#include <string.h>

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

enum { PAGE = NB_IMAGE_PAGE, PAGES = 300, HEAP_PAGES = 700 };

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

static void check_range(int fd, const struct nb_dump_header *header, uint64_t i, const char *from,
                        size_t length) {
    char *back = malloc(length);
    CHECK(header->ranges[i].address == (uint64_t)from && header->ranges[i].length == length);
    CHECK(header->ranges[i].offset % PAGE == 0);
    CHECK(pread(fd, back, length, (off_t)header->ranges[i].offset) == (ssize_t)length);
    CHECK(memcmp(back, from, length) == 0);
    free(back);
}

static void check_dump(int fd) {
    struct nb_dump_header header;
    struct stat status;
    CHECK(pread(fd, &header, sizeof header, 0) == sizeof header && fstat(fd, &status) == 0);
    CHECK(header.magic == NB_DUMP_MAGIC && header.count == 3);
    CHECK(header.heap_base == (uint64_t)heap);
    CHECK(header.heap_top == (uint64_t)heap + HEAP_PAGES * PAGE);
    check_range(fd, &header, 0, data, 102 * PAGE);
    check_range(fd, &header, 1, data + 200 * PAGE, 100 * PAGE);
    check_range(fd, &header, 2, heap, HEAP_PAGES * PAGE);
    CHECK(status.st_size == (1 + 102 + 100 + HEAP_PAGES) * PAGE);
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
    struct nb_dump_header header;
    int fd = file();
    state.top = state.base;
    CHECK(nb_dump_write(fd) == 0);
    CHECK(pread(fd, &header, sizeof header, 0) == sizeof header);
    CHECK(header.count == 3 && header.ranges[2].length == 0 && header.heap_top == header.heap_base);
    close(fd);
    lay_out();
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
    for (size_t i = 0; i < 15; i++) /* more than there is room for */
        add_segment(PT_LOAD, PF_R | PF_W, data + 2 * i * PAGE, PAGE);
    memmove(&test_program.segments[0], &test_program.segments[5],
            15 * sizeof test_program.segments[0]);
    test_program.header.e_phnum = 15;
    test_self = (pthread_t)data;
    CHECK(nb_dump_write(fd) == 0); /* fifteen segments and the heap are the most */
    close(fd);
    fd = file();
    test_program.segments[15] = test_program.segments[14];
    test_program.segments[15].p_vaddr += 3 * PAGE;
    test_program.header.e_phnum = 16;
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
    lay_out();
    any_memory(40);
    an_empty_heap();
    what_cannot_be();
    limits();
    printf("dump: 40 memories of %d pages, limits, refusals\n", PAGES + HEAP_PAGES);
    return 0;
}
