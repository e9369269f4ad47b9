/* See nb_cpu.h.
 *
 * This file is compiled with the same flags as the rest, so the predefined macros tell what is
 * needed, and the check itself must be kept from using it: the pragma takes the instruction sets
 * away from every function here (the order of things matters: after the pragma no intrinsics header
 * may follow). */
#include "nb_cpu.h"

#include <stddef.h>
#include <stdint.h>

struct nb_cpu_feature {
    const char *name;
    uint32_t present, needed;
};

#define NB_CPU_INLINE static inline __attribute__((always_inline))

#if defined(__x86_64__)

#ifdef __clang__
#pragma clang attribute push(                                                                      \
    __attribute__((target("no-avx512f,no-avx2,no-avx,no-fma,no-f16c,no-bmi,no-bmi2,no-lzcnt,"      \
                          "no-movbe,no-popcnt,no-sse4.2,no-sse4.1,no-ssse3,no-sse3"))),            \
    apply_to = function)
#endif

NB_CPU_INLINE long nb_cpu_call(long number, long a, long b, long c) {
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c)
                     : "rcx", "r11", "memory");
    return result;
}
#define NB_CPU_WRITE 1
#define NB_CPU_EXIT 231

NB_CPU_INLINE void nb_cpu_id(uint32_t leaf, uint32_t r[4]) {
    __asm__ volatile("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3]) : "a"(leaf), "c"(0));
}

#ifdef __AVX2__
#define NB_CPU_BUILT_FOR "haswell"
#define NB_CPU_INSTEAD "x86_64_v2"
#else
#define NB_CPU_BUILT_FOR "a newer CPU"
#define NB_CPU_INSTEAD "x86_64"
#endif

#ifdef __AVX2__
#define NB_NEED_AVX2 1
#else
#define NB_NEED_AVX2 0
#endif
#ifdef __SSE4_2__
#define NB_NEED_SSE42 1
#else
#define NB_NEED_SSE42 0
#endif
#ifdef __POPCNT__
#define NB_NEED_POPCNT 1
#else
#define NB_NEED_POPCNT 0
#endif
#ifdef __AVX512F__
#define NB_NEED_AVX512 1
#else
#define NB_NEED_AVX512 0
#endif

/* Fills the table; its length. Intel SDM 2A CPUID, 1 13.3: AVX needs the system's support too
 * (OSXSAVE, XCR0). */
NB_CPU_INLINE size_t nb_cpu_features(struct nb_cpu_feature *f, const unsigned long *auxv) {
    (void)auxv;
    uint32_t highest[4], one[4], seven[4] = {0}, extended[4];
    nb_cpu_id(0, highest);
    nb_cpu_id(1, one);
    if (highest[0] >= 7)
        nb_cpu_id(7, seven);
    nb_cpu_id(0x80000001u, extended);
    uint32_t saved = 0, saved_high;
    if (one[2] >> 27 & 1)
        __asm__ volatile("xgetbv" : "=a"(saved), "=d"(saved_high) : "c"(0));
    uint32_t wide = (saved & 6) == 6;
    size_t n = 0;
    f[n++] = (struct nb_cpu_feature){"sse4.2", one[2] >> 20 & 1, NB_NEED_SSE42};
    f[n++] = (struct nb_cpu_feature){"popcnt", one[2] >> 23 & 1, NB_NEED_POPCNT};
    f[n++] = (struct nb_cpu_feature){"movbe", one[2] >> 22 & 1, NB_NEED_AVX2};
    f[n++] = (struct nb_cpu_feature){"avx", (one[2] >> 28 & 1) & wide, NB_NEED_AVX2};
    f[n++] = (struct nb_cpu_feature){"fma", (one[2] >> 12 & 1) & wide, NB_NEED_AVX2};
    f[n++] = (struct nb_cpu_feature){"f16c", (one[2] >> 29 & 1) & wide, NB_NEED_AVX2};
    f[n++] = (struct nb_cpu_feature){"bmi1", seven[1] >> 3 & 1, NB_NEED_AVX2};
    f[n++] = (struct nb_cpu_feature){"avx2", (seven[1] >> 5 & 1) & wide, NB_NEED_AVX2};
    f[n++] = (struct nb_cpu_feature){"bmi2", seven[1] >> 8 & 1, NB_NEED_AVX2};
    f[n++] = (struct nb_cpu_feature){"lzcnt", extended[2] >> 5 & 1, NB_NEED_AVX2};
    f[n++] = (struct nb_cpu_feature){"avx512f", (seven[1] >> 16 & 1) & ((saved & 0xe6) == 0xe6),
                                     NB_NEED_AVX512};
    return n;
}

#elif defined(__aarch64__)

NB_CPU_INLINE long nb_cpu_call(long number, long a, long b, long c) {
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
    return x0;
}
#define NB_CPU_WRITE 64
#define NB_CPU_EXIT 94
#define NB_CPU_AT_HWCAP 16

#ifdef __ARM_FEATURE_ATOMICS
#define NB_CPU_BUILT_FOR "neoverse_n1"
#define NB_NEED_ATOMICS 1
#else
#define NB_CPU_BUILT_FOR "a newer CPU"
#define NB_NEED_ATOMICS 0
#endif
#define NB_CPU_INSTEAD "generic"
#ifdef __ARM_FEATURE_QRDMX
#define NB_NEED_RDM 1
#else
#define NB_NEED_RDM 0
#endif
#ifdef __ARM_FEATURE_DOTPROD
#define NB_NEED_DOTPROD 1
#else
#define NB_NEED_DOTPROD 0
#endif
#ifdef __ARM_FEATURE_FP16_VECTOR_ARITHMETIC
#define NB_NEED_FP16 1
#else
#define NB_NEED_FP16 0
#endif
#ifdef __ARM_FEATURE_RCPC /* LDAPR, which compilers use for any acquire load */
#define NB_NEED_RCPC 1
#else
#define NB_NEED_RCPC 0
#endif
#ifdef __ARM_FEATURE_CRC32
#define NB_NEED_CRC32 1
#else
#define NB_NEED_CRC32 0
#endif
#ifdef __ARM_FEATURE_AES
#define NB_NEED_AES 1
#else
#define NB_NEED_AES 0
#endif

/* Linux Documentation/arch/arm64/elf_hwcaps.rst; the bits of AT_HWCAP. */
NB_CPU_INLINE size_t nb_cpu_features(struct nb_cpu_feature *f, const unsigned long *auxv) {
    unsigned long caps = 0;
    for (; auxv[0] != 0; auxv += 2)
        if (auxv[0] == NB_CPU_AT_HWCAP)
            caps = auxv[1];
    size_t n = 0;
    f[n++] = (struct nb_cpu_feature){"aes", caps >> 3 & 1, NB_NEED_AES};
    f[n++] = (struct nb_cpu_feature){"crc32", caps >> 7 & 1, NB_NEED_CRC32};
    f[n++] = (struct nb_cpu_feature){"atomics (LSE)", caps >> 8 & 1, NB_NEED_ATOMICS};
    f[n++] = (struct nb_cpu_feature){"fphp", caps >> 9 & 1, NB_NEED_FP16};
    f[n++] = (struct nb_cpu_feature){"asimdhp", caps >> 10 & 1, NB_NEED_FP16};
    f[n++] = (struct nb_cpu_feature){"asimdrdm", caps >> 12 & 1, NB_NEED_RDM};
    f[n++] = (struct nb_cpu_feature){"lrcpc", caps >> 15 & 1, NB_NEED_RCPC};
    f[n++] = (struct nb_cpu_feature){"asimddp", caps >> 20 & 1, NB_NEED_DOTPROD};
    return n;
}

#else
#error "nb_cpu.c knows x86_64 and aarch64"
#endif

NB_CPU_INLINE void nb_cpu_say(const char *text) {
    long n = 0;
    while (text[n] != 0) {
        n++;
        __asm__ volatile(""); /* not a strlen() */
    }
    nb_cpu_call(NB_CPU_WRITE, 2, (long)text, n);
}

static unsigned char nb_cpu_checked;

/* `stack` as the kernel leaves it at the entry point: argc, argv…, NULL, environment…, NULL,
 * auxiliary vector. */
__attribute__((used)) void nb_cpu_check_at(const unsigned long *stack);
__attribute__((used)) void nb_cpu_check_at(const unsigned long *stack) {
    struct nb_cpu_feature features[16];
    const unsigned long *p = stack + 1 + stack[0] + 1;
    while (*p != 0)
        p++;
    size_t n = nb_cpu_features(features, p + 1), lacking = 0;
    for (size_t i = 0; i < n; i++)
        lacking += features[i].needed > features[i].present;
    nb_cpu_checked = 1;
    if (lacking == 0)
        return;
    nb_cpu_say("native-bootstrap: this bootstrap was built for " NB_CPU_BUILT_FOR
               "; this CPU lacks ");
    for (size_t i = 0, said = 0; i < n; i++) {
        if (features[i].needed > features[i].present) {
            nb_cpu_say(said++ > 0 ? ", " : "");
            nb_cpu_say(features[i].name);
        }
    }
    nb_cpu_say("; rebuild with --cpu " NB_CPU_INSTEAD "\n");
    nb_cpu_call(NB_CPU_EXIT, 1, 0, 0);
}

/* nb_snapshot.c's; absent in tests of this file alone. */
extern void nb_snapshot_enter(const unsigned long *stack) __attribute__((weak));

__attribute__((used)) void nb_cpu_enter(const unsigned long *stack);
__attribute__((used)) void nb_cpu_enter(const unsigned long *stack) {
    nb_cpu_check_at(stack);
    if (nb_snapshot_enter != NULL)
        nb_snapshot_enter(stack);
}

/* The entry point: the check and the snapshot with the initial stack pointer, then the C library's
 * own _start with all registers as they were. */
#if defined(__x86_64__)
__asm__(".text\n.globl nb_cpu_start\n.type nb_cpu_start,@function\nnb_cpu_start:\n"
        "  xor %ebp, %ebp\n"
        "  mov %rdx, %rbx\n"
        "  mov %rsp, %rdi\n"
        "  mov %rsp, %r12\n"
        "  and $-16, %rsp\n"
        "  call nb_cpu_enter\n"
        "  mov %r12, %rsp\n"
        "  mov %rbx, %rdx\n"
        "  jmp _start\n"
        ".size nb_cpu_start, .-nb_cpu_start\n");
#else
__asm__(".text\n.globl nb_cpu_start\n.type nb_cpu_start,%function\nnb_cpu_start:\n"
        "  mov x29, #0\n"
        "  mov x19, x0\n"
        "  mov x0, sp\n"
        "  bl nb_cpu_enter\n"
        "  mov x0, x19\n"
        "  b _start\n"
        ".size nb_cpu_start, .-nb_cpu_start\n");
#endif

void nb_cpu_check(void) {
    extern char **environ;
    if (nb_cpu_checked)
        return;
    /* The environment stands where the kernel put it: a stack of our own with no arguments leads to
     * the vector. */
    unsigned long *p = (unsigned long *)environ;
    while (*p != 0)
        p++;
    unsigned long stack[3 + 2 * 64] = {0};
    size_t used = 3;
    for (const unsigned long *aux = p + 1; aux[0] != 0 && used < 3 + 2 * 63; aux += 2) {
        stack[used++] = aux[0];
        stack[used++] = aux[1];
    }
    nb_cpu_check_at(stack);
}

#if defined(__clang__) && defined(__x86_64__)
#pragma clang attribute pop
#endif
