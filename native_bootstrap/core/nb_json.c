/* nb_json.h: every run of 19 digits or more has a digit at one of the places 18, 37, 56 … */
#include "nb_json.h"

#include <string.h>

#define NB_JSON_DIGITS 19 /* all integers with fewer fit */
#define NB_JSON_LEAST "9223372036854775808"
#define NB_JSON_MOST "18446744073709551615"

static bool nb_json_is_digit(char c) {
    return (unsigned char)(c - '0') < 10;
}

/* May a number end before, or begin after, this byte? */
static bool nb_json_is_around(char c) {
    return c == ',' || c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '[' || c == ']' ||
           c == ':' || c == '}';
}

/* The digits text[begin .. end) of text[0 .. n), NB_JSON_DIGITS or more. What stands next to them
 * may show that they belong to a string, a fraction, an exponent or a float, or that the text is no
 * JSON. */
static bool nb_json_fits(const char *text, size_t n, size_t begin, size_t end) {
    bool negative = begin > 0 && text[begin - 1] == '-';
    if (begin > 0 && !negative && !nb_json_is_around(text[begin - 1]))
        return true;
    if (end < n && !nb_json_is_around(text[end]))
        return true;
    if (end - begin == NB_JSON_DIGITS)
        return !negative || memcmp(text + begin, NB_JSON_LEAST, NB_JSON_DIGITS) <= 0;
    return end - begin == NB_JSON_DIGITS + 1 && !negative &&
           memcmp(text + begin, NB_JSON_MOST, NB_JSON_DIGITS + 1) <= 0;
}

bool nb_json_integers_fit(const char *text, size_t n) {
    for (size_t at = NB_JSON_DIGITS - 1; at < n; at += NB_JSON_DIGITS) {
        if (!nb_json_is_digit(text[at]))
            continue;
        size_t begin = at, end = at + 1;
        while (begin > 0 && nb_json_is_digit(text[begin - 1]))
            begin--;
        while (end < n && nb_json_is_digit(text[end]))
            end++;
        if (end - begin >= NB_JSON_DIGITS && !nb_json_fits(text, n, begin, end))
            return false;
        at = end; /* no digit: a run after it has one NB_JSON_DIGITS further on, or before */
    }
    return true;
}
