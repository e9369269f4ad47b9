/* An incremental HTTP/1.1 response parser (RFC 9112): no I/O, no allocation, no state outside its
 * struct.
 *
 * One response is two phases.
 *
 *   nb_http_begin(&h, head_request);
 *   n = nb_http_head(&h, buf, len);          until n > 0: the head is complete and is buf[0 .. n)
 *   r = nb_http_body(&h, data, &used, &out); until r == NB_HTTP_DONE
 *   nb_http_eof(&h)                          when the peer closes instead
 *
 * nb_http_head(h, buf, len): `buf` holds everything received of this response so far (the same
 * bytes as in earlier calls with more behind them; it may have moved). Returns the head's length
 * including its empty line, NB_HTTP_PARTIAL when more bytes are needed, or an error <
 * NB_HTTP_PARTIAL. Interim (1xx) heads are skipped and count as part of the head. On success the
 * fields below are set; header slices are offsets into `buf`. nb_http_body(h, data, &used, &out):
 * `data[0 .. used)` are the bytes after what was consumed before. On return `used` is how many of
 * them belong to this response, and the first `out` bytes of `data` are its decoded body bytes
 * (moved to the front in place when the body is chunked). Returns NB_HTTP_DONE when the body is
 * complete, NB_HTTP_PARTIAL when not, or an error. Call it once with used = 0 for a body that may
 * be empty. nb_http_eof(h): the peer closed. NB_HTTP_DONE when that ends the body, else
 * NB_HTTP_E_TRUNCATED.
 *
 * Once an error is returned the struct is only good for nb_http_begin().
 *
 * Invariant (fuzzed): however the input is cut into pieces, down to single bytes, the outcome is
 * the same — the same error, or the same fields, body and number of bytes consumed; and nothing
 * outside the given ranges is touched.
 *
 * Accepted: HTTP/1.0 and 1.1, LF alone as a header line's end (RFC 9112 2.2), any header name made
 * of token characters. Refused: obs-fold, NUL, a CR without LF, a space before the colon, a
 * Transfer-Encoding other than one "chunked", both Transfer-Encoding and Content-Length,
 * Content-Length values that disagree, 101 Switching Protocols. */
#ifndef NB_HTTP_H
#define NB_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NB_HTTP_MAX_HEADERS 64
#define NB_HTTP_MAX_HEAD                                                                           \
    ((size_t)64 << 10) /* the Runtime API's own heads are under 4 KB plus the client context */
/* Lambda's largest event is 6 MB; five times that is a broken peer, not an event, and must not eat
 * the function's memory. */
#define NB_HTTP_MAX_BODY ((uint64_t)32 << 20)
#define NB_HTTP_MAX_CHUNK_LINE 1024           /* one chunk-size line with its extensions */
#define NB_HTTP_MAX_TRAILER ((size_t)8 << 10) /* all trailer fields of a chunked body */

enum nb_http_result {
    NB_HTTP_DONE = 1,
    NB_HTTP_PARTIAL = -2,
    NB_HTTP_E_STATUS_LINE = -3,
    NB_HTTP_E_HEADER = -4,
    NB_HTTP_E_HEAD_SIZE = -5,
    NB_HTTP_E_HEADER_COUNT = -6,
    NB_HTTP_E_LENGTH = -7,  /* Content-Length not a number, or several that disagree */
    NB_HTTP_E_FRAMING = -8, /* unknown or ambiguous body framing */
    NB_HTTP_E_CHUNK = -9,
    NB_HTTP_E_BODY_SIZE = -10,
    NB_HTTP_E_TRUNCATED = -11,
    NB_HTTP_E_UPGRADE = -12,
};

struct nb_http_header {
    uint32_t name, name_length;   /* offsets into the head's buffer */
    uint32_t value, value_length; /* without surrounding blanks */
};

enum nb_http_framing { NB_HTTP_LENGTH, NB_HTTP_CHUNKED, NB_HTTP_UNTIL_CLOSE };

struct nb_http {
    /* valid after nb_http_head() succeeded */
    int status;
    int minor_version; /* of HTTP/1.x */
    bool keep_alive;   /* the connection may carry another request after this body */
    enum nb_http_framing framing;
    uint64_t remaining; /* NB_HTTP_LENGTH: body bytes still to come; NB_HTTP_CHUNKED: bytes left of
                           this chunk */
    uint32_t header_count;
    struct nb_http_header headers[NB_HTTP_MAX_HEADERS];

    /* private */
    bool head_request, saw_status, saw_length, saw_chunked, saw_close, saw_keep_alive;
    uint8_t chunk_state;
    uint32_t line;    /* start of the first line not yet parsed */
    uint32_t scanned; /* no LF in [line, scanned) */
    uint64_t length, received;
    uint32_t line_length; /* of the chunk-size or trailer line so far */
    uint32_t digits, trailer_length;
};

void nb_http_begin(struct nb_http *h, bool head_request);
ptrdiff_t nb_http_head(struct nb_http *h, const char *buf, size_t len);
int nb_http_body(struct nb_http *h, char *data, size_t *used, size_t *out);
int nb_http_eof(const struct nb_http *h);

/* A sentence for an error code, e.g. "malformed status line". */
const char *nb_http_error(int code);

#endif
