/* nb_cpuid.c: masked instructions answer with the baseline, in any thread and with all other
 * registers as they were; other breakpoints are somebody else's; nothing is left of it. */
#define _GNU_SOURCE
#include "nb_cpuid.c"

#include "check.h"

#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, FUNCTIONS = 200, STRIDE = 40 };

typedef void question(uint32_t leaf, uint32_t subleaf, struct nb_cpuid *answer);

/* mov %rbx, %r9; mov %rdx, %r8; mov %edi, %eax; mov %esi, %ecx; cpuid;
 * mov %eax, (%r8); mov %ebx, 4(%r8); mov %ecx, 8(%r8); mov %edx, 12(%r8); mov %r9, %rbx; ret */
static const unsigned char code[] = {
    0x49, 0x89, 0xd9, 0x49, 0x89, 0xd0, 0x89, 0xf8, 0x89, 0xf1, 0x0f, 0xa2, 0x41, 0x89, 0x00, 0x41,
    0x89, 0x58, 0x04, 0x41, 0x89, 0x48, 0x08, 0x41, 0x89, 0x50, 0x0c, 0x4c, 0x89, 0xcb, 0xc3};
enum { AT = 10 }; /* cpuid's place in it */

static unsigned char *functions;

static question *function(size_t i) {
    return (question *)(functions + i * STRIDE);
}

static void make_functions(void) {
    const size_t size = (FUNCTIONS * STRIDE + PAGE - 1) / PAGE * PAGE;
    functions = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(functions != MAP_FAILED);
    for (size_t i = 0; i < FUNCTIONS; i++)
        memcpy(functions + i * STRIDE, code, sizeof code);
    CHECK(mprotect(functions, size, PROT_READ | PROT_EXEC) == 0);
}

static struct nb_cpuid ask(size_t i, uint32_t leaf, uint32_t subleaf) {
    struct nb_cpuid answer = {0};
    function(i)(leaf, subleaf, &answer);
    return answer;
}

static bool same(struct nb_cpuid a, struct nb_cpuid b) {
    return memcmp(&a, &b, sizeof a) == 0;
}

/* The real processor has all that the baseline says. */
static void baseline(void) {
    static const uint32_t leaves[] = {1, 7, 0x80000001u};
    for (size_t i = 0; i < sizeof leaves / sizeof *leaves; i++) {
        struct nb_cpuid real = ask(0, leaves[i], 0), said = nb_cpuid_baseline(leaves[i], 0);
        CHECK((said.ecx & ~real.ecx) == 0 && (said.edx & ~real.edx) == 0);
        CHECK(leaves[i] != 7 || (said.ebx & ~real.ebx) == 0);
    }
    struct nb_cpuid one = nb_cpuid_baseline(1, 0), seven = nb_cpuid_baseline(7, 0);
    CHECK((one.ecx >> 30 & 1) == 0 && (seven.ebx >> 18 & 1) == 0); /* RDRAND, RDSEED */
    CHECK((seven.ebx & 0xfc230000u) == 0);                         /* AVX-512 */
#ifdef __AVX2__
    CHECK((seven.ebx >> 5 & 1) == 1 && (one.ecx >> 28 & 1) == 1 && (one.ecx >> 27 & 1) == 1);
#else
    CHECK((seven.ebx >> 5 & 1) == 0 && (one.ecx >> 28 & 1) == 0);
#endif
    char vendor[13] = {0}, brand[49] = {0};
    struct nb_cpuid zero = nb_cpuid_baseline(0, 0);
    memcpy(vendor, &zero.ebx, 4);
    memcpy(vendor + 4, &zero.edx, 4);
    memcpy(vendor + 8, &zero.ecx, 4);
    CHECK(strcmp(vendor, "GenuineIntel") == 0 && zero.eax >= 7);
    for (uint32_t i = 0; i < 3; i++) {
        struct nb_cpuid part = nb_cpuid_baseline(0x80000002u + i, 0);
        memcpy(brand + 16 * i, &part, 16);
    }
    CHECK(strstr(brand, "Haswell") != NULL);
    CHECK(same(nb_cpuid_baseline(0x40000000u, 0), (struct nb_cpuid){0, 0, 0, 0}));
}

static void *ask_all(void *unused) {
    static const uint32_t leaves[] = {0,           1,           2,           4,
                                      5,           7,           0xb,         0xd,
                                      0x14,        0x80000000u, 0x80000001u, 0x80000002u,
                                      0x80000004u, 0x80000006u, 0x80000008u, 0x8000001du};
    for (size_t i = 0; i < FUNCTIONS; i++)
        for (size_t k = 0; k < sizeof leaves / sizeof *leaves; k++)
            for (uint32_t subleaf = 0; subleaf < 6; subleaf++)
                CHECK(same(ask(i, leaves[k], subleaf), nb_cpuid_baseline(leaves[k], subleaf)));
    return unused;
}

static void masked(void) {
    struct sigaction action;
    CHECK(sigaction(SIGTRAP, NULL, &action) == 0 && !nb_cpuid_see_through(&action));
    for (size_t i = 0; i < FUNCTIONS; i++)
        nb_cpuid_mask(functions + i * STRIDE + AT);
    CHECK(functions[AT] == 0xcc && functions[AT + 1] == 0xa2);
    unsigned char *other = functions + AT + 2; /* no cpuid: left alone */
    unsigned char before = *other;
    nb_cpuid_mask(other);
    nb_cpuid_mask(functions + AT); /* a second time */
    CHECK(*other == before && functions[AT] == 0xcc);
    ask_all(NULL);
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        CHECK(pthread_create(&threads[i], NULL, ask_all, NULL) == 0);
    for (size_t i = 0; i < 4; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(sigaction(SIGTRAP, NULL, &action) == 0 && nb_cpuid_see_through(&action));
    CHECK(action.sa_handler == SIG_DFL);
}

/* ---- other breakpoints ---- */

static volatile int trapped;

static void plain_handler(int number) {
    trapped += number;
}

static void full_handler(int number, siginfo_t *info, void *context) {
    trapped += info != NULL && context != NULL ? number : 0;
}

static void trap(void) {
    __asm__ volatile("int3");
}

static void in_child(void (*f)(void), int signal) {
    pid_t child = fork();
    int status;
    if (child == 0) {
        f();
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(signal == 0 ? status == 0 : WIFSIGNALED(status) && WTERMSIG(status) == signal);
}

static void with_former(struct sigaction former, int expected) {
    nb_cpuid_forget();
    CHECK(sigaction(SIGTRAP, &former, NULL) == 0);
    CHECK(mprotect(functions, PAGE, PROT_READ | PROT_WRITE) == 0);
    functions[AT] = 0x0f;
    CHECK(mprotect(functions, PAGE, PROT_READ | PROT_EXEC) == 0);
    nb_cpuid_mask(functions + AT);
    CHECK(same(ask(0, 1, 0), nb_cpuid_baseline(1, 0)));
    trap();
    CHECK(trapped == expected);
    CHECK(same(ask(0, 0, 0), nb_cpuid_baseline(0, 0)));
}

static void with_plain(void) {
    with_former((struct sigaction){.sa_handler = plain_handler}, SIGTRAP);
}

static void with_full(void) {
    with_former((struct sigaction){.sa_sigaction = full_handler, .sa_flags = SA_SIGINFO}, SIGTRAP);
}

static void with_ignored(void) {
    with_former((struct sigaction){.sa_handler = SIG_IGN}, 0);
}

static void with_trap(void) {
    trap();
}

/* For a dump: the memory holds nothing of it, and the signal's former action is what is kept. */
static void forgotten(void) {
    nb_cpuid_forget();
    CHECK(nb_cpuid_blocks == NULL && !nb_cpuid_installed);
    static const struct sigaction none;
    CHECK(memcmp(&nb_cpuid_former, &none, sizeof none) == 0);
}

int main(void) {
    make_functions();
    baseline();
    masked();
    in_child(with_plain, 0);
    in_child(with_full, 0);
    in_child(with_ignored, 0);
    in_child(with_trap, SIGTRAP);
    in_child(forgotten, 0);
    printf("cpuid: %d places, leaves, threads, other breakpoints\n", FUNCTIONS);
    return 0;
}
