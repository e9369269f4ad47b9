/* The builtin module `_nb_snapshot`: what the Python side of a snapshot asks of C.
 *
 *   phase() -> int                   0 normal start, 1 initialising at build time, 2 restored
 *   observe(callback or None)        while initialising, each read of environment, clock, entropy,
 *                                    process id or machine: callback(kind, detail)
 *   unseen() -> [(kind, detail), …]  the same reads where no callback could be called
 *   refresh_environ(dict)            dict (bytes: bytes) becomes the process's environment
 *   forget_audit_hook(hook)          the opposite of sys.addaudithook(): without any hook, audit
 *                                    events cost nothing again
 *   own_signals() -> int             bits 1 << number: signals that the core itself handles now
 *   streams() -> int                 bits 0 to 2: that descriptor can seek; 3: stdout is a tty */
#define PY_SSIZE_T_CLEAN
#define Py_BUILD_CORE 1 /* the interpreter's list of audit hooks */
#include <Python.h>

#include "internal/pycore_interp.h"
#include "internal/pycore_pystate.h"

#include "nb_cpuid.h"
#include "nb_snapshot.h"
#include "nb_virtual.h"

#include <unistd.h>

static PyObject *nb_callback; /* owned; only while initialising */

static void nb_call_back(const char *kind, const char *detail) {
    PyObject *pending = PyErr_GetRaisedException();
    PyObject *result = PyObject_CallFunction(nb_callback, "ss", kind, detail);
    if (result == NULL)
        PyErr_WriteUnraisable(nb_callback);
    Py_XDECREF(result);
    PyErr_SetRaisedException(pending);
}

/* Called by nb_virtual.c, in the thread that initialises. What the callback raises is printed: a
 * read of the clock has nowhere to raise to. Code that has released the GIL for a moment
 * (os.uname()) takes it for the callback. Not so for the clock: waiting for the GIL itself looks at
 * it. */
static void nb_observed(const char *kind, const char *detail) {
    if (nb_callback == NULL) {
        nb_virtual_remember(kind, detail);
    } else if (PyGILState_Check()) {
        nb_call_back(kind, detail);
    } else if (strcmp(kind, "clock") == 0 || PyGILState_GetThisThreadState() == NULL) {
        nb_virtual_remember(kind, detail);
    } else {
        PyGILState_STATE state = PyGILState_Ensure();
        nb_call_back(kind, detail);
        PyGILState_Release(state);
    }
}

static PyObject *nb_phase(PyObject *module, PyObject *unused) {
    (void)module;
    (void)unused;
    return PyLong_FromLong(nb_snapshot_phase());
}

static PyObject *nb_observe(PyObject *module, PyObject *callback) {
    (void)module;
    nb_virtual_observe(callback != Py_None ? nb_observed : NULL);
    Py_XSETREF(nb_callback, callback != Py_None ? Py_NewRef(callback) : NULL);
    Py_RETURN_NONE;
}

static PyObject *nb_unseen(PyObject *module, PyObject *unused) {
    (void)module;
    (void)unused;
    PyObject *list = PyList_New(0);
    const char *kind, *detail;
    for (size_t i = 0; list != NULL && nb_virtual_unseen(i, &kind, &detail); i++) {
        PyObject *row = Py_BuildValue("ss", kind, detail);
        if (row == NULL || PyList_Append(list, row) < 0)
            Py_CLEAR(list);
        Py_XDECREF(row);
    }
    return list;
}

static PyObject *nb_refresh_environ(PyObject *module, PyObject *dict) {
    extern char **environ;
    (void)module;
    if (!PyDict_Check(dict))
        return PyErr_Format(PyExc_TypeError, "refresh_environ() takes a dict, not %R", dict);
    PyDict_Clear(dict);
    for (char **variable = environ; variable != NULL && *variable != NULL; variable++) {
        const char *equals = strchr(*variable, '=');
        if (equals == NULL)
            continue;
        PyObject *name = PyBytes_FromStringAndSize(*variable, equals - *variable);
        PyObject *value = name != NULL ? PyBytes_FromString(equals + 1) : NULL;
        /* The first of equal names counts, as for getenv(). */
        bool good = value != NULL && PyDict_SetDefault(dict, name, value) != NULL;
        Py_XDECREF(name);
        Py_XDECREF(value);
        if (!good)
            return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *nb_forget_audit_hook(PyObject *module, PyObject *hook) {
    (void)module;
    PyInterpreterState *interpreter = _PyInterpreterState_GET();
    PyObject *hooks = interpreter->audit_hooks; /* a list, or NULL */
    for (Py_ssize_t i = hooks != NULL ? PyList_GET_SIZE(hooks) : 0; i-- > 0;)
        if (PyList_GET_ITEM(hooks, i) == hook && PyList_SetSlice(hooks, i, i + 1, NULL) < 0)
            return NULL;
    if (hooks != NULL && PyList_GET_SIZE(hooks) == 0)
        Py_CLEAR(interpreter->audit_hooks);
    Py_RETURN_NONE;
}

static PyObject *nb_own_signals(PyObject *module, PyObject *unused) {
    (void)module;
    (void)unused;
    struct sigaction action;
    bool ours = sigaction(SIGTRAP, NULL, &action) == 0 && nb_cpuid_see_through(&action);
    return PyLong_FromLong(ours ? 1L << SIGTRAP : 0);
}

static PyObject *nb_streams(PyObject *module, PyObject *unused) {
    (void)module;
    (void)unused;
    long facts = isatty(STDOUT_FILENO) ? 8 : 0;
    for (int fd = 0; fd < 3; fd++)
        facts |= lseek(fd, 0, SEEK_CUR) >= 0 ? 1L << fd : 0;
    return PyLong_FromLong(facts);
}

static PyMethodDef nb_methods[] = {
    {"phase", nb_phase, METH_NOARGS, "0 normal start, 1 initialising at build time, 2 restored."},
    {"observe", nb_observe, METH_O, "Call back for each read of the machine; None: no more."},
    {"unseen", nb_unseen, METH_NOARGS, "Reads for which no callback could be called."},
    {"refresh_environ", nb_refresh_environ, METH_O, "Make a dict equal to the environment."},
    {"forget_audit_hook", nb_forget_audit_hook, METH_O, "The opposite of sys.addaudithook()."},
    {"own_signals", nb_own_signals, METH_NOARGS,
     "Signals that the core itself handles now (bits)."},
    {"streams", nb_streams, METH_NOARGS, "Which of 0, 1, 2 can seek (bits); 8: 1 is a terminal."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef nb_definition = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "_nb_snapshot",
    .m_doc = "What the Python side of a snapshot asks of C.",
    .m_size = 0,
    .m_methods = nb_methods,
};

PyMODINIT_FUNC PyInit__nb_snapshot(void);
PyMODINIT_FUNC PyInit__nb_snapshot(void) {
    return PyModuleDef_Init(&nb_definition);
}
