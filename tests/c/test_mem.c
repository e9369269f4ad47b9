/* nb_mem.c against naive versions: every length and alignment up to a few vectors, every position
 * of the byte sought, with the buffers ending or beginning at an inaccessible page. */
#define memchr nb_test_memchr
#define memrchr nb_test_memrchr
#define memcmp nb_test_memcmp
#define bcmp nb_test_bcmp
#define strlen nb_test_strlen
#define strnlen nb_test_strnlen
#define strchr nb_test_strchr
#define strchrnul nb_test_strchrnul
#define strcmp nb_test_strcmp
#define NB_MEM_NO_ALIASES
#include "nb_mem.c"

#include "check.h"

#include <sys/mman.h>

#define PAGE ((size_t)4096)
#define SPAN 300 /* more than two unrolled blocks of the widest vector */

/* Two pages that may be touched between two that may not. */
static nb_byte *guarded(void) {
    nb_byte *map = mmap(NULL, 4 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(map != MAP_FAILED);
    CHECK(mprotect(map + PAGE, 2 * PAGE, PROT_READ | PROT_WRITE) == 0);
    return map + PAGE;
}

static void fill(nb_byte *p, size_t n, nb_byte value) {
    for (size_t i = 0; i < n; i++)
        p[i] = value;
}

static int sign(int x) {
    return (x > 0) - (x < 0);
}

static int naive_compare(const nb_byte *a, const nb_byte *b, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (a[i] != b[i])
            return a[i] < b[i] ? -1 : 1;
    return 0;
}

/* One buffer of n bytes of 'x' with 'y' at `first` and `last` (== n: nowhere). */
static void search(nb_byte *s, size_t n, size_t first, size_t last) {
    CHECK(memchr(s, 'y', n) == (first < n ? s + first : NULL));
    CHECK(memchr(s, 'y' | 0x100, n) == (first < n ? s + first : NULL));
    CHECK(memrchr(s, 'y', n) == (last < n ? s + last : NULL));
    if (first < n) /* the length may lie when the byte comes first (C11 7.24.5.1) */
        CHECK(memchr(s, 'y', SIZE_MAX) == s + first);
}

static void searches(nb_byte *s, size_t n) {
    fill(s, n, 'x');
    search(s, n, n, n);
    for (size_t i = 0; i < n; i++) {
        s[i] = 'y';
        search(s, n, i, i);
        s[n - 1] = 'y';
        search(s, n, i, n - 1);
        s[n - 1] = i == n - 1 ? 'y' : 'x';
        if (i > 0) {
            s[0] = 'y';
            search(s, n, 0, i);
            s[0] = 'x';
        }
        s[i] = 'x';
    }
}

/* A string of n - 1 characters and its NUL in exactly n bytes. */
static void strings(nb_byte *s, size_t n) {
    char *string = (char *)s;
    fill(s, n, 'x');
    s[n - 1] = 0;
    CHECK(strlen(string) == n - 1);
    CHECK(strchr(string, 0) == string + n - 1);
    CHECK(strchr(string, 'y') == NULL);
    CHECK(strchrnul(string, 'y') == string + n - 1);
    for (size_t limit = 0; limit <= n; limit++)
        CHECK(strnlen(string, limit) == (limit < n - 1 ? limit : n - 1));
    CHECK(strnlen(string, SIZE_MAX) == n - 1);
    for (size_t i = 0; i + 1 < n; i++) {
        s[i] = 0xf9;
        CHECK(strchr(string, 0xf9) == string + i);
        CHECK(strchr(string, (char)0xf9) == string + i);
        CHECK(strchrnul(string, 0xf9) == string + i);
        s[i] = 'x';
    }
    s[n - 1] = 'x'; /* now without NUL: strnlen must not look behind */
    CHECK(strnlen(string, n) == n);
}

static void comparisons(nb_byte *a, nb_byte *b, size_t n) {
    fill(a, n, 0x80);
    fill(b, n, 0x80);
    CHECK(memcmp(a, b, n) == 0 && bcmp(a, b, n) == 0);
    for (size_t i = 0; i < n; i++) {
        static const nb_byte others[] = {0, 0x7f, 0x81, 0xff};
        b[i] = others[i % 4];
        if (i + 1 < n)
            b[n - 1] = others[(i + 1) % 4]; /* a later difference must not count */
        CHECK(sign(memcmp(a, b, n)) == naive_compare(a, b, n));
        CHECK(sign(memcmp(b, a, n)) == -naive_compare(a, b, n));
        CHECK(bcmp(a, b, n) != 0);
        b[i] = b[n - 1] = 0x80;
    }
}

static void string_comparisons(nb_byte *a, nb_byte *b, size_t n) {
    fill(a, n, 'x');
    fill(b, n, 'x');
    a[n - 1] = b[n - 1] = 0;
    CHECK(strcmp((char *)a, (char *)b) == 0);
    for (size_t i = 0; i + 1 < n; i++) {
        static const nb_byte others[] = {0, 'a', 'z', 0xff};
        b[i] = others[i % 4];
        CHECK(sign(strcmp((char *)a, (char *)b)) == naive_compare(a, b, n));
        CHECK(sign(strcmp((char *)b, (char *)a)) == -naive_compare(a, b, n));
        b[i] = 'x';
    }
}

/* Random contents of two letters, so that matches and long runs of equal bytes are both frequent.
 */
static void random_rounds(nb_byte *a, nb_byte *b, int rounds) {
    uint64_t state = 1;
    for (int round = 0; round < rounds; round++) {
        size_t n = check_random(&state) % (2 * PAGE), x = 2 * PAGE - n,
               y = check_random(&state) % (x + 1);
        uint64_t density = check_random(&state) % 400 + 1;
        for (size_t i = 0; i < n; i++)
            a[x + i] = b[y + i] = check_random(&state) % density == 0 ? 'y' : 'x';
        size_t first = 0, last = n;
        while (first < n && a[x + first] != 'y')
            first++;
        for (size_t i = 0; i < n; i++)
            last = a[x + i] == 'y' ? i : last;
        search(a + x, n, first, last);
        search(b + y, n, first, last);
        CHECK(memcmp(a + x, b + y, n) == 0);
        if (n > 0) {
            b[y + check_random(&state) % n] = (nb_byte)check_random(&state);
            CHECK(sign(memcmp(a + x, b + y, n)) == naive_compare(a + x, b + y, n));
        }
    }
}

int main(void) {
    nb_byte *a = guarded(), *b = guarded(), *end_a = a + 2 * PAGE, *end_b = b + 2 * PAGE;
    CHECK(memchr(end_a, 0, 0) == NULL && memrchr(end_a, 0, 0) == NULL &&
          memcmp(end_a, end_b, 0) == 0);
    for (size_t n = 1; n <= SPAN; n++) {
        searches(end_a - n, n); /* ends at the guard page */
        searches(a, n);         /* begins at the guard page */
        searches(a + PAGE - n / 2, n);
        strings(end_a - n, n);
        strings(a + PAGE - n / 2, n);
    }
    for (size_t n = 1; n <= SPAN; n += n < 70 ? 1 : 13) {
        for (size_t shift = 0; shift < 33; shift += 1 + shift / 4) {
            comparisons(end_a - n, end_b - n - shift, n);
            comparisons(a + shift, b, n);
            comparisons(a + PAGE - n / 2, b + shift, n);
            string_comparisons(end_a - n, end_b - n - shift, n);
            string_comparisons(a + PAGE - n / 2, b + shift, n);
        }
    }
    random_rounds(a, b, 3000);
    printf("mem: vectors of %d bytes, lengths 1 to %d exhaustive, 3000 random rounds\n",
           NB_MEM_WIDTH, SPAN);
    return 0;
}
