/* nb_restore.c and nb_guards.c over a kernel of our own: one file, one address space, and a record
 * of what it was asked for. What follows the tables in the file is poisoned, so that the sanitizer
 * sees every read past them.
 *
 * What must hold for any file: an image that is taken into use puts nothing outside of the region,
 * the heap and the program's writable segments, takes nothing from outside of the file, maps
 * nothing writable of the file's ELF part nor anything writable and executable, and reads into
 * writable memory only; and one that is refused leaves no mapping, no descriptor, and one line on
 * stderr. */
#define _GNU_SOURCE
#include "check.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define NB_SYSCALL_H /* instead of nb_syscall.h */
static long nb_syscall6(long number, long a, long b, long c, long d, long e, long f);
#define nb_syscall(number, a, b, c) nb_syscall6((number), (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define __ehdr_start test_headers /* instead of this program's own */
#include "nb_guards.c"
#include "nb_restore.c"
#undef __ehdr_start

struct {
    Elf64_Ehdr header;
    Elf64_Phdr segments[4];
} test_program;
__asm__(".globl test_headers\n.set test_headers, test_program\n");

#include <setjmp.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__has_include) && __has_include(<sanitizer/asan_interface.h>)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(from, size) ((void)(from), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(from, size) ((void)(from), (void)(size))
#endif

enum { PAGE = NB_IMAGE_PAGE, AT = 128 * PAGE, FD = 7, MAPS = 11, READS = 6 };
#define READ PROT_READ
#define WRITE (PROT_READ | PROT_WRITE)
#define EXEC (PROT_READ | PROT_EXEC)
#define DATA ((uint64_t)0x1edd000)
#define DATA_END ((uint64_t)0x2005000)
#define FILE_END ((uint64_t)AT + 256 * PAGE)
#define REGION ((uint64_t)NB_REGION_BASE)
#define REGION_TOP (REGION + 300 * PAGE) /* of the sound image's maps */
#define HEAP ((uint64_t)NB_HEAP_BASE)

/* ---- the kernel ---- */

static struct {
    uint64_t file_length;
    long open_error, fstat_error, window_error, map_error, read_error;
    uint64_t room;     /* the heap cannot be larger */
    uint64_t taken;    /* there is something at this address already */
    uint64_t per_read; /* a read gives no more at once */
    int interruptions; /* reads that are interrupted first */
    bool hint_only;    /* as a kernel that does not know MAP_FIXED_NOREPLACE */
    long closed;       /* a standard stream, counted from 1 */
    bool no_proc;
    /* what happened, and not reset() */
    uint64_t heap, mapped, empty, read_bytes, read_at;
    int descriptors, windows, lines, data_maps;
    bool ended;
    char said[1024];
    struct {
        uint64_t address, length;
        long protection;
    } maps[64]; /* of the region */
    size_t map_count;
    unsigned char *tables; /* the file from the slot's offset on */
} kernel;
static jmp_buf end;
static const char *expected_name;

static bool within(uint64_t address, uint64_t length, uint64_t from, uint64_t to) {
    return address >= from && address <= to && length <= to - address;
}

/* The property, at the place where it would be broken. */
static void check_target(uint64_t address, uint64_t length) {
    CHECK(length > 0);
    CHECK(within(address, length, HEAP, HEAP + kernel.heap) ||
          within(address, length, REGION, HEAP) || within(address, length, DATA, DATA_END));
}

static bool in_region(uint64_t address) {
    return address >= REGION && address < HEAP;
}

static void check_writable(uint64_t address, uint64_t length) {
    for (size_t i = 0; i < kernel.map_count; i++)
        if (within(address, length, kernel.maps[i].address,
                   kernel.maps[i].address + kernel.maps[i].length)) {
            CHECK(kernel.maps[i].protection == WRITE);
            return;
        }
    CHECK(!in_region(address));
}

/* Address space for the heap, at most once. */
static long kernel_reserve(uint64_t address, uint64_t length, long protection) {
    CHECK(address == HEAP && kernel.heap == 0 && length > 0 && protection == WRITE);
    if (length > kernel.room)
        return -ENOMEM;
    kernel.heap = length;
    return (long)(kernel.hint_only ? address + length : address);
}

/* In the region: over nothing, and remembered until it is undone. */
static long kernel_place(uint64_t address, uint64_t length, long protection) {
    CHECK(kernel.map_count < sizeof kernel.maps / sizeof *kernel.maps);
    for (size_t i = 0; i < kernel.map_count; i++)
        CHECK(address + length <= kernel.maps[i].address ||
              address >= kernel.maps[i].address + kernel.maps[i].length);
    if (within(kernel.taken, 1, address, address + length))
        return -EEXIST;
    kernel.maps[kernel.map_count].address = address;
    kernel.maps[kernel.map_count].length = length;
    kernel.maps[kernel.map_count++].protection = protection;
    return (long)address;
}

static long kernel_window(uint64_t length, long fd, uint64_t offset) {
    CHECK(fd == FD && offset == nb_restore_slot.offset && length <= kernel.file_length - offset &&
          length <= NB_IMAGE_MAX_TABLES);
    if (kernel.window_error)
        return kernel.window_error;
    kernel.windows++;
    return (long)kernel.tables;
}

static void check_source(uint64_t address, uint64_t length, long protection, long flags, long fd,
                         uint64_t offset) {
    const bool nothing = protection == PROT_NONE && flags & MAP_ANONYMOUS;
    CHECK(protection == WRITE ||
          (in_region(address) && (protection == READ || protection == EXEC || nothing)));
    if (flags & MAP_ANONYMOUS) {
        CHECK(fd == -1 && offset == 0 && in_region(address) && flags & MAP_NORESERVE);
        return;
    }
    CHECK(fd == FD && within(offset, length, 0, kernel.file_length));
    CHECK(offset >= nb_restore_slot.offset ||
          (protection != WRITE && offset + length <= nb_restore_slot.offset));
}

static long kernel_mmap(uint64_t address, uint64_t length, long protection, long flags, long fd,
                        uint64_t offset) {
    CHECK(flags & MAP_PRIVATE && !(flags & MAP_SHARED));
    if (fd == FD)
        CHECK(offset % PAGE == 0 && offset < kernel.file_length);
    if (address == 0)
        return kernel_window(length, fd, offset);
    if (address == HEAP && flags & MAP_ANONYMOUS) {
        CHECK(flags & MAP_NORESERVE && flags & MAP_FIXED_NOREPLACE && !(flags & MAP_FIXED));
        return kernel_reserve(address, length, protection);
    }
    CHECK(in_region(address) ? flags & MAP_FIXED_NOREPLACE && !(flags & MAP_FIXED)
                             : flags & MAP_FIXED);
    check_target(address, length);
    check_source(address, length, protection, flags, fd, offset);
    if (address < REGION)
        kernel.data_maps++;
    if (kernel.map_error && (address >= REGION) == (kernel.map_error == -ENOMEM))
        return kernel.map_error;
    *(fd < 0 ? &kernel.empty : &kernel.mapped) += length;
    return in_region(address) ? kernel_place(address, length, protection) : (long)address;
}

static long kernel_munmap(uint64_t address, uint64_t length) {
    if (address == (uint64_t)kernel.tables) {
        CHECK(kernel.windows-- == 1);
        return 0;
    }
    for (size_t i = 0; i < kernel.map_count; i++)
        if (kernel.maps[i].address == address) {
            CHECK(kernel.maps[i].length == length);
            kernel.maps[i] = kernel.maps[--kernel.map_count];
            return 0;
        }
    CHECK(length == kernel.heap && address == HEAP + (kernel.hint_only ? length : 0));
    kernel.heap = 0;
    return 0;
}

static long kernel_read(const struct nb_image_read *ranges, long count, uint64_t offset) {
    uint64_t n = 0;
    CHECK(count > 0 && count <= 1024);
    for (long i = 0; i < count; i++)
        check_target(ranges[i].address, ranges[i].length);
    for (long i = 0; i < count; i++)
        check_writable(ranges[i].address, ranges[i].length);
    if (kernel.interruptions > 0 && kernel.interruptions--)
        return -EINTR;
    if (kernel.read_error && kernel.read_bytes >= kernel.per_read)
        return kernel.read_error;
    for (long i = 0; i < count && n < kernel.per_read; i++)
        n += ranges[i].length < kernel.per_read - n ? ranges[i].length : kernel.per_read - n;
    CHECK(offset == kernel.read_at && within(offset, n, 0, kernel.file_length));
    kernel.read_at += n;
    kernel.read_bytes += n;
    return (long)n;
}

static long nb_syscall6(long number, long a, long b, long c, long d, long e, long f) {
    struct stat *status = (struct stat *)b;
    switch (number) {
    case SYS_openat:
        CHECK(c == (O_RDONLY | O_CLOEXEC));
        if (kernel.no_proc && expected_name != (const char *)b)
            return -ENOENT;
        return kernel.open_error ? kernel.open_error : (kernel.descriptors++, FD);
    case SYS_close:
        CHECK(a == FD && kernel.descriptors-- == 1);
        return 0;
    case SYS_fstat:
        CHECK(a == FD);
        memset(status, 0, sizeof *status);
        status->st_size = (long)kernel.file_length;
        return kernel.fstat_error;
    case SYS_mmap:
        return kernel_mmap((uint64_t)a, (uint64_t)b, c, d, e, (uint64_t)f);
    case SYS_munmap:
        return kernel_munmap((uint64_t)a, (uint64_t)b);
    case SYS_preadv:
        CHECK(a == FD);
        return kernel_read((const struct nb_image_read *)b, c, (uint64_t)d);
    case SYS_pread64:
        CHECK(a == FD);
        return kernel_read(&(struct nb_image_read){(uint64_t)b, (uint64_t)c}, 1, (uint64_t)d);
    case SYS_write:
        CHECK(a == 2 && c > 0 && (size_t)c < sizeof kernel.said);
        memcpy(kernel.said, (const char *)b, (size_t)c);
        kernel.said[c] = '\0';
        CHECK(strchr(kernel.said, '\n') == kernel.said + c - 1);
        kernel.lines++;
        return c;
    case SYS_fcntl:
        CHECK(a >= 0 && a < 3 && b == F_GETFD);
        return kernel.closed == a + 1 ? -EBADF : 0;
    case SYS_exit_group:
        CHECK(a == 1);
        kernel.ended = true;
        longjmp(end, 1);
    }
    CHECK(!"a system call that is not needed");
    return -ENOSYS;
}

/* ---- images ---- */

/* A header and tables that mean something; changed() makes the checksum right again. */
struct image {
    struct nb_image_header header;
    struct nb_image_map maps[MAPS];
    struct nb_image_read reads[READS];
    struct nb_image_guard guards[8];
    char text[64];
};

static const struct nb_image_header *changed(struct image *image) {
    size_t words = image->header.tables_length / 8;
    if (words > sizeof *image / 8)
        words = sizeof *image / 8;
    if (words > 2)
        image->header.check = nb_image_check((const uint64_t *)image + 2, words - 2);
    return &image->header;
}

static void guard(struct image *image, int i, uint32_t *at, const char *name, const char *value,
                  uint32_t more) {
    uint32_t length = (uint32_t)strlen(name), n = value == NULL ? 0 : (uint32_t)strlen(value);
    uint32_t base = offsetof(struct image, text) + *at;
    memcpy(image->text + *at, name, length);
    memcpy(image->text + *at + length, value != NULL ? value : "", n);
    uint32_t kind = value != NULL ? n | more : more != 0 ? more : NB_IMAGE_ABSENT;
    image->guards[i] = (struct nb_image_guard){base, length, base + length, kind};
    *at += length + n;
}

static struct image sound(void) {
    struct image image = {0};
    uint32_t at = 0;
    image.header = (struct nb_image_header){
        .magic = NB_IMAGE_MAGIC,
        .file_length = FILE_END,
        .tables_length = sizeof image,
        .reads_offset = AT + PAGE,
        .heap_base = HEAP,
        .heap_top = HEAP + 1000 * PAGE,
        .page_size = PAGE,
        .map_count = MAPS,
        .read_count = READS,
        .early_reads = 4,
        .guard_count = 8,
        .maps = offsetof(struct image, maps),
        .reads = offsetof(struct image, reads),
        .guards = offsetof(struct image, guards),
    };
    for (int i = 0; i < 32; i++)
        image.header.program[i] = nb_restore_slot.program[i];
    const struct nb_image_map maps[MAPS] = {
        {DATA, DATA_END - DATA - PAGE * 256, AT + 10 * PAGE, WRITE},
        /* A module: two parts of the program's file, two of the image, and empty memory. */
        {REGION, 2 * PAGE, 3 * PAGE, READ},
        {REGION + 2 * PAGE, 5 * PAGE, 123 * PAGE, EXEC},
        {REGION + 7 * PAGE, PAGE, AT + 50 * PAGE, READ},
        {REGION + 8 * PAGE, 4 * PAGE, AT + 51 * PAGE, WRITE},
        {REGION + 12 * PAGE, 200 * PAGE, NB_IMAGE_EMPTY, WRITE},
        {REGION + 250 * PAGE, 9 * PAGE, NB_IMAGE_EMPTY, PROT_NONE},
        {REGION_TOP - PAGE, PAGE, AT + 55 * PAGE, EXEC},
        {HEAP, 10 * PAGE, AT + 60 * PAGE, WRITE},
        {HEAP + 100 * PAGE, PAGE, FILE_END - PAGE, WRITE},
        {HEAP + 995 * PAGE, 5 * PAGE, AT + 70 * PAGE, WRITE},
    };
    memcpy(image.maps, maps, sizeof maps);
    for (uint64_t i = 0; i < 3; i++)
        image.reads[i] = (struct nb_image_read){HEAP + 3 * i * PAGE, 2 * PAGE};
    image.reads[3] = (struct nb_image_read){REGION + 9 * PAGE, 3 * PAGE};
    image.reads[4] = (struct nb_image_read){DATA + 2 * PAGE, PAGE};
    image.reads[5] = (struct nb_image_read){DATA_END - PAGE, PAGE};
    guard(&image, 0, &at, "STAGE", "prod", 0);
    guard(&image, 1, &at, "DEBUG", NULL, 0);
    guard(&image, 2, &at, "LING", "C", NB_IMAGE_OR_ABSENT);
    guard(&image, 3, &at, "PYTHONHASHSEED", "", 0);
    guard(&image, 4, &at, "PYTHON", NULL, NB_IMAGE_PREFIX);
    guard(&image, 5, &at, "LIN", NULL, NB_IMAGE_PREFIX);
    guard(&image, 6, &at, "stage", NULL, NB_IMAGE_NAME_ANY_CASE);
    guard(&image, 7, &at, "db__", NULL, NB_IMAGE_PREFIX_ANY_CASE);
    return image;
}

/* ---- a start ---- */

static char *good_environment[] = {"A=b", "STAGE=prod", "PYTHONHASHSEED=", NULL};

/* The initial stack, as the kernel makes it. */
static const unsigned long *stack_of(const char *argument, char **environment,
                                     unsigned long page_size) {
    static unsigned long stack[64];
    size_t n = 0;
    stack[n++] = argument != NULL ? 2 : 1;
    stack[n++] = (unsigned long)"bootstrap";
    if (argument != NULL)
        stack[n++] = (unsigned long)argument;
    stack[n++] = 0;
    while (*environment != NULL)
        stack[n++] = (unsigned long)*environment++;
    stack[n++] = 0;
    const unsigned long vector[] = {AT_HWCAP,  5,         AT_EXECFN, (unsigned long)expected_name,
                                    AT_PAGESZ, page_size, AT_NULL,   0};
    CHECK(n + sizeof vector / sizeof *vector <= sizeof stack / sizeof *stack);
    memcpy(stack + n, vector, sizeof vector);
    return stack;
}

static enum nb_restore_result start(const unsigned long *stack) {
    volatile enum nb_restore_result result = NB_RESTORE_NO_IMAGE;
    kernel.heap = kernel.mapped = kernel.empty = kernel.read_bytes = 0;
    kernel.map_count = 0;
    kernel.descriptors = kernel.windows = kernel.lines = kernel.data_maps = 0;
    kernel.ended = false;
    kernel.read_at = ((const struct nb_image_header *)kernel.tables)->reads_offset;
    nb_restore_size = 0;
    if (setjmp(end) == 0)
        result = nb_restore_at(stack);
    else
        return NB_RESTORE_NO_IMAGE;
    CHECK(kernel.descriptors == 0 && kernel.windows == 0);
    CHECK(kernel.lines == (result < 0 ? 1 : 0));
    CHECK((kernel.heap > 0) == (result == NB_RESTORE_DONE));
    CHECK(kernel.map_count == 0 || result == NB_RESTORE_DONE);
    CHECK(nb_restore_size == kernel.heap);
    if (result != NB_RESTORE_DONE)
        CHECK(kernel.data_maps == 0); /* nothing over the program's own data */
    return result;
}

/* With these bytes as the file's tables. What follows what the header declares may not be read. */
static enum nb_restore_result start_with(const struct image *image, size_t size,
                                         char **environment) {
    enum { BEHIND = 2 * PAGE };
    static size_t before;
    if (kernel.tables == NULL) {
        kernel.tables = mmap(NULL, NB_IMAGE_MAX_TABLES + BEHIND, WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        CHECK(kernel.tables != MAP_FAILED);
    }
    uint64_t declared = image->header.tables_length;
    if (declared < sizeof image->header || declared > NB_IMAGE_MAX_TABLES)
        declared = sizeof image->header;
    unsigned char *behind = kernel.tables + (declared + 7) / 8 * 8;
    memset(kernel.tables, 0, before);
    memcpy(kernel.tables, image, size);
    before = size;
    ASAN_POISON_MEMORY_REGION(behind, BEHIND);
    enum nb_restore_result result = start(stack_of(NULL, environment, PAGE));
    ASAN_UNPOISON_MEMORY_REGION(behind, BEHIND);
    return result;
}

static enum nb_restore_result start_image(struct image *image) {
    changed(image);
    return start_with(image, sizeof *image, good_environment);
}

static void reset(void) {
    memset(&kernel, 0, offsetof(__typeof__(kernel), heap));
    kernel.file_length = FILE_END;
    kernel.room = kernel.per_read = UINT64_MAX / 2;
}

/* The slot is in read-only data; the build patches it in the file, we here. */
static void set_slot(uint64_t offset) {
    struct nb_image_slot *slot = (struct nb_image_slot *)(uintptr_t)&nb_restore_slot;
    uintptr_t page = (uintptr_t)slot & ~(uintptr_t)(PAGE - 1);
    CHECK(mprotect((void *)page, 2 * PAGE, PROT_READ | PROT_WRITE) == 0);
    ((volatile struct nb_image_slot *)slot)->offset = offset;
    for (int i = 0; i < 32; i++)
        ((volatile struct nb_image_slot *)slot)->program[i] = (uint8_t)(i * 7 + 1);
}

/* ---- tests ---- */

static void used(void) {
    struct image image = sound();
    reset();
    CHECK(start_image(&image) == NB_RESTORE_DONE);
    uint64_t all = 0;
    for (int i = 0; i < MAPS; i++)
        all += image.maps[i].length;
    CHECK(kernel.empty == 209 * PAGE && kernel.mapped == all - kernel.empty);
    CHECK(kernel.read_bytes == 11 * PAGE && kernel.heap == NB_HEAP_SIZE);
    CHECK(kernel.map_count == 7);
    CHECK(nb_restore_heap_size() == NB_HEAP_SIZE);
}

/* Something is in the way of the n-th mapping of a module, and stays as it is. */
static void in_the_way(void) {
    struct image image = sound();
    for (int i = 1; i < 8; i++) {
        reset();
        kernel.taken = image.maps[i].address + image.maps[i].length - 1;
        CHECK(start_image(&image) == NB_RESTORE_MEMORY && kernel.data_maps == 0);
    }
}

static void not_asked(void) {
    CHECK(start(stack_of("-c", good_environment, PAGE)) == NB_RESTORE_NOT_ASKED);
    char *off[] = {"NATIVE_BOOTSTRAP_SNAPSHOT=off", "STAGE=prod", "PYTHONHASHSEED=", NULL};
    char *on[] = {"NATIVE_BOOTSTRAP_SNAPSHOT=offer", "STAGE=prod", "PYTHONHASHSEED=", NULL};
    CHECK(start(stack_of(NULL, off, PAGE)) == NB_RESTORE_NOT_ASKED);
    CHECK(start(stack_of(NULL, on, PAGE)) == NB_RESTORE_DONE);
    CHECK(start(stack_of("app.handler", good_environment, PAGE)) == NB_RESTORE_DONE);
    CHECK(start(stack_of(NULL, good_environment, 65536)) == NB_RESTORE_PAGE_SIZE);
    set_slot(0);
    CHECK(start(stack_of(NULL, good_environment, PAGE)) == NB_RESTORE_NO_IMAGE);
    set_slot(AT);
}

static void what_fails(void) {
    struct image image = sound();
    for (long fd = 0; fd < 3; fd++) {
        reset();
        kernel.closed = fd + 1;
        CHECK(start_image(&image) == NB_RESTORE_STREAMS);
    }
    reset();
    kernel.open_error = -EACCES;
    CHECK(start_image(&image) == NB_RESTORE_FILE);
    reset();
    kernel.fstat_error = -EIO;
    CHECK(start_image(&image) == NB_RESTORE_FILE);
    reset();
    kernel.no_proc = true;
    CHECK(start_image(&image) == NB_RESTORE_FILE); /* and the vector names no file */
    expected_name = "./bootstrap";
    CHECK(start_image(&image) == NB_RESTORE_DONE);
    reset();
    kernel.window_error = -ENOMEM;
    CHECK(start_image(&image) == NB_RESTORE_MEMORY);
    for (uint64_t size = (uint64_t)1 << 40; size > 0; size /= 2) {
        reset();
        kernel.room = size;
        bool enough = size / 2 >= NB_HEAP_SIZE_MIN || size >= NB_HEAP_SIZE_MIN + 1000 * PAGE;
        CHECK(start_image(&image) == (enough ? NB_RESTORE_DONE : NB_RESTORE_MEMORY));
    }
    reset();
    kernel.map_error = -ENOMEM; /* in the heap: before the point of no return */
    CHECK(start_image(&image) == NB_RESTORE_MEMORY);
    kernel.map_error = -EPERM; /* outside of it */
    CHECK(start_image(&image) == NB_RESTORE_NO_IMAGE && kernel.ended && kernel.lines == 1);
    reset();
    kernel.hint_only = true;
    CHECK(start_image(&image) == NB_RESTORE_MEMORY);
}

/* A read may give less than asked for, or be interrupted, any number of times. */
static void short_reads(void) {
    static const uint64_t most[] = {1, 100, PAGE - 1, PAGE, PAGE + 1, 3 * PAGE, 7 * PAGE + 5};
    struct image image = sound();
    for (size_t i = 0; i < sizeof most / sizeof *most; i++) {
        reset();
        kernel.per_read = most[i];
        kernel.interruptions = (int)i;
        CHECK(start_image(&image) == NB_RESTORE_DONE && kernel.read_bytes == 11 * PAGE);
    }
    reset();
    kernel.read_error = -EIO;
    kernel.per_read = PAGE; /* fails after it, in the heap */
    CHECK(start_image(&image) == NB_RESTORE_MEMORY);
    kernel.per_read = 9 * PAGE; /* fails behind the heap's */
    CHECK(start_image(&image) == NB_RESTORE_NO_IMAGE && kernel.ended);
    kernel.read_error = 0;
    CHECK(start_image(&image) == NB_RESTORE_DONE);
    kernel.file_length = image.header.file_length;
}

/* More ranges than one call takes. */
static void many_reads(void) {
    enum { COUNT = 5000 };
    char *none[] = {NULL};
    size_t size = sizeof(struct nb_image_header) + COUNT * sizeof(struct nb_image_read);
    struct nb_image_header *header = calloc(1, size);
    struct image model = sound();
    *header = model.header;
    header->maps = header->guards = header->reads = sizeof *header;
    header->map_count = header->guard_count = 0;
    header->read_count = COUNT;
    header->early_reads = 3000;
    header->tables_length = size;
    set_slot((COUNT + 200) * (uint64_t)PAGE);
    header->file_length = nb_restore_slot.offset + size;
    header->heap_top = HEAP + 6000 * PAGE;
    struct nb_image_read *reads = (struct nb_image_read *)(header + 1);
    for (uint64_t i = 0; i < COUNT; i++)
        reads[i] =
            (struct nb_image_read){i < 3000 ? HEAP + 2 * i * PAGE : DATA + i % 7 * PAGE, PAGE};
    header->check = nb_image_check((const uint64_t *)header + 2, size / 8 - 2);
    for (int i = 0; i < 2; i++) {
        reset();
        kernel.file_length = header->file_length;
        kernel.per_read = i == 0 ? UINT64_MAX / 2 : 1000 * PAGE + 1;
        CHECK(start_with((const struct image *)header, size, none) == NB_RESTORE_DONE);
        CHECK(kernel.read_bytes == (uint64_t)COUNT * PAGE);
    }
    free(header);
    set_slot(AT);
}

/* One field wrong, all else right. */
static void wrong_tables(void) {
#define WRONG(change)                                                                              \
    do {                                                                                           \
        struct image image = sound();                                                              \
        image.change;                                                                              \
        reset();                                                                                   \
        CHECK(start_image(&image) == NB_RESTORE_DAMAGED);                                          \
    } while (0)
    WRONG(header.magic ^= 1);
    WRONG(header.file_length += PAGE);
    WRONG(header.page_size = 65536);
    WRONG(header.page_size = 0);
    WRONG(header.tables_length = sizeof(struct nb_image_header) - 8);
    WRONG(header.tables_length -= 4);
    WRONG(header.tables_length = NB_IMAGE_MAX_TABLES + 8);
    WRONG(header.tables_length = UINT64_MAX - 7);
    WRONG(header.heap_base = 0);
    WRONG(header.heap_top = HEAP - PAGE);
    WRONG(header.heap_top = HEAP + NB_HEAP_SIZE + PAGE);
    WRONG(header.map_count = UINT32_MAX);
    WRONG(header.read_count = UINT32_MAX);
    WRONG(header.guard_count = UINT32_MAX);
    WRONG(header.early_reads = 5);
    WRONG(header.early_reads = 3);
    WRONG(header.read_count = 0); /* and four of them early */
    WRONG(header.read_count = 2);
    WRONG(header.maps += 4);
    WRONG(header.maps = 0);
    WRONG(header.reads = UINT32_MAX - 7);
    WRONG(header.guards = sizeof(struct image));
    WRONG(header.reads_offset = FILE_END - 10 * PAGE);
    WRONG(header.reads_offset = UINT64_MAX);
    WRONG(maps[0].address -= PAGE);
    WRONG(maps[0].length += 257 * PAGE);
    WRONG(maps[8].address += 8);
    WRONG(maps[8].address -= PAGE);
    WRONG(maps[8].length = 0);
    WRONG(maps[8].length = PAGE / 2);
    WRONG(maps[8].length = (uint64_t)0 - PAGE);
    WRONG(maps[10].length += PAGE);
    WRONG(maps[9].offset += PAGE);
    WRONG(maps[9].offset -= 512);
    WRONG(maps[9].offset = (uint64_t)0 - PAGE);
    WRONG(maps[9].address = 0x1000000); /* the program's code */
    WRONG(reads[0].address = DATA);
    WRONG(reads[4].address = HEAP);
    WRONG(reads[4].address = DATA - PAGE);
    WRONG(reads[5].length += PAGE);
    WRONG(reads[2].length = 0);
    WRONG(guards[0].name_length = 0);
    WRONG(guards[0].name_length += 1000);
    WRONG(guards[0].value = UINT32_MAX);
    WRONG(guards[0].value_length = 1000);
    WRONG(guards[3].value_length = 1 | NB_IMAGE_OR_ABSENT | 1u << 30);
    WRONG(text[2] = '=');
    WRONG(text[2] = '\0');
    WRONG(maps[0].protection = READ);
    WRONG(maps[0].protection = EXEC);
    WRONG(maps[0].offset = NB_IMAGE_EMPTY);
    WRONG(maps[8].protection = EXEC);
    WRONG(maps[8].protection = 0);
    WRONG(maps[8].offset = NB_IMAGE_EMPTY);
    WRONG(maps[8].offset = 20 * PAGE); /* writable, of the ELF part */
    WRONG(maps[4].offset = 20 * PAGE);
    WRONG(maps[1].protection = WRITE);
    WRONG(maps[1].protection = 0);
    WRONG(maps[1].protection = PROT_WRITE);
    WRONG(maps[1].protection = PROT_EXEC);
    WRONG(maps[7].protection = EXEC | PROT_WRITE);
    WRONG(maps[5].protection = EXEC | PROT_WRITE);
    WRONG(maps[3].protection |= 8);
    WRONG(maps[3].protection |= (uint64_t)1 << 32);
    WRONG(maps[2].offset += PAGE); /* from the ELF part into the image */
    WRONG(maps[2].offset = NB_IMAGE_EMPTY - PAGE + 1);
    WRONG(maps[7].length = HEAP - REGION); /* the region's end */
    WRONG(maps[6].protection = PROT_EXEC);
    WRONG(maps[6].offset = AT + 9 * PAGE); /* of the file, and not accessible */
    WRONG(maps[7].protection = PROT_NONE);
    WRONG(maps[8].address = HEAP - PAGE);
    WRONG(reads[3].address = REGION + 251 * PAGE);
    WRONG(maps[5].address -= PAGE); /* over the one before */
    WRONG(maps[4].length += PAGE);
    WRONG(maps[5].address = REGION + 220 * PAGE);
    WRONG(maps[9].address = HEAP);
    WRONG(reads[3].address = REGION + 7 * PAGE); /* not writable */
    WRONG(reads[3].address = REGION);
    WRONG(reads[3].length += PAGE);                /* of two maps */
    WRONG(reads[3].address = REGION + 220 * PAGE); /* of none */
    WRONG(reads[3].address = REGION_TOP - PAGE);
#undef WRONG
    struct image image = sound();
    reset();
    image.maps[7].address = HEAP - PAGE; /* out of the region into the heap, over nothing there */
    image.maps[7].length = 2 * PAGE;
    image.maps[8].address = HEAP + 50 * PAGE;
    CHECK(start_image(&image) == NB_RESTORE_DAMAGED);
    image.maps[7].length = PAGE;
    CHECK(start_image(&image) == NB_RESTORE_DONE);
    image = sound();
    image.header.program[31] ^= 1;
    CHECK(start_image(&image) == NB_RESTORE_PROGRAM);
    image = sound();
    changed(&image);
    image.maps[3].length ^= PAGE; /* without the checksum */
    CHECK(start_with(&image, sizeof image, good_environment) == NB_RESTORE_DAMAGED);
    set_slot(AT + 8);
    CHECK(start_image(&image) == NB_RESTORE_DAMAGED);
    set_slot((uint64_t)1 << 63);
    CHECK(start_image(&image) == NB_RESTORE_DAMAGED);
    set_slot(AT);
    kernel.file_length = AT + sizeof(struct nb_image_header) - 1;
    CHECK(start_image(&image) == NB_RESTORE_DAMAGED);
}

/* Guards: the table of what counts as equal. The image wants STAGE=prod, no DEBUG, LING=C or none,
 * an empty PYTHONHASHSEED, and nothing else that begins with PYTHON or LIN, is called STAGE in any
 * case, or begins with DB__ in any case. */
static void guards(void) {
    static const struct {
        const char *variables[6];
        const char *said; /* NULL: the image is used */
    } rows[] = {
        {{"STAGE=prod", "PYTHONHASHSEED="}, NULL},
        {{"PYTHONHASHSEED=", "X=1", "STAGE=prod", "LING=C"}, NULL},
        {{"STAGE=prod", "STAGE=test", "PYTHONHASHSEED="}, NULL}, /* the first counts */
        {{"STAGE=test", "STAGE=prod", "PYTHONHASHSEED="}, "STAGE has another value"},
        {{"STAGE=pro", "PYTHONHASHSEED="}, "STAGE has another value"},
        {{"STAGE=prod2", "PYTHONHASHSEED="}, "STAGE has another value"},
        {{"STAGE=", "PYTHONHASHSEED="}, "STAGE has another value"},
        {{"STAGE", "PYTHONHASHSEED="}, "STAGE has another value"},
        {{"STAGED=prod", "PYTHONHASHSEED="}, "STAGE has another value"},
        {{"STAGE=prod", "PYTHONHASHSEED=0"}, "PYTHONHASHSEED has another value"},
        {{"STAGE=prod"}, "PYTHONHASHSEED has another value"},
        {{"STAGE=prod", "PYTHONHASHSEED=", "DEBUG=1"}, "DEBUG is set"},
        {{"STAGE=prod", "PYTHONHASHSEED=", "DEBUG="}, "DEBUG is set"},
        {{"STAGE=prod", "PYTHONHASHSEED=", "DEBUG"}, NULL}, /* getenv() does not see it either */
        {{"STAGE=prod", "PYTHONHASHSEED=", "LING=D"}, "LING has another value"},
        {{"STAGE=prod", "PYTHONHASHSEED=", "LING="}, "LING has another value"},
        {{"STAGE=prod", "PYTHONHASHSEED=", "LANG=C"}, "LANG asks for the C locale"},
        {{"STAGE=prod", "PYTHONHASHSEED=", "LC_CTYPE=POSIX", "LANG=x"}, "LC_CTYPE asks for the C"},
        {{"STAGE=prod", "PYTHONHASHSEED=", "LC_ALL=x", "LC_CTYPE=C", "LANG=C"}, NULL},
        {{"STAGE=prod", "PYTHONHASHSEED=", "LC_ALL=", "LANG=C.UTF-8"}, NULL},
        {{"STAGE=prod", "PYTHONHASHSEED=", "PYTHONPATH=/x"}, "PYTHONPATH is set"},
        {{"STAGE=prod", "PYTHONHASHSEED=", "PYTHON=1"}, "PYTHON is set"},
        {{"STAGE=prod", "PYTHONHASHSEED=", "PYTHO=1", "python=2"}, NULL},
        {{"STAGE=prod", "PYTHONHASHSEED=", "LING=C", "LINK=1"}, "LINK is set"},
        {{"STAGE=prod", "PYTHONHASHSEED=", "LIN=1"}, "LIN is set"},
        {{"STAGE=prod", "PYTHONHASHSEED=", "LINGER"}, "LINGER is set"},
        {{"STAGE=prod", "PYTHONHASHSEED=", "LI=1", "LI", "STAGE_LINK=1"}, NULL},
        {{"STAGE=prod", "PYTHONHASHSEED=", "PYTHON\x1b[2J=secret"}, "PYTHON?[2J is set"},
        {{"STAGE=prod", "PYTHONHASHSEED=", "stage=prod"}, "stage is set"},
        {{"Stage=prod", "STAGE=prod", "PYTHONHASHSEED="}, "Stage is set"},
        {{"STAGE=prod", "PYTHONHASHSEED=", "stage2=1", "stag=1", "xstage=1"}, NULL},
        {{"STAGE=prod", "PYTHONHASHSEED=", "DB__=1"}, "DB__ is set"},
        {{"STAGE=prod", "PYTHONHASHSEED=", "Db__Host=secret"}, "Db__Host is set"},
        {{"STAGE=prod", "PYTHONHASHSEED=", "DB_=1", "D", "DB", "[B__=1"}, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct image image = sound();
        reset();
        changed(&image);
        enum nb_restore_result result =
            start_with(&image, sizeof image, (char **)(uintptr_t)rows[i].variables);
        CHECK(result == (rows[i].said == NULL ? NB_RESTORE_DONE : NB_RESTORE_ENVIRONMENT));
        if (rows[i].said != NULL)
            CHECK(strstr(kernel.said, rows[i].said) != NULL);
        CHECK(strstr(kernel.said, "secret") == NULL && strstr(kernel.said, "/x") == NULL);
    }
    /* A name as long as the line: cut, and still one line. */
    static char endless[100000] = "PYTHON";
    memset(endless + 6, 'x', sizeof endless - 8);
    char *variables[] = {"STAGE=prod", "PYTHONHASHSEED=", endless, NULL};
    CHECK(start(stack_of(NULL, variables, PAGE)) == NB_RESTORE_ENVIRONMENT);
}

/* ---- any bytes ---- */

static uint64_t interesting(uint64_t *state) {
    static const uint64_t values[] = {0,
                                      1,
                                      3,
                                      5,
                                      7,
                                      8,
                                      PAGE - 1,
                                      PAGE,
                                      REGION,
                                      REGION + 7 * PAGE,
                                      REGION_TOP,
                                      HEAP,
                                      HEAP + PAGE,
                                      HEAP + 1000 * PAGE,
                                      DATA,
                                      DATA_END,
                                      DATA_END - PAGE,
                                      AT,
                                      AT - PAGE,
                                      AT + PAGE,
                                      UINT32_MAX,
                                      UINT32_MAX - 7,
                                      (uint64_t)1 << 31,
                                      (uint64_t)1 << 32,
                                      (uint64_t)1 << 63,
                                      UINT64_MAX,
                                      UINT64_MAX - PAGE + 1,
                                      sizeof(struct nb_image_header),
                                      sizeof(struct image)};
    uint64_t value = values[check_random(state) % (sizeof values / sizeof *values)];
    return check_random(state) % 4 == 0 ? value + check_random(state) % 64 - 32 : value;
}

static void mutate(struct image *image, uint64_t *state) {
    unsigned char *bytes = (unsigned char *)image;
    for (uint64_t left = 1 + check_random(state) % 4; left > 0; left--) {
        /* Magic and program are needed to get past the door; a few go without. */
        size_t at =
            check_random(state) % 50 == 0 ? 0 : offsetof(struct nb_image_header, file_length);
        size_t size = (size_t[]){1, 4, 8}[check_random(state) % 3];
        at += (size_t)(check_random(state) % (sizeof *image - at)) / size * size;
        if (at + size > sizeof *image)
            continue;
        uint64_t old = 0;
        memcpy(&old, bytes + at, size);
        uint64_t value[] = {old + PAGE,
                            old - PAGE,
                            old ^ (uint64_t)1 << check_random(state) % 64,
                            old + 1,
                            old - 1,
                            interesting(state),
                            check_random(state)};
        memcpy(bytes + at, &value[check_random(state) % 7], size);
    }
}

static void any_bytes(unsigned rounds) {
    unsigned results[9] = {0};
    uint64_t state = 42;
    for (unsigned i = 0; i < rounds; i++) {
        struct image image = sound();
        mutate(&image, &state);
        reset();
        changed(&image);
        if (check_random(&state) % 100 == 0)
            image.header.check ^= 1;
        /* A shorter file than its header says is no reason to read past its end. */
        kernel.room = check_random(&state) % 50 == 0 ? (uint64_t)32 << 20 : kernel.room;
        enum nb_restore_result result = start_with(&image, sizeof image, good_environment);
        results[result + 7]++;
    }
    CHECK(results[NB_RESTORE_DONE + 7] > rounds / 20 &&
          results[NB_RESTORE_DAMAGED + 7] > rounds / 4);
    CHECK(results[NB_RESTORE_ENVIRONMENT + 7] > 0 && results[NB_RESTORE_PROGRAM + 7] > 0);
    printf("restore: tables, guards, reads; %u changed images, %u of them used\n", rounds,
           results[NB_RESTORE_DONE + 7]);
}

int main(void) {
    test_program.header.e_phoff = sizeof test_program.header;
    test_program.header.e_phnum = 4;
    test_program.segments[0] = (Elf64_Phdr){
        .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = 0x1000000, .p_memsz = 0xedb000};
    test_program.segments[1] = (Elf64_Phdr){
        .p_type = PT_LOAD, .p_flags = PF_R | PF_W, .p_vaddr = DATA + 0x550, .p_memsz = 0x1ab0};
    test_program.segments[2] = (Elf64_Phdr){
        .p_type = PT_TLS, .p_flags = PF_R | PF_W, .p_vaddr = 0x1000, .p_memsz = 0x1000};
    test_program.segments[3] = (Elf64_Phdr){.p_type = PT_LOAD,
                                            .p_flags = PF_R | PF_W,
                                            .p_vaddr = DATA + 0x2e10,
                                            .p_memsz = DATA_END - DATA - 0x2e10 - 5};
    set_slot(AT);
    used();
    not_asked();
    what_fails();
    in_the_way();
    short_reads();
    many_reads();
    wrong_tables();
    guards();
    any_bytes(400000);
    return 0;
}
