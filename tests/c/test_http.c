/* nb_http.c: fixed cases, then the invariant under mutation.
 *
 * Invariant: however the input is cut into pieces, the outcome (error, or status, fields, body,
 * bytes consumed) is the same, and no byte outside the pieces is touched (each piece is a block of
 * exactly its size, under ASan).
 *
 * With -DNB_LIBFUZZER this is a libFuzzer target: `python tests/c/run.py --fuzz 60 http`. */
#include "nb_http.c"

#include "check.h"

#include <stdarg.h>

#define OUTCOME_BODY ((size_t)1 << 20)

struct outcome {
    int result; /* NB_HTTP_DONE or an error */
    size_t consumed, head, body_length;
    int status, minor_version;
    bool keep_alive;
    enum nb_http_framing framing;
    uint32_t header_count;
    char fields[8192]; /* "name=value\n" of each, cut off at the end */
    char body[4096];
    uint64_t body_hash;
};

struct feed {
    const char *data;
    size_t size, at;
    uint64_t random; /* 0: everything at once; 1: byte by byte; else random pieces */
};

static size_t feed_next(struct feed *f) {
    size_t left = f->size - f->at, n = left;
    if (f->random == 1)
        n = 1;
    else if (f->random != 0)
        n = 1 + check_random(&f->random) % (check_random(&f->random) % 4 == 0 ? 200 : 8);
    return n < left ? n : left;
}

static char *exact_copy(const char *data, size_t n) {
    char *copy = malloc(n > 0 ? n : 1);
    CHECK(copy != NULL);
    memcpy(copy, data, n);
    return copy;
}

static void keep_fields(struct outcome *o, const struct nb_http *h, const char *data) {
    size_t used = 0;
    for (uint32_t i = 0; i < h->header_count; i++) {
        const struct nb_http_header *f = &h->headers[i];
        CHECK(f->name + f->name_length <= o->head && f->value + f->value_length <= o->head);
        CHECK(f->name_length > 0);
        int n =
            snprintf(o->fields + used, sizeof o->fields - used, "%.*s=%.*s\n", (int)f->name_length,
                     data + f->name, (int)f->value_length, data + f->value);
        used += (size_t)n;
        if (used >= sizeof o->fields)
            break;
    }
    o->header_count = h->header_count;
}

static void keep_body(struct outcome *o, const char *data, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (o->body_length < sizeof o->body)
            o->body[o->body_length] = data[i];
        o->body_hash = (o->body_hash ^ (unsigned char)data[i]) * UINT64_C(1099511628211);
        o->body_length++;
    }
}

static int feed_head(struct nb_http *h, struct feed *f, struct outcome *o) {
    for (;;) {
        f->at += feed_next(f);
        char *piece = exact_copy(f->data, f->at); /* all so far, at another place each time */
        ptrdiff_t n = nb_http_head(h, piece, f->at);
        CHECK(n > 0 || n <= NB_HTTP_PARTIAL);
        if (n > 0) {
            CHECK((size_t)n <= f->at);
            o->head = (size_t)n;
            keep_fields(o, h, piece);
        }
        free(piece);
        if (n > 0)
            return 0;
        if (n != NB_HTTP_PARTIAL)
            return (int)n;
        if (f->at == f->size)
            return nb_http_eof(h);
    }
}

static int feed_body(struct nb_http *h, struct feed *f, struct outcome *o) {
    f->at = o->consumed =
        o->head; /* what came behind the head is fed again, in pieces of its own */
    for (;;) {
        size_t n = feed_next(f), used = n, out = n + 1;
        char *piece = exact_copy(f->data + f->at, n);
        int result = nb_http_body(h, piece, &used, &out);
        CHECK(used <= n && out <= used);
        if (result == NB_HTTP_DONE || result == NB_HTTP_PARTIAL) {
            keep_body(o, piece, out);
            o->consumed += used;
        }
        free(piece);
        f->at += used;
        if (result != NB_HTTP_PARTIAL)
            return result;
        CHECK(used == n);
        if (f->at == f->size)
            return nb_http_eof(h);
    }
}

static void parse(const char *data, size_t size, uint64_t random, bool head_request,
                  struct outcome *o) {
    struct nb_http h;
    struct feed f = {.data = data, .size = size, .random = random};
    memset(&h, 0xa5, sizeof h); /* nb_http_begin() must not rely on a cleared struct */
    memset(o, 0, sizeof *o);
    nb_http_begin(&h, head_request);
    o->result = feed_head(&h, &f, o);
    if (o->result != 0)
        return;
    o->status = h.status;
    o->minor_version = h.minor_version;
    o->keep_alive = h.keep_alive;
    o->framing = h.framing;
    o->result = feed_body(&h, &f, o);
    if (o->result < 0) { /* how much of a bad body came before the error depends on the pieces */
        o->consumed = o->body_length = 0;
        o->body_hash = 0;
        memset(o->body, 0, sizeof o->body);
    }
}

static void invariant(const char *data, size_t size) {
    static struct outcome whole, cut;
    for (int head_request = 0; head_request < 2; head_request++) {
        parse(data, size, 0, head_request, &whole);
        for (uint64_t seed = 1; seed <= 3; seed++) {
            if (seed == 1 && size > 6000)
                continue; /* byte by byte is quadratic here, because of the copies */
            parse(data, size, seed, head_request, &cut);
            CHECK(memcmp(&whole, &cut, sizeof whole) == 0);
        }
    }
}

#ifdef NB_LIBFUZZER

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    invariant((const char *)data, size);
    return 0;
}

#else

/* ---- fixed cases ---- */

struct expectation {
    const char *input;
    int result, status;
    const char *fields, *body;
    size_t left; /* bytes behind the answer */
};

#define OK200 "HTTP/1.1 200 OK\r\n"
#define LONG_HEX "fffffffffffffffff"

static const struct expectation cases[] = {
    {OK200 "Content-Length: 2\r\n\r\nhi", NB_HTTP_DONE, 200, "Content-Length=2\n", "hi", 0},
    {OK200 "Content-Length: 2\r\n\r\nhi!", NB_HTTP_DONE, 200, "Content-Length=2\n", "hi", 1},
    {"HTTP/1.1 200 OK\nContent-Length:2\n\nhi", NB_HTTP_DONE, 200, "Content-Length=2\n", "hi", 0},
    {"HTTP/1.1 202\r\nContent-Length: 0\r\n\r\n", NB_HTTP_DONE, 202, "Content-Length=0\n", "", 0},
    {"HTTP/1.1 202 \r\nA:\t b c \t\r\nContent-Length: 0\r\n\r\n", NB_HTTP_DONE, 202,
     "A=b c\nContent-Length=0\n", "", 0},
    {"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello", NB_HTTP_DONE, 204,
     "Content-Length=5\n", "", 5},
    {"HTTP/1.1 304 Not Modified\r\n\r\n", NB_HTTP_DONE, 304, "", "", 0},
    {OK200 "\r\nuntil the end", NB_HTTP_DONE, 200, "", "until the end", 0},
    {OK200 "content-length: 3,3\r\nCONTENT-LENGTH: 3\r\n\r\nabc", NB_HTTP_DONE, 200,
     "content-length=3,3\nCONTENT-LENGTH=3\n", "abc", 0},
    {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nX: y\r\n\r\n" OK200
     "Content-Length: 1\r\n\r\nz",
     NB_HTTP_DONE, 200, "Content-Length=1\n", "z", 0},
    {OK200 "Transfer-Encoding: CHUNKED\r\n\r\n3\r\nabc\r\n0a;x=\"y\"\r\n0123456789\r\n0\r\n\r\n",
     NB_HTTP_DONE, 200, "Transfer-Encoding=CHUNKED\n", "abc0123456789", 0},
    {OK200 "Transfer-Encoding: chunked\r\n\r\n1 ;e\r\na\r\n0;e\r\nT: 1\r\nU: 2\r\n\r\nmore",
     NB_HTTP_DONE, 200, "Transfer-Encoding=chunked\n", "a", 4},

    {"", NB_HTTP_E_TRUNCATED, 0, "", "", 0},
    {"HTTP/1.1 200 OK\r\nContent-Le", NB_HTTP_E_TRUNCATED, 0, "", "", 0},
    {OK200 "Content-Length: 5\r\n\r\nhell", NB_HTTP_E_TRUNCATED, 200, "Content-Length=5\n", "", 0},
    {OK200 "Transfer-Encoding: chunked\r\n\r\n3\r\nab", NB_HTTP_E_TRUNCATED, 200,
     "Transfer-Encoding=chunked\n", "", 0},
    {OK200 "Transfer-Encoding: chunked\r\n\r\n0\r\n", NB_HTTP_E_TRUNCATED, 200,
     "Transfer-Encoding=chunked\n", "", 0},

    {"garbage", NB_HTTP_E_STATUS_LINE, 0, "", "", 0},
    {"\r\n" OK200, NB_HTTP_E_STATUS_LINE, 0, "", "", 0},
    {"HTTP/2 200\r\n\r\n", NB_HTTP_E_STATUS_LINE, 0, "", "", 0},
    {"HTTP/1.2 200 OK\r\n\r\n", NB_HTTP_E_STATUS_LINE, 0, "", "", 0},
    {"HTTP/1.1 20 OK\r\n\r\n", NB_HTTP_E_STATUS_LINE, 0, "", "", 0},
    {"HTTP/1.1 2000 OK\r\n\r\n", NB_HTTP_E_STATUS_LINE, 0, "", "", 0},
    {"HTTP/1.1 099 OK\r\n\r\n", NB_HTTP_E_STATUS_LINE, 0, "", "", 0},
    {"HTTP/1.1 200 O\rK\r\n\r\n", NB_HTTP_E_STATUS_LINE, 0, "", "", 0},
    {OK200 "A: b\r\n c\r\n\r\n", NB_HTTP_E_HEADER, 0, "", "", 0},
    {OK200 "A : b\r\n\r\n", NB_HTTP_E_HEADER, 0, "", "", 0},
    {OK200 "A\r\n\r\n", NB_HTTP_E_HEADER, 0, "", "", 0},
    {OK200 ": b\r\n\r\n", NB_HTTP_E_HEADER, 0, "", "", 0},
    {OK200 "A: b\rc\r\n\r\n", NB_HTTP_E_HEADER, 0, "", "", 0},
    {OK200 "A: b\r\r\n\r\n", NB_HTTP_E_HEADER, 0, "", "", 0},
    {OK200 "Content-Length: \r\n\r\n", NB_HTTP_E_LENGTH, 0, "", "", 0},
    {OK200 "Content-Length: -1\r\n\r\n", NB_HTTP_E_LENGTH, 0, "", "", 0},
    {OK200 "Content-Length: +1\r\n\r\n", NB_HTTP_E_LENGTH, 0, "", "", 0},
    {OK200 "Content-Length: 1 1\r\n\r\n", NB_HTTP_E_LENGTH, 0, "", "", 0},
    {OK200 "Content-Length: 0x10\r\n\r\n", NB_HTTP_E_LENGTH, 0, "", "", 0},
    {OK200 "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", NB_HTTP_E_LENGTH, 0, "", "", 0},
    {OK200 "Content-Length: 1, 2\r\n\r\n", NB_HTTP_E_LENGTH, 0, "", "", 0},
    {OK200 "Content-Length: 18446744073709551616\r\n\r\n", NB_HTTP_E_LENGTH, 0, "", "", 0},
    {OK200 "Content-Length: 33554433\r\n\r\n", NB_HTTP_E_BODY_SIZE, 0, "", "", 0},
    {OK200 "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", NB_HTTP_E_FRAMING, 0, "", "",
     0},
    {OK200 "Transfer-Encoding: gzip, chunked\r\n\r\n", NB_HTTP_E_FRAMING, 0, "", "", 0},
    {OK200 "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", NB_HTTP_E_FRAMING, 0,
     "", "", 0},
    {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", NB_HTTP_E_FRAMING, 0, "", "",
     0},
    {"HTTP/1.1 101 Switching\r\n\r\n", NB_HTTP_E_UPGRADE, 0, "", "", 0},
    {OK200 "Transfer-Encoding: chunked\r\n\r\n\r\n", NB_HTTP_E_CHUNK, 200,
     "Transfer-Encoding=chunked\n", "", 0},
    {OK200 "Transfer-Encoding: chunked\r\n\r\ng\r\n", NB_HTTP_E_CHUNK, 200,
     "Transfer-Encoding=chunked\n", "", 0},
    {OK200 "Transfer-Encoding: chunked\r\n\r\n1\na\r\n", NB_HTTP_E_CHUNK, 200,
     "Transfer-Encoding=chunked\n", "", 0},
    {OK200 "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", NB_HTTP_E_CHUNK, 200,
     "Transfer-Encoding=chunked\n", "", 0},
    {OK200 "Transfer-Encoding: chunked\r\n\r\n" LONG_HEX "\r\n", NB_HTTP_E_CHUNK, 200,
     "Transfer-Encoding=chunked\n", "", 0},
    {OK200 "Transfer-Encoding: chunked\r\n\r\n2000001\r\n", NB_HTTP_E_BODY_SIZE, 200,
     "Transfer-Encoding=chunked\n", "", 0},
    {OK200 "Transfer-Encoding: chunked\r\n\r\n0\r\nA: b\n\r\n", NB_HTTP_E_CHUNK, 200,
     "Transfer-Encoding=chunked\n", "", 0},
};
#define CASES (sizeof cases / sizeof *cases)

static void fixed_case(const struct expectation *e) {
    static struct outcome o;
    size_t size = strlen(e->input);
    parse(e->input, size, 0, false, &o);
    if (o.result != e->result || o.status != e->status)
        fprintf(stderr, "%s\n-> %d, status %d\n", e->input, o.result, o.status);
    CHECK(o.result == e->result && o.status == e->status);
    if (o.result == NB_HTTP_DONE || o.status != 0)
        CHECK(strcmp(o.fields, e->fields) == 0);
    if (o.result == NB_HTTP_DONE) {
        CHECK(o.body_length == strlen(e->body) && memcmp(o.body, e->body, o.body_length) == 0);
        CHECK(size - o.consumed == e->left);
    }
    CHECK(strlen(nb_http_error(o.result)) > 0);
    invariant(e->input, size);
}

static void keep_alive_rules(void) {
    static const struct {
        const char *input;
        bool keep_alive;
    } rules[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true},
        {"HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n", false},
        {"HTTP/1.1 200 OK\r\nConnection: x, close\r\nContent-Length: 0\r\n\r\n", false},
        {"HTTP/1.1 200 OK\r\n\r\n", false},
        {"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", false},
        {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n", true},
        {"HTTP/1.1 204 No\r\n\r\n", true},
    };
    static struct outcome o;
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        parse(rules[i].input, strlen(rules[i].input), 0, false, &o);
        CHECK(o.result == NB_HTTP_DONE && o.keep_alive == rules[i].keep_alive);
    }
    const char *head = OK200 "Content-Length: 9\r\n\r\n";
    parse(head, strlen(head), 0, true, &o);
    CHECK(o.result == NB_HTTP_DONE && o.keep_alive && o.body_length == 0);
}

/* A growing text; the limits need long ones. */
static char text[256 << 10];
static size_t text_used;

static void say(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    text_used += (size_t)vsnprintf(text + text_used, sizeof text - text_used, format, arguments);
    va_end(arguments);
    CHECK(text_used < sizeof text);
}

static int limit_result(void) {
    static struct outcome o;
    parse(text, text_used, 0, false, &o);
    int result = o.result;
    parse(text, text_used, 7, false, &o);
    CHECK(o.result == result);
    text_used = 0;
    return result;
}

static void limits(void) {
    for (int count = 63; count <= 65; count++) { /* with Content-Length that is one more */
        say(OK200 "Content-Length: 0\r\n");
        for (int i = 1; i < count; i++)
            say("A%d: b\r\n", i);
        say("\r\n");
        CHECK(limit_result() == (count <= 64 ? NB_HTTP_DONE : NB_HTTP_E_HEADER_COUNT));
    }
    for (int over = -1; over <= 1; over++) { /* a head of exactly 64 KB is the largest */
        say(OK200 "Content-Length: 0\r\nA: ");
        while (text_used < NB_HTTP_MAX_HEAD - 4 + (size_t)over)
            say("b");
        say("\r\n\r\n");
        CHECK(limit_result() == (over <= 0 ? NB_HTTP_DONE : NB_HTTP_E_HEAD_SIZE));
    }
    for (int i = 0; i < 3000; i++) /* interim heads count as well */
        say("HTTP/1.1 100 Continue\r\n\r\n");
    CHECK(limit_result() == NB_HTTP_E_HEAD_SIZE);
    say(OK200 "Transfer-Encoding: chunked\r\n\r\n1;");
    for (int i = 0; i < NB_HTTP_MAX_CHUNK_LINE; i++)
        say("x");
    say("\r\na\r\n0\r\n\r\n");
    CHECK(limit_result() == NB_HTTP_E_CHUNK);
    say(OK200 "Transfer-Encoding: chunked\r\n\r\n0\r\n");
    for (size_t i = 0; i < NB_HTTP_MAX_TRAILER; i += 10)
        say("T: 123456\r\n");
    say("\r\n");
    CHECK(limit_result() == NB_HTTP_E_CHUNK);
}

/* NUL bytes do not fit into the table above. */
static void nul_bytes(void) {
    static const char status[] = OK200 "A: b\r\n\r\n", field[] = OK200 "A: b\r\n\r\n";
    char copy[sizeof field];
    static struct outcome o;
    memcpy(copy, status, sizeof status);
    copy[13] = '\0';
    parse(copy, sizeof status - 1, 0, false, &o);
    CHECK(o.result == NB_HTTP_E_STATUS_LINE);
    for (size_t at = 17; at < 21; at++) {
        memcpy(copy, field, sizeof field);
        copy[at] = '\0';
        parse(copy, sizeof field - 1, 0, false, &o);
        CHECK(o.result == NB_HTTP_E_HEADER);
    }
}

/* The largest body is accepted, in one piece and chunked, without anything of that size in here. */
static void largest_body(void) {
    static char block[1 << 16];
    struct nb_http h;
    char head[128];
    size_t used = (size_t)snprintf(head, sizeof head, OK200 "Content-Length: %llu\r\n\r\n",
                                   (unsigned long long)NB_HTTP_MAX_BODY);
    nb_http_begin(&h, false);
    CHECK(nb_http_head(&h, head, used) == (ptrdiff_t)used);
    uint64_t total = 0;
    for (int result = NB_HTTP_PARTIAL; result != NB_HTTP_DONE;) {
        size_t in = sizeof block, out;
        result = nb_http_body(&h, block, &in, &out);
        CHECK(result == NB_HTTP_PARTIAL || result == NB_HTTP_DONE);
        total += out;
    }
    CHECK(total == NB_HTTP_MAX_BODY);
    nb_http_begin(&h, false);
    used = (size_t)snprintf(head, sizeof head, OK200 "\r\n");
    CHECK(nb_http_head(&h, head, used) == (ptrdiff_t)used);
    int result = NB_HTTP_PARTIAL;
    for (total = 0; result == NB_HTTP_PARTIAL; total += sizeof block) {
        size_t in = sizeof block, out;
        result = nb_http_body(&h, block, &in, &out);
    }
    CHECK(result == NB_HTTP_E_BODY_SIZE && total == NB_HTTP_MAX_BODY + sizeof block);
}

/* ---- mutation ---- */

static size_t mutate(char *input, size_t size, size_t room, uint64_t *state) {
    static const char *const words[] = {"\r\n",
                                        "\r\n\r\n",
                                        "\n",
                                        "\r",
                                        ":",
                                        " ",
                                        "0\r\n",
                                        "Content-Length: 7\r\n",
                                        "Transfer-Encoding: chunked\r\n",
                                        "HTTP/1.1 100 C\r\n\r\n",
                                        ";",
                                        ",",
                                        "f"};
    for (uint64_t edits = 1 + check_random(state) % 4; edits > 0; edits--) {
        size_t at = size > 0 ? check_random(state) % size : 0;
        const char *word = words[check_random(state) % (sizeof words / sizeof *words)];
        size_t n = strlen(word);
        switch (check_random(state) % 5) {
        case 0:
            if (size > 0)
                input[at] = (char)check_random(state);
            break;
        case 1: /* cut a piece out */
            n = check_random(state) % 9;
            n = n < size - at ? n : size - at;
            memmove(input + at, input + at + n, size - at - n);
            size -= n;
            break;
        case 2: /* cut the end off */
            size = at;
            break;
        default: /* put a word in */
            if (size + n <= room) {
                memmove(input + at + n, input + at, size - at);
                memcpy(input + at, word, n);
                size += n;
            }
        }
    }
    return size;
}

static void mutations(int rounds) {
    static char input[1024];
    uint64_t state = 42;
    for (int round = 0; round < rounds; round++) {
        const struct expectation *e = &cases[check_random(&state) % CASES];
        size_t size = strlen(e->input);
        memcpy(input, e->input, size);
        size = mutate(input, size, sizeof input, &state);
        invariant(input, size);
    }
}

int main(int argc, char **argv) {
    for (size_t i = 0; argc > 1 && i < CASES; i++)
        check_seed(argv[1], i, cases[i].input, strlen(cases[i].input));
    for (size_t i = 0; i < CASES; i++)
        fixed_case(&cases[i]);
    keep_alive_rules();
    limits();
    nul_bytes();
    largest_body();
    mutations(6000);
    printf("http: %zu fixed cases, limits, 6000 mutated inputs\n", CASES);
    return 0;
}

#endif
