/* Extension modules for test_bad_modules.py, good and bad: MODULE is the name, CASE says which. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#define JOIN(a, b) a##b
#define NAMED(prefix, name) JOIN(prefix, name)
#define TEXT(name) #name
#define TEXT_OF(name) TEXT(name)

#ifdef CALLS
int CALLS(void);
#define ANSWER CALLS()
#else
#define ANSWER 42
#endif

static int fill(PyObject *module) {
#ifdef EXEC_RAISES
    PyErr_SetString(PyExc_ValueError, "no such device");
    return -1;
#endif
    return PyModule_AddIntConstant(module, "answer", ANSWER);
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, fill}, {0, NULL}};
static struct PyModuleDef module = {
    .m_base = PyModuleDef_HEAD_INIT, .m_name = TEXT_OF(MODULE), .m_slots = slots};

#ifndef NO_INIT
PyMODINIT_FUNC NAMED(PyInit_, MODULE)(void) {
#if defined(INIT_NULL)
    return NULL;
#elif defined(INIT_RAISES)
    PyErr_SetString(PyExc_RuntimeError, "no licence");
    return NULL;
#elif defined(INIT_IMPORT_ERROR)
    PyErr_SetString(PyExc_ImportError, "needs a newer numpy");
    return NULL;
#elif defined(INIT_BOTH)
    PyErr_SetString(PyExc_RuntimeError, "left behind");
#endif
    return PyModuleDef_Init(&module);
}
#else
PyObject *unused(void) {
    return PyModuleDef_Init(&module);
}
#endif
