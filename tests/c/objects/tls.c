/* Thread-local variables: with a value, with an address, zero, aligned. */
#include <stddef.h>
#include <stdint.h>

static int target = 7;
SCOPE __thread long value = 42;
SCOPE __thread int *address = &target;
SCOPE __thread char zeros[100];
SCOPE __thread __attribute__((aligned(64))) char aligned[3] = "ab";

/* What is wrong with a thread's variables before tls_add(), or 0. */
int tls_check(void);
long tls_add(long n);
long *tls_value(void);
int tls_check(void) {
    if (value != 42)
        return 1;
    if (address != &target || *address != 7)
        return 2;
    for (size_t i = 0; i < sizeof zeros; i++)
        if (zeros[i] != 0)
            return 3;
    if ((uintptr_t)aligned % 64 != 0 || aligned[0] != 'a')
        return 4;
    return 0;
}

long tls_add(long n) {
    zeros[99] = 1;
    aligned[2] = 'c';
    return value += n;
}

long *tls_value(void) {
    return &value;
}
