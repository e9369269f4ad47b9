/* See nb_archive.h for the contract. */
#include "nb_archive.h"

#include <string.h>
#include <zlib.h>

#define NB_ARCHIVE_HEADER 64
#define NB_ARCHIVE_ENTRY 40

struct nb_archive_raw_entry {
    uint32_t name_off, name_len, path_off, path_len, flags;
    uint32_t code_off, code_len, code_raw_len, source_off, source_len;
};
_Static_assert(sizeof(struct nb_archive_raw_entry) == NB_ARCHIVE_ENTRY, "layout of an entry");

static uint32_t nb_archive_u32(const unsigned char *p) {
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint64_t nb_archive_u64(const unsigned char *p) {
    return nb_archive_u32(p) | (uint64_t)nb_archive_u32(p + 4) << 32;
}

/* Is [off, off + len) inside [0, limit)? Written so that nothing can overflow. */
static bool nb_archive_inside(uint64_t off, uint64_t len, uint64_t limit) {
    return off <= limit && len <= limit - off;
}

int nb_archive_open(struct nb_archive *a, const void *begin, size_t length, const char **error) {
    const unsigned char *p = begin;
    *a = (struct nb_archive){.begin = p};
    *error = "the module archive is missing";
    if (length == 0)
        return -1;
    *error = "the module archive is damaged: no valid header";
    if (length < NB_ARCHIVE_HEADER || memcmp(p, "NBARCH01", 8) != 0)
        return -1;
    uint32_t count = nb_archive_u32(p + 8), entry_size = nb_archive_u32(p + 12);
    uint64_t entries = nb_archive_u64(p + 16), strings = nb_archive_u64(p + 24);
    uint64_t strings_length = nb_archive_u64(p + 32), data = nb_archive_u64(p + 40);
    uint64_t total = nb_archive_u64(p + 48);
    *error = "the module archive is damaged: its parts do not fit its length";
    if (entry_size != NB_ARCHIVE_ENTRY || total > length || nb_archive_u64(p + 56) != 0 ||
        !nb_archive_inside(entries, (uint64_t)count * NB_ARCHIVE_ENTRY, total) ||
        !nb_archive_inside(strings, strings_length, total) || data > total)
        return -1;
    a->entries = p + entries;
    a->strings = p + strings;
    a->strings_length = strings_length;
    a->data = p + data;
    a->data_length = total - data;
    a->count = count;
    *error = NULL;
    return 0;
}

/* Weak: the pack's python and the tests have no archive. */
extern const unsigned char nb_archive_begin[] __attribute__((weak));
extern const unsigned char nb_archive_end[] __attribute__((weak));

int nb_archive_linked(struct nb_archive *a, const char **error) {
    return nb_archive_open(a, nb_archive_begin, (size_t)(nb_archive_end - nb_archive_begin), error);
}

static struct nb_archive_raw_entry nb_archive_raw(const struct nb_archive *a, uint32_t i) {
    uint32_t words[NB_ARCHIVE_ENTRY / 4];
    const unsigned char *p = a->entries + (size_t)i * NB_ARCHIVE_ENTRY;
    for (size_t k = 0; k < NB_ARCHIVE_ENTRY / 4; k++)
        words[k] = nb_archive_u32(p + 4 * k);
    struct nb_archive_raw_entry raw;
    memcpy(&raw, words, sizeof raw);
    return raw;
}

bool nb_archive_get(const struct nb_archive *a, uint32_t i, struct nb_archive_entry *entry) {
    if (i >= a->count)
        return false;
    struct nb_archive_raw_entry raw = nb_archive_raw(a, i);
    bool deflated = (raw.flags & NB_ARCHIVE_CODE_DEFLATED) != 0;
    if (!nb_archive_inside(raw.name_off, raw.name_len, a->strings_length) ||
        !nb_archive_inside(raw.path_off, raw.path_len, a->strings_length) ||
        !nb_archive_inside(raw.code_off, raw.code_len, a->data_length) ||
        (deflated && raw.code_raw_len > NB_ARCHIVE_MAX_RAW))
        return false;
    *entry = (struct nb_archive_entry){
        .name = (const char *)a->strings + raw.name_off,
        .path = (const char *)a->strings + raw.path_off,
        .name_length = raw.name_len,
        .path_length = raw.path_len,
        .flags = raw.flags,
        .code = a->data + raw.code_off,
        .code_length = raw.code_len,
        .code_raw_length = deflated ? raw.code_raw_len : raw.code_len,
    };
    if (raw.source_off == NB_ARCHIVE_NO_SOURCE)
        return true;
    if (!nb_archive_inside(raw.source_off, raw.source_len, a->data_length))
        return false;
    entry->source = a->data + raw.source_off;
    entry->source_length = entry->source_raw_length = raw.source_len;
    if ((raw.flags & NB_ARCHIVE_SOURCE_DEFLATED) != 0) {
        if (raw.source_len < 4)
            return false;
        entry->source_raw_length = nb_archive_u32(entry->source);
        entry->source += 4;
        entry->source_length -= 4;
        if (entry->source_raw_length > NB_ARCHIVE_MAX_RAW)
            return false;
    }
    return true;
}

/* Order of two names by their bytes, a prefix first; Python's order of bytes objects. */
static int nb_archive_order(const char *a, size_t a_n, const char *b, size_t b_n) {
    int order = memcmp(a, b, a_n < b_n ? a_n : b_n);
    return order != 0 ? order : (a_n > b_n) - (a_n < b_n);
}

/* Binary search. A damaged entry counts as "not less", so that the search ends; *damaged tells. */
static uint32_t nb_archive_search(const struct nb_archive *a, const char *name, size_t length,
                                  bool *damaged) {
    uint32_t low = 0, high = a->count;
    struct nb_archive_entry entry;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        bool good = nb_archive_get(a, middle, &entry);
        *damaged |= !good;
        if (good && nb_archive_order(entry.name, entry.name_length, name, length) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t nb_archive_lower(const struct nb_archive *a, const char *name, size_t length) {
    bool damaged = false;
    return nb_archive_search(a, name, length, &damaged);
}

int nb_archive_find(const struct nb_archive *a, const char *name, size_t length,
                    struct nb_archive_entry *entry, uint32_t *index) {
    bool damaged = false;
    uint32_t at = nb_archive_search(a, name, length, &damaged);
    if (index != NULL)
        *index = at;
    if (at < a->count && nb_archive_get(a, at, entry) && entry->name_length == length &&
        memcmp(entry->name, name, length) == 0)
        return 1;
    return damaged ? -1 : 0;
}

bool nb_archive_check(const struct nb_archive *a) {
    struct nb_archive_entry last = {0}, entry;
    for (uint32_t i = 0; i < a->count; i++, last = entry) {
        if (!nb_archive_get(a, i, &entry))
            return false;
        if (i > 0 &&
            nb_archive_order(last.name, last.name_length, entry.name, entry.name_length) >= 0)
            return false;
    }
    return true;
}

bool nb_archive_inflate(const unsigned char *stored, uint32_t length, void *raw,
                        uint32_t raw_length) {
    z_stream stream = {
        .next_in = (Bytef *)stored, .avail_in = length, .next_out = raw, .avail_out = raw_length};
    if (inflateInit(&stream) != Z_OK)
        return false;
    int result = inflate(&stream, Z_FINISH);
    bool whole = result == Z_STREAM_END && stream.avail_out == 0;
    inflateEnd(&stream);
    return whole;
}
