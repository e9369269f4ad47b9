/* What loaded modules get for libc's functions of these names (build_scripts/symbols.py puts
 * nb_vcpu_NAME into their symbol table as NAME): the function's share of the processors
 * (nb_share.h), and, while initialising for a snapshot, the declared baseline's features. None of
 * it is observed: what depends on it is set right after a restore. */
#define _GNU_SOURCE
#include "nb_share.h"
#include "nb_virtual.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

long nb_vcpu_sysconf(int name);
int nb_vcpu_get_nprocs(void);
int nb_vcpu_get_nprocs_conf(void);
int nb_vcpu_sched_getaffinity(pid_t thread, size_t size, cpu_set_t *set);
int nb_vcpu_pthread_getaffinity_np(pthread_t thread, size_t size, cpu_set_t *set);
unsigned long nb_vcpu_getauxval(unsigned long type);

long nb_vcpu_sysconf(int name) {
    if (name == _SC_NPROCESSORS_ONLN || name == _SC_NPROCESSORS_CONF)
        return nb_share_processors();
    return sysconf(name);
}

int nb_vcpu_get_nprocs(void) {
    return nb_share_processors();
}

int nb_vcpu_get_nprocs_conf(void) {
    return nb_share_processors();
}

/* While initialising: the first processor, whichever the process may really use. False: it does
 * not, or there is no room. */
static bool nb_vcpu_pretend(size_t size, cpu_set_t *set) {
    if (!nb_virtual_is_on() || size < sizeof(unsigned long))
        return false;
    memset(set, 0, size);
    CPU_SET_S(0, size, set);
    return true;
}

/* Of the processors in the set, if it was filled in, the first ones only. */
static int nb_vcpu_cut(int result, size_t size, cpu_set_t *set) {
    int left = nb_share_processors();
    for (size_t i = 0; result == 0 && i < 8 * size; i++)
        if (CPU_ISSET_S(i, size, set) && left-- <= 0)
            CPU_CLR_S(i, size, set);
    return result;
}

int nb_vcpu_sched_getaffinity(pid_t thread, size_t size, cpu_set_t *set) {
    if (nb_vcpu_pretend(size, set))
        return 0;
    return nb_vcpu_cut(sched_getaffinity(thread, size, set), size, set);
}

int nb_vcpu_pthread_getaffinity_np(pthread_t thread, size_t size, cpu_set_t *set) {
    if (nb_vcpu_pretend(size, set))
        return 0;
    return nb_vcpu_cut(pthread_getaffinity_np(thread, size, set), size, set);
}

#if defined(__aarch64__)

/* Linux Documentation/arch/arm64/elf_hwcaps.rst. Without "cpuid" (bit 11): the kernel would let
 * modules read the registers that identify the real CPU. */
static unsigned long nb_vcpu_features(void) {
    unsigned long caps = 1UL << 0 | 1UL << 1; /* fp, asimd */
#ifdef __ARM_FEATURE_AES
    caps |= 1UL << 3 | 1UL << 4; /* aes, pmull */
#endif
#ifdef __ARM_FEATURE_SHA2
    caps |= 1UL << 5 | 1UL << 6; /* sha1, sha2 */
#endif
#ifdef __ARM_FEATURE_CRC32
    caps |= 1UL << 7;
#endif
#ifdef __ARM_FEATURE_ATOMICS
    caps |= 1UL << 8;
#endif
#ifdef __ARM_FEATURE_FP16_VECTOR_ARITHMETIC
    caps |= 1UL << 9 | 1UL << 10; /* fphp, asimdhp */
#endif
#ifdef __ARM_FEATURE_QRDMX
    caps |= 1UL << 12;
#endif
#ifdef __ARM_FEATURE_RCPC
    caps |= 1UL << 15;
#endif
#ifdef __ARM_FEATURE_DOTPROD
    caps |= 1UL << 20;
#endif
    return caps;
}

unsigned long nb_vcpu_getauxval(unsigned long type) {
    if (nb_virtual_is_on() && type == AT_HWCAP)
        return nb_vcpu_features();
    if (nb_virtual_is_on() && type == AT_HWCAP2)
        return 0;
    return getauxval(type);
}

#else

/* x86_64 has its features from cpuid. */
unsigned long nb_vcpu_getauxval(unsigned long type) {
    if (nb_virtual_is_on() && (type == AT_HWCAP || type == AT_HWCAP2))
        return 0;
    return getauxval(type);
}

#endif
