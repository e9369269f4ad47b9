/* See nb_virtual.h: the mode, and who is told of a read. */
#include "nb_virtual.h"

#include "nb_syscall.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>

_Atomic bool nb_virtual_on;

/* A thread is known by its kernel id and not by pthread_self(): a child that shares the memory
 * (vfork) has the same pthread_self(), and before libc is up there is none. */
static long nb_virtual_owner;
static unsigned nb_virtual_hushed; /* only the owner changes it */
static _Atomic(nb_virtual_observer *) nb_virtual_observing;

enum { EMPTY, WRITING, READY };
static struct {
    atomic_int state;
    const char *kind;
    char detail[56]; /* cut if longer */
} nb_virtual_rows[NB_VIRTUAL_UNSEEN];
static atomic_bool nb_virtual_overflow;

void nb_virtual_begin(const unsigned char seed[NB_VIRTUAL_SEED]) {
    nb_virtual_owner = nb_syscall(SYS_gettid, 0, 0, 0);
    nb_virtual_hushed = 0;
    for (size_t i = 0; i < NB_VIRTUAL_UNSEEN; i++)
        atomic_store(&nb_virtual_rows[i].state, EMPTY);
    atomic_store(&nb_virtual_overflow, false);
    nb_random_begin(seed);
    nb_clock_begin();
    atomic_store(&nb_virtual_on, true);
}

void nb_virtual_end(void) {
    atomic_store(&nb_virtual_on, false);
    atomic_store(&nb_virtual_observing, NULL);
    nb_virtual_owner = 0; /* a real number, which would make the image differ */
    nb_clock_end();
}

void nb_virtual_reset(void) {
    if (!nb_virtual_is_on())
        nb_clock_end();
}

void nb_virtual_observe(nb_virtual_observer *observer) {
    atomic_store(&nb_virtual_observing, observer);
}

bool nb_virtual_is_owner(void) {
    return nb_syscall(SYS_gettid, 0, 0, 0) == nb_virtual_owner;
}

void nb_virtual_hush(void) {
    nb_virtual_hushed += nb_virtual_is_owner();
}

void nb_virtual_unhush(void) {
    nb_virtual_hushed -= nb_virtual_is_owner();
}

void nb_virtual_note(const char *kind, const char *detail) {
    if (!nb_virtual_is_owner()) {
        nb_virtual_remember(kind, detail);
        return;
    }
    nb_virtual_observer *observer = atomic_load(&nb_virtual_observing);
    if (nb_virtual_hushed > 0 || observer == NULL)
        return;
    int saved = errno;
    nb_virtual_hushed++;
    observer(kind, detail);
    nb_virtual_hushed--;
    errno = saved;
}

void nb_virtual_remember(const char *kind, const char *detail) {
    enum { LENGTH = sizeof nb_virtual_rows[0].detail - 1 };
    for (size_t i = 0; i < NB_VIRTUAL_UNSEEN; i++) {
        int state = EMPTY;
        if (atomic_compare_exchange_strong(&nb_virtual_rows[i].state, &state, WRITING)) {
            size_t n = strnlen(detail, LENGTH);
            memcpy(nb_virtual_rows[i].detail, detail, n);
            nb_virtual_rows[i].detail[n] = '\0';
            nb_virtual_rows[i].kind = kind;
            atomic_store(&nb_virtual_rows[i].state, READY);
            return;
        }
        /* A row that another thread writes just now is passed by: at worst there are two alike. */
        if (state == READY && strcmp(nb_virtual_rows[i].kind, kind) == 0 &&
            strncmp(nb_virtual_rows[i].detail, detail, LENGTH) == 0)
            return;
    }
    atomic_store(&nb_virtual_overflow, true);
}

bool nb_virtual_unseen(size_t i, const char **kind, const char **detail) {
    /* Rows are filled from the first on; one that is being written ends the list for now. */
    if (i < NB_VIRTUAL_UNSEEN && atomic_load(&nb_virtual_rows[i].state) == READY) {
        *kind = nb_virtual_rows[i].kind;
        *detail = nb_virtual_rows[i].detail;
        return true;
    }
    *kind = "overflow";
    *detail = "";
    return i == NB_VIRTUAL_UNSEEN && atomic_load(&nb_virtual_overflow);
}
