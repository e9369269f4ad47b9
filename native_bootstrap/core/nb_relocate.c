/* Symbols and relocations. Contract: nb_object.h. */
#include "nb_dl.h"
#include "nb_object.h"
#include "nb_tls.h"
#include "nb_virtual.h"

#include <errno.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#if defined(__x86_64__)
#define NB_R_ABS R_X86_64_64
#define NB_R_GOT R_X86_64_GLOB_DAT
#define NB_R_PLT R_X86_64_JUMP_SLOT
#define NB_R_RELATIVE R_X86_64_RELATIVE
#define NB_R_TLS_MODULE R_X86_64_DTPMOD64
#define NB_R_TLS_OFFSET R_X86_64_DTPOFF64
#define NB_R_TLS_POINTER R_X86_64_TPOFF64
#define NB_R_TLS_DESCRIPTOR 36
#define NB_R_INDIRECT R_X86_64_IRELATIVE
#define NB_R_COPY R_X86_64_COPY
#else
#define NB_R_ABS R_AARCH64_ABS64
#define NB_R_GOT R_AARCH64_GLOB_DAT
#define NB_R_PLT R_AARCH64_JUMP_SLOT
#define NB_R_RELATIVE R_AARCH64_RELATIVE
#define NB_R_TLS_MODULE 1028 /* musl's elf.h calls these three R_AARCH64_TLS_… */
#define NB_R_TLS_OFFSET 1029
#define NB_R_TLS_POINTER 1030
#define NB_R_TLS_DESCRIPTOR 1031
#define NB_R_INDIRECT 1032
#define NB_R_COPY 1024
#endif

/* ---- symbols ---- */

static void *nb_find_in_table(const struct nb_dl_symbol *table, size_t count, const char *name) {
    for (size_t low = 0, high = count; low < high;) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(table[middle].name, name);
        if (order == 0)
            return (void *)table[middle].address;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

void *nb_find_in_program(const char *name, bool last) {
    if (last)
        return nb_find_in_table(nb_symtab_last,
                                &nb_symtab_last_count != NULL ? nb_symtab_last_count : 0, name);
    return nb_find_in_table(nb_symtab, &nb_symtab_count != NULL ? nb_symtab_count : 0, name);
}

bool nb_find_in(struct nb_object *object, const char *name, struct nb_found *found) {
    const Elf64_Sym *symbol = nb_elf_find(&object->elf, name);
    if (symbol == NULL)
        return false;
    bool is_local = ELF64_ST_TYPE(symbol->st_info) == STT_TLS;
    char *bias = symbol->st_shndx == SHN_ABS ? NULL : object->base;
    *found = (struct nb_found){object, symbol, is_local ? NULL : bias + symbol->st_value};
    return true;
}

bool nb_find(const struct nb_object *root, const char *name, struct nb_found *found) {
    *found = (struct nb_found){.address = nb_find_in_program(name, false)};
    if (found->address != NULL)
        return true;
    for (struct nb_object *o = nb_object_first(); o != NULL; o = nb_object_next(o))
        if (o->is_global && nb_find_in(o, name, found))
            return true;
    for (unsigned i = 0; root != NULL && i < root->group_count; i++)
        if (nb_find_in(root->group[i], name, found))
            return true;
    *found = (struct nb_found){.address = nb_find_in_program(name, true)};
    return found->address != NULL;
}

/* ---- relocations ---- */

/* One object's relocations at work. A symbol is often used several times in a row. */
struct nb_relocation {
    const struct nb_object *root;
    struct nb_object *object;
    uint64_t writable, writable_end; /* the segment that was written last */
    uint32_t last;                   /* symbol that `found` is for; 0: none */
    struct nb_found found;
};

static bool nb_relocate_fail(const struct nb_relocation *r, const char *why, const char *name) {
    nb_dl_fail("%s: %s%s%s", r->object->file.path, why, name != NULL ? " " : "",
               name != NULL ? name : "");
    return false;
}

/* Where a relocation writes; NULL: not into writable memory of the object. */
static uint64_t *nb_relocate_target(struct nb_relocation *r, uint64_t address, uint64_t size) {
    const struct nb_elf *elf = &r->object->elf;
    if (address < r->writable || address > r->writable_end || r->writable_end - address < size) {
        unsigned i = 0;
        for (; i < elf->segment_count; i++) {
            const Elf64_Phdr *s = &elf->segments[i];
            if (s->p_type == PT_LOAD && (s->p_flags & PF_W) != 0 && address >= s->p_vaddr &&
                address - s->p_vaddr <= s->p_memsz && s->p_memsz - (address - s->p_vaddr) >= size) {
                r->writable = s->p_vaddr;
                r->writable_end = s->p_vaddr + s->p_memsz;
                break;
            }
        }
        if (i == elf->segment_count)
            return NULL;
    }
    return (uint64_t *)(r->object->base + address);
}

/* x86_64 needs no alignment, and a file may ask for none. */
static void nb_relocate_put(uint64_t *target, uint64_t value) {
    memcpy(target, &value, sizeof value);
}

static uint64_t nb_relocate_get(const uint64_t *target) {
    uint64_t value;
    memcpy(&value, target, sizeof value);
    return value;
}

static bool nb_relocate_find(struct nb_relocation *r, uint32_t index) {
    const struct nb_elf *elf = &r->object->elf;
    if (index == r->last && index != 0)
        return true;
    r->found = (struct nb_found){.object = r->object};
    r->last = index;
    if (index == 0)
        return true;
    if (index >= elf->symbols.count)
        return nb_relocate_fail(r, "damaged: a relocation without a symbol", NULL);
    const Elf64_Sym *symbol = (const Elf64_Sym *)elf->symbols.at + index;
    const char *name = nb_elf_string(elf, symbol->st_name);
    if (name == NULL)
        return nb_relocate_fail(r, "damaged: a symbol without a name", NULL);
    if (ELF64_ST_BIND(symbol->st_info) == STB_LOCAL) {
        bool is_local = ELF64_ST_TYPE(symbol->st_info) == STT_TLS;
        r->found.symbol = symbol;
        r->found.address = is_local ? NULL : r->object->base + symbol->st_value;
        return true;
    }
    if (!nb_find(r->root, name, &r->found)) {
        if (ELF64_ST_BIND(symbol->st_info) != STB_WEAK)
            return nb_relocate_fail(r, "symbol not found:", name);
        r->found = (struct nb_found){.object = NULL};
    }
    if (r->found.symbol != NULL && ELF64_ST_TYPE(r->found.symbol->st_info) == STT_GNU_IFUNC)
        return nb_relocate_fail(r, "uses an indirect function (IFUNC):", name);
    return true;
}

/* musl's, for a block at a fixed offset: two instructions that load the second word. */
extern void __tlsdesc_static(void);

static bool nb_relocate_tls(struct nb_relocation *r, unsigned type, uint64_t *target,
                            uint64_t addend) {
    const struct nb_object *owner = r->found.object;
    uint64_t value = (r->found.symbol != NULL ? r->found.symbol->st_value : 0) + addend;
    if (owner == NULL || owner->tls == 0)
        return nb_relocate_fail(r, "a thread-local symbol of it is no module's", NULL);
    if (type == NB_R_TLS_MODULE)
        value = (uint64_t)owner->tls; /* see __tls_get_addr() */
    else if (type != NB_R_TLS_OFFSET)
        value += (uint64_t)owner->tls;
    if (type == NB_R_TLS_DESCRIPTOR) {
        nb_relocate_put(target++, (uint64_t)(uintptr_t)__tlsdesc_static);
    }
    nb_relocate_put(target, value);
    return true;
}

static bool nb_relocate_one(struct nb_relocation *r, const Elf64_Rela *one) {
    unsigned type = ELF64_R_TYPE(one->r_info);
    uint64_t size = type == NB_R_TLS_DESCRIPTOR ? 16 : 8, addend = (uint64_t)one->r_addend;
    if (type == 0)
        return true;
    uint64_t *target = nb_relocate_target(r, one->r_offset, size);
    if (target == NULL)
        return nb_relocate_fail(r, "damaged: a relocation outside of its data", NULL);
    if (type == NB_R_RELATIVE) {
        nb_relocate_put(target, (uint64_t)(uintptr_t)r->object->base + addend);
        return true;
    }
    if (type == NB_R_INDIRECT)
        return nb_relocate_fail(r, "uses indirect functions (IRELATIVE), which cannot be loaded",
                                NULL);
    if (type == NB_R_COPY)
        return nb_relocate_fail(r, "has a copy relocation, which only programs may have", NULL);
    if (!nb_relocate_find(r, ELF64_R_SYM(one->r_info)))
        return false;
    switch (type) {
    case NB_R_ABS:
    case NB_R_GOT:
    case NB_R_PLT:
        nb_relocate_put(target, (uint64_t)(uintptr_t)r->found.address + addend);
        return true;
    case NB_R_TLS_MODULE:
    case NB_R_TLS_OFFSET:
    case NB_R_TLS_POINTER:
    case NB_R_TLS_DESCRIPTOR:
        return nb_relocate_tls(r, type, target, addend);
    default:
        nb_dl_fail("%s: relocation of an unknown type %u", r->object->file.path, type);
        return false;
    }
}

static bool nb_relocate_table(struct nb_relocation *r, struct nb_elf_table table) {
    const Elf64_Rela *rows = (const Elf64_Rela *)table.at;
    for (uint64_t i = 0; i < table.count; i++)
        if (!nb_relocate_one(r, &rows[i]))
            return false;
    return true;
}

static bool nb_relocate_add_base(struct nb_relocation *r, uint64_t address) {
    uint64_t *target = nb_relocate_target(r, address, sizeof *target);
    if (target == NULL)
        return nb_relocate_fail(r, "damaged: a relocation outside of its data", NULL);
    nb_relocate_put(target, nb_relocate_get(target) + (uint64_t)(uintptr_t)r->object->base);
    return true;
}

/* Even words are addresses; odd ones say which of the 63 words behind are meant, too. */
static bool nb_relocate_packed(struct nb_relocation *r, struct nb_elf_table table) {
    const uint64_t *rows = (const uint64_t *)table.at;
    uint64_t at = 0;
    for (uint64_t i = 0; i < table.count; i++) {
        if ((rows[i] & 1) == 0) {
            if (!nb_relocate_add_base(r, rows[i]))
                return false;
            at = rows[i] + 8;
            continue;
        }
        for (unsigned bit = 1; bit < 64; bit++)
            if ((rows[i] >> bit & 1) != 0 && !nb_relocate_add_base(r, at + 8 * (bit - 1)))
                return false;
        at += 63 * 8;
    }
    return true;
}

/* ---- an object ---- */

bool nb_relocate_make_room(struct nb_object *object) {
    const Elf64_Phdr *tls = object->elf.tls;
    if (tls == NULL)
        return true;
    object->tls = nb_tls_add(tls->p_memsz, tls->p_align, (void *)tls->p_vaddr);
    if (object->tls == 0 && errno == EINVAL)
        nb_dl_fail("%s: its thread-local storage wants an alignment of %llu bytes; %d are possible",
                   object->file.path, (unsigned long long)tls->p_align, NB_TLS_ALIGN);
    else if (object->tls == 0)
        nb_dl_fail("%s: no room for its %llu bytes of thread-local storage; a module that is part "
                   "of the program has it reserved when the program is built",
                   object->file.path, (unsigned long long)tls->p_memsz);
    return object->tls != 0;
}

/* Whole pages only, but for the last one of a segment: nothing else is on it. */
static bool nb_relocate_protect(struct nb_object *object) {
    const struct nb_elf *elf = &object->elf;
    const uint64_t page = getauxval(AT_PAGESZ);
    for (unsigned i = 0; elf->relro != NULL && i < elf->segment_count; i++) {
        const Elf64_Phdr *s = &elf->segments[i];
        if (s->p_type != PT_LOAD || elf->relro->p_vaddr < s->p_vaddr ||
            elf->relro->p_vaddr - s->p_vaddr >= s->p_memsz)
            continue;
        uint64_t first = elf->relro->p_vaddr & -page, end = s->p_vaddr + s->p_memsz;
        uint64_t last = elf->relro->p_vaddr + elf->relro->p_memsz;
        last = last >= end ? (end + page - 1) & -page : last & -page;
        return last <= first || mprotect(object->base + first, last - first, PROT_READ) == 0;
    }
    return true;
}

/* Turns cpuid into a question to the declared baseline, while initialising (nb_cpuid.c). */
static void nb_relocate_mask_cpu(struct nb_object *object) {
    const struct nb_embedded *file = object->file.embedded;
    if (file == NULL || !nb_virtual_is_on() || nb_cpuid_mask == NULL)
        return;
    for (size_t i = 0; i < file->cpuid_count; i++) {
        for (unsigned n = 0; n < object->elf.segment_count; n++) {
            const Elf64_Phdr *s = &object->elf.segments[n];
            uint64_t inside = file->cpuid[i] - s->p_offset;
            if (s->p_type == PT_LOAD && (s->p_flags & PF_X) != 0 && file->cpuid[i] >= s->p_offset &&
                inside + 2 <= s->p_filesz)
                nb_cpuid_mask((unsigned char *)object->base + s->p_vaddr + inside);
        }
    }
}

bool nb_relocate(const struct nb_object *root, struct nb_object *object) {
    struct nb_relocation r = {.root = root, .object = object};
    const struct nb_elf *elf = &object->elf;
    if (!nb_relocate_packed(&r, elf->relr) || !nb_relocate_table(&r, elf->rela) ||
        !nb_relocate_table(&r, elf->plt))
        return false;
    if (!nb_relocate_protect(object))
        return nb_relocate_fail(&r, strerror(errno), NULL);
    nb_relocate_mask_cpu(object);
    return true;
}

void nb_relocate_start_tls(struct nb_object *object) {
    const Elf64_Phdr *tls = object->elf.tls;
    if (tls != NULL)
        nb_tls_start(object->tls, object->base + tls->p_vaddr, tls->p_filesz, tls->p_memsz);
}
