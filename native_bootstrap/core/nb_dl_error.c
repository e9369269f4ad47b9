/* dlerror(): what went wrong last, for each thread. */
#define _GNU_SOURCE
#include "nb_object.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Made when a thread first fails, and gone with it: not thread-local storage, which would be a
 * kilobyte in every thread for a rare text. */
struct nb_dl_error {
    bool is_unread;
    char text[1024];
};

static pthread_key_t nb_dl_key;
static pthread_once_t nb_dl_key_once = PTHREAD_ONCE_INIT;
static bool nb_dl_has_key;

static void nb_dl_make_key(void) {
    nb_dl_has_key = pthread_key_create(&nb_dl_key, free) == 0;
}

void nb_dl_error_prepare(void) {
    pthread_once(&nb_dl_key_once, nb_dl_make_key);
}

static struct nb_dl_error *nb_dl_own_error(void) {
    nb_dl_error_prepare();
    return nb_dl_has_key ? pthread_getspecific(nb_dl_key) : NULL;
}

static struct nb_dl_error *nb_dl_new_error(void) {
    struct nb_dl_error *error = nb_dl_has_key ? malloc(sizeof *error) : NULL;
    if (error != NULL && pthread_setspecific(nb_dl_key, error) != 0) {
        free(error);
        return NULL;
    }
    return error;
}

/* Without memory for it the caller learns that it failed, not why. */
void nb_dl_fail(const char *format, ...) {
    va_list arguments;
    struct nb_dl_error *error = nb_dl_own_error();
    if (error == NULL)
        error = nb_dl_new_error();
    if (error == NULL)
        return;
    error->is_unread = true;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
}

char *dlerror(void) {
    struct nb_dl_error *error = nb_dl_own_error();
    if (error == NULL || !error->is_unread)
        return NULL;
    error->is_unread = false;
    return error->text;
}
