/* Loaded by the handler, behind what the image holds. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

static int places[3] = {1, 2, 3};
static int *const last = &places[2];

static PyObject *late_last(PyObject *module, PyObject *unused) {
    (void)module;
    (void)unused;
    return PyLong_FromLong(*last);
}

static PyMethodDef functions[] = {{"last", late_last, METH_NOARGS, NULL}, {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "late", .m_size = 0,
                                        .m_methods = functions};

PyMODINIT_FUNC PyInit_late(void) {
    return PyModule_Create(&definition);
}
