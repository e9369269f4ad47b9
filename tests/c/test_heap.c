/* nb_heap.c in the place of libc's allocator, as in the product: the family's contracts, threads,
 * fork from a threaded process, memory given back, a limited address space, exhaustion, detected
 * misuse. */
#define _GNU_SOURCE
#include "nb_heap.c"

#include "check.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define MEGABYTES(n) ((size_t)(n) << 20)

static bool inside(const void *p) {
    return (const char *)p >= heap.base && (const char *)p < heap.top;
}

static size_t resident(void) {
    char text[128];
    unsigned long total, pages;
    int fd = open("/proc/self/statm", O_RDONLY);
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    CHECK(n > 0);
    text[n] = '\0';
    CHECK(sscanf(text, "%lu %lu", &total, &pages) == 2);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void contracts(void) {
    for (size_t n = 0; n < 5000; n += 1 + n / 20) {
        unsigned char *p = malloc(n);
        CHECK(p != NULL && inside(p) && (uintptr_t)p % 16 == 0 && malloc_usable_size(p) >= n);
        memset(p, 0xee, malloc_usable_size(p));
        p = realloc(p, 3 * n + 1);
        for (size_t i = 0; i < n; i++)
            CHECK(p[i] == 0xee);
        free(p);
        p = calloc(n, 3); /* most likely the same dirty bytes */
        for (size_t i = 0; i < 3 * n; i++)
            CHECK(p[i] == 0);
        free(p);
    }
    for (size_t alignment = 1; alignment <= MEGABYTES(2); alignment *= 2) {
        void *p = memalign(alignment, 100), *q = aligned_alloc(alignment, alignment * 3), *r = NULL;
        CHECK((uintptr_t)p % alignment == 0 && (uintptr_t)q % alignment == 0);
        CHECK(posix_memalign(&r, alignment, 10) == (alignment < sizeof(void *) ? EINVAL : 0));
        CHECK((uintptr_t)r % alignment == 0);
        free(p);
        free(q);
        free(r);
    }
    void *volatile nothing = NULL;
    free(nothing);
    CHECK(malloc_usable_size(NULL) == 0);
    char *text = strdup("libc's own callers use this heap");
    CHECK(inside(text));
    free(text);
}

static void refusals(void) {
    volatile size_t huge = SIZE_MAX / 2;
    void *p = NULL;
    errno = 0;
    CHECK(malloc(huge) == NULL && errno == ENOMEM);
    errno = 0;
    CHECK(calloc(huge, 4) == NULL && errno == ENOMEM);
    errno = 0;
    CHECK(reallocarray(NULL, huge, 4) == NULL && errno == ENOMEM);
    errno = 0;
    CHECK(memalign(huge + 1, 8) == NULL && errno == ENOMEM);
    errno = 7;
    CHECK(posix_memalign(&p, 16, huge) == ENOMEM && errno == 7);
    CHECK(posix_memalign(&p, 24, 8) == EINVAL && p == NULL);
    volatile size_t odd = 24;
    errno = 0;
    CHECK(aligned_alloc(odd, 8) == NULL && errno == EINVAL);
    char *kept = malloc(10);
    strcpy(kept, "kept");
    CHECK(realloc(kept, huge) == NULL && strcmp(kept, "kept") == 0);
    errno = 5;
    free(kept);
    CHECK(errno == 5);
}

/* ---- threads ---- */

struct worker {
    uint64_t state;
    int rounds;
    atomic_bool *stop;
};

/* Blocks full of their own tag: any overlap or damage shows. */
static void *work(void *argument) {
    struct worker *w = argument;
    enum { SLOTS = 200 };
    static const size_t largest[] = {64, 600, 5000, 100000};
    unsigned char *blocks[SLOTS] = {0};
    size_t sizes[SLOTS] = {0};
    for (int round = 0; round < w->rounds && !*w->stop; round++) {
        size_t i = check_random(&w->state) % SLOTS, n = check_random(&w->state) % largest[i % 4];
        for (size_t k = 0; k < sizes[i]; k += 97)
            CHECK(blocks[i][k] == (unsigned char)(i ^ w->rounds));
        if (check_random(&w->state) % 3 == 0) {
            blocks[i] = realloc(blocks[i], n + 1);
            for (size_t k = 0; k < sizes[i] && k <= n; k += 97)
                CHECK(blocks[i][k] == (unsigned char)(i ^ w->rounds));
        } else {
            free(blocks[i]);
            blocks[i] = malloc(n + 1);
        }
        CHECK(blocks[i] != NULL);
        sizes[i] = n;
        memset(blocks[i], (int)(i ^ (size_t)w->rounds), n + 1);
    }
    for (size_t i = 0; i < SLOTS; i++)
        free(blocks[i]);
    return NULL;
}

static void threads(void) {
    atomic_bool stop = false;
    struct worker workers[4];
    pthread_t ids[4];
    for (int i = 0; i < 4; i++) {
        workers[i] = (struct worker){(uint64_t)i + 1, 60000 + i, &stop};
        CHECK(pthread_create(&ids[i], NULL, work, &workers[i]) == 0);
    }
    for (int i = 0; i < 4; i++)
        pthread_join(ids[i], NULL);
}

/* fork() while other threads hold the lock most of the time: the child must find a usable heap. */
static void forks(void) {
    atomic_bool stop = false;
    struct worker workers[3];
    pthread_t ids[3];
    for (int i = 0; i < 3; i++) {
        workers[i] = (struct worker){(uint64_t)i + 9, INT32_MAX, &stop};
        CHECK(pthread_create(&ids[i], NULL, work, &workers[i]) == 0);
    }
    for (int round = 0; round < 200; round++) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            alarm(20); /* a deadlock ends the child with SIGALRM */
            atomic_bool never = false;
            struct worker alone = {(uint64_t)round + 1, 300, &never};
            work(&alone);
            _exit(0);
        }
        int status;
        CHECK(waitpid(child, &status, 0) == child);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    stop = true;
    for (int i = 0; i < 3; i++)
        pthread_join(ids[i], NULL);
}

/* ---- giving back ---- */

/* As a function that gets 5 MB events between small ones, with small blocks that survive in
 * between. */
static void giving_back(void) {
    char *survivors[60];
    size_t before = 0;
    for (int round = 0; round < 60; round++) {
        char *event = malloc(MEGABYTES(5)), *text = malloc(MEGABYTES(5) + 100);
        memset(event, 1, MEGABYTES(5));
        memset(text, 2, MEGABYTES(5));
        survivors[round] = malloc(700);
        memset(survivors[round], round, 700);
        free(event);
        free(text);
        nb_heap_release();
        if (round == 5)
            before = resident();
    }
    size_t after = resident();
    CHECK(after < before + MEGABYTES(1));
    CHECK(after < MEGABYTES(8));
    for (int round = 0; round < 60; round++) {
        for (size_t i = 0; i < 700; i++)
            CHECK(survivors[round][i] == (char)round);
        free(survivors[round]);
    }
    size_t released = heap.released;
    nb_heap_release(); /* nothing worth it now */
    CHECK(heap.released == released);
    char *huge = malloc(MEGABYTES(200));
    memset(huge, 3, MEGABYTES(200));
    CHECK(resident() > MEGABYTES(200));
    free(huge); /* at once, without nb_heap_release() */
    CHECK(resident() < MEGABYTES(72));
}

/* Free large blocks stay usable after their pages are gone, also for calloc. */
static void reuse_after_release(void) {
    enum { COUNT = 40 };
    char *blocks[COUNT], *walls[COUNT];
    for (int i = 0; i < COUNT; i++) {
        blocks[i] = malloc(100000 + 5000 * (size_t)i);
        memset(blocks[i], 0xff, 100000);
        walls[i] = malloc(40);
    }
    for (int i = 0; i < COUNT; i++)
        free(blocks[i]);
    size_t released = heap.released;
    nb_heap_release();
    CHECK(heap.released == released + 1);
    for (int i = 0; i < COUNT; i++) {
        size_t size = 120000 + 4000 * (size_t)i;
        blocks[i] = calloc(1, size);
        for (size_t k = 0; k < size; k++)
            CHECK(blocks[i][k] == 0);
        memset(blocks[i], 0xff, size);
    }
    for (int i = 0; i < COUNT; i++) {
        free(blocks[i]);
        free(walls[i]);
    }
}

/* ---- for a dump ---- */

enum { BLOCKS = 4000 };
#define TRACE 0xa5 /* what everything that is freed was full of */

struct block {
    unsigned char *at;
    size_t size;
};

static size_t any_size(uint64_t *random) {
    static const size_t largest[] = {24, 100, 500, 3000, 40000, 300000};
    return 1 + check_random(random) % largest[check_random(random) % 6];
}

/* Takes, frees and resizes; what is held is full of its slot's number, what is freed of TRACE. */
static void churn(struct block *blocks, int rounds, uint64_t *random) {
    for (int round = 0; round < rounds; round++) {
        size_t i = check_random(random) % BLOCKS;
        struct block *block = &blocks[i];
        for (size_t k = 0; k < block->size; k++)
            CHECK(block->at[k] == (unsigned char)(i % 100));
        if (block->at != NULL) {
            memset(block->at, TRACE, malloc_usable_size(block->at));
            free(block->at);
        }
        *block = (struct block){0};
        if (check_random(random) % 3 == 0)
            continue;
        block->size = any_size(random);
        block->at =
            check_random(random) % 8 == 0 ? memalign(4096, block->size) : malloc(block->size);
        CHECK(block->at != NULL);
        memset(block->at, (int)(i % 100), malloc_usable_size(block->at));
    }
}

/* How often a word of TRACE stands in what would be dumped. */
static size_t traces(void) {
    uint64_t trace;
    size_t found = 0;
    memset(&trace, TRACE, sizeof trace);
    for (char *at = heap.base; at < heap.top; at += sizeof trace)
        found += memcmp(at, &trace, sizeof trace) == 0;
    return found;
}

/* Nothing of what was freed is left, nothing of what is held is touched, and the heap goes on. */
static void clearing(void) {
    static struct block blocks[BLOCKS];
    uint64_t random = 11;
    for (int round = 0; round < 12; round++) {
        churn(blocks, round == 0 ? 40000 : 10000, &random);
        CHECK(traces() > 1000); /* else there is nothing to see here */
        nb_heap_clear_free();
        CHECK(traces() == 0);
        nb_heap_clear_free(); /* and again */
    }
    for (size_t i = 0; i < BLOCKS; i++) {
        for (size_t k = 0; k < blocks[i].size; k++)
            CHECK(blocks[i].at[k] == (unsigned char)(i % 100));
        free(blocks[i].at);
    }
    nb_heap_clear_free();
    size_t dirty = 0;
    for (char *at = heap.base; at < heap.top; at++)
        dirty += *at != 0;
    CHECK(dirty < 1 << 18); /* blocks of libc's, and links */
}

/* ---- in children of their own ---- */

/* Runs `argument` in a new process of this program; its stderr and status. */
static int child(const char *argument, rlim_t address_space, char *said, size_t room) {
    int ends[2];
    CHECK(pipe(ends) == 0);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        struct rlimit limit = {address_space, address_space};
        dup2(ends[1], STDERR_FILENO);
        if (address_space != 0)
            CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
        execl("/proc/self/exe", "test_heap", argument, (char *)NULL);
        _exit(99);
    }
    close(ends[1]);
    ssize_t n = read(ends[0], said, room - 1);
    said[n > 0 ? n : 0] = '\0';
    close(ends[0]);
    int status;
    waitpid(pid, &status, 0);
    return status;
}

static int exhaust(void) {
    size_t blocks = 0;
    char *last = NULL;
    for (char *p; (p = malloc(MEGABYTES(1))) != NULL; blocks++)
        last = p;
    CHECK(errno == ENOMEM && blocks > 100 && last != NULL);
    free(last);
    CHECK(malloc(MEGABYTES(1) / 2) != NULL);
    return heap.size < NB_HEAP_SIZE ? 0 : 1;
}

static int misuse(void) {
    char *volatile p = malloc(100), *volatile q = malloc(100);
    free(p);
    free(p);
    return q == NULL;
}

static void children(void) {
    char said[512];
    int status = child("exhaust", MEGABYTES(600), said, sizeof said);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    status = child("exhaust", MEGABYTES(40), said, sizeof said);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    CHECK(strstr(said, "no room for the heap") != NULL);
    status = child("misuse", 0, said, sizeof said);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    CHECK(strstr(said, "the heap is damaged") != NULL);
}

int main(int argc, char **argv) {
    if (argc > 1)
        return strcmp(argv[1], "exhaust") == 0 ? exhaust() : misuse();
    nb_heap_init();
    clearing(); /* first: nobody else has left traces yet */
    CHECK(nb_heap_state()->base == NB_HEAP_BASE && heap.size == NB_HEAP_SIZE);
    contracts();
    refusals();
    giving_back();
    reuse_after_release();
    threads();
    forks();
    children();
    printf("heap: contracts, 4 threads, 200 forks, release, limits, clearing; region used up to "
           "%zu KB\n",
           (size_t)(heap.high - heap.base) >> 10);
    return 0;
}
