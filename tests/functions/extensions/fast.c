/* An extension module that uses a library of its own, thread-local variables and zlib. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <zlib.h>

extern int helper_twice(int n);
extern int optional_somewhere(void) __attribute__((weak));
static __thread long calls;

static PyObject *fast_twice(PyObject *module, PyObject *number) {
    (void)module;
    calls++;
    return PyLong_FromLong(helper_twice((int)PyLong_AsLong(number)));
}

static PyObject *fast_facts(PyObject *module, PyObject *unused) {
    (void)module;
    (void)unused;
    unsigned long crc = crc32(0, (const unsigned char *)"abc", 3);
    return Py_BuildValue("{s:l,s:k,s:O}", "calls", calls, "crc", crc, "weak",
                         optional_somewhere != NULL ? Py_True : Py_False);
}

static PyMethodDef functions[] = {
    {"twice", fast_twice, METH_O, NULL},
    {"facts", fast_facts, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "fast", .m_size = 0,
                                        .m_methods = functions};

PyMODINIT_FUNC PyInit_fast(void) {
    return PyModule_Create(&definition);
}
