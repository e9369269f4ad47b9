/* nb_region.c in the place of libc's mmap() and mremap(), as in the product: what goes into the
 * region and what does not, at which addresses, under threads, a fork and a limited address space;
 * and that musl's own mappings (thread stacks) stay outside. */
#define _GNU_SOURCE
#include "nb_region.c"

#include "check.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, THREADS = 8, EACH = 500 };
#define PLAIN (MAP_PRIVATE | MAP_ANONYMOUS)
#define READ_WRITE (PROT_READ | PROT_WRITE)

_Atomic bool nb_virtual_on;

static char *map(size_t length, int protection, int flags) {
    char *at = mmap(NULL, length, protection, flags, -1, 0);
    CHECK(at != MAP_FAILED);
    return at;
}

static void places(void) {
    char *first = nb_region_reserve(1, 0);
    CHECK(first == NB_REGION_BASE && nb_region_has(first));
    char *second = nb_region_reserve(3 * PAGE + 1, 0);
    CHECK(second == first + PAGE);
    for (size_t alignment = 1; alignment <= 64 << 10; alignment *= 2) {
        char *aligned = nb_region_reserve(PAGE, alignment);
        CHECK(((uintptr_t)aligned & (alignment - 1)) == 0 && aligned > second);
        second = aligned;
    }
    /* The last one's place is used again, others' not. */
    char *last = nb_region_reserve(5 * PAGE, 0);
    CHECK(mprotect(last + PAGE, PAGE, READ_WRITE) == 0);
    last[PAGE] = 1;
    nb_region_release(last, 5 * PAGE - 7);
    char *again = nb_region_reserve(2 * PAGE, 0);
    CHECK(again == last);
    CHECK(mprotect(again, 2 * PAGE, READ_WRITE) == 0 && again[PAGE] == 0);
    nb_region_release(second, PAGE);
    CHECK(nb_region_reserve(PAGE, 0) == again + 2 * PAGE);
    /* Another's memory in the way is passed over. */
    char *way = again + 3 * PAGE;
    CHECK(mmap(way, 2 * PAGE, READ_WRITE, PLAIN | MAP_FIXED_NOREPLACE, -1, 0) == way);
    way[0] = 42;
    CHECK(nb_region_reserve(PAGE, 0) == way + 2 * PAGE && way[0] == 42);
    CHECK(munmap(way, 2 * PAGE) == 0);
}

static void refused(void) {
    static const size_t lengths[] = {0, SIZE_MAX, SIZE_MAX - PAGE, (size_t)17 << 30, 1L << 62};
    uintptr_t before = nb_region_modules.next;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        CHECK(nb_region_reserve(lengths[i], 0) == NULL && errno == (i == 0 ? EINVAL : ENOMEM));
    CHECK(nb_region_reserve(PAGE, 3) == NULL && errno == EINVAL);
    CHECK(nb_region_reserve(PAGE, (size_t)1 << 63) == NULL && errno == ENOMEM);
    CHECK(nb_region_modules.next == before);
}

/* Off: nothing goes into the region. On: anonymous private memory at no address of its own. */
static void replaced(void) {
    CHECK(!nb_region_has(map(PAGE, READ_WRITE, PLAIN)));
    nb_virtual_on = true;
    char *one = map(2 * PAGE, READ_WRITE, PLAIN), *two = map(1, PROT_NONE, PLAIN | MAP_NORESERVE);
    CHECK(one == NB_REGION_MEMORY && two == one + 2 * PAGE);
    CHECK(nb_region_has(map(PAGE, PROT_READ, PLAIN | MAP_STACK)));
    memset(one, 7, 2 * PAGE);
    CHECK(mprotect(one, PAGE, PROT_READ | PROT_EXEC) == 0);
    CHECK(munmap(one + PAGE, PAGE) == 0 && one[PAGE - 1] == 7);
    CHECK(!nb_region_has(map(PAGE, READ_WRITE | PROT_EXEC, PLAIN)));
    CHECK(!nb_region_has(map(PAGE, READ_WRITE, MAP_SHARED | MAP_ANONYMOUS)));
    CHECK(mmap(NULL, 0, READ_WRITE, PLAIN, -1, 0) == MAP_FAILED && errno == EINVAL);
    CHECK(mmap(NULL, SIZE_MAX / 2, READ_WRITE, PLAIN, -1, 0) == MAP_FAILED && errno == ENOMEM);
    char *hole = map(PAGE, PROT_NONE, PLAIN);
    CHECK(mmap(hole, PAGE, READ_WRITE, PLAIN | MAP_FIXED, -1, 0) == hole);
    int fd = open("/proc/self/exe", O_RDONLY);
    char *file = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
    CHECK(memcmp(file, "\177ELF", 4) == 0 && !nb_region_has(file));
    /* More than is left: wherever the kernel likes. */
    char *large = mmap(NULL, (size_t)40 << 30, PROT_NONE, PLAIN | MAP_NORESERVE, -1, 0);
    CHECK(large == MAP_FAILED || (!nb_region_has(large) && munmap(large, (size_t)40 << 30) == 0));
    nb_virtual_on = false;
}

static void moved(void) {
    nb_virtual_on = true;
    char *block = map(4 * PAGE, READ_WRITE, PLAIN);
    map(PAGE, PROT_NONE, PLAIN); /* so that it cannot grow in its place */
    for (size_t i = 0; i < 4; i++)
        block[i * PAGE] = (char)(i + 1);
    CHECK(mremap(block, 4 * PAGE, 8 * PAGE, 0) == MAP_FAILED && errno == ENOMEM);
    char *grown = mremap(block, 4 * PAGE, 8 * PAGE, MREMAP_MAYMOVE);
    CHECK(grown != MAP_FAILED && nb_region_has(grown) && grown != block);
    for (size_t i = 0; i < 8; i++)
        CHECK(grown[i * PAGE] == (i < 4 ? (char)(i + 1) : 0));
    CHECK(mremap(grown, 8 * PAGE, 3 * PAGE, MREMAP_MAYMOVE) == grown && grown[2 * PAGE] == 3);
    CHECK(mremap(block, 4 * PAGE, PAGE, MREMAP_MAYMOVE) == MAP_FAILED && errno == EFAULT);
    char *to = map(PAGE, READ_WRITE, PLAIN);
    CHECK(mremap(grown, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to && *to == 1);
    CHECK(mremap(to, PAGE, (size_t)40 << 30, MREMAP_MAYMOVE) == MAP_FAILED && *to == 1);
    nb_virtual_on = false;
}

static void *takes(void *list) {
    int here = 0;
    CHECK(!nb_region_has(&here)); /* a thread's stack is musl's */
    for (size_t i = 0; i < EACH; i++)
        ((char **)list)[i] = i % 2 ? nb_region_reserve(PAGE, 0) : map(PAGE, READ_WRITE, PLAIN);
    return NULL;
}

static int by_address(const void *a, const void *b) {
    uintptr_t x = *(const uintptr_t *)a, y = *(const uintptr_t *)b;
    return (x > y) - (x < y);
}

static void threads(void) {
    static char *taken[THREADS * EACH];
    pthread_t all[THREADS];
    nb_virtual_on = true;
    for (size_t i = 0; i < THREADS; i++)
        CHECK(pthread_create(&all[i], NULL, takes, taken + i * EACH) == 0);
    for (size_t i = 0; i < THREADS; i++)
        CHECK(pthread_join(all[i], NULL) == 0);
    nb_virtual_on = false;
    qsort(taken, THREADS * EACH, sizeof *taken, by_address);
    for (size_t i = 0; i < THREADS * EACH; i++)
        CHECK(nb_region_has(taken[i]) && (i == 0 || taken[i] >= taken[i - 1] + PAGE));
}

static void in_child(void (*f)(void)) {
    pid_t child = fork();
    int status;
    if (child == 0) {
        f();
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static void limited(void) {
    struct rlimit limit = {.rlim_cur = (rlim_t)64 << 20, .rlim_max = (rlim_t)64 << 20};
    CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
    if (mmap(NULL, (size_t)128 << 20, PROT_NONE, PLAIN, -1, 0) != MAP_FAILED)
        return; /* qemu does not limit what it emulates */
    CHECK(nb_region_reserve((size_t)128 << 20, 0) == NULL && errno == ENOMEM);
    CHECK(nb_region_reserve((size_t)1 << 20, 0) != NULL);
}

/* The child's places are its own. */
static void child_goes_on(void) {
    uintptr_t next = nb_region_modules.next;
    char *at = nb_region_reserve(PAGE, 0);
    CHECK((uintptr_t)at == next);
}

int main(void) {
    places();
    refused();
    replaced();
    moved();
    threads();
    uintptr_t next = nb_region_modules.next;
    in_child(child_goes_on);
    CHECK(nb_region_modules.next == next);
    in_child(limited);
    printf("region: places, mmap, mremap, %d threads\n", THREADS);
    return 0;
}
