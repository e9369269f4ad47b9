/* Randomness that libraries keep: OpenSSL's generators and ticket keys, sqlite's generator. See
 * nb_virtual.h.
 *
 * They draw a seed once and then no more, so their own functions are observed, by the linker's
 * --wrap (lld wraps calls within an object, too, as in sqlite). A program may be without OpenSSL or
 * sqlite: then the references are null, and the wrapping functions unused.
 *
 * OpenSSL's generators work as ever while virtual, because a process that finds them made starts
 * its first handshake 0.6 ms sooner. A generator reseeds when getpid() is another than at its last
 * call (fork_id in providers/implementations/rands/drbg.c). The pid of virtual mode is nobody's, so
 * every generator of an image reseeds at its first use after a restore, from the kernel, also in
 * two processes with the same pid. nb_virtual_rekey() need not wake it for that.
 *
 * sqlite's generator is not touched while virtual, so a restored process seeds it for itself. */
#include "nb_virtual.h"

#include <string.h>
#include <sys/random.h>

typedef struct ssl_ctx SSL_CTX;
typedef struct ssl_method SSL_METHOD;
typedef struct ossl_lib_ctx OSSL_LIB_CTX;
typedef struct crypto_ex_data CRYPTO_EX_DATA;
typedef void nb_rekey_free_function(void *parent, void *data, CRYPTO_EX_DATA *all, int index,
                                    long number, void *argument);

/* Declared here and not through <openssl/ssl.h>: the pack has no headers of OpenSSL. */
enum { CRYPTO_EX_INDEX_SSL_CTX = 1, SSL_CTRL_SET_TLSEXT_TICKET_KEYS = 59 };
#define NB_REKEY_WEAK __attribute__((weak))
NB_REKEY_WEAK long SSL_CTX_ctrl(SSL_CTX *context, int command, long number, void *data);
NB_REKEY_WEAK int CRYPTO_get_ex_new_index(int class, long number, void *argument, void *new,
                                          void *dup, nb_rekey_free_function *free);

NB_REKEY_WEAK int __real_RAND_bytes(unsigned char *buffer, int size);
NB_REKEY_WEAK int __real_RAND_priv_bytes(unsigned char *buffer, int size);
NB_REKEY_WEAK int __real_RAND_bytes_ex(OSSL_LIB_CTX *library, unsigned char *buffer, size_t size,
                                       unsigned strength);
NB_REKEY_WEAK int __real_RAND_priv_bytes_ex(OSSL_LIB_CTX *library, unsigned char *buffer,
                                            size_t size, unsigned strength);
NB_REKEY_WEAK SSL_CTX *__real_SSL_CTX_new(const SSL_METHOD *method);
NB_REKEY_WEAK SSL_CTX *__real_SSL_CTX_new_ex(OSSL_LIB_CTX *library, const char *properties,
                                             const SSL_METHOD *method);
NB_REKEY_WEAK void __real_sqlite3_randomness(int size, void *buffer);

int __wrap_RAND_bytes(unsigned char *buffer, int size);
int __wrap_RAND_priv_bytes(unsigned char *buffer, int size);
int __wrap_RAND_bytes_ex(OSSL_LIB_CTX *library, unsigned char *buffer, size_t size,
                         unsigned strength);
int __wrap_RAND_priv_bytes_ex(OSSL_LIB_CTX *library, unsigned char *buffer, size_t size,
                              unsigned strength);
SSL_CTX *__wrap_SSL_CTX_new(const SSL_METHOD *method);
SSL_CTX *__wrap_SSL_CTX_new_ex(OSSL_LIB_CTX *library, const char *properties,
                               const SSL_METHOD *method);
void __wrap_sqlite3_randomness(int size, void *buffer);

/* ---- draws ---- */

/* Only the outermost function is observed, not what it needs: seed, clock and pid. */
#define NB_REKEY_DRAW(name, call)                                                                  \
    if (!nb_virtual_is_on())                                                                       \
        return call;                                                                               \
    nb_virtual_note("entropy", name);                                                              \
    nb_virtual_hush();                                                                             \
    int result = call;                                                                             \
    nb_virtual_unhush();                                                                           \
    return result

int __wrap_RAND_bytes(unsigned char *buffer, int size) {
    NB_REKEY_DRAW("RAND_bytes", __real_RAND_bytes(buffer, size));
}

int __wrap_RAND_priv_bytes(unsigned char *buffer, int size) {
    NB_REKEY_DRAW("RAND_priv_bytes", __real_RAND_priv_bytes(buffer, size));
}

int __wrap_RAND_bytes_ex(OSSL_LIB_CTX *library, unsigned char *buffer, size_t size,
                         unsigned strength) {
    NB_REKEY_DRAW("RAND_bytes_ex", __real_RAND_bytes_ex(library, buffer, size, strength));
}

int __wrap_RAND_priv_bytes_ex(OSSL_LIB_CTX *library, unsigned char *buffer, size_t size,
                              unsigned strength) {
    NB_REKEY_DRAW("RAND_priv_bytes_ex", __real_RAND_priv_bytes_ex(library, buffer, size, strength));
}

/* ---- TLS contexts ---- */

static _Atomic(SSL_CTX *) nb_rekey_contexts[NB_VIRTUAL_CONTEXTS];
static atomic_bool nb_rekey_is_told;

/* OpenSSL calls this when any context's last reference goes. */
static void nb_rekey_forget(void *parent, void *data, CRYPTO_EX_DATA *all, int index, long number,
                            void *argument) {
    (void)data, (void)all, (void)index, (void)number, (void)argument;
    for (size_t i = 0; i < NB_VIRTUAL_CONTEXTS; i++)
        if (atomic_load(&nb_rekey_contexts[i]) == parent)
            atomic_store(&nb_rekey_contexts[i], NULL);
}

/* False: no room, or OpenSSL will not tell when it goes. */
static bool nb_rekey_remember(SSL_CTX *context) {
    if (!atomic_load(&nb_rekey_is_told)) { /* two threads may both ask: it does no harm */
        if (CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_SSL_CTX, 0, NULL, NULL, NULL, nb_rekey_forget) <
            0)
            return false;
        atomic_store(&nb_rekey_is_told, true);
    }
    /* It may be there: SSL_CTX_new calls SSL_CTX_new_ex, and lld wraps this call, too. */
    for (size_t i = 0; i < NB_VIRTUAL_CONTEXTS; i++)
        if (atomic_load(&nb_rekey_contexts[i]) == context)
            return true;
    for (size_t i = 0; i < NB_VIRTUAL_CONTEXTS; i++) {
        SSL_CTX *empty = NULL;
        if (atomic_compare_exchange_strong(&nb_rekey_contexts[i], &empty, context))
            return true;
    }
    return false;
}

static SSL_CTX *nb_rekey_end_context(SSL_CTX *context) {
    bool good = context == NULL || nb_rekey_remember(context);
    nb_virtual_unhush();
    if (!good)
        nb_virtual_note("entropy", "SSL_CTX_new");
    return context;
}

SSL_CTX *__wrap_SSL_CTX_new(const SSL_METHOD *method) {
    if (!nb_virtual_is_on())
        return __real_SSL_CTX_new(method);
    nb_virtual_hush();
    return nb_rekey_end_context(__real_SSL_CTX_new(method));
}

SSL_CTX *__wrap_SSL_CTX_new_ex(OSSL_LIB_CTX *library, const char *properties,
                               const SSL_METHOD *method) {
    if (!nb_virtual_is_on())
        return __real_SSL_CTX_new_ex(library, properties, method);
    nb_virtual_hush();
    return nb_rekey_end_context(__real_SSL_CTX_new_ex(library, properties, method));
}

/* For a restored process: a new ticket key for each context of the image. */
void nb_virtual_rekey(void) {
    if (!atomic_load(&nb_rekey_is_told))
        return;
    for (size_t i = 0; i < NB_VIRTUAL_CONTEXTS; i++) {
        SSL_CTX *context = atomic_exchange(&nb_rekey_contexts[i], NULL);
        unsigned char keys[80]; /* name, HMAC key, AES key: ssl/ssl_local.h */
        if (context != NULL && getrandom(keys, sizeof keys, 0) == sizeof keys)
            SSL_CTX_ctrl(context, SSL_CTRL_SET_TLSEXT_TICKET_KEYS, sizeof keys, keys);
    }
}

/* ---- sqlite ---- */

/* Its size and address may be nothing: then the generator is to forget its seed. */
void __wrap_sqlite3_randomness(int size, void *buffer) {
    if (!nb_virtual_is_on() || size <= 0 || buffer == NULL) {
        __real_sqlite3_randomness(size, buffer);
        return;
    }
    nb_virtual_note("entropy", "sqlite3_randomness");
    nb_virtual_hush();
    (void)!getrandom(buffer, (size_t)size, 0); /* never fails while virtual */
    nb_virtual_unhush();
}
