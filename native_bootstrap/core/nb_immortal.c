/* What lives as long as the process anyway needs no reference counts: modules, classes, functions,
 * their names and constants. Immortal in the image, they are read and not written, so that their
 * pages stay the file's: a start copies a third of the pages, and processes share the rest.
 *
 * Only objects whose end nobody can observe: no instances of Python classes, no containers that may
 * hold some. A function that owns an object (in its closure, as a default, as an attribute) or
 * whose end somebody waits for (a weak reference with a callback) stays as it is, and so does a
 * module that is not in sys.modules: it may be somebody's container. Classes and modules are parts
 * of cycles, which gc.freeze() has made last as well. */
#define Py_BUILD_CORE 1
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "internal/pycore_setobject.h"

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

static bool nb_immortal_frozenset(PyObject *set, int depth) {
    PyObject *item; /* borrowed */
    Py_ssize_t position = 0;
    Py_hash_t hash;
    while (_PySet_NextEntry(set, &position, &item, &hash))
        if (!nb_immortal_try(item, depth))
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
        Py_IS_TYPE(object, &PyBaseObject_Type) || /* object(), as a mark of something */
        (PyTuple_CheckExact(object) && nb_immortal_tuple(object, depth - 1)) ||
        (PyFrozenSet_CheckExact(object) && nb_immortal_frozenset(object, depth - 1));
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

/* Nothing is lost to anybody when this is never freed. */
static bool nb_immortal_is_harmless(PyObject *object) {
    return nb_immortal_try(object, NB_IMMORTAL_DEPTH) || PyType_Check(object);
}

static bool nb_immortal_is_harmless_dict(PyObject *dict) {
    PyObject *name, *value;
    Py_ssize_t position = 0;
    while (PyDict_Next(dict, &position, &name, &value))
        if (!nb_immortal_is_harmless(value))
            return false;
    return true;
}

/* For the tp_traverse of Nuitka's functions, which shows attributes and cells: something owned? */
static int nb_immortal_visit_owned(PyObject *object, void *unused) {
    (void)unused;
    return !(PyDict_CheckExact(object) && nb_immortal_is_harmless_dict(object));
}

/* What a function owns: a tuple of defaults, a dict of them or of attributes; NULL or None for
 * none.
 */
static bool nb_immortal_is_harmless_part(PyObject *value) {
    if (value == NULL || value == Py_None)
        return true;
    if (PyDict_CheckExact(value))
        return nb_immortal_is_harmless_dict(value);
    for (Py_ssize_t i = 0; PyTuple_CheckExact(value) && i < PyTuple_GET_SIZE(value); i++)
        if (!nb_immortal_is_harmless(PyTuple_GET_ITEM(value, i)))
            return false;
    return PyTuple_CheckExact(value);
}

/* One of Nuitka's functions, whose traverse does not show defaults. */
static bool nb_immortal_is_compiled(PyObject *object) {
    static const char *const names[] = {"__defaults__", "__kwdefaults__"};
    PyTypeObject *type = Py_TYPE(object);
    if (strcmp(type->tp_name, "compiled_function") != 0 || type->tp_new != NULL)
        return false; /* a class of that name in Python has a tp_new */
    bool good = type->tp_traverse(object, nb_immortal_visit_owned, NULL) == 0;
    for (size_t i = 0; good && i < sizeof names / sizeof *names; i++) {
        PyObject *value = PyObject_GetAttrString(object, names[i]);
        good = value != NULL && nb_immortal_is_harmless_part(value);
        Py_XDECREF(value);
        PyErr_Clear();
    }
    return good;
}

static bool nb_immortal_is_awaited(PyObject *object) {
    assert(Py_TYPE(object)->tp_weaklistoffset > 0);
    char *place = (char *)object + Py_TYPE(object)->tp_weaklistoffset;
    for (PyWeakReference *ref = *(PyWeakReference **)place; ref != NULL; ref = ref->wr_next)
        if (ref->wr_callback != NULL)
            return true;
    return false;
}

static bool nb_immortal_is_code(PyObject *object) {
    if (!PyFunction_Check(object))
        return nb_immortal_is_compiled(object) && !nb_immortal_is_awaited(object);
    const PyFunctionObject *function = (PyFunctionObject *)object;
    return function->func_closure == NULL && nb_immortal_is_harmless_part(function->func_dict) &&
           nb_immortal_is_harmless_part(function->func_defaults) &&
           nb_immortal_is_harmless_part(function->func_kwdefaults) &&
           !nb_immortal_is_awaited(object);
}

static bool nb_immortal_is_function(PyObject *object) {
    PyTypeObject *type = Py_TYPE(object);
    if (PyCFunction_CheckExact(object)) {
        PyObject *self = PyCFunction_GET_SELF(object);
        return self == NULL || PyModule_Check(self) || PyType_Check(self);
    }
    return type == &PyMethodDescr_Type || type == &PyWrapperDescr_Type ||
           type == &PyGetSetDescr_Type || type == &PyMemberDescr_Type ||
           type == &PyClassMethodDescr_Type || nb_immortal_is_code(object);
}

/* In sys.modules, under its name. */
static bool nb_immortal_is_module(PyObject *object) {
    if (!PyModule_Check(object))
        return false;
    PyObject *name = PyDict_GetItemString(PyModule_GetDict(object), "__name__"); /* borrowed */
    return name != NULL && PyDict_GetItem(PyImport_GetModuleDict(), name) == object;
}

static int nb_immortal_each(PyObject *object, void *unused) {
    (void)unused;
    bool lasting =
        PyType_Check(object) || nb_immortal_is_module(object) || nb_immortal_is_function(object);
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
