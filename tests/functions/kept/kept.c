/* An extension module with everything that an image has to keep of one. */
#define PY_SSIZE_T_CLEAN
#define _GNU_SOURCE
#include <Python.h>

#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

enum { PAGE = 4096, MAPPED = 64 * PAGE };

static int counter = 100;                                      /* .data */
static char large[1 << 20];                                    /* .bss */
static const char *const names[] = {"relocated", "constants"}; /* read-only after relocation */
static __thread int own = 5;
static unsigned char key[8];
static char *mapped, *reserved;
static long processors;
static unsigned leaf7, leaf1;
static int told;

void omp_set_num_threads(int threads) {
    told = threads;
}

#if defined(__x86_64__)
static void ask(unsigned leaf, unsigned *ebx, unsigned *ecx) {
    unsigned eax = leaf, edx;
    *ecx = 0;
    __asm__ volatile("cpuid" : "+a"(eax), "=b"(*ebx), "+c"(*ecx), "=d"(edx));
}
#else
static void ask(unsigned leaf, unsigned *ebx, unsigned *ecx) {
    *ebx = *ecx = leaf - leaf;
}
#endif

static PyObject *kept_facts(PyObject *module, PyObject *unused) {
    (void)module;
    (void)unused;
    unsigned other;
    ask(1, &other, &other);
    return Py_BuildValue("{s:i,s:i,s:s,s:i,s:y#,s:s,s:l,s:I,s:I,s:i,s:i}", "counter", counter,
                         "large", large[sizeof large - 1], "name", names[1], "own", own, "key", key,
                         (Py_ssize_t)sizeof key, "mapped", mapped, "processors", processors,
                         "leaf7", leaf7, "leaf1", leaf1, "told", told, "empty", large[4097]);
}

/* Address space that was kept without access. */
static PyObject *kept_use_reserved(PyObject *module, PyObject *unused) {
    (void)module;
    (void)unused;
    if (mprotect(reserved, PAGE, PROT_READ | PROT_WRITE) != 0)
        return PyErr_SetFromErrno(PyExc_OSError);
    reserved[PAGE - 1] = 3;
    return PyLong_FromLong(reserved[0] + reserved[PAGE - 1]);
}

static PyObject *kept_places(PyObject *module, PyObject *unused) {
    (void)module;
    (void)unused;
    return Py_BuildValue("{s:n,s:n,s:n,s:n,s:n,s:n}", "code", (Py_ssize_t)kept_facts, "names",
                         (Py_ssize_t)names, "data", (Py_ssize_t)&counter, "large",
                         (Py_ssize_t)(large + sizeof large / 2), "mapped", (Py_ssize_t)mapped,
                         "reserved", (Py_ssize_t)reserved);
}

static PyMethodDef functions[] = {
    {"facts", kept_facts, METH_NOARGS, NULL},
    {"use_reserved", kept_use_reserved, METH_NOARGS, NULL},
    {"places", kept_places, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "kept", .m_size = 0,
                                        .m_methods = functions};

PyMODINIT_FUNC PyInit_kept(void) {
    unsigned ignored;
    counter++;
    own++;
    large[sizeof large - 1] = 7;
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    mapped = mmap(NULL, MAPPED, PROT_READ | PROT_WRITE, flags, -1, 0);
    reserved = mmap(NULL, MAPPED, PROT_NONE, flags | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED || reserved == MAP_FAILED)
        return PyErr_SetFromErrno(PyExc_OSError);
    strcpy(mapped, "its own memory");
    processors = sysconf(_SC_NPROCESSORS_ONLN);
    if (getrandom(key, sizeof key, 4 /* GRND_INSECURE */) != sizeof key)
        return PyErr_SetFromErrno(PyExc_OSError);
    ask(7, &leaf7, &ignored);
    ask(1, &ignored, &leaf1);
    return PyModule_Create(&definition);
}
