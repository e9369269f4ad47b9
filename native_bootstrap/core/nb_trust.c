/* The default trust store: the first that exists of $SSL_CERT_FILE and the places below.
 *
 * OpenSSL knows one place, fixed when it is built; but a bootstrap is built once and runs on any
 * image. These are all the functions of OpenSSL's crypto/x509/x509_def.c: as the program defines
 * them, the linker leaves that member of libcrypto.a out. They are asked each time a context loads
 * the default store, so nothing is spent at start and a file that appears later is found. */
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
