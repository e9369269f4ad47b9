/* Names in a shared object: strings, libraries, symbols, versions. Contract: nb_elf.h. */
#include "nb_elf.h"

#include <string.h>

#define NB_ELF_KINDS                                                                               \
    (1u << STT_NOTYPE | 1u << STT_OBJECT | 1u << STT_FUNC | 1u << STT_COMMON | 1u << STT_TLS |     \
     1u << STT_GNU_IFUNC)
#define NB_ELF_BINDINGS (1u << STB_GLOBAL | 1u << STB_WEAK | 1u << STB_GNU_UNIQUE)
#define NB_ELF_HIDDEN 0x8000 /* in a version: only for those who ask for it by its name */

/* ---- names ---- */

const char *nb_elf_string(const struct nb_elf *elf, uint64_t offset) {
    return offset < elf->strings.count ? (const char *)elf->strings.at + offset : NULL;
}

const char *nb_elf_needed(const struct nb_elf *elf, unsigned n) {
    const Elf64_Dyn *rows = (const Elf64_Dyn *)elf->rows.at;
    for (uint64_t i = 0; i < elf->rows.count; i++) {
        if (rows[i].d_tag != DT_NEEDED || n-- > 0)
            continue;
        const char *name = nb_elf_string(elf, rows[i].d_un.d_val);
        return name != NULL ? name : "";
    }
    return NULL;
}

/* ---- symbols ---- */

static const Elf64_Sym *nb_elf_match(const struct nb_elf *elf, uint64_t index, const char *name) {
    if (index >= elf->symbols.count)
        return NULL;
    const Elf64_Sym *symbol = (const Elf64_Sym *)elf->symbols.at + index;
    const char *its = nb_elf_string(elf, symbol->st_name);
    unsigned kind = ELF64_ST_TYPE(symbol->st_info), binding = ELF64_ST_BIND(symbol->st_info);
    if (its == NULL || strcmp(its, name) != 0 || symbol->st_shndx == SHN_UNDEF ||
        (symbol->st_value == 0 && kind != STT_TLS) || (1u << kind & NB_ELF_KINDS) == 0 ||
        (1u << binding & NB_ELF_BINDINGS) == 0)
        return NULL;
    if (index < elf->version_count && (elf->versions[index] & NB_ELF_HIDDEN) != 0)
        return NULL;
    bool is_inside =
        kind == STT_TLS || symbol->st_shndx == SHN_ABS || nb_elf_has(elf, symbol->st_value, 0, 0);
    return is_inside ? symbol : NULL;
}

static const Elf64_Sym *nb_elf_find_gnu(const struct nb_elf *elf, const char *name) {
    const uint32_t *table = elf->gnu_hash;
    uint32_t buckets = table[0], first = table[1], bloom = table[2], shift = table[3], h = 5381;
    for (const unsigned char *c = (const unsigned char *)name; *c != '\0'; c++)
        h = h * 33 + *c;
    const uint64_t *filter = (const uint64_t *)(table + 4);
    uint64_t word = filter[h / 64 & (bloom - 1)];
    if ((word >> h % 64 & word >> (h >> (shift & 31)) % 64 & 1) == 0)
        return NULL;
    uint64_t chains = 4 + 2 * (uint64_t)bloom + buckets;
    uint64_t index = table[4 + 2 * (uint64_t)bloom + h % buckets];
    if (index < first)
        return NULL;
    for (; chains + (index - first) < elf->gnu_hash_words; index++) {
        uint32_t other = table[chains + (index - first)];
        const Elf64_Sym *found = (other | 1) == (h | 1) ? nb_elf_match(elf, index, name) : NULL;
        if (found != NULL || (other & 1) != 0)
            return found;
    }
    return NULL;
}

static const Elf64_Sym *nb_elf_find_hash(const struct nb_elf *elf, const char *name) {
    uint32_t buckets = elf->hash[0], count = elf->hash[1], h = 0;
    for (const unsigned char *c = (const unsigned char *)name; *c != '\0'; c++) {
        h = (h << 4) + *c;
        h ^= h >> 24 & 0xf0;
        h &= 0x0fffffff;
    }
    uint32_t index = elf->hash[2 + h % buckets];
    for (uint32_t steps = 0; index != 0 && index < count && steps < count; steps++) {
        const Elf64_Sym *found = nb_elf_match(elf, index, name);
        if (found != NULL)
            return found;
        index = elf->hash[2 + (uint64_t)buckets + index];
    }
    return NULL;
}

const Elf64_Sym *nb_elf_find(const struct nb_elf *elf, const char *name) {
    if (elf->gnu_hash != NULL)
        return nb_elf_find_gnu(elf, name);
    return elf->hash != NULL ? nb_elf_find_hash(elf, name) : NULL;
}

/* ---- versions ---- */

const char *nb_elf_glibc_version(const struct nb_elf *elf) {
    const Elf64_Dyn *rows = (const Elf64_Dyn *)elf->rows.at;
    uint64_t at = 0;
    for (uint64_t i = 0; i < elf->rows.count; i++)
        if (rows[i].d_tag == DT_VERNEED)
            at = rows[i].d_un.d_val;
    for (unsigned files = 0; at != 0 && files < 1024; files++) {
        const Elf64_Verneed *need = (const Elf64_Verneed *)nb_elf_bytes(elf, at, sizeof *need);
        if (need == NULL || (uintptr_t)need % sizeof(uint32_t) != 0)
            return NULL;
        const char *library = nb_elf_string(elf, need->vn_file);
        /* On arm64 also musl's libgcc_s has symbols of the version GLIBC_2.0. */
        bool is_gcc = library != NULL && strncmp(library, "libgcc_s", 8) == 0;
        uint64_t each = at + need->vn_aux;
        for (unsigned n = 0; n < need->vn_cnt; n++) {
            const Elf64_Vernaux *one = (const Elf64_Vernaux *)nb_elf_bytes(elf, each, sizeof *one);
            if (one == NULL || (uintptr_t)one % sizeof(uint32_t) != 0)
                return NULL;
            const char *name = nb_elf_string(elf, one->vna_name);
            if (name != NULL && !is_gcc && strncmp(name, "GLIBC_", 6) == 0)
                return name;
            if (one->vna_next == 0)
                break;
            each += one->vna_next;
        }
        if (need->vn_next == 0)
            return NULL;
        at += need->vn_next;
    }
    return NULL;
}
