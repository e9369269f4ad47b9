/* Stands in front of others with the same names. */
#include <dlfcn.h>

int common(void) {
    int (*behind)(void) = (int (*)(void))dlsym((void *)-1l, "common"); /* RTLD_NEXT */
    return behind ? behind() + 10000 : -1;
}

unsigned long strlen(const char *text) {
    unsigned long (*behind)(const char *) =
        (unsigned long (*)(const char *))dlsym((void *)-1l, "strlen");
    return behind(text) + 1;
}
