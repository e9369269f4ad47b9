/* See nb_cpuid.h. */
#define _GNU_SOURCE
#include "nb_cpuid.h"

#if defined(__x86_64__)

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#define NB_CPUID_PAGE ((uintptr_t)4096)
#define NB_CPUID_BREAKPOINT 0xcc /* int3: the address that the signal tells is behind it */

/* ---- the baseline: Intel SDM 2A, CPUID; the numbers of a Haswell with one processor ---- */

#define NB_CPUID_BIT(n) ((uint32_t)1 << (n))

enum {
    /* leaf 1, ECX */
    NB_CPUID_SSE3 = 0,
    NB_CPUID_PCLMUL = 1,
    NB_CPUID_SSSE3 = 9,
    NB_CPUID_FMA = 12,
    NB_CPUID_CX16 = 13,
    NB_CPUID_SSE41 = 19,
    NB_CPUID_SSE42 = 20,
    NB_CPUID_MOVBE = 22,
    NB_CPUID_POPCNT = 23,
    NB_CPUID_AES = 25,
    NB_CPUID_XSAVE = 26,
    NB_CPUID_OSXSAVE = 27,
    NB_CPUID_AVX = 28,
    NB_CPUID_F16C = 29,
    /* leaf 7, EBX */
    NB_CPUID_BMI1 = 3,
    NB_CPUID_AVX2 = 5,
    NB_CPUID_BMI2 = 8,
    NB_CPUID_ERMS = 9,
    /* leaf 0x80000001, ECX */
    NB_CPUID_LAHF = 0,
    NB_CPUID_LZCNT = 5,
};

#define NB_CPUID_HIGHEST 0xd
#define NB_CPUID_HIGHEST_EXTENDED 0x80000008u
/* Room for XSAVE: more than any machine needs, for those who save all that there is. */
#define NB_CPUID_XSAVE_AREA 0x3000

static uint32_t nb_cpuid_leaf1(void) {
    uint32_t bits = 0;
#ifdef __SSE3__
    bits |= NB_CPUID_BIT(NB_CPUID_SSE3);
#endif
#ifdef __PCLMUL__
    bits |= NB_CPUID_BIT(NB_CPUID_PCLMUL);
#endif
#ifdef __SSSE3__
    bits |= NB_CPUID_BIT(NB_CPUID_SSSE3);
#endif
#ifdef __FMA__
    bits |= NB_CPUID_BIT(NB_CPUID_FMA);
#endif
#ifdef __GCC_HAVE_SYNC_COMPARE_AND_SWAP_16
    bits |= NB_CPUID_BIT(NB_CPUID_CX16);
#endif
#ifdef __SSE4_1__
    bits |= NB_CPUID_BIT(NB_CPUID_SSE41);
#endif
#ifdef __SSE4_2__
    bits |= NB_CPUID_BIT(NB_CPUID_SSE42);
#endif
#ifdef __MOVBE__
    bits |= NB_CPUID_BIT(NB_CPUID_MOVBE);
#endif
#ifdef __POPCNT__
    bits |= NB_CPUID_BIT(NB_CPUID_POPCNT);
#endif
#ifdef __AES__
    bits |= NB_CPUID_BIT(NB_CPUID_AES);
#endif
#ifdef __AVX__
    bits |= NB_CPUID_BIT(NB_CPUID_XSAVE) | NB_CPUID_BIT(NB_CPUID_OSXSAVE);
    bits |= NB_CPUID_BIT(NB_CPUID_AVX);
#endif
#ifdef __F16C__
    bits |= NB_CPUID_BIT(NB_CPUID_F16C);
#endif
    return bits;
}

static uint32_t nb_cpuid_leaf7(void) {
    uint32_t bits = 0;
#ifdef __BMI__
    bits |= NB_CPUID_BIT(NB_CPUID_BMI1);
#endif
#ifdef __AVX2__
    bits |= NB_CPUID_BIT(NB_CPUID_AVX2) | NB_CPUID_BIT(NB_CPUID_ERMS);
#endif
#ifdef __BMI2__
    bits |= NB_CPUID_BIT(NB_CPUID_BMI2);
#endif
    return bits;
}

static uint32_t nb_cpuid_extended(void) {
    uint32_t bits = NB_CPUID_BIT(NB_CPUID_LAHF);
#ifdef __LZCNT__
    bits |= NB_CPUID_BIT(NB_CPUID_LZCNT);
#endif
    return bits;
}

/* Leaf 4: 32 KB for data, 32 KB for code, 256 KB, 8 MB. */
static struct nb_cpuid nb_cpuid_cache(uint32_t subleaf) {
    static const struct nb_cpuid rows[] = {
        {0x121, 0x01c0003f, 63, 0},
        {0x122, 0x01c0003f, 63, 0},
        {0x143, 0x01c0003f, 511, 0},
        {0x163, 0x03c0003f, 8191, 6},
    };
    return subleaf < sizeof rows / sizeof *rows ? rows[subleaf] : (struct nb_cpuid){0, 0, 0, 0};
}

/* Leaf 0xb: one thread of one core. */
static struct nb_cpuid nb_cpuid_topology(uint32_t subleaf) {
    return subleaf < 2 ? (struct nb_cpuid){0, 1, (subleaf + 1) << 8 | subleaf, 0}
                       : (struct nb_cpuid){0, 0, subleaf & 0xff, 0};
}

/* Leaf 0xd: what XSAVE saves. x87, SSE and AVX. */
static struct nb_cpuid nb_cpuid_saved(uint32_t subleaf) {
    static const struct nb_cpuid rows[] = {
        {7, NB_CPUID_XSAVE_AREA, NB_CPUID_XSAVE_AREA, 0}, {1, 0, 0, 0}, {256, 576, 0, 0}};
    if ((nb_cpuid_leaf1() & NB_CPUID_BIT(NB_CPUID_XSAVE)) == 0 ||
        subleaf >= sizeof rows / sizeof *rows)
        return (struct nb_cpuid){0, 0, 0, 0};
    return rows[subleaf];
}

/* A part of a text, as cpuid gives texts. */
static struct nb_cpuid nb_cpuid_text(const char text[16]) {
    struct nb_cpuid words;
    memcpy(&words, text, sizeof words);
    return words;
}

struct nb_cpuid nb_cpuid_baseline(uint32_t leaf, uint32_t subleaf) {
    static const char brand[48] = "Intel Core Processor (Haswell)";
    /* x87, TSC, CX8, CMOV, CLFLUSH, MMX, FXSR, SSE, SSE2 */
    const uint32_t leaf1_edx = 0x07888111;
    switch (leaf) {
    case 0: /* "GenuineIntel" */
        return (struct nb_cpuid){NB_CPUID_HIGHEST, 0x756e6547, 0x6c65746e, 0x49656e69};
    case 1: /* family 6, model 60, stepping 3; lines of 64 bytes, one processor */
        return (struct nb_cpuid){0x000306c3, 0x00010800, nb_cpuid_leaf1(), leaf1_edx};
    case 2:
        return (struct nb_cpuid){0x76036301, 0x00f0b5ff, 0, 0x00c10000};
    case 4:
        return nb_cpuid_cache(subleaf);
    case 7:
        return (struct nb_cpuid){0, subleaf == 0 ? nb_cpuid_leaf7() : 0, 0, 0};
    case 0xb:
        return nb_cpuid_topology(subleaf);
    case 0xd:
        return nb_cpuid_saved(subleaf);
    case 0x80000000u:
        return (struct nb_cpuid){NB_CPUID_HIGHEST_EXTENDED, 0, 0, 0};
    case 0x80000001u: /* SYSCALL, NX, RDTSCP, 64 bits */
        return (struct nb_cpuid){0, 0, nb_cpuid_extended(), 0x28100800};
    case 0x80000002u:
    case 0x80000003u:
    case 0x80000004u:
        return nb_cpuid_text(brand + 16 * (leaf - 0x80000002u));
    case 0x80000006u: /* 256 KB, 8 ways, lines of 64 bytes */
        return (struct nb_cpuid){0, 0, 0x01006040, 0};
    case 0x80000007u: /* the TSC runs evenly */
        return (struct nb_cpuid){0, 0, 0, 0x100};
    case 0x80000008u: /* bits of addresses */
        return (struct nb_cpuid){0x3027, 0, 0, 0};
    default:
        return (struct nb_cpuid){0, 0, 0, 0};
    }
}

/* ---- in place of the instruction ---- */

/* Places that have been masked; blocks are only added, so the handler needs no lock. */
struct nb_cpuid_block {
    struct nb_cpuid_block *next;
    atomic_size_t count;
    uintptr_t places[62];
};

static _Atomic(struct nb_cpuid_block *) nb_cpuid_blocks;
static pthread_mutex_t nb_cpuid_lock = PTHREAD_MUTEX_INITIALIZER;
static bool nb_cpuid_installed;
static struct sigaction nb_cpuid_former;

static bool nb_cpuid_is_masked(uintptr_t place) {
    for (struct nb_cpuid_block *block = atomic_load(&nb_cpuid_blocks); block != NULL;
         block = block->next)
        for (size_t i = atomic_load(&block->count); i-- > 0;)
            if (block->places[i] == place)
                return true;
    return false;
}

/* Somebody else's breakpoint. */
static void nb_cpuid_pass_on(int number, siginfo_t *info, void *context) {
    if ((nb_cpuid_former.sa_flags & SA_SIGINFO) != 0) {
        nb_cpuid_former.sa_sigaction(number, info, context);
    } else if (nb_cpuid_former.sa_handler == SIG_DFL) {
        sigaction(number, &nb_cpuid_former, NULL);
        raise(number); /* delivered when this handler returns */
    } else if (nb_cpuid_former.sa_handler != SIG_IGN) {
        nb_cpuid_former.sa_handler(number);
    }
}

static void nb_cpuid_answer(int number, siginfo_t *info, void *context) {
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    uintptr_t place = (uintptr_t)registers[REG_RIP] - 1;
    if (!nb_cpuid_is_masked(place)) {
        nb_cpuid_pass_on(number, info, context);
        return;
    }
    struct nb_cpuid found =
        nb_cpuid_baseline((uint32_t)registers[REG_RAX], (uint32_t)registers[REG_RCX]);
    registers[REG_RAX] = found.eax;
    registers[REG_RBX] = found.ebx;
    registers[REG_RCX] = found.ecx;
    registers[REG_RDX] = found.edx;
    registers[REG_RIP] = (greg_t)(place + 2);
}

static bool nb_cpuid_install(void) {
    struct sigaction action = {.sa_sigaction = nb_cpuid_answer,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    if (!nb_cpuid_installed)
        nb_cpuid_installed = sigaction(SIGTRAP, &action, &nb_cpuid_former) == 0;
    return nb_cpuid_installed;
}

static bool nb_cpuid_remember(uintptr_t place) {
    struct nb_cpuid_block *block = atomic_load(&nb_cpuid_blocks);
    if (block == NULL || block->count == sizeof block->places / sizeof *block->places) {
        struct nb_cpuid_block *more = calloc(1, sizeof *more);
        if (more == NULL)
            return false;
        more->next = block;
        atomic_store(&nb_cpuid_blocks, more);
        block = more;
    }
    block->places[block->count] = place;
    atomic_fetch_add(&block->count, 1);
    return true;
}

static void nb_cpuid_write(unsigned char *instruction) {
    void *page = (void *)((uintptr_t)instruction & -NB_CPUID_PAGE);
    if (mprotect(page, NB_CPUID_PAGE, PROT_READ | PROT_WRITE) != 0)
        return;
    *instruction = NB_CPUID_BREAKPOINT;
    mprotect(page, NB_CPUID_PAGE, PROT_READ | PROT_EXEC);
}

void nb_cpuid_mask(unsigned char *instruction) {
    if (instruction[0] != 0x0f || instruction[1] != 0xa2)
        return;
    pthread_mutex_lock(&nb_cpuid_lock);
    if (nb_cpuid_install() && nb_cpuid_remember((uintptr_t)instruction))
        nb_cpuid_write(instruction);
    pthread_mutex_unlock(&nb_cpuid_lock);
}

bool nb_cpuid_see_through(struct sigaction *action) {
    if ((action->sa_flags & SA_SIGINFO) == 0 || action->sa_sigaction != nb_cpuid_answer)
        return false;
    *action = nb_cpuid_former;
    return true;
}

void nb_cpuid_forget(void) {
    for (struct nb_cpuid_block *block = atomic_load(&nb_cpuid_blocks), *next; block != NULL;
         block = next) {
        next = block->next;
        free(block);
    }
    atomic_store(&nb_cpuid_blocks, NULL);
    memset(&nb_cpuid_former, 0, sizeof nb_cpuid_former);
    nb_cpuid_installed = false;
}

#endif
