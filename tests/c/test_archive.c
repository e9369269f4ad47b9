/* nb_archive.c: a good archive gives back what went in; then the invariant under mutation.
 *
 * Invariant: whatever the bytes, every call ends, gives an answer or an error, and reads nothing
 * outside the archive (which is a block of exactly its size, under ASan).
 *
 * With -DNB_LIBFUZZER this is a libFuzzer target: `python tests/c/run.py --fuzz 60 archive`. */
#include "nb_archive.c"

#include "check.h"

/* ---- a writer, independent of build_scripts/archive.py ---- */

struct writer {
    unsigned char entries[4096], strings[4096], data[16384];
    uint32_t count, strings_used, data_used;
};

static uint32_t keep_string(struct writer *w, const char *s) {
    uint32_t at = w->strings_used;
    memcpy(w->strings + at, s, strlen(s));
    w->strings_used += (uint32_t)strlen(s);
    return at;
}

static uint32_t keep_data(struct writer *w, const void *p, uint32_t n) {
    uint32_t at = (w->data_used + 15) & ~15u;
    memcpy(w->data + at, p, n);
    w->data_used = at + n;
    return at;
}

static void put32(unsigned char *p, uint32_t value) {
    for (int i = 0; i < 4; i++)
        p[i] = (unsigned char)(value >> 8 * i);
}

static void put64(unsigned char *p, uint64_t value) {
    put32(p, (uint32_t)value);
    put32(p + 4, (uint32_t)(value >> 32));
}

static uint32_t deflated(const char *text, unsigned char *out, uint32_t room) {
    uLongf n = room;
    CHECK(compress(out, &n, (const Bytef *)text, strlen(text)) == Z_OK);
    return (uint32_t)n;
}

/* Entries must be added in the order of their names. */
static void add(struct writer *w, const char *name, uint32_t flags, const char *code,
                const char *source) {
    unsigned char stored[4096], *e = w->entries + 40 * w->count++;
    uint32_t code_length = (uint32_t)strlen(code), code_stored = code_length;
    char path[256];
    snprintf(path, sizeof path, "%s.py", name);
    memcpy(stored, code, code_length);
    if ((flags & NB_ARCHIVE_CODE_DEFLATED) != 0)
        code_stored = deflated(code, stored, sizeof stored);
    uint32_t fields[10] = {keep_string(w, name),
                           (uint32_t)strlen(name),
                           keep_string(w, path),
                           (uint32_t)strlen(path),
                           flags,
                           keep_data(w, stored, code_stored),
                           code_stored,
                           code_length,
                           NB_ARCHIVE_NO_SOURCE,
                           0};
    if (source != NULL) {
        put32(stored, (uint32_t)strlen(source));
        fields[9] = 4 + deflated(source, stored + 4, sizeof stored - 4);
        fields[8] = keep_data(w, stored, fields[9]);
        fields[4] |= NB_ARCHIVE_SOURCE_DEFLATED;
    }
    for (int i = 0; i < 10; i++)
        put32(e + 4 * i, fields[i]);
}

static size_t finish(const struct writer *w, unsigned char *out) {
    uint64_t strings = 64 + 40 * (uint64_t)w->count,
             data = (strings + w->strings_used + 15) & ~15ull;
    uint64_t total = data + w->data_used;
    memset(out, 0, total);
    memcpy(out, "NBARCH01", 8);
    put32(out + 8, w->count);
    put32(out + 12, 40);
    put64(out + 16, 64);
    put64(out + 24, strings);
    put64(out + 32, w->strings_used);
    put64(out + 40, data);
    put64(out + 48, total);
    memcpy(out + 64, w->entries, 40 * w->count);
    memcpy(out + strings, w->strings, w->strings_used);
    memcpy(out + data, w->data, w->data_used);
    return total;
}

static unsigned char good[32768];
static size_t good_size;

static void build(void) {
    static struct writer w;
    add(&w, "@handler", NB_ARCHIVE_INFO, "app.handler", NULL);
    add(&w, "app", 0, "code of app", "def handler():\n    pass\n");
    add(&w, "json", NB_ARCHIVE_PACKAGE, "code of json", NULL);
    add(&w, "json.decoder", NB_ARCHIVE_CODE_DEFLATED, "code code code code code code", "source");
    add(&w, "json.decoder_2", 0, "x", NULL);
    add(&w, "jsonx", NB_ARCHIVE_COMPILED, "", "compiled");
    add(&w, "ns", NB_ARCHIVE_PACKAGE | NB_ARCHIVE_NAMESPACE, "", NULL);
    good_size = finish(&w, good);
}

/* ---- the invariant ---- */

static void touch(const void *p, size_t n) {
    volatile unsigned char last = 0;
    for (size_t i = 0; i < n; i++)
        last = ((const unsigned char *)p)[i];
    (void)last;
}

static void use_entry(const struct nb_archive_entry *e) {
    touch(e->name, e->name_length);
    touch(e->path, e->path_length);
    touch(e->code, e->code_length);
    if (e->source != NULL)
        touch(e->source, e->source_length);
    if ((e->flags & NB_ARCHIVE_CODE_DEFLATED) != 0 && e->code_raw_length < 1 << 20) {
        void *raw = malloc(e->code_raw_length + 1);
        nb_archive_inflate(e->code, e->code_length, raw, e->code_raw_length);
        free(raw);
    }
    if ((e->flags & NB_ARCHIVE_SOURCE_DEFLATED) != 0 && e->source != NULL &&
        e->source_raw_length < 1 << 20) {
        void *raw = malloc(e->source_raw_length + 1);
        nb_archive_inflate(e->source, e->source_length, raw, e->source_raw_length);
        free(raw);
    }
}

static void invariant(const unsigned char *data, size_t size) {
    static const char *const names[] = {"", "@handler", "app", "json.", "json.decoder", "zzz"};
    unsigned char *exact = malloc(size > 0 ? size : 1);
    memcpy(exact, data, size);
    struct nb_archive a;
    struct nb_archive_entry e;
    const char *error = NULL;
    int opened = nb_archive_open(&a, exact, size, &error);
    CHECK((opened == 0) == (error == NULL));
    if (opened == 0) {
        nb_archive_check(&a);
        for (uint32_t i = 0; i < a.count; i++)
            if (nb_archive_get(&a, i, &e))
                use_entry(&e);
        CHECK(!nb_archive_get(&a, a.count, &e));
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            uint32_t index;
            size_t n = strlen(names[i]);
            int found = nb_archive_find(&a, names[i], n, &e, &index);
            CHECK(index <= a.count && index == nb_archive_lower(&a, names[i], n));
            if (found == 1) {
                CHECK(e.name_length == n && memcmp(e.name, names[i], n) == 0);
                use_entry(&e);
            }
        }
    }
    free(exact);
}

#ifdef NB_LIBFUZZER

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    invariant(data, size);
    return 0;
}

#else

static bool is(const char *s, uint32_t n, const char *expected) {
    return n == strlen(expected) && memcmp(s, expected, n) == 0;
}

static void reading(void) {
    struct nb_archive a;
    struct nb_archive_entry e;
    const char *error;
    uint32_t index;
    char raw[64];
    CHECK(nb_archive_open(&a, good, good_size, &error) == 0 && nb_archive_check(&a) &&
          a.count == 7);
    CHECK(nb_archive_find(&a, "app", 3, &e, &index) == 1 && index == 1);
    CHECK(is(e.path, e.path_length, "app.py") &&
          is((const char *)e.code, e.code_length, "code of app"));
    CHECK(e.code_raw_length == e.code_length && ((uintptr_t)(e.code - a.data) & 15) == 0);
    CHECK(e.source != NULL && e.source_raw_length == 24);
    CHECK(nb_archive_inflate(e.source, e.source_length, raw, 24) &&
          memcmp(raw, "def handler", 11) == 0);
    CHECK(!nb_archive_inflate(e.source, e.source_length, raw, 23)); /* exactly, or not at all */
    CHECK(!nb_archive_inflate(e.source, e.source_length, raw, 25));
    CHECK(!nb_archive_inflate(e.source, e.source_length - 1, raw, 24));
    CHECK(nb_archive_find(&a, "json.decoder", 12, &e, NULL) == 1 &&
          e.code_length < e.code_raw_length + 20);
    CHECK(nb_archive_inflate(e.code, e.code_length, raw, e.code_raw_length) &&
          is(raw, 29, "code code code code code code"));
    CHECK(nb_archive_find(&a, "jsonx", 5, &e, NULL) == 1 &&
          e.flags == (NB_ARCHIVE_COMPILED | NB_ARCHIVE_SOURCE_DEFLATED));
    CHECK(e.code_length == 0);
    CHECK(nb_archive_find(&a, "json", 4, &e, NULL) == 1 && e.source == NULL);
    static const char *const absent[] = {"",    "a", "apq", "json.", "json.decode", "json.decoderx",
                                         "zzz", "@"};
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
        CHECK(nb_archive_find(&a, absent[i], strlen(absent[i]), &e, NULL) == 0);
    CHECK(nb_archive_lower(&a, "json.", 5) == 3 && nb_archive_lower(&a, "", 0) == 0 &&
          nb_archive_lower(&a, "~", 1) == 7);
}

static void headers(void) {
    static unsigned char bad[sizeof good];
    struct nb_archive a;
    const char *error;
    for (size_t size = 0; size < good_size;
         size++) /* every truncation is noticed when it is opened */
        CHECK(nb_archive_open(&a, good, size, &error) == -1 && error != NULL);
    CHECK(nb_archive_open(&a, good, good_size + 100, &error) ==
          0);                            /* more behind it does no harm */
    for (size_t at = 0; at < 64; at++) { /* a header byte set to 0xff: refused, or a smaller view */
        memcpy(bad, good, good_size);
        bad[at] = 0xff;
        invariant(bad, good_size);
        if (at < 16)
            CHECK(nb_archive_open(&a, bad, good_size, &error) == -1);
    }
}

static void damaged_entries(void) {
    static unsigned char bad[sizeof good];
    struct nb_archive a;
    struct nb_archive_entry e;
    const char *error;
    memcpy(bad, good, good_size);
    for (int i = 0; i < 7; i++)
        put32(bad + 64 + 40 * i + 4, UINT32_MAX); /* name lengths */
    CHECK(nb_archive_open(&a, bad, good_size, &error) == 0);
    CHECK(nb_archive_find(&a, "app", 3, &e, NULL) == -1 && !nb_archive_check(&a));
    memcpy(bad, good, good_size);
    memcpy(bad + 64, good + 64 + 40, 40); /* a name twice */
    CHECK(nb_archive_open(&a, bad, good_size, &error) == 0 && !nb_archive_check(&a));
    memcpy(bad, good, good_size);
    put32(bad + 64 + 40 * 3 + 28, UINT32_MAX); /* raw length of deflated code */
    CHECK(nb_archive_open(&a, bad, good_size, &error) == 0 && !nb_archive_get(&a, 3, &e));
    put32(bad + 64 + 40 + 28, UINT32_MAX); /* has no meaning for plain code */
    CHECK(nb_archive_get(&a, 1, &e) && e.code_raw_length == e.code_length);
}

static void mutations(int rounds) {
    static unsigned char bad[sizeof good];
    uint64_t state = 7;
    for (int round = 0; round < rounds; round++) {
        memcpy(bad, good, good_size);
        size_t size = good_size;
        for (uint64_t edits = 1 + check_random(&state) % 4; edits > 0; edits--) {
            size_t at = check_random(&state) % (check_random(&state) % 2 == 0 ? size : 64 + 40 * 7);
            switch (check_random(&state) % 4) {
            case 0:
                bad[at] = (unsigned char)check_random(&state);
                break;
            case 1:
                bad[at] ^= (unsigned char)(1u << check_random(&state) % 8);
                break;
            case 2:
                put32(bad + (at & ~(size_t)3),
                      (uint32_t)(check_random(&state) >> check_random(&state) % 64));
                break;
            default:
                size = check_random(&state) % 20 == 0 ? at : size;
            }
            if (size == 0)
                break;
        }
        invariant(bad, size);
    }
}

int main(int argc, char **argv) {
    build();
    if (argc > 1)
        check_seed(argv[1], 0, good, good_size);
    reading();
    headers();
    damaged_entries();
    mutations(20000);
    printf("archive: reading, every truncation, damaged entries, 20000 mutated archives\n");
    return 0;
}

#endif
