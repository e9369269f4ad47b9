/* Its constructor loads another object, itself again, and asks from another thread. */
#include <dlfcn.h>
#include <pthread.h>

void *inner_open(const char *name);
static void *inner, *again, *other;

static void *in_thread(void *unused) {
    (void)unused;
    return dlsym(inner, "thing_version");
}

__attribute__((constructor)) static void start(void) {
    pthread_t thread;
    inner = inner_open("v1/libthing.so");
    again = inner_open("libstarter.so");
    if (pthread_create(&thread, 0, in_thread, 0) == 0)
        pthread_join(thread, &other);
}

int starter_good(void *self);
int starter_good(void *self) {
    return inner != 0 && again == self && other != 0 && other == dlsym(inner, "thing_version");
}
