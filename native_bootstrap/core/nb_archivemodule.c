/* The builtin module `_nb_archive`: nb_archive.h for the importer.
 *
 *   find(name) -> Entry | None          Entry: name, is_package, is_namespace, path, flags
 *   get_code(name) -> code              ImportError when the archive holds no code of that name
 *   get_source(name) -> bytes | None
 *   children(package) -> [(name, is_package)]      direct ones; "" is the top level
 *   names() -> [str]
 *   default_handler() -> str            the handler this program was built for, "" in the pack's
 * python info(key) -> str | None             "@key" entries
 *
 * The archive is what lies between nb_archive_begin and nb_archive_end; a program without one (the
 * pack's python, an ordinary extension in a test) has an empty archive. open(bytes) is for such a
 * program: it sets an archive to read. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <marshal.h>
#include <string.h>

#include "nb_archive.h"

struct nb_archive_state {
    PyTypeObject *entry_type;
};

/* One archive per process, like the program that holds it; `owner` keeps the bytes that open() was
 * given. */
static struct nb_archive nb_archive;
static PyObject *nb_archive_owner;

static PyObject *nb_damaged(const char *what) {
    return PyErr_Format(PyExc_ImportError, "the module archive is damaged (%s)", what);
}

/* 1 found, 0 not there, -1 an exception is set. */
static int nb_look_up(PyObject *name, struct nb_archive_entry *entry) {
    Py_ssize_t n;
    const char *text = PyUnicode_AsUTF8AndSize(name, &n);
    if (text == NULL) { /* lone surrogates: no module is named so */
        if (!PyErr_ExceptionMatches(PyExc_UnicodeEncodeError))
            return -1;
        PyErr_Clear();
        return 0;
    }
    int found = nb_archive_find(&nb_archive, text, (size_t)n, entry, NULL);
    if (found < 0)
        nb_damaged(text);
    return found;
}

static PyObject *nb_string(const char *s, uint32_t n) {
    return PyUnicode_DecodeUTF8(s, (Py_ssize_t)n, NULL);
}

/* ---- find ---- */

static PyStructSequence_Field nb_entry_fields[] = {
    {"name", "full module name"},
    {"is_package", "has submodules"},
    {"is_namespace", "a package without code of its own"},
    {"path", "absolute, or relative to the task root"},
    {"flags", "as in the archive"},
    {NULL, NULL},
};

static PyStructSequence_Desc nb_entry_desc = {"_nb_archive.Entry", "A module in the archive.",
                                              nb_entry_fields, 5};

static PyObject *nb_find(PyObject *module, PyObject *name) {
    struct nb_archive_state *state = PyModule_GetState(module);
    struct nb_archive_entry entry;
    int found = nb_look_up(name, &entry);
    if (found <= 0 || (entry.flags & NB_ARCHIVE_INFO) != 0)
        return found < 0 ? NULL : Py_NewRef(Py_None);
    PyObject *result = PyStructSequence_New(state->entry_type);
    if (result == NULL)
        return NULL;
    PyObject *path = nb_string(entry.path, entry.path_length);
    PyStructSequence_SetItem(result, 0, Py_NewRef(name));
    PyStructSequence_SetItem(result, 1, PyBool_FromLong((entry.flags & NB_ARCHIVE_PACKAGE) != 0));
    PyStructSequence_SetItem(result, 2, PyBool_FromLong((entry.flags & NB_ARCHIVE_NAMESPACE) != 0));
    PyStructSequence_SetItem(result, 3, path);
    PyStructSequence_SetItem(result, 4, PyLong_FromUnsignedLong(entry.flags));
    if (PyErr_Occurred())
        Py_CLEAR(result);
    return result;
}

/* ---- code and source ---- */

static PyObject *nb_code_of(const struct nb_archive_entry *entry, PyObject *name) {
    if ((entry->flags & NB_ARCHIVE_CODE_DEFLATED) == 0)
        return PyMarshal_ReadObjectFromString((const char *)entry->code,
                                              (Py_ssize_t)entry->code_length);
    void *raw = PyMem_RawMalloc(entry->code_raw_length);
    if (raw == NULL)
        return PyErr_NoMemory();
    PyObject *code = NULL;
    if (nb_archive_inflate(entry->code, entry->code_length, raw, entry->code_raw_length))
        code = PyMarshal_ReadObjectFromString(raw, (Py_ssize_t)entry->code_raw_length);
    else
        PyErr_Format(PyExc_ImportError, "the module archive is damaged (code of %U)", name);
    PyMem_RawFree(raw);
    return code;
}

static PyObject *nb_get_code(PyObject *module, PyObject *name) {
    (void)module;
    struct nb_archive_entry entry;
    int found = nb_look_up(name, &entry);
    if (found < 0)
        return NULL;
    if (found == 0 || entry.code_length == 0 || (entry.flags & NB_ARCHIVE_INFO) != 0) {
        PyObject *message = PyUnicode_FromFormat("no code for %R in the module archive", name);
        if (message != NULL)
            PyErr_SetImportError(message, name, NULL);
        Py_XDECREF(message);
        return NULL;
    }
    PyObject *code = nb_code_of(&entry, name);
    if (code == NULL || PyCode_Check(code))
        return code;
    Py_DECREF(code);
    return PyErr_Format(PyExc_ImportError,
                        "the module archive is damaged (%U is not a code object)", name);
}

static PyObject *nb_get_source(PyObject *module, PyObject *name) {
    (void)module;
    struct nb_archive_entry entry;
    int found = nb_look_up(name, &entry);
    if (found < 0)
        return NULL;
    if (found == 0 || entry.source == NULL)
        Py_RETURN_NONE;
    if ((entry.flags & NB_ARCHIVE_SOURCE_DEFLATED) == 0)
        return PyBytes_FromStringAndSize((const char *)entry.source,
                                         (Py_ssize_t)entry.source_length);
    PyObject *source = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)entry.source_raw_length);
    if (source != NULL && !nb_archive_inflate(entry.source, entry.source_length,
                                              PyBytes_AS_STRING(source), entry.source_raw_length)) {
        Py_DECREF(source);
        return PyErr_Format(PyExc_ImportError, "the module archive is damaged (source of %U)",
                            name);
    }
    return source;
}

/* ---- listing ---- */

/* Is `name` a direct child of the package whose prefix (with its dot, or empty) has `n` bytes? */
static bool nb_is_child(const struct nb_archive_entry *entry, size_t n) {
    return (entry->flags & NB_ARCHIVE_INFO) == 0 && entry->name_length > n &&
           memchr(entry->name + n, '.', entry->name_length - n) == NULL;
}

static int nb_append_new(PyObject *list, PyObject *item) {
    int result = item != NULL ? PyList_Append(list, item) : -1;
    Py_XDECREF(item);
    return result;
}

static bool nb_is_text(PyObject *object) {
    if (!PyUnicode_Check(object))
        PyErr_Format(PyExc_TypeError, "a str is needed, not %.100s", Py_TYPE(object)->tp_name);
    return PyUnicode_Check(object);
}

static PyObject *nb_children(PyObject *module, PyObject *package) {
    (void)module;
    if (!nb_is_text(package))
        return NULL;
    const struct nb_archive *a = &nb_archive;
    PyObject *dotted = PyUnicode_GetLength(package) == 0 ? Py_NewRef(package)
                                                         : PyUnicode_FromFormat("%U.", package);
    Py_ssize_t n = 0;
    const char *prefix = dotted != NULL ? PyUnicode_AsUTF8AndSize(dotted, &n) : NULL;
    PyObject *list = prefix != NULL ? PyList_New(0) : NULL;
    struct nb_archive_entry entry;
    for (uint32_t i = list != NULL ? nb_archive_lower(a, prefix, (size_t)n) : 0;
         list != NULL && i < a->count; i++) {
        if (!nb_archive_get(a, i, &entry)) {
            nb_damaged("index");
            Py_CLEAR(list);
        } else if (entry.name_length < (size_t)n || memcmp(entry.name, prefix, (size_t)n) != 0) {
            break;
        } else if (nb_is_child(&entry, (size_t)n)) {
            PyObject *name = nb_string(entry.name + n, entry.name_length - (uint32_t)n);
            PyObject *is_package = PyBool_FromLong((entry.flags & NB_ARCHIVE_PACKAGE) != 0);
            if (nb_append_new(list, name != NULL ? Py_BuildValue("NN", name, is_package) : NULL) <
                0)
                Py_CLEAR(list);
        }
    }
    Py_XDECREF(dotted);
    return list;
}

static PyObject *nb_names(PyObject *module, PyObject *unused) {
    (void)module;
    (void)unused;
    const struct nb_archive *a = &nb_archive;
    PyObject *list = PyList_New(0);
    struct nb_archive_entry entry;
    for (uint32_t i = 0; list != NULL && i < a->count; i++) {
        if (!nb_archive_get(a, i, &entry)) {
            nb_damaged("index");
            Py_CLEAR(list);
        } else if ((entry.flags & NB_ARCHIVE_INFO) == 0 &&
                   nb_append_new(list, nb_string(entry.name, entry.name_length)) < 0) {
            Py_CLEAR(list);
        }
    }
    return list;
}

/* ---- build information ---- */

static PyObject *nb_info_text(const char *name, size_t n) {
    struct nb_archive_entry entry;
    int found = nb_archive_find(&nb_archive, name, n, &entry, NULL);
    if (found < 0)
        return nb_damaged(name);
    if (found == 0 || (entry.flags & NB_ARCHIVE_INFO) == 0)
        Py_RETURN_NONE;
    return nb_string((const char *)entry.code, entry.code_length);
}

static PyObject *nb_info(PyObject *module, PyObject *key) {
    (void)module;
    if (!nb_is_text(key))
        return NULL;
    PyObject *name = PyUnicode_FromFormat("@%U", key);
    Py_ssize_t n;
    const char *text = name != NULL ? PyUnicode_AsUTF8AndSize(name, &n) : NULL;
    PyObject *result = text != NULL ? nb_info_text(text, (size_t)n) : NULL;
    Py_XDECREF(name);
    return result;
}

static PyObject *nb_default_handler(PyObject *module, PyObject *unused) {
    (void)module;
    (void)unused;
    PyObject *handler = nb_info_text("@handler", 8);
    if (handler == Py_None)
        Py_SETREF(handler, PyUnicode_FromString(""));
    return handler;
}

/* ---- the module ---- */

static PyObject *nb_open(PyObject *module, PyObject *bytes) {
    (void)module;
    char *data;
    Py_ssize_t n;
    const char *error;
    struct nb_archive archive;
    if (PyBytes_AsStringAndSize(bytes, &data, &n) < 0)
        return NULL;
    if (nb_archive_open(&archive, data, (size_t)n, &error) < 0)
        return PyErr_Format(PyExc_ImportError, "%s", error);
    nb_archive = archive;
    Py_XSETREF(nb_archive_owner, Py_NewRef(bytes));
    Py_RETURN_NONE;
}

static int nb_archive_exec(PyObject *module) {
    struct nb_archive_state *state = PyModule_GetState(module);
    const char *error;
    if (nb_archive.begin == NULL && nb_archive_linked(&nb_archive, &error) < 0)
        nb_archive = (struct nb_archive){0};
    state->entry_type = PyStructSequence_NewType(&nb_entry_desc);
    if (state->entry_type == NULL)
        return -1;
    return PyModule_AddObjectRef(module, "Entry", (PyObject *)state->entry_type);
}

static int nb_archive_traverse(PyObject *module, visitproc visit, void *arg) {
    struct nb_archive_state *state = PyModule_GetState(module);
    Py_VISIT(state->entry_type);
    return 0;
}

static int nb_archive_clear(PyObject *module) {
    struct nb_archive_state *state = PyModule_GetState(module);
    Py_CLEAR(state->entry_type);
    return 0;
}

static PyMethodDef nb_archive_functions[] = {
    {"find", nb_find, METH_O, "find($module, name, /)\n--\n\nThe module's Entry, or None."},
    {"get_code", nb_get_code, METH_O,
     "get_code($module, name, /)\n--\n\nThe module's code object."},
    {"get_source", nb_get_source, METH_O,
     "get_source($module, name, /)\n--\n\nIts source, or None."},
    {"children", nb_children, METH_O,
     "children($module, package, /)\n--\n\n(name, is_package) of each direct child; \"\": top "
     "level."},
    {"names", nb_names, METH_NOARGS, "names($module, /)\n--\n\nAll module names, sorted."},
    {"default_handler", nb_default_handler, METH_NOARGS,
     "default_handler($module, /)\n--\n\nThe handler this program was built for, or \"\"."},
    {"info", nb_info, METH_O, "info($module, key, /)\n--\n\nA build information string, or None."},
    {"open", nb_open, METH_O,
     "open($module, data, /)\n--\n\nReads this archive from now on (tests)."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot nb_archive_slots[] = {
    {Py_mod_exec, nb_archive_exec},
    {0, NULL},
};

static struct PyModuleDef nb_archive_module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_nb_archive",
    .m_doc = "The module archive linked into this program.",
    .m_size = sizeof(struct nb_archive_state),
    .m_methods = nb_archive_functions,
    .m_slots = nb_archive_slots,
    .m_traverse = nb_archive_traverse,
    .m_clear = nb_archive_clear,
};

PyMODINIT_FUNC PyInit__nb_archive(void) {
    return PyModuleDef_Init(&nb_archive_module);
}
