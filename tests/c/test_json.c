/* nb_json.c: fixed cases, then texts that are put together at random against a plain reading of the
 * same rule.
 *
 * With -DNB_LIBFUZZER this is a libFuzzer target: `python tests/c/run.py --fuzz 60 json`. */
#include "nb_json.c"

#include "check.h"

/* A block of exactly that size: what is read beyond it is found by the address sanitizer. */
static bool fit(const char *text, size_t n) {
    char *copy = malloc(n > 0 ? n : 1);
    CHECK(copy != NULL);
    memcpy(copy, text, n);
    bool result = nb_json_integers_fit(copy, n);
    free(copy);
    return result;
}

/* The rule, byte by byte: false for a run of digits that could be an integer beyond 64 bits. */
static bool plainly_fit(const char *text, size_t n) {
    for (size_t i = 0, end; i < n; i = end + 1) {
        unsigned __int128 value = 0;
        for (end = i; end < n && text[end] >= '0' && text[end] <= '9'; end++)
            value = value >> 100 != 0 ? value : value * 10 + (unsigned)(text[end] - '0');
        bool negative = i > 0 && text[i - 1] == '-';
        bool begins = i == 0 || negative || strchr(",: []}\t\r\n", text[i - 1]) != NULL;
        bool ends = end == n || strchr(",: []}\t\r\n", text[end]) != NULL;
        unsigned __int128 limit = negative ? (unsigned __int128)1 << 63 : UINT64_MAX;
        if (begins && ends && value > limit)
            return false;
    }
    return true;
}

#ifdef NB_LIBFUZZER

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    /* What is certain is never wrong; what is not need not be. */
    if (memchr(data, 0, n) == NULL && fit((const char *)data, n))
        CHECK(plainly_fit((const char *)data, n));
    return 0;
}

#else

static const struct {
    const char *text;
    bool fits;
} cases[] = {
    {"", true},
    {"0", true},
    {"18446744073709551615", true},
    {"18446744073709551616", false},
    {"-9223372036854775808", true},
    {"-9223372036854775809", false},
    {"[9999999999999999999]", true},
    {"[-9999999999999999999]", false},
    {"{\"a\":20000000000000000000}", false},
    {"{\"a\": 20000000000000000000 }", false},
    {"[1,\n20000000000000000000\n]", false},
    {"\t20000000000000000000\t", false},
    {"\r20000000000000000000\r", false},
    {"{\"a\": \"20000000000000000000\"}", true},
    {"{\"a\": \"x20000000000000000000y\"}", true},
    {"{\"a\": \", 20000000000000000000 \"}", false}, /* in a string, but it would take reading */
    {"20000000000000000000.5", true},
    {"0.20000000000000000000", true},
    {"20000000000000000000e5", true},
    {"20000000000000000000E5", true},
    {"1e20000000000000000000", true},
    {"1e+20000000000000000000", true},
    {"100000000000000000000000000000000000000000", false},
    {"1234567890123456789, 123456789012345678901234567890", false},
};

static void check_cases(void) {
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (fit(cases[i].text, strlen(cases[i].text)) != cases[i].fits) {
            fprintf(stderr, "test_json: %s\n", cases[i].text);
            exit(1);
        }
    }
}

/* Wherever a long number stands, it is seen. */
static void check_places(void) {
    static char text[512];
    for (size_t before = 0; before < 100; before++) {
        for (size_t digits = 1; digits < 60; digits++) {
            memset(text, ' ', sizeof text);
            memset(text + before, '9', digits);
            CHECK(fit(text, sizeof text) == (digits < 20));
            CHECK(fit(text, before + digits) == (digits < 20));
            if (before > 0) {
                text[before - 1] = '-';
                CHECK(fit(text, sizeof text) == (digits < 19));
                text[before - 1] = '"';
                CHECK(fit(text, sizeof text));
            }
        }
    }
}

static int check_random_texts(void) {
    static const char *const parts[] = {"0",
                                        "1",
                                        "9",
                                        "18446744073709551615",
                                        "9223372036854775808",
                                        "99",
                                        "-",
                                        ",",
                                        " ",
                                        "\"",
                                        "[",
                                        "]",
                                        ":",
                                        "}",
                                        ".",
                                        "e",
                                        "1234567890123456789",
                                        "\n",
                                        "a",
                                        "123456789"};
    uint64_t random = 1;
    int refused = 0, rounds = 300000;
    for (int round = 0; round < rounds; round++) {
        char text[512];
        size_t n = 0, pieces = 1 + check_random(&random) % 14;
        for (size_t i = 0; i < pieces; i++) {
            const char *part = parts[check_random(&random) % (sizeof parts / sizeof *parts)];
            memcpy(text + n, part, strlen(part));
            n += strlen(part);
        }
        bool fits = fit(text, n);
        CHECK(!fits || plainly_fit(text, n));
        refused += !fits;
    }
    CHECK(refused > rounds / 100 && refused < rounds / 2);
    return rounds;
}

int main(int argc, char **argv) {
    if (argc > 1) { /* the cases as files, to fuzz from */
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
            check_seed(argv[1], i, cases[i].text, strlen(cases[i].text));
        return 0;
    }
    check_cases();
    check_places();
    int rounds = check_random_texts();
    printf("test_json: %zu cases, %d random texts\n", sizeof cases / sizeof *cases, rounds);
    return 0;
}

#endif
