/* The default trust store: the first that exists of $SSL_CERT_FILE and the places below.
 *
 * OpenSSL knows one place, fixed when it is built; but a bootstrap is built once and runs on any
 * image. These are all the functions of OpenSSL's crypto/x509/x509_def.c: as the program defines
 * them, the linker leaves that member of libcrypto.a out. They are asked each time a context loads
 * the default store, so nothing is spent at start and a file that appears later is found.
 *
 * A context that asks for it while an image is made gets it in the running process, when it is
 * first used: the clean room has none, and the build machine's would be the wrong one. */
#include "nb_virtual.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#define FILE_VARIABLE "SSL_CERT_FILE"

/* Declared here and not through <openssl/x509.h>: the pack has no headers of OpenSSL. */
const char *X509_get_default_private_dir(void);
const char *X509_get_default_cert_area(void);
const char *X509_get_default_cert_dir(void);
const char *X509_get_default_cert_file(void);
const char *X509_get_default_cert_dir_env(void);
const char *X509_get_default_cert_file_env(void);

/* native_bootstrap/runtime/trust.py names the same ones to the user. */
static const char *const places[] = {
    "/etc/pki/tls/certs/ca-bundle.crt",   /* Amazon Linux, Fedora, RHEL */
    "/etc/ssl/certs/ca-certificates.crt", /* Debian, Ubuntu, Alpine */
    "/etc/ssl/cert.pem",                  /* Alpine, BSD */
};

const char *X509_get_default_cert_file(void) {
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (access(places[i], R_OK) == 0)
            return places[i];
    return places[0];
}

/* OpenSSL looks no further when the variable is set. One that names no file must not end the search
 * (people take Lambda's /var/runtime/ca-cert.pem along, which an OS-only image does not have): then
 * this returns a name that no variable has. */
const char *X509_get_default_cert_file_env(void) {
    const char *chosen = getenv(FILE_VARIABLE);
    return chosen == NULL || access(chosen, R_OK) == 0 ? FILE_VARIABLE : FILE_VARIABLE " (no file)";
}

const char *X509_get_default_cert_dir(void) {
    return "/etc/ssl/certs";
}

const char *X509_get_default_cert_dir_env(void) {
    return "SSL_CERT_DIR";
}

const char *X509_get_default_cert_area(void) {
    return "/etc/ssl";
}

const char *X509_get_default_private_dir(void) {
    return "/etc/ssl/private";
}

/* ---- contexts of an image ---- */

typedef struct ssl_ctx SSL_CTX;
typedef struct ssl SSL;
typedef struct x509_store X509_STORE;

/* Absent from a program without OpenSSL, whose --wrap functions nobody calls. */
__attribute__((weak)) int SSL_CTX_up_ref(SSL_CTX *context);
__attribute__((weak)) int __real_SSL_CTX_set_default_verify_paths(SSL_CTX *context);
__attribute__((weak)) SSL *__real_SSL_new(SSL_CTX *context);
__attribute__((weak)) X509_STORE *__real_SSL_CTX_get_cert_store(const SSL_CTX *context);
int __wrap_SSL_CTX_set_default_verify_paths(SSL_CTX *context);
SSL *__wrap_SSL_new(SSL_CTX *context);
X509_STORE *__wrap_SSL_CTX_get_cert_store(const SSL_CTX *context);

enum { NB_TRUST_LATER = 64 };
static SSL_CTX *nb_trust_later[NB_TRUST_LATER]; /* with a reference each */
static atomic_size_t nb_trust_waiting;
static pthread_mutex_t nb_trust_lock = PTHREAD_MUTEX_INITIALIZER;

int __wrap_SSL_CTX_set_default_verify_paths(SSL_CTX *context) {
    if (!nb_virtual_is_on())
        return __real_SSL_CTX_set_default_verify_paths(context);
    for (size_t i = 0; i < NB_TRUST_LATER; i++) {
        if (nb_trust_later[i] == context)
            return 1;
        if (nb_trust_later[i] == NULL && SSL_CTX_up_ref(context) == 1) {
            nb_trust_later[i] = context;
            atomic_fetch_add(&nb_trust_waiting, 1);
            return 1;
        }
    }
    nb_virtual_note("machine", "trust store"); /* too many: whoever made it is left out */
    return __real_SSL_CTX_set_default_verify_paths(context);
}

/* Loads the default store for a context that is still waiting for it. Without one the handshake
 * fails as it would have: runtime/trust.py explains. */
static void nb_trust_load(const SSL_CTX *context) {
    if (atomic_load(&nb_trust_waiting) == 0 || nb_virtual_is_on())
        return;
    pthread_mutex_lock(&nb_trust_lock);
    for (size_t i = 0; i < NB_TRUST_LATER; i++) {
        if (nb_trust_later[i] != context)
            continue;
        __real_SSL_CTX_set_default_verify_paths(nb_trust_later[i]);
        nb_trust_later[i] = NULL; /* the reference stays: the context may be the image's for ever */
        atomic_fetch_sub(&nb_trust_waiting, 1);
    }
    pthread_mutex_unlock(&nb_trust_lock);
}

SSL *__wrap_SSL_new(SSL_CTX *context) {
    nb_trust_load(context);
    return __real_SSL_new(context);
}

X509_STORE *__wrap_SSL_CTX_get_cert_store(const SSL_CTX *context) {
    nb_trust_load(context);
    return __real_SSL_CTX_get_cert_store(context);
}
