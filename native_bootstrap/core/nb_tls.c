/* Thread-local storage with room for modules. Contract: nb_tls.h.
 *
 * Compiled with musl's internal headers (build_scripts/core.py): struct pthread and struct libc are
 * its own. Nothing here may need a stack protector: __init_tls() runs before there is a canary. */
#include "nb_tls.h"

#include <elf.h>
#include <string.h>

#include "nb_snapshot.h"

#define SYSCALL_NO_TLS 1
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#include "pthread_impl.h" /* musl's, after a public header of its own */
#pragma GCC diagnostic pop

#ifdef TLS_ABOVE_TP
#define NB_TLS_POINTER(thread) ((char *)(thread) + sizeof(struct pthread))
#else
#define NB_TLS_POINTER(thread) ((char *)(thread))
#endif
/* musl keeps a table of modules in each block. */
#define NB_TLS_TABLE (sizeof(uintptr_t) * (2 + NB_TLS_MODULES))

/* `weak` is musl's macro here. */
weak __attribute__((aligned(4096))) unsigned char nb_tls_block[8192];
weak const size_t nb_tls_block_size = 8192;

/* musl's, hidden. */
int __init_tp(void *thread);
void *__copy_tls(unsigned char *block);
void __inhibit_ptc(void);
void __release_ptc(void);

static struct tls_module nb_tls_program, nb_tls_modules[NB_TLS_MODULES];
static struct nb_tls_mark nb_tls_now; /* distance from the thread pointer, modules with room */
static size_t nb_tls_end;
static size_t nb_tls_count; /* of nb_tls_modules: those with initial values */
static struct pthread *nb_tls_main;

static void nb_tls_read_program(const size_t *aux) {
    const Elf64_Phdr *segment = (const Elf64_Phdr *)aux[AT_PHDR];
    struct tls_module *own = &nb_tls_program;
    for (size_t n = aux[AT_PHNUM]; n > 0; n--, segment++) {
        if (segment->p_type == PT_TLS) {
            own->image = (void *)segment->p_vaddr;
            own->len = segment->p_filesz;
            own->size = segment->p_memsz;
            own->align = segment->p_align;
            libc.tls_head = own;
            libc.tls_cnt = 1;
        }
        if (segment->p_type == PT_GNU_STACK && segment->p_memsz > __default_stacksize)
            __default_stacksize =
                segment->p_memsz < DEFAULT_STACK_MAX ? segment->p_memsz : DEFAULT_STACK_MAX;
    }
    if (own->align == 0)
        own->align = 1;
    own->size += -(own->size + (uintptr_t)own->image) & (own->align - 1);
#ifdef TLS_ABOVE_TP
    own->offset = GAP_ABOVE_TP;
    own->offset += (-GAP_ABOVE_TP + (uintptr_t)own->image) & (own->align - 1);
    nb_tls_now.used = own->offset + own->size;
#else
    own->offset = nb_tls_now.used = own->size;
#endif
}

/* In place of musl's. A restored process finds its block as the image has it. */
void __init_tls(size_t *aux) {
    if (nb_snapshot_phase() != NB_SNAPSHOT_RESTORED) {
        nb_tls_read_program(aux);
        libc.tls_align = NB_TLS_ALIGN;
        libc.tls_size = nb_tls_block_size;
        nb_tls_end = nb_tls_block_size - NB_TLS_TABLE - sizeof(struct pthread) - NB_TLS_ALIGN;
        if (nb_tls_program.align > NB_TLS_ALIGN || nb_tls_now.used > nb_tls_end)
            __builtin_trap(); /* the link step made the block too small */
        nb_tls_main = __copy_tls(nb_tls_block);
    }
    if (__init_tp(nb_tls_main) < 0)
        __builtin_trap();
}

ptrdiff_t nb_tls_add(size_t size, size_t align, const void *like) {
    if (align == 0)
        align = 1;
    if (align > NB_TLS_ALIGN) {
        errno = EINVAL;
        return 0;
    }
#ifdef TLS_ABOVE_TP
    size_t offset = nb_tls_now.used + ((-nb_tls_now.used + (uintptr_t)like) & (align - 1));
    size_t used = offset + size;
#else
    size_t offset = nb_tls_now.used + size + align - 1;
    offset -= (offset + (uintptr_t)like) & (align - 1);
    size_t used = offset;
#endif
    if (size > nb_tls_end || used > nb_tls_end || nb_tls_now.modules == NB_TLS_MODULES) {
        errno = ENOMEM;
        return 0;
    }
    nb_tls_now.used = used;
    nb_tls_now.modules++;
#ifdef TLS_ABOVE_TP
    return (ptrdiff_t)offset;
#else
    return -(ptrdiff_t)offset;
#endif
}

static void nb_tls_fill(struct pthread *thread, ptrdiff_t offset, const void *image, size_t length,
                        size_t size) {
    char *block = NB_TLS_POINTER(thread) + offset;
    memcpy(block, image, length);
    memset(block + length, 0, size - length);
}

void nb_tls_start(ptrdiff_t offset, const void *image, size_t length, size_t size) {
    struct pthread *self = __pthread_self();
    __inhibit_ptc(); /* no thread is half made: one that has copied its block is in the list */
    __tl_lock();
    if (length > 0) { /* else a new thread's zeros are what it needs */
        struct tls_module *last = libc.tls_head, *added = &nb_tls_modules[nb_tls_count++];
        *added = (struct tls_module){.image = (void *)image, .len = length, .size = size};
        added->align = 1;
        added->offset = (size_t)(offset < 0 ? -offset : offset);
        while (last != NULL && last->next != NULL)
            last = last->next;
        if (last != NULL)
            last->next = added;
        else
            libc.tls_head = added;
        libc.tls_cnt++;
    }
    struct pthread *thread = self;
    do {
        nb_tls_fill(thread, offset, image, length, size);
        thread = thread->next;
    } while (thread != self);
    __tl_unlock();
    __release_ptc();
}

struct nb_tls_mark nb_tls_mark(void) {
    return nb_tls_now;
}

void nb_tls_take_back(struct nb_tls_mark mark) {
    nb_tls_now = mark;
}

void *nb_tls_address(ptrdiff_t offset) {
    return NB_TLS_POINTER(__pthread_self()) + offset;
}

/* Called by modules' code for a thread-local variable of a module: nb_relocate.c has put the
 * block's offset in the place of a module's number. The program's own code never calls it. */
void *__tls_get_addr(tls_mod_off_t *variable) {
    return nb_tls_address((ptrdiff_t)(variable[0] + variable[1]));
}
