/* The builtin module `_nb_json`: orjson, where its result is certain to mean the same as the
 * standard library's.
 *
 *   loads(data, orjson.loads) -> object      ValueError: leave it to somebody else
 *   dumps(value, orjson.dumps) -> bytes      TypeError: leave it to somebody else
 *
 * dumps() takes None and exact bool, int, float, str, list, tuple and dict only: orjson would also
 * write datetime, UUID, enum and others, subclasses as what they are derived from, and null for a
 * float that is not finite. It refuses itself: integers beyond 64 bits, keys that are no str, lone
 * surrogates, and nesting beyond what it can do.
 *
 * Check and work are one call, so that no other thread can put something in between. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "nb_json.h"

#include <math.h>

#define NB_JSON_DEPTH 254 /* orjson's own limit: no deeper recursion is needed */

static bool nb_json_is_plain(PyObject *value, int depth);

static bool nb_json_is_plain_dict(PyObject *dict, int depth) {
    PyObject *key, *value;
    Py_ssize_t at = 0;
    while (PyDict_Next(dict, &at, &key, &value))
        if (!PyUnicode_CheckExact(key) || !nb_json_is_plain(value, depth))
            return false;
    return true;
}

static bool nb_json_are_plain(PyObject *const *items, Py_ssize_t n, int depth) {
    for (Py_ssize_t i = 0; i < n; i++)
        if (!nb_json_is_plain(items[i], depth))
            return false;
    return true;
}

/* In the order of how often each type is met. Runs no Python code. */
static bool nb_json_is_plain(PyObject *value, int depth) {
    PyTypeObject *type = Py_TYPE(value);
    if (type == &PyUnicode_Type || type == &PyLong_Type || type == &PyBool_Type || value == Py_None)
        return true;
    if (type == &PyFloat_Type)
        return isfinite(PyFloat_AS_DOUBLE(value));
    if (depth == 0)
        return false;
    if (type == &PyDict_Type)
        return nb_json_is_plain_dict(value, depth - 1);
    if (type == &PyList_Type)
        return nb_json_are_plain(((PyListObject *)value)->ob_item, PyList_GET_SIZE(value),
                                 depth - 1);
    if (type == &PyTuple_Type)
        return nb_json_are_plain(((PyTupleObject *)value)->ob_item, PyTuple_GET_SIZE(value),
                                 depth - 1);
    return false;
}

static PyObject *nb_json_loads(PyObject *module, PyObject *const *args, Py_ssize_t n) {
    (void)module;
    if (n != 2)
        return PyErr_Format(PyExc_TypeError, "loads() takes 2 arguments, not %zd", n);
    if (!PyBytes_CheckExact(args[0]) ||
        !nb_json_integers_fit(PyBytes_AS_STRING(args[0]), (size_t)PyBytes_GET_SIZE(args[0]))) {
        PyErr_SetString(PyExc_ValueError, "no bytes, or an integer beyond 64 bits");
        return NULL;
    }
    return PyObject_CallOneArg(args[1], args[0]);
}

static PyObject *nb_json_dumps(PyObject *module, PyObject *const *args, Py_ssize_t n) {
    (void)module;
    if (n != 2)
        return PyErr_Format(PyExc_TypeError, "dumps() takes 2 arguments, not %zd", n);
    if (!nb_json_is_plain(args[0], NB_JSON_DEPTH)) {
        PyErr_SetString(PyExc_TypeError, "not only plain JSON types");
        return NULL;
    }
    return PyObject_CallOneArg(args[1], args[0]);
}

/* METH_FASTCALL functions have a signature of their own. */
static PyMethodDef nb_methods[] = {
    {"loads", (PyCFunction)(void (*)(void))nb_json_loads, METH_FASTCALL,
     "loads($module, data, loads, /)\n--\n\nloads(data), unless an integer may be beyond 64 bits."},
    {"dumps", (PyCFunction)(void (*)(void))nb_json_dumps, METH_FASTCALL,
     "dumps($module, value, dumps, /)\n--\n\ndumps(value), if all of it is of plain JSON types."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef nb_definition = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "_nb_json",
    .m_doc = "orjson, where it is certain to mean the same as the standard library.",
    .m_size = 0,
    .m_methods = nb_methods,
};

PyMODINIT_FUNC PyInit__nb_json(void);
PyMODINIT_FUNC PyInit__nb_json(void) {
    return PyModuleDef_Init(&nb_definition);
}
