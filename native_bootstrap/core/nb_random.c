/* getrandom: the kernel's, or in virtual mode a stream made from the seed (see nb_virtual.h).
 *
 * ChaCha20 (RFC 8439), because what was drawn says nothing about what else was: the seed may be as
 * public as the program, but an image's hash secret must not follow from an id that a module drew.
 * And because it counts: a draw takes its block numbers in one atomic addition and needs no lock,
 * which a fork could leave taken. */
#include "nb_virtual.h"

#include "nb_object.h"
#include "nb_syscall.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>

enum { NB_RANDOM_BLOCK = 64 };
enum { NB_RANDOM_INSECURE = 4 }; /* GRND_INSECURE, linux/random.h */
static uint32_t nb_random_key[8];
static _Atomic uint64_t nb_random_next; /* number of the next block */

void nb_random_begin(const unsigned char seed[NB_VIRTUAL_SEED]) {
    _Static_assert(sizeof nb_random_key == NB_VIRTUAL_SEED, "the seed is the key");
    memcpy(nb_random_key, seed, sizeof nb_random_key);
    atomic_store(&nb_random_next, 0);
}

static inline uint32_t nb_random_rotate(uint32_t x, int n) {
    return x << n | x >> (32 - n);
}

static inline void nb_random_quarter(uint32_t *s, int a, int b, int c, int d) {
    s[a] += s[b], s[d] = nb_random_rotate(s[d] ^ s[a], 16);
    s[c] += s[d], s[b] = nb_random_rotate(s[b] ^ s[c], 12);
    s[a] += s[b], s[d] = nb_random_rotate(s[d] ^ s[a], 8);
    s[c] += s[d], s[b] = nb_random_rotate(s[b] ^ s[c], 7);
}

/* Words 12 and 13 are the block's number, 14 and 15 (the rest of RFC 8439's nonce) are zero. */
static void nb_random_block(uint64_t number, unsigned char out[NB_RANDOM_BLOCK]) {
    uint32_t start[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
    memcpy(start + 4, nb_random_key, sizeof nb_random_key);
    start[12] = (uint32_t)number;
    start[13] = (uint32_t)(number >> 32);
    uint32_t s[16];
    memcpy(s, start, sizeof s);
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < 4; i++)
            nb_random_quarter(s, i, 4 + i, 8 + i, 12 + i);
        for (int i = 0; i < 4; i++)
            nb_random_quarter(s, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4);
    }
    for (int i = 0; i < 16; i++)
        s[i] += start[i];
    memcpy(out, s, sizeof s); /* both machines are little-endian */
}

/* Each draw begins a block, so what it gets depends on the draws before it, not on their sizes'
 * remainders. */
static void nb_random_fill(unsigned char *out, size_t size) {
    uint64_t blocks = (size + NB_RANDOM_BLOCK - 1) / NB_RANDOM_BLOCK;
    uint64_t number = atomic_fetch_add(&nb_random_next, blocks);
    while (size > 0) {
        unsigned char block[NB_RANDOM_BLOCK];
        size_t n = size < sizeof block ? size : sizeof block;
        nb_random_block(number++, block);
        memcpy(out, block, n);
        out += n;
        size -= n;
    }
}

/* The file of the module that the code belongs to; NULL: it is the program's own. */
extern struct nb_object *nb_object_at(const void *address) __attribute__((weak));
static const char *nb_random_module(const void *caller) {
    const struct nb_object *module = nb_object_at != NULL ? nb_object_at(caller) : NULL;
    return module != NULL ? module->file.path : NULL;
}

ssize_t nb_random_draw(void *buffer, size_t size, unsigned flags, const void *caller) {
    if (nb_virtual_is_on()) {
        bool weak = (flags & NB_RANDOM_INSECURE) != 0;
        const char *module = nb_random_module(caller);
        const char *how = weak ? "GRND_INSECURE" : "getrandom";
        nb_virtual_note(weak ? "hash keys" : "entropy", module != NULL ? module : how);
        nb_random_fill(buffer, size);
        return (ssize_t)size;
    }
    long result = nb_syscall(SYS_getrandom, buffer, size, flags);
    if (result < 0) {
        errno = (int)-result;
        return -1;
    }
    return result;
}

ssize_t getrandom(void *buffer, size_t size, unsigned flags) {
    return nb_random_draw(buffer, size, flags, __builtin_return_address(0));
}
