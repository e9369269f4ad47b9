/* Reading and checking a shared object's file. Contract: nb_elf.h. */
#include "nb_elf.h"

#include <string.h>

#ifndef DT_RELR
#define DT_RELRSZ 35
#define DT_RELR 36
#define DT_RELRENT 37
#endif
#if defined(__x86_64__)
#define NB_ELF_MACHINE EM_X86_64
#else
#define NB_ELF_MACHINE EM_AARCH64
#endif

/* ---- where things are ---- */

static bool nb_elf_inside(uint64_t at, uint64_t length, uint64_t begin, uint64_t size) {
    return at >= begin && at - begin <= size && length <= size - (at - begin);
}

const unsigned char *nb_elf_bytes(const struct nb_elf *elf, uint64_t address, uint64_t length) {
    for (unsigned i = 0; i < elf->segment_count; i++) {
        const Elf64_Phdr *s = &elf->segments[i];
        if (s->p_type == PT_LOAD && nb_elf_inside(address, length, s->p_vaddr, s->p_filesz))
            return elf->file + s->p_offset + (address - s->p_vaddr);
    }
    return NULL;
}

bool nb_elf_has(const struct nb_elf *elf, uint64_t address, uint64_t length, unsigned flags) {
    for (unsigned i = 0; i < elf->segment_count; i++) {
        const Elf64_Phdr *s = &elf->segments[i];
        if (s->p_type == PT_LOAD && nb_elf_inside(address, length, s->p_vaddr, s->p_memsz))
            return (s->p_flags & flags) == flags;
    }
    return false;
}

/* ---- header and segments ---- */

static const char *nb_elf_read_header(struct nb_elf *elf) {
    const Elf64_Ehdr *header = (const Elf64_Ehdr *)elf->file;
    if (elf->length < sizeof *header || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
        return "not an ELF file";
    if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB)
        return "not a 64-bit little-endian ELF file";
    if (header->e_machine != NB_ELF_MACHINE)
        return header->e_machine == EM_X86_64    ? "built for x86_64, not for this machine"
               : header->e_machine == EM_AARCH64 ? "built for arm64, not for this machine"
                                                 : "built for another kind of machine";
    if (header->e_type != ET_DYN)
        return "not a shared object";
    if (header->e_phentsize != sizeof(Elf64_Phdr) || header->e_phnum == 0 ||
        header->e_phnum > NB_ELF_SEGMENTS || header->e_phoff % sizeof(uint64_t) != 0)
        return "damaged: its program headers make no sense";
    if (!nb_elf_inside(header->e_phoff, (uint64_t)header->e_phnum * sizeof(Elf64_Phdr), 0,
                       elf->length))
        return "truncated: its program headers are missing";
    elf->segments = (const Elf64_Phdr *)(elf->file + header->e_phoff);
    elf->segment_count = header->e_phnum;
    return NULL;
}

static bool nb_elf_is_power(uint64_t n) {
    return n != 0 && (n & (n - 1)) == 0;
}

static const char *nb_elf_read_load(struct nb_elf *elf, const Elf64_Phdr *s, uint64_t *end) {
    if (s->p_filesz > s->p_memsz || s->p_vaddr > NB_ELF_SPAN || s->p_memsz > NB_ELF_SPAN ||
        (s->p_offset - s->p_vaddr) % NB_ELF_PAGE != 0)
        return "damaged: a segment makes no sense";
    if (!nb_elf_inside(s->p_offset, s->p_filesz, 0, elf->length))
        return "truncated: a segment reaches beyond its end";
    if ((s->p_flags & PF_W) != 0 && (s->p_flags & PF_X) != 0)
        return "has a segment that is both writable and executable";
    uint64_t first = s->p_vaddr & -NB_ELF_PAGE;
    uint64_t last = (s->p_vaddr + s->p_memsz + NB_ELF_PAGE - 1) & -NB_ELF_PAGE;
    if (*end == UINT64_MAX)
        elf->low = first;
    else if (first < *end)
        return "damaged: its segments overlap";
    *end = elf->high = last;
    if (s->p_align > elf->align)
        elf->align = s->p_align;
    return NULL;
}

static const char *nb_elf_read_segments(struct nb_elf *elf) {
    uint64_t end = UINT64_MAX;
    elf->align = NB_ELF_PAGE;
    for (unsigned i = 0; i < elf->segment_count; i++) {
        const Elf64_Phdr *s = &elf->segments[i];
        const char *wrong = s->p_type == PT_LOAD ? nb_elf_read_load(elf, s, &end) : NULL;
        if (wrong != NULL)
            return wrong;
        if (s->p_type == PT_DYNAMIC)
            elf->dynamic = s;
        if (s->p_type == PT_TLS && s->p_memsz > 0)
            elf->tls = s;
        if (s->p_type == PT_GNU_RELRO)
            elf->relro = s;
    }
    if (end == UINT64_MAX || elf->high - elf->low > NB_ELF_SPAN)
        return "damaged: it has no segments, or far too large ones";
    if (!nb_elf_is_power(elf->align))
        return "damaged: its alignment is no power of two";
    if (elf->align > NB_ELF_ALIGN_MAX) /* 2 MB for huge pages: 64 KB do as well */
        elf->align = NB_ELF_ALIGN_MAX;
    if (elf->tls != NULL && (elf->tls->p_filesz > elf->tls->p_memsz ||
                             elf->tls->p_memsz > NB_ELF_SPAN || elf->tls->p_align > NB_ELF_PAGE ||
                             (elf->tls->p_align > 1 && !nb_elf_is_power(elf->tls->p_align)) ||
                             (elf->tls->p_filesz > 0 &&
                              (nb_elf_bytes(elf, elf->tls->p_vaddr, elf->tls->p_filesz) == NULL ||
                               !nb_elf_has(elf, elf->tls->p_vaddr, elf->tls->p_filesz, PF_R)))))
        return "damaged: its thread-local storage makes no sense";
    /* Its end may be that of a page: behind the segment's own (lld before 18). */
    if (elf->relro != NULL &&
        (elf->relro->p_memsz > NB_ELF_SPAN || !nb_elf_has(elf, elf->relro->p_vaddr, 1, PF_W)))
        elf->relro = NULL; /* nothing that could be protected */
    return NULL;
}

/* ---- the dynamic section ---- */

/* What stands in the dynamic section, as it stands there: addresses, sizes, offsets of strings. The
 * tags of the base standard are small numbers. */
enum { NB_ELF_TAGS = 64 };
struct nb_elf_dynamic {
    uint64_t value[NB_ELF_TAGS]; /* 0 for what is absent, too */
    bool has[NB_ELF_TAGS];
    uint64_t gnu_hash, versions;
};

static void nb_elf_take_row(struct nb_elf_dynamic *d, const Elf64_Dyn *row) {
    uint64_t value = row->d_un.d_val;
    if (row->d_tag == DT_GNU_HASH)
        d->gnu_hash = value;
    if (row->d_tag == DT_VERSYM)
        d->versions = value;
    if (row->d_tag < 0 || row->d_tag >= NB_ELF_TAGS)
        return;
    d->value[row->d_tag] = value;
    d->has[row->d_tag] = true;
}

/* A table of `size` bytes at `address`. False: it is not in the file. */
static bool nb_elf_take_table(const struct nb_elf *elf, struct nb_elf_table *table,
                              uint64_t address, uint64_t size, uint64_t each) {
    if (size == 0)
        return true;
    table->at = nb_elf_bytes(elf, address, size);
    table->count = size / each;
    return table->at != NULL && size % each == 0 &&
           (each == 1 || (uintptr_t)table->at % sizeof(uint64_t) == 0);
}

/* How many symbols the hash table knows of. The symbol table itself does not say; without a hash
 * table all there is room for count. */
static bool nb_elf_count_hash(struct nb_elf *elf, uint64_t address, uint64_t *count) {
    const uint32_t *at = (const uint32_t *)nb_elf_bytes(elf, address, 2 * sizeof *at);
    if (at == NULL || (uintptr_t)at % sizeof *at != 0 || at[0] == 0)
        return false;
    uint64_t words = 2 + (uint64_t)at[0] + at[1];
    if (nb_elf_bytes(elf, address, words * sizeof *at) == NULL)
        return false;
    *count = at[1];
    elf->hash = at;
    return true;
}

/* How many bytes of the segment's file part there are from `address` on. */
static uint64_t nb_elf_rest(const struct nb_elf *elf, uint64_t address) {
    for (unsigned i = 0; i < elf->segment_count; i++) {
        const Elf64_Phdr *s = &elf->segments[i];
        if (s->p_type == PT_LOAD && nb_elf_inside(address, 1, s->p_vaddr, s->p_filesz))
            return s->p_filesz - (address - s->p_vaddr);
    }
    return 0;
}

static bool nb_elf_count_gnu_hash(struct nb_elf *elf, uint64_t address, uint64_t *count) {
    const uint32_t *at = (const uint32_t *)nb_elf_bytes(elf, address, 4 * sizeof *at);
    if (at == NULL || (uintptr_t)at % sizeof(uint64_t) != 0)
        return false;
    uint64_t buckets = at[0], first = at[1], bloom = at[2];
    uint64_t words = nb_elf_rest(elf, address) / sizeof *at, head = 4 + 2 * bloom + buckets;
    if (buckets == 0 || !nb_elf_is_power(bloom) || head > words)
        return false;
    uint64_t last = 0;
    for (uint64_t i = 0; i < buckets; i++)
        if (at[4 + 2 * bloom + i] > last)
            last = at[4 + 2 * bloom + i];
    *count = first;
    if (last != 0) { /* the chain of the last bucket ends with an odd word */
        if (last < first)
            return false;
        while (head + (last - first) < words && (at[head + (last - first)] & 1) == 0)
            last++;
        if (head + (last - first) >= words)
            return false;
        *count = last + 1;
    }
    elf->gnu_hash = at;
    elf->gnu_hash_words = words;
    return true;
}

static const char *nb_elf_read_symbols(struct nb_elf *elf, const struct nb_elf_dynamic *d) {
    const uint64_t each = sizeof(Elf64_Sym), at = d->value[DT_SYMTAB];
    uint64_t count = 0, by_hash = 0;
    if (at == 0)
        return NULL;
    if (d->has[DT_SYMENT] && d->value[DT_SYMENT] != each)
        return "damaged: its symbol table makes no sense";
    if ((d->gnu_hash != 0 && !nb_elf_count_gnu_hash(elf, d->gnu_hash, &count)) ||
        (d->has[DT_HASH] && !nb_elf_count_hash(elf, d->value[DT_HASH], &by_hash)))
        return "damaged: its hash table makes no sense";
    if (by_hash > count)
        count = by_hash;
    /* The hash need not know of undefined symbols: all that there is room for may be one. */
    uint64_t room = nb_elf_rest(elf, at) / each;
    if (count > room || !nb_elf_take_table(elf, &elf->symbols, at, room * each, each))
        return "damaged: its symbol table is shorter than its hash table says";
    if (d->versions != 0) {
        elf->versions = (const uint16_t *)nb_elf_bytes(elf, d->versions, count * sizeof(uint16_t));
        elf->version_count = count;
        if (elf->versions == NULL || (uintptr_t)elf->versions % sizeof(uint16_t) != 0)
            return "damaged: its symbol versions make no sense";
    }
    return NULL;
}

static const char *nb_elf_read_tables(struct nb_elf *elf, const struct nb_elf_dynamic *d) {
    const uint64_t *v = d->value;
    if (d->has[DT_TEXTREL] || (v[DT_FLAGS] & DF_TEXTREL) != 0)
        return "has text relocations (it was compiled without -fPIC)";
    if (d->has[DT_REL] || (v[DT_PLTRELSZ] != 0 && v[DT_PLTREL] != DT_RELA) ||
        (v[DT_RELASZ] != 0 && v[DT_RELAENT] != sizeof(Elf64_Rela)) ||
        (v[DT_RELRSZ] != 0 && v[DT_RELRENT] != sizeof(uint64_t)))
        return "has relocations of a kind that is not used on this machine";
    if (!nb_elf_take_table(elf, &elf->strings, v[DT_STRTAB], v[DT_STRSZ], 1) ||
        (elf->strings.count > 0 && elf->strings.at[elf->strings.count - 1] != '\0'))
        return "damaged: its string table makes no sense";
    const char *wrong = nb_elf_read_symbols(elf, d);
    if (wrong != NULL)
        return wrong;
    if (!nb_elf_take_table(elf, &elf->rela, v[DT_RELA], v[DT_RELASZ], sizeof(Elf64_Rela)) ||
        !nb_elf_take_table(elf, &elf->plt, v[DT_JMPREL], v[DT_PLTRELSZ], sizeof(Elf64_Rela)) ||
        !nb_elf_take_table(elf, &elf->relr, v[DT_RELR], v[DT_RELRSZ], sizeof(uint64_t)))
        return "damaged: its relocations make no sense";
    return NULL;
}

/* An array of functions in memory, where relocations fill it. */
static bool nb_elf_is_array(const struct nb_elf *elf, uint64_t address, uint64_t size) {
    return size == 0 || (address % sizeof(uint64_t) == 0 && nb_elf_has(elf, address, size, PF_R));
}

static const char *nb_elf_read_functions(struct nb_elf *elf, const struct nb_elf_dynamic *d) {
    const uint64_t *v = d->value;
    if (!nb_elf_is_array(elf, v[DT_INIT_ARRAY], v[DT_INIT_ARRAYSZ]) ||
        !nb_elf_is_array(elf, v[DT_FINI_ARRAY], v[DT_FINI_ARRAYSZ]) ||
        (v[DT_INIT] != 0 && !nb_elf_has(elf, v[DT_INIT], 1, PF_X)) ||
        (v[DT_FINI] != 0 && !nb_elf_has(elf, v[DT_FINI], 1, PF_X)))
        return "damaged: its initialisation functions make no sense";
    elf->init = v[DT_INIT];
    elf->fini = v[DT_FINI];
    elf->init_array = v[DT_INIT_ARRAY];
    elf->init_count = v[DT_INIT_ARRAYSZ] / sizeof(uint64_t);
    elf->fini_array = v[DT_FINI_ARRAY];
    elf->fini_count = v[DT_FINI_ARRAYSZ] / sizeof(uint64_t);
    if (d->has[DT_SONAME])
        elf->soname = nb_elf_string(elf, v[DT_SONAME]);
    if (d->has[DT_RUNPATH] || d->has[DT_RPATH])
        elf->run_path = nb_elf_string(elf, v[d->has[DT_RUNPATH] ? DT_RUNPATH : DT_RPATH]);
    return NULL;
}

static const char *nb_elf_read_dynamic(struct nb_elf *elf) {
    struct nb_elf_dynamic d = {0};
    if (elf->dynamic == NULL)
        return "not a shared object: it has no dynamic section";
    uint64_t size = elf->dynamic->p_filesz;
    if (size > NB_ELF_ENTRIES * sizeof(Elf64_Dyn) || size < sizeof(Elf64_Dyn) ||
        !nb_elf_take_table(elf, &elf->rows, elf->dynamic->p_vaddr, size - size % sizeof(Elf64_Dyn),
                           sizeof(Elf64_Dyn)))
        return "damaged: its dynamic section makes no sense";
    const Elf64_Dyn *rows = (const Elf64_Dyn *)elf->rows.at;
    uint64_t count = 0;
    while (count < elf->rows.count && rows[count].d_tag != DT_NULL)
        nb_elf_take_row(&d, &rows[count++]);
    if (count == elf->rows.count)
        return "damaged: its dynamic section has no end";
    elf->rows.count = count;
    const char *wrong = nb_elf_read_tables(elf, &d);
    return wrong != NULL ? wrong : nb_elf_read_functions(elf, &d);
}

const char *nb_elf_read(struct nb_elf *elf, const void *file, size_t length) {
    *elf = (struct nb_elf){.file = file, .length = length};
    const char *wrong = nb_elf_read_header(elf);
    if (wrong == NULL)
        wrong = nb_elf_read_segments(elf);
    return wrong != NULL ? wrong : nb_elf_read_dynamic(elf);
}
