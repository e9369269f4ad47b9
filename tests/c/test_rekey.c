/* Two processes of one image must not draw alike: OpenSSL's generators, TLS ticket keys, sqlite's
 * generator. The image is this process; fork() stands for the restore, and each child has the same
 * pid, as two sandboxes may have. Linked with the pack's OpenSSL and sqlite. */
#include "check.h"

/* As nb_facts.c says while on, and else one number for everybody. */
#define getpid virtual_getpid
#include "nb_facts.c"
#undef getpid
static int constant;
pid_t getpid(void) {
    return nb_virtual_is_on() && !constant ? virtual_getpid() : 42;
}

/* OpenSSL also reseeds some minutes after it did so last, which for an image is long ago. */
time_t time(time_t *now) {
    (void)now;
    return NB_VIRTUAL_DATE;
}

#include "nb_clock.c"
#include "nb_random.c"
#include "nb_rekey.c"
#include "nb_virtual.c"
#include "nb_wait.c"

#include <sys/wait.h>

enum { TICKET_KEYS = 80, SSL_CTRL_GET_TLSEXT_TICKET_KEYS = 58 };
const SSL_METHOD *TLS_method(void);
SSL_CTX *SSL_CTX_new(const SSL_METHOD *method);
SSL_CTX *SSL_CTX_new_ex(OSSL_LIB_CTX *library, const char *properties, const SSL_METHOD *method);
void SSL_CTX_free(SSL_CTX *context);
int SSL_CTX_up_ref(SSL_CTX *context);
int RAND_bytes(unsigned char *buffer, int size);
int RAND_priv_bytes(unsigned char *buffer, int size);
int RAND_bytes_ex(OSSL_LIB_CTX *library, unsigned char *buffer, size_t size, unsigned strength);
int RAND_priv_bytes_ex(OSSL_LIB_CTX *library, unsigned char *buffer, size_t size,
                       unsigned strength);
typedef struct sqlite3 sqlite3;
typedef int test_row(void *to, int columns, char **values, char **names);
void sqlite3_randomness(int size, void *buffer);
int sqlite3_open(const char *name, sqlite3 **database);
int sqlite3_exec(sqlite3 *database, const char *sql, test_row *row, void *to, char **error);
int sqlite3_close(sqlite3 *database);

/* All that a process has drawn and holds. */
struct draws {
    unsigned char public[32], private[32], sqlite[32], keys[2][TICKET_KEYS];
};

static const unsigned char seed[NB_VIRTUAL_SEED] = "a seed";
static SSL_CTX *contexts[2];
static char told[4096];

static void hear(const char *kind, const char *detail) {
    snprintf(told + strlen(told), sizeof told - strlen(told), "%s%s %s", *told ? "," : "", kind,
             detail);
}

static int was_told(const char *expected) {
    int equal = strcmp(told, expected) == 0;
    if (!equal)
        fprintf(stderr, "told \"%s\", expected \"%s\"\n", told, expected);
    *told = '\0';
    return equal;
}

static void look(struct draws *d) {
    memset(d, 0, sizeof *d);
    CHECK(RAND_bytes(d->public, sizeof d->public) == 1);
    CHECK(RAND_priv_bytes(d->private, sizeof d->private) == 1);
    sqlite3_randomness(sizeof d->sqlite, d->sqlite);
    for (int i = 0; i < 2; i++)
        CHECK(SSL_CTX_ctrl(contexts[i], SSL_CTRL_GET_TLSEXT_TICKET_KEYS, TICKET_KEYS, d->keys[i]));
}

/* What a process restored from here has. */
static void restore(struct draws *draws, int rekeyed) {
    int ends[2], status;
    CHECK(pipe(ends) == 0);
    pid_t child = fork();
    if (child == 0) {
        nb_virtual_reset();
        if (rekeyed)
            nb_virtual_rekey();
        look(draws);
        _exit(write(ends[1], draws, sizeof *draws) != sizeof *draws);
    }
    CHECK(read(ends[0], draws, sizeof *draws) == sizeof *draws);
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    close(ends[0]);
    close(ends[1]);
}

static void initialise(struct draws *image) {
    nb_virtual_begin(seed);
    nb_virtual_observe(hear);
    contexts[0] = SSL_CTX_new(TLS_method());
    contexts[1] = SSL_CTX_new_ex(NULL, NULL, TLS_method());
    CHECK(contexts[0] != NULL && contexts[1] != NULL);
    look(image);
    nb_virtual_end();
}

#define SAME(a, b, field) (memcmp((a).field, (b).field, sizeof(a).field) == 0)

static void test_restore(void) {
    struct draws image, one, two;
    initialise(&image);
    restore(&one, 1);
    restore(&two, 1);
    CHECK(!SAME(one, two, public) && !SAME(one, two, private) && !SAME(one, two, sqlite));
    for (int i = 0; i < 2; i++) {
        CHECK(!SAME(one, two, keys[i]) && !SAME(one, image, keys[i]));
        SSL_CTX_free(contexts[i]);
    }
    CHECK(memcmp(one.keys[0], one.keys[1], TICKET_KEYS) != 0);
}

/* That the test can fail: with one pid at the build and after it, and nothing renewed, all is
 * alike. */
static void test_without(void) {
    struct draws image, one, two;
    constant = 1;
    initialise(&image);
    restore(&one, 0);
    restore(&two, 0);
    CHECK(SAME(one, two, public) && SAME(one, two, private) && SAME(one, two, keys));
    constant = 0;
    for (int i = 0; i < 2; i++)
        SSL_CTX_free(contexts[i]);
}

/* What is told: the draws of a user, and no context's. */
static void test_told(void) {
    unsigned char bytes[8];
    *told = '\0';
    nb_virtual_begin(seed);
    nb_virtual_observe(hear);
    SSL_CTX *context = SSL_CTX_new(TLS_method());
    CHECK(context != NULL && was_told(""));
    CHECK(RAND_bytes(bytes, 8) == 1 && RAND_priv_bytes(bytes, 8) == 1);
    CHECK(was_told("entropy RAND_bytes,entropy RAND_priv_bytes"));
    CHECK(RAND_bytes_ex(NULL, bytes, 8, 0) == 1 && RAND_priv_bytes_ex(NULL, bytes, 8, 0) == 1);
    CHECK(was_told("entropy RAND_bytes_ex,entropy RAND_priv_bytes_ex"));
    /* As many as there is room for, if those that went are forgotten. */
    for (int i = 0; i < 3 * NB_VIRTUAL_CONTEXTS; i++) {
        SSL_CTX *other = SSL_CTX_new(TLS_method());
        SSL_CTX_free(other);
    }
    CHECK(was_told(""));
    SSL_CTX *all[NB_VIRTUAL_CONTEXTS];
    for (int i = 1; i < NB_VIRTUAL_CONTEXTS; i++)
        all[i] = SSL_CTX_new_ex(NULL, NULL, TLS_method());
    CHECK(was_told(""));
    all[0] = SSL_CTX_new(TLS_method());
    CHECK(all[0] != NULL && was_told("entropy SSL_CTX_new"));
    CHECK(SSL_CTX_up_ref(context) == 1);
    SSL_CTX_free(context); /* one reference is left */
    nb_virtual_end();
    unsigned char before[TICKET_KEYS], after[TICKET_KEYS];
    CHECK(SSL_CTX_ctrl(context, SSL_CTRL_GET_TLSEXT_TICKET_KEYS, TICKET_KEYS, before) == 1);
    nb_virtual_rekey();
    CHECK(SSL_CTX_ctrl(context, SSL_CTRL_GET_TLSEXT_TICKET_KEYS, TICKET_KEYS, after) == 1);
    CHECK(memcmp(before, after, TICKET_KEYS) != 0);
    nb_virtual_rekey(); /* the second time does nothing */
    CHECK(SSL_CTX_ctrl(context, SSL_CTRL_GET_TLSEXT_TICKET_KEYS, TICKET_KEYS, before) == 1);
    CHECK(memcmp(before, after, TICKET_KEYS) == 0);
    SSL_CTX_free(context);
    for (int i = 0; i < NB_VIRTUAL_CONTEXTS; i++)
        SSL_CTX_free(all[i]);
    SSL_CTX *plain = SSL_CTX_new(TLS_method());
    CHECK(plain != NULL && RAND_bytes(bytes, 8) == 1 && was_told(""));
    SSL_CTX_free(plain);
}

static int take_row(void *to, int columns, char **values, char **names) {
    (void)columns, (void)names;
    snprintf(to, 32, "%s", values[0]);
    return 0;
}

/* sqlite's own calls, from within its one object. */
static void test_sqlite(void) {
    sqlite3 *database;
    char first[32] = "", second[32] = "", third[32] = "";
    CHECK(sqlite3_open(":memory:", &database) == 0);
    nb_virtual_begin(seed);
    nb_virtual_observe(hear);
    CHECK(sqlite3_exec(database, "create table t (x); insert into t values (1)", NULL, NULL,
                       NULL) == 0);
    CHECK(was_told(""));
    CHECK(sqlite3_exec(database, "select random()", take_row, first, NULL) == 0);
    CHECK(was_told("entropy sqlite3_randomness"));
    nb_virtual_begin(seed);
    CHECK(sqlite3_exec(database, "select random()", take_row, second, NULL) == 0);
    nb_virtual_end();
    CHECK(sqlite3_exec(database, "select random()", take_row, third, NULL) == 0);
    CHECK(strcmp(first, second) == 0 && strcmp(first, third) != 0);
    CHECK(sqlite3_close(database) == 0);
    *told = '\0';
}

/* Equal seeds give equal images. */
static void test_image(void) {
    struct draws first, second;
    int ends[2];
    for (int i = 0; i < 2; i++) {
        CHECK(pipe(ends) == 0);
        if (fork() == 0) {
            initialise(&first);
            _exit(write(ends[1], &first, sizeof first) != sizeof first);
        }
        CHECK(read(ends[0], i == 0 ? &first : &second, sizeof first) == sizeof first);
    }
    CHECK(memcmp(&first, &second, sizeof first) == 0);
}

int main(void) {
    test_image();
    test_restore();
    test_without();
    test_told();
    test_sqlite();
    printf("rekey: OpenSSL, tickets and sqlite differ after a restore, equal pids or not\n");
    return 0;
}
