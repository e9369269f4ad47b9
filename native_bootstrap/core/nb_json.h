/* Whether orjson may read a JSON text: no I/O, no allocation, no Python.
 *
 * orjson turns an integer that does not fit 64 bits into a float; Python's integers have no limit.
 * Everything else that it does not read as the standard library does, it refuses. */
#ifndef NB_JSON_H
#define NB_JSON_H

#include <stdbool.h>
#include <stddef.h>

/* True: if text[0 .. n) is JSON, each integer in it lies between -2**63 and 2**64 - 1. False: that
 * is not certain (long digits in a string may look like a number). Looks at one byte in 19 where
 * there are no digits; the time is linear whatever the text is, JSON or not. */
bool nb_json_integers_fit(const char *text, size_t n);

#endif
