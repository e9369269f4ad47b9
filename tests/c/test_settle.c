/* What a dump does to the heap, done to a process that goes on: nb_immortal_make(),
 * nb_arena_settle() and nb_heap_clear_free() under a whole interpreter, which then runs settled.py
 * to its very end. Linked with the pack's Python and the core; the standard library is the pack's.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "check.h"
#include "nb_heap.h"
#include "nb_snapshot.h"

#include <libgen.h>
#include <string.h>

static int ended; /* calls of _settle.ended() */

static PyObject *test_settle(PyObject *module, PyObject *unused) {
    (void)module, (void)unused;
    nb_immortal_make();
    nb_arena_settle();
    nb_heap_clear_free();
    Py_RETURN_NONE;
}

static PyObject *test_is_immortal(PyObject *module, PyObject *object) {
    (void)module;
    return PyBool_FromLong(_Py_IsImmortal(object));
}

static PyObject *test_used(PyObject *module, PyObject *unused) {
    (void)module, (void)unused;
    const struct nb_heap *heap = nb_heap_state();
    return PyLong_FromSize_t((size_t)(heap->top - heap->base));
}

static PyObject *test_count(PyObject *module, PyObject *needle) {
    (void)module;
    const struct nb_heap *heap = nb_heap_state();
    size_t found = 0;
    for (char *at = heap->base; (at = memmem(at, (size_t)(heap->top - at), PyBytes_AsString(needle),
                                             (size_t)PyBytes_Size(needle))) != NULL;
         at++)
        found++;
    return PyLong_FromSize_t(found);
}

static PyObject *test_ended(PyObject *module, PyObject *unused) {
    (void)module, (void)unused;
    ended++;
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"settle", test_settle, METH_NOARGS, "As before a dump."},
    {"is_immortal", test_is_immortal, METH_O, "Has it no reference count?"},
    {"used", test_used, METH_NOARGS, "Bytes of the heap up to its top."},
    {"count", test_count, METH_O, "How often these bytes stand in the heap."},
    {"ended", test_ended, METH_NOARGS, "Called by a finaliser at the very end."},
    {NULL, NULL, 0, NULL},
};
static struct PyModuleDef definition = {
    .m_base = PyModuleDef_HEAD_INIT, .m_name = "_settle", .m_methods = methods};

static PyObject *test_init(void) {
    return PyModuleDef_Init(&definition);
}

int main(int argc, char **argv) {
    static char here[] = __FILE__;
    char script[4096];
    snprintf(script, sizeof script, "%s/settled.py", dirname(here));
    char *arguments[] = {argv[0], script};
    (void)argc;
    CHECK(PyImport_AppendInittab("_settle", test_init) == 0);
    PyStatus status;
    PyConfig config;
    PyConfig_InitPythonConfig(&config);
    PyPreConfig before;
    PyPreConfig_InitPythonConfig(&before);
    CHECK(!PyStatus_Exception(Py_PreInitialize(&before)));
    nb_heap_init();
    nb_arena_install();
    config.site_import = 0;
    status = PyConfig_SetBytesArgv(&config, 2, arguments);
    CHECK(!PyStatus_Exception(status));
    CHECK(!PyStatus_Exception(PyConfig_SetBytesString(&config, &config.home, NB_TEST_PACK)));
    CHECK(!PyStatus_Exception(Py_InitializeFromConfig(&config)));
    PyConfig_Clear(&config);
    int code = Py_RunMain();
    CHECK(code == 0);
    CHECK(ended == 1);
    printf("settle: a settled interpreter ran to its end\n");
    return 0;
}
