/* Nuitka's patches of `inspect`, `types` and `typing`, applied when inspect is first imported.
 *
 * Every module that Nuitka compiles calls patchInspectModule() as it starts, which imports inspect
 * and typing: 10 ms in a cold start that uses neither. The pipeline compiles the modules with
 * -DpatchInspectModule=nb_nuitka_patch_later, so that they call the function below instead, and the
 * runtime calls `_nb_nuitka.patch()` at the end of the first import of inspect. Nuitka's
 * own function stays as it is.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* Nuitka's; absent (NULL) in a program without compiled modules. */
extern void patchInspectModule(PyThreadState *tstate) __attribute__((weak));

void nb_nuitka_patch_later(PyThreadState *tstate);
void nb_nuitka_patch_later(PyThreadState *tstate) {
    (void)tstate;
}

static PyObject *patch(PyObject *module, PyObject *ignored) {
    (void)module;
    (void)ignored;
    if (patchInspectModule) {
        patchInspectModule(PyThreadState_Get()); /* does its work once, however often called */
    }
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"patch", patch, METH_NOARGS, "Apply Nuitka's patches of inspect, types and typing."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    .m_base = PyModuleDef_HEAD_INIT, .m_name = "_nb_nuitka", .m_size = 0, .m_methods = methods};

PyMODINIT_FUNC PyInit__nb_nuitka(void);
PyMODINIT_FUNC PyInit__nb_nuitka(void) {
    return PyModuleDef_Init(&definition);
}
