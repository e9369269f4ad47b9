#include <Python.h>
#include <assert.h>

#ifdef WRONG
#error "CFLAGS of the user's environment, which are meant for this machine"
#endif

static PyObject *total(PyObject *module, PyObject *list) {
    long long sum = 0;
    assert(module != NULL); /* with the file's name in it */
    for (Py_ssize_t i = 0; i < PySequence_Size(list); i++) {
        PyObject *item = PySequence_GetItem(list, i);
        sum += PyLong_AsLongLong(item);
        Py_XDECREF(item);
    }
    return PyErr_Occurred() ? NULL : PyLong_FromLongLong(sum);
}

static PyMethodDef methods[] = {{"total", total, METH_O, NULL}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "fast", NULL, -1, methods};

PyMODINIT_FUNC PyInit_fast(void) {
    return PyModule_Create(&module);
}
