/* See nb_http.h for the contract. */
#include "nb_http.h"

#include <string.h>

/* RFC 9110 5.6.2 token characters, and what a field value may hold: anything but NUL, CR, LF. */
static bool nb_http_is_token(unsigned char c) {
    static const char others[] = "!#$%&'*+-.^_`|~";
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c != 0 && strchr(others, c) != NULL);
}

static char nb_http_lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* `lower` is lower-case. */
static bool nb_http_same(const char *s, size_t n, const char *lower) {
    if (strlen(lower) != n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (nb_http_lower(s[i]) != lower[i])
            return false;
    return true;
}

static bool nb_http_is_blank(char c) {
    return c == ' ' || c == '\t';
}

static void nb_http_trim(const char **s, size_t *n) {
    while (*n > 0 && nb_http_is_blank((*s)[0])) {
        ++*s;
        --*n;
    }
    while (*n > 0 && nb_http_is_blank((*s)[*n - 1]))
        --*n;
}

/* Takes the next item of a comma-separated list off *s; false at its end. */
static bool nb_http_next_item(const char **s, size_t *n, const char **item, size_t *item_n) {
    if (*s == NULL)
        return false;
    const char *comma = memchr(*s, ',', *n);
    *item = *s;
    *item_n = comma != NULL ? (size_t)(comma - *s) : *n;
    if (comma != NULL) {
        *n -= *item_n + 1;
        *s = comma + 1;
    } else {
        *s = NULL;
    }
    nb_http_trim(item, item_n);
    return true;
}

void nb_http_begin(struct nb_http *h, bool head_request) {
    /* The header table need not be cleared: header_count bounds it. */
    h->status = h->minor_version = 0;
    h->keep_alive = false;
    h->framing = NB_HTTP_LENGTH;
    h->remaining = 0;
    h->header_count = 0;
    h->head_request = head_request;
    h->saw_status = h->saw_length = h->saw_chunked = h->saw_close = h->saw_keep_alive = false;
    h->chunk_state = 0;
    h->line = h->scanned = 0;
    h->length = h->received = 0;
    h->line_length = h->digits = h->trailer_length = 0;
}

/* ---- the head ---- */

/* "HTTP/1.1 200 OK"; the reason may be empty, with or without the blank before it. */
static int nb_http_status_line(struct nb_http *h, const char *s, size_t n) {
    if (n < 12 || memcmp(s, "HTTP/1.", 7) != 0 || (s[7] != '0' && s[7] != '1') || s[8] != ' ')
        return NB_HTTP_E_STATUS_LINE;
    h->status = 0;
    for (int i = 9; i < 12; i++) {
        if (s[i] < '0' || s[i] > '9')
            return NB_HTTP_E_STATUS_LINE;
        h->status = h->status * 10 + (s[i] - '0');
    }
    if (h->status < 100 || (n > 12 && s[12] != ' '))
        return NB_HTTP_E_STATUS_LINE;
    for (size_t i = 12; i < n; i++)
        if (s[i] == '\0' || s[i] == '\r')
            return NB_HTTP_E_STATUS_LINE;
    h->minor_version = s[7] - '0';
    h->saw_status = true;
    return 0;
}

/* Is what has come of the status line still the beginning of one? Garbage is noticed at once, not
 * at its LF. */
static bool nb_http_may_be_status(const char *s, size_t n) {
    return memcmp(s, "HTTP/1.", n < 7 ? n : 7) == 0;
}

static int nb_http_content_length(struct nb_http *h, const char *value, size_t n) {
    const char *item;
    size_t item_n;
    while (nb_http_next_item(&value, &n, &item, &item_n)) {
        uint64_t length = 0;
        if (item_n == 0)
            return NB_HTTP_E_LENGTH;
        for (size_t i = 0; i < item_n; i++) {
            if (item[i] < '0' || item[i] > '9' || length > (UINT64_MAX - 9) / 10)
                return NB_HTTP_E_LENGTH;
            length = length * 10 + (uint64_t)(item[i] - '0');
        }
        if (h->saw_length && length != h->length)
            return NB_HTTP_E_LENGTH;
        h->saw_length = true;
        h->length = length;
    }
    return 0;
}

/* Notes the few fields that decide where the body ends and whether the connection lives on. */
static int nb_http_note(struct nb_http *h, const char *name, size_t name_n, const char *value,
                        size_t n) {
    const char *item;
    size_t item_n;
    if (name_n == 14 && nb_http_same(name, name_n, "content-length"))
        return nb_http_content_length(h, value, n);
    if (name_n == 17 && nb_http_same(name, name_n, "transfer-encoding")) {
        if (h->saw_chunked || !nb_http_same(value, n, "chunked"))
            return NB_HTTP_E_FRAMING;
        h->saw_chunked = true;
    } else if (name_n == 10 && nb_http_same(name, name_n, "connection")) {
        while (nb_http_next_item(&value, &n, &item, &item_n)) {
            h->saw_close |= nb_http_same(item, item_n, "close");
            h->saw_keep_alive |= nb_http_same(item, item_n, "keep-alive");
        }
    }
    return 0;
}

static int nb_http_field(struct nb_http *h, const char *buf, size_t start, size_t n) {
    const char *s = buf + start;
    size_t name_n = 0;
    while (name_n < n && nb_http_is_token((unsigned char)s[name_n]))
        name_n++;
    if (name_n == 0 || name_n == n ||
        s[name_n] != ':') /* an obs-fold begins with a blank: refused here */
        return NB_HTTP_E_HEADER;
    const char *value = s + name_n + 1;
    size_t value_n = n - name_n - 1;
    if (memchr(value, '\0', value_n) != NULL || memchr(value, '\r', value_n) != NULL)
        return NB_HTTP_E_HEADER;
    nb_http_trim(&value, &value_n);
    if (h->header_count == NB_HTTP_MAX_HEADERS)
        return NB_HTTP_E_HEADER_COUNT;
    h->headers[h->header_count++] = (struct nb_http_header){
        .name = (uint32_t)start,
        .name_length = (uint32_t)name_n,
        .value = (uint32_t)(value - buf),
        .value_length = (uint32_t)value_n,
    };
    return nb_http_note(h, s, name_n, value, value_n);
}

/* The empty line: decides the body's framing (RFC 9112 6.3). 0: that was an interim head, another
 * one follows. */
static int nb_http_head_end(struct nb_http *h) {
    if (h->status == 101)
        return NB_HTTP_E_UPGRADE;
    if (h->saw_chunked && (h->saw_length || h->minor_version == 0))
        return NB_HTTP_E_FRAMING;
    if (h->status < 200) {
        h->header_count = 0;
        h->saw_status = h->saw_length = h->saw_chunked = h->saw_close = h->saw_keep_alive = false;
        return 0;
    }
    h->keep_alive = !h->saw_close && (h->minor_version == 1 || h->saw_keep_alive);
    h->remaining = 0;
    if (h->head_request || h->status == 204 || h->status == 304) {
        h->framing = NB_HTTP_LENGTH;
    } else if (h->saw_chunked) {
        h->framing = NB_HTTP_CHUNKED;
    } else if (h->saw_length) {
        if (h->length > NB_HTTP_MAX_BODY)
            return NB_HTTP_E_BODY_SIZE;
        h->framing = NB_HTTP_LENGTH;
        h->remaining = h->length;
    } else {
        h->framing = NB_HTTP_UNTIL_CLOSE;
        h->keep_alive = false;
    }
    return NB_HTTP_DONE;
}

/* One line without its LF. NB_HTTP_DONE: the head is complete. */
static int nb_http_line(struct nb_http *h, const char *buf, size_t start, size_t n) {
    if (n > 0 && buf[start + n - 1] == '\r')
        n--;
    if (!h->saw_status)
        return nb_http_status_line(h, buf + start, n);
    if (n > 0)
        return nb_http_field(h, buf, start, n);
    return nb_http_head_end(h);
}

ptrdiff_t nb_http_head(struct nb_http *h, const char *buf, size_t len) {
    size_t limit = len < NB_HTTP_MAX_HEAD ? len : NB_HTTP_MAX_HEAD;
    while (h->scanned < limit) {
        const char *lf = memchr(buf + h->scanned, '\n', limit - h->scanned);
        size_t end = lf != NULL ? (size_t)(lf - buf) : limit;
        if (!h->saw_status && !nb_http_may_be_status(buf + h->line, end - h->line))
            return NB_HTTP_E_STATUS_LINE;
        if (lf == NULL) {
            h->scanned = (uint32_t)limit;
            break;
        }
        int result = nb_http_line(h, buf, h->line, end - h->line);
        h->line = h->scanned = (uint32_t)end + 1;
        if (result == NB_HTTP_DONE)
            return (ptrdiff_t)end + 1;
        if (result < 0)
            return result;
    }
    return limit == NB_HTTP_MAX_HEAD ? NB_HTTP_E_HEAD_SIZE : NB_HTTP_PARTIAL;
}

/* ---- the body ---- */

enum {
    CHUNK_SIZE,
    CHUNK_EXTENSION,
    CHUNK_SIZE_LF,
    CHUNK_DATA,
    CHUNK_DATA_CR,
    CHUNK_DATA_LF,
    CHUNK_TRAILER,
    CHUNK_TRAILER_LF,
    CHUNK_END
};

static int nb_http_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c = nb_http_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int nb_http_size_byte(struct nb_http *h, char c) {
    int digit = nb_http_digit(c);
    if (++h->line_length > NB_HTTP_MAX_CHUNK_LINE)
        return NB_HTTP_E_CHUNK;
    if (digit >= 0) {
        if (++h->digits > 16)
            return NB_HTTP_E_CHUNK;
        h->remaining = h->remaining << 4 | (uint64_t)digit;
        return 0;
    }
    if (h->digits == 0)
        return NB_HTTP_E_CHUNK;
    if (c == '\r')
        h->chunk_state = CHUNK_SIZE_LF;
    else if (c == ';' || nb_http_is_blank(c))
        h->chunk_state = CHUNK_EXTENSION;
    else
        return NB_HTTP_E_CHUNK;
    return 0;
}

static int nb_http_size_end(struct nb_http *h) {
    if (h->remaining > NB_HTTP_MAX_BODY - h->received)
        return NB_HTTP_E_BODY_SIZE;
    h->chunk_state = h->remaining > 0 ? CHUNK_DATA : CHUNK_TRAILER;
    h->line_length = h->digits = 0;
    return 0;
}

/* Trailer fields are read past, not kept; an empty line ends them. */
static int nb_http_trailer_byte(struct nb_http *h, char c) {
    if (++h->trailer_length > NB_HTTP_MAX_TRAILER || c == '\0' || c == '\n')
        return NB_HTTP_E_CHUNK;
    if (c == '\r')
        h->chunk_state = CHUNK_TRAILER_LF;
    else
        h->line_length = 1;
    return 0;
}

/* A byte of the framing between chunks; chunk data itself is moved in bulk by nb_http_chunked(). */
static int nb_http_chunk_byte(struct nb_http *h, char c) {
    switch (h->chunk_state) {
    case CHUNK_SIZE:
        return nb_http_size_byte(h, c);
    case CHUNK_EXTENSION:
        if (++h->line_length > NB_HTTP_MAX_CHUNK_LINE || c == '\0' || c == '\n')
            return NB_HTTP_E_CHUNK;
        if (c == '\r')
            h->chunk_state = CHUNK_SIZE_LF;
        return 0;
    case CHUNK_SIZE_LF:
        return c == '\n' ? nb_http_size_end(h) : NB_HTTP_E_CHUNK;
    case CHUNK_DATA_CR:
        h->chunk_state = CHUNK_DATA_LF;
        return c == '\r' ? 0 : NB_HTTP_E_CHUNK;
    case CHUNK_DATA_LF:
        h->chunk_state = CHUNK_SIZE;
        return c == '\n' ? 0 : NB_HTTP_E_CHUNK;
    case CHUNK_TRAILER:
        return nb_http_trailer_byte(h, c);
    default: /* CHUNK_TRAILER_LF */
        h->chunk_state = h->line_length == 0 ? CHUNK_END : CHUNK_TRAILER;
        h->line_length = 0;
        return c == '\n' ? 0 : NB_HTTP_E_CHUNK;
    }
}

static int nb_http_chunked(struct nb_http *h, char *data, size_t *used, size_t *out) {
    size_t in = 0, len = *used;
    while (h->chunk_state != CHUNK_END && in < len) {
        if (h->chunk_state != CHUNK_DATA) {
            int result = nb_http_chunk_byte(h, data[in++]);
            if (result < 0)
                return result;
            continue;
        }
        size_t n = len - in < h->remaining ? len - in : (size_t)h->remaining;
        memmove(data + *out, data + in, n);
        *out += n;
        in += n;
        h->received += n;
        h->remaining -= n;
        if (h->remaining == 0)
            h->chunk_state = CHUNK_DATA_CR;
    }
    *used = in;
    return h->chunk_state == CHUNK_END ? NB_HTTP_DONE : NB_HTTP_PARTIAL;
}

int nb_http_body(struct nb_http *h, char *data, size_t *used, size_t *out) {
    *out = 0;
    if (h->framing == NB_HTTP_CHUNKED)
        return nb_http_chunked(h, data, used, out);
    if (h->framing == NB_HTTP_UNTIL_CLOSE) {
        if (*used > NB_HTTP_MAX_BODY - h->received)
            return NB_HTTP_E_BODY_SIZE;
        *out = *used;
        h->received += *used;
        return NB_HTTP_PARTIAL;
    }
    if (*used > h->remaining)
        *used = (size_t)h->remaining;
    *out = *used;
    h->received += *used;
    h->remaining -= *used;
    return h->remaining == 0 ? NB_HTTP_DONE : NB_HTTP_PARTIAL;
}

int nb_http_eof(const struct nb_http *h) {
    return h->framing == NB_HTTP_UNTIL_CLOSE && h->status >= 200 ? NB_HTTP_DONE
                                                                 : NB_HTTP_E_TRUNCATED;
}

const char *nb_http_error(int code) {
    switch (code) {
    case NB_HTTP_E_STATUS_LINE:
        return "malformed status line";
    case NB_HTTP_E_HEADER:
        return "malformed header line";
    case NB_HTTP_E_HEAD_SIZE:
        return "header larger than 64 KB";
    case NB_HTTP_E_HEADER_COUNT:
        return "more than 64 header fields";
    case NB_HTTP_E_LENGTH:
        return "invalid or contradictory Content-Length";
    case NB_HTTP_E_FRAMING:
        return "unsupported Transfer-Encoding";
    case NB_HTTP_E_CHUNK:
        return "malformed chunk";
    case NB_HTTP_E_BODY_SIZE:
        return "body larger than 32 MB";
    case NB_HTTP_E_TRUNCATED:
        return "the connection was closed in the middle of the answer";
    case NB_HTTP_E_UPGRADE:
        return "unexpected 101 Switching Protocols";
    default:
        return "incomplete answer";
    }
}
