/* A library that the extension module needs, and that ctypes opens by its path. */
#include <string.h>

int helper_twice(int n) {
    return 2 * n;
}

unsigned long helper_length(const char *text) {
    return strlen(text);
}
