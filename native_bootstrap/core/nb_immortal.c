/* What lives as long as the process anyway needs no reference counts: modules, classes, functions,
 * their names and constants. Immortal in the image, they are read and not written, so that their
 * pages stay the file's: a start copies a third of the pages, and processes share the rest.
 *
 * Only objects whose end nobody can observe: no instances of Python classes, no containers that may
 * hold some. Functions with a closure stay as they are, too: the closure may be all that keeps an
 * object with a finaliser. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "nb_snapshot.h"

#include <string.h>

#define NB_IMMORTAL_BYTES 65536 /* larger texts may be data that the program drops */
#define NB_IMMORTAL_DEPTH 8     /* of constants in constants */

static void nb_immortal_set(PyObject *object) {
    object->ob_refcnt = _Py_IMMORTAL_REFCNT;
}

static bool nb_immortal_try(PyObject *object, int depth);

static bool nb_immortal_tuple(PyObject *tuple, int depth) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); i++)
        if (!nb_immortal_try(PyTuple_GET_ITEM(tuple, i), depth))
            return false;
    return true;
}

static void nb_immortal_code(PyCodeObject *code, int depth) {
    PyObject *parts[] = {code->co_consts,   code->co_names,           code->co_exceptiontable,
                         code->co_filename, code->co_localsplusnames, code->co_localspluskinds,
                         code->co_name,     code->co_qualname,        code->co_linetable};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i] != NULL)
            nb_immortal_try(parts[i], depth);
}

/* Makes a constant immortal, with what it consists of; false if it is no constant. */
static bool nb_immortal_try(PyObject *object, int depth) {
    if (_Py_IsImmortal(object))
        return true;
    if (depth == 0)
        return false;
    bool good =
        PyLong_CheckExact(object) || PyFloat_CheckExact(object) || PyComplex_CheckExact(object) ||
        (PyUnicode_CheckExact(object) && PyUnicode_GET_LENGTH(object) < NB_IMMORTAL_BYTES) ||
        (PyBytes_CheckExact(object) && PyBytes_GET_SIZE(object) < NB_IMMORTAL_BYTES) ||
        (PyTuple_CheckExact(object) && nb_immortal_tuple(object, depth - 1));
    if (!good && PyCode_Check(object)) {
        nb_immortal_code((PyCodeObject *)object, depth - 1);
        good = true;
    }
    if (good)
        nb_immortal_set(object);
    return good;
}

static int nb_immortal_visit(PyObject *object, void *unused) {
    (void)unused;
    nb_immortal_try(object, NB_IMMORTAL_DEPTH);
    return 0;
}

static int nb_immortal_is_cell(PyObject *object, void *unused) {
    (void)unused;
    return PyCell_Check(object);
}

/* Names and values of a namespace that belongs to an immortal object. */
static void nb_immortal_namespace(PyObject *dict) {
    PyObject *name, *value;
    Py_ssize_t position = 0;
    if (dict == NULL || !PyDict_CheckExact(dict))
        return;
    nb_immortal_set(dict);
    while (PyDict_Next(dict, &position, &name, &value)) {
        nb_immortal_try(name, NB_IMMORTAL_DEPTH);
        nb_immortal_try(value, NB_IMMORTAL_DEPTH);
    }
}

static bool nb_immortal_is_function(PyObject *object) {
    PyTypeObject *type = Py_TYPE(object);
    bool code = PyFunction_Check(object) || strcmp(type->tp_name, "compiled_function") == 0;
    if (code)
        return type->tp_traverse(object, nb_immortal_is_cell, NULL) == 0;
    if (PyCFunction_CheckExact(object)) {
        PyObject *self = PyCFunction_GET_SELF(object);
        return self == NULL || PyModule_Check(self) || PyType_Check(self);
    }
    return type == &PyMethodDescr_Type || type == &PyWrapperDescr_Type ||
           type == &PyGetSetDescr_Type || type == &PyMemberDescr_Type ||
           type == &PyClassMethodDescr_Type;
}

static int nb_immortal_each(PyObject *object, void *unused) {
    (void)unused;
    bool lasting =
        PyType_Check(object) || PyModule_Check(object) || nb_immortal_is_function(object);
    if (!lasting)
        return 1;
    if (!_Py_IsImmortal(object))
        nb_immortal_set(object);
    if (Py_TYPE(object)->tp_traverse != NULL)
        Py_TYPE(object)->tp_traverse(object, nb_immortal_visit, NULL);
    if (PyModule_Check(object)) {
        nb_immortal_namespace(PyModule_GetDict(object));
    } else if (PyType_Check(object)) {
        PyObject *dict = PyType_GetDict((PyTypeObject *)object);
        nb_immortal_namespace(dict);
    }
    return 1;
}

void nb_immortal_make(void) {
    PyUnstable_GC_VisitObjects(nb_immortal_each, NULL);
}
