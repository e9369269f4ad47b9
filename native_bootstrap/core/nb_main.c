/* The program's main.
 *
 * bootstrap:       CPU check, heap, interpreter (configured here, from nothing on disk), importer
 * of the module archive, Nuitka's umbrella, then native_bootstrap.runtime.entry.main(argv[1:]).
 * NB_HOST_PYTHON:  the pack's python3.13: CPython's own command line on the same heap, loader and
 * modules.
 *
 * Order and environment are those of `python` where they can be seen: PYTHON* variables count
 * (except PYTHONHOME and PYTHON_FROZEN_MODULES, which cannot mean anything here), SystemExit and
 * uncaught exceptions end the process as they do there. What goes wrong before the interpreter runs
 * is one line on stderr and exit 1: then there is nobody to tell the Runtime API. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <marshal.h>

#include "nb_archive.h"
#include "nb_cpu.h"
#include "nb_dl.h"
#include "nb_heap.h"
#include "nb_snapshot.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

PyMODINIT_FUNC PyInit__nb_client(void);
PyMODINIT_FUNC PyInit__nb_archive(void);
PyMODINIT_FUNC PyInit__nb_json(void);
PyMODINIT_FUNC PyInit__nb_nuitka(void);
PyMODINIT_FUNC PyInit__nb_snapshot(void);

static int nb_main_add_modules(void) {
    static struct _inittab modules[] = {
        {"_nb_client", PyInit__nb_client},     {"_nb_archive", PyInit__nb_archive},
        {"_nb_json", PyInit__nb_json},         {"_nb_nuitka", PyInit__nb_nuitka},
        {"_nb_snapshot", PyInit__nb_snapshot}, {NULL, NULL},
    };
    return PyImport_ExtendInittab(modules);
}

/* The program's own file; `fallback` where there is no /proc. */
static const char *nb_main_executable(const char *fallback) {
    static char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n <= 0)
        return fallback;
    path[n] = '\0';
    return path;
}

#ifdef NB_HOST_PYTHON

static bool nb_main_is_program(const char *name) {
    if (strchr(name, '/') != NULL)
        return access(name, X_OK) == 0;
    for (const char *path = getenv("PATH"); path != NULL && *path != '\0';) {
        char file[PATH_MAX];
        size_t n = strcspn(path, ":");
        int length = snprintf(file, sizeof file, "%.*s/%s", (int)n, path, name);
        if (length > 0 && (size_t)length < sizeof file && access(file, X_OK) == 0)
            return true;
        path += n + (path[n] == ':');
    }
    return false;
}

int main(int argc, char **argv) {
    nb_cpu_check();
    nb_heap_init();
    nb_dl_set_program(nb_main_executable(argv[0]));
    /* Python finds its library from argv[0], and else under the prefix that it was configured
     * with, where a pack is not. exec may give any name: then the program's file stands in. */
    if (argc > 0 && !nb_main_is_program(argv[0]))
        argv[0] = (char *)nb_main_executable(argv[0]);
    nb_arena_install();
    if (nb_main_add_modules() < 0)
        return 1;
    return Py_BytesMain(argc, argv);
}

#else

#define NB_MAIN_PREFIX "/var/lang"
#define NB_MAIN_STDLIB "/var/lang/lib/python3.13"
#define NB_MAIN_IMPORTER "native_bootstrap.runtime.importer"
#define NB_MAIN_ENTRY "native_bootstrap.runtime.entry"
/* bootstrap --native-bootstrap-initialise PLAN SEED: the build's own call; the dump goes to fd 4.
 */
#define NB_MAIN_INITIALISE "--native-bootstrap-initialise"
#define NB_MAIN_DUMP_FD 4

extern PyObject *PyInit__nb_umbrella(void) __attribute__((weak));

static _Noreturn void nb_main_die(const char *what, const char *why) {
    fprintf(stderr, "native-bootstrap: cannot start: %s%s%s\n", what, why != NULL ? ": " : "",
            why != NULL ? why : "");
    exit(1);
}

static void nb_main_check(PyStatus status) {
    if (PyStatus_Exception(status))
        nb_main_die("the Python interpreter failed to initialise",
                    status.err_msg != NULL ? status.err_msg : "unknown reason");
}

/* ---- what the interpreter needs before an importer can run ---- */

static struct nb_archive archive;

/* A module's code as a row of a frozen table: the archive's bytes, or an inflated copy of them. */
static bool nb_main_find(const char *name, struct _frozen *module) {
    struct nb_archive_entry entry;
    int found = nb_archive_find(&archive, name, strlen(name), &entry, NULL);
    if (found != 1 || entry.code_length == 0 || entry.code_raw_length > INT_MAX)
        return false;
    *module = (struct _frozen){
        .name = name,
        .code = entry.code,
        .size = (int)entry.code_raw_length,
        .is_package = (entry.flags & NB_ARCHIVE_PACKAGE) != 0,
    };
    if ((entry.flags & NB_ARCHIVE_CODE_DEFLATED) == 0)
        return true;
    void *raw = malloc(entry.code_raw_length); /* for the life of the process */
    module->code = raw;
    return raw != NULL &&
           nb_archive_inflate(entry.code, entry.code_length, raw, entry.code_raw_length);
}

/* Py_InitializeFromConfig imports `warnings` at its end if there are options for it. */
static bool nb_main_has_warning_options(void) {
    const char *options = getenv("PYTHONWARNINGS"), *development = getenv("PYTHONDEVMODE");
    return (options != NULL && *options != '\0') || (development != NULL && *development != '\0');
}

/* The codecs that Py_InitializeFromConfig imports, and what the importer imports itself, as frozen
 * modules: there is nothing yet that could import them from the archive. */
static void nb_main_freeze(void) {
    static const char *const names[] = {"encodings",       "encodings.aliases", "encodings.utf_8",
                                        "encodings.ascii", "encodings.latin_1", "__future__",
                                        "warnings"};
    enum { COUNT = sizeof names / sizeof *names, NEEDED = 3 };
    static struct _frozen table[COUNT + 1]; /* ends with a null name */
    size_t count = nb_main_has_warning_options() ? COUNT : COUNT - 1, used = 0;
    for (size_t i = 0; i < count; i++) {
        if (nb_main_find(names[i], &table[used]))
            used++;
        else if (i < NEEDED)
            nb_main_die("the module archive lacks", names[i]);
    }
    table[used].name = NULL; /* a row that could not be filled may be left half done */
    PyImport_FrozenModules = table;
}

static void nb_main_add_path(PyConfig *config, const char *path, size_t n) {
    char *copy = strndup(path, n);
    wchar_t *wide = copy != NULL ? Py_DecodeLocale(copy, NULL) : NULL;
    if (wide == NULL)
        nb_main_die("no memory", NULL);
    nb_main_check(PyWideStringList_Append(&config->module_search_paths, wide));
    PyMem_RawFree(wide);
    free(copy);
}

static void nb_main_search_paths(PyConfig *config, const char *task_root) {
    static const char *const layers[] = {"/opt/python/lib/python3.13/site-packages", "/opt/python"};
    config->module_search_paths_set = 1;
    nb_main_add_path(config, task_root, strlen(task_root));
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
        nb_main_add_path(config, layers[i], strlen(layers[i]));
    const char *entry = getenv("PYTHONPATH");
    while (entry != NULL) {
        const char *colon = strchr(entry, ':');
        size_t n = colon != NULL ? (size_t)(colon - entry) : strlen(entry);
        if (n > 0)
            nb_main_add_path(config, entry, n);
        entry = colon != NULL ? colon + 1 : NULL;
    }
}

/* The encoding in PYTHONIOENCODING ("encoding[:errors]"): its length, 0 for none. */
static size_t nb_main_stdio_encoding(const char **encoding) {
    const char *value = getenv("PYTHONIOENCODING");
    if (encoding != NULL)
        *encoding = value;
    return value != NULL ? strcspn(value, ":") : 0;
}

static void nb_main_initialize(int argc, char **argv, const char *task_root) {
    PyPreConfig before;
    PyPreConfig_InitPythonConfig(&before);
    before.parse_argv = 0;
    before.coerce_c_locale = 0; /* it would change the environment; musl's locales are all UTF-8 */
    nb_main_check(Py_PreInitialize(&before));
    nb_arena_install();
    if (nb_snapshot_phase() == NB_SNAPSHOT_INITIALISING)
        nb_arena_keep_clear(true);

    PyConfig config;
    PyConfig_InitPythonConfig(&config);
    config.parse_argv = 0;
    config.site_import = 0;
    config.user_site_directory = 0;
    config.write_bytecode = 0;
    config.pathconfig_warnings = 0;
    /* Another codec than the frozen ones cannot be imported yet: nb_main_set_stdio_encoding(). */
    if (nb_main_stdio_encoding(NULL) > 0)
        nb_main_check(PyConfig_SetBytesString(&config, &config.stdio_encoding, "utf-8"));
    const char *executable = nb_main_executable(argv[0]);
    const struct {
        wchar_t **field;
        const char *value;
    } paths[] = {
        {&config.prefix, NB_MAIN_PREFIX},      {&config.exec_prefix, NB_MAIN_PREFIX},
        {&config.base_prefix, NB_MAIN_PREFIX}, {&config.base_exec_prefix, NB_MAIN_PREFIX},
        {&config.stdlib_dir, NB_MAIN_STDLIB},  {&config.program_name, executable},
        {&config.executable, executable},      {&config.base_executable, executable},
    };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        nb_main_check(PyConfig_SetBytesString(&config, paths[i].field, paths[i].value));
    nb_main_check(PyConfig_SetBytesArgv(&config, argc, argv));
    nb_main_search_paths(&config, task_root);
    nb_main_check(Py_InitializeFromConfig(&config));
    PyConfig_Clear(&config);
}

/* ---- Python code from here on ---- */

/* Runs the importer's module straight from its bytes: its packages are not importable before it is
 * there. */
static bool nb_main_install_importer(void) {
    struct _frozen importer;
    if (!nb_main_find(NB_MAIN_IMPORTER, &importer))
        nb_main_die("the module archive lacks", NB_MAIN_IMPORTER);
    PyObject *code = PyMarshal_ReadObjectFromString((const char *)importer.code, importer.size);
    PyObject *module = code != NULL ? PyImport_ExecCodeModule(NB_MAIN_IMPORTER, code) : NULL;
    PyObject *result = module != NULL ? PyObject_CallMethod(module, "install", NULL) : NULL;
    bool good = result != NULL;
    Py_XDECREF(code);
    Py_XDECREF(module);
    Py_XDECREF(result);
    return good;
}

static bool nb_main_import(const char *name) {
    PyObject *module = PyImport_ImportModule(name);
    Py_XDECREF(module);
    return module != NULL;
}

/* Gives the standard streams the encoding of PYTHONIOENCODING, now that codecs can be imported.
 * They already have its error handler. */
static bool nb_main_set_stdio_encoding(void) {
    static const char *const names[] = {"stdin", "stdout", "stderr"};
    const char *encoding;
    size_t n = nb_main_stdio_encoding(&encoding);
    bool good = true;
    for (size_t i = 0; n > 0 && good && i < sizeof names / sizeof *names; i++) {
        PyObject *stream = PySys_GetObject(names[i]); /* borrowed */
        if (stream == NULL || stream == Py_None)
            continue;
        PyObject *reconfigure = PyObject_GetAttrString(stream, "reconfigure");
        PyObject *errors = PyObject_GetAttrString(stream, "errors");
        PyObject *none = PyTuple_New(0);
        PyObject *options = errors != NULL ? Py_BuildValue("{s:s#,s:O}", "encoding", encoding,
                                                           (Py_ssize_t)n, "errors", errors)
                                           : NULL;
        PyObject *result = reconfigure != NULL && none != NULL && options != NULL
                               ? PyObject_Call(reconfigure, none, options)
                               : NULL;
        good = result != NULL;
        Py_XDECREF(reconfigure);
        Py_XDECREF(errors);
        Py_XDECREF(none);
        Py_XDECREF(options);
        Py_XDECREF(result);
    }
    return good;
}

/* entry.FUNCTION(argv[1:]); NULL with an exception set when that failed. */
static PyObject *nb_main_call_entry(const char *function, int argc, char **argv) {
    PyObject *entry = PyImport_ImportModule(NB_MAIN_ENTRY);
    PyObject *arguments = entry != NULL ? PyList_New(0) : NULL;
    for (int i = 1; arguments != NULL && i < argc; i++) {
        PyObject *argument = PyUnicode_DecodeFSDefault(argv[i]);
        if (argument == NULL || PyList_Append(arguments, argument) < 0)
            Py_CLEAR(arguments);
        Py_XDECREF(argument);
    }
    PyObject *result =
        arguments != NULL ? PyObject_CallMethod(entry, function, "O", arguments) : NULL;
    Py_XDECREF(entry);
    Py_XDECREF(arguments);
    return result;
}

/* The exit code for what main() returned or raised. SystemExit does not come back from
 * PyErr_Print(). */
static int nb_main_code(PyObject *result, bool *interrupted) {
    if (result != NULL && (result == Py_None || PyLong_Check(result))) {
        int code = result == Py_None ? 0 : (int)PyLong_AsLong(result);
        Py_DECREF(result);
        return code;
    }
    if (result != NULL) {
        PyErr_Format(PyExc_TypeError, "entry.main returned %R", result);
        Py_DECREF(result);
    }
    *interrupted = PyErr_ExceptionMatches(PyExc_KeyboardInterrupt);
    PyErr_Print();
    return 1;
}

/* Everything before the first line of Python that is not ours. */
static void nb_main_prepare(int argc, char **argv) {
    nb_cpu_check();
    nb_heap_init();
    signal(SIGPIPE, SIG_IGN);
    unsetenv("PYTHONHOME");
    unsetenv("PYTHON_FROZEN_MODULES"); /* "off" would take away what nb_main_freeze() provides */

    const char *error;
    if (nb_archive_linked(&archive, &error) < 0)
        nb_main_die(error, NULL);
    const char *set = getenv("LAMBDA_TASK_ROOT");
    char *task_root = strdup(set != NULL && *set != '\0' ? set : "/var/task");
    char *program = task_root != NULL ? malloc(strlen(task_root) + sizeof "/bootstrap") : NULL;
    if (program == NULL)
        nb_main_die("no memory", NULL);
    strcat(strcpy(program, task_root), "/bootstrap");
    nb_dl_set_program(program);

    nb_main_freeze();
    if (nb_main_add_modules() < 0 ||
        (PyInit__nb_umbrella != NULL &&
         PyImport_AppendInittab("_nb_umbrella", PyInit__nb_umbrella) < 0))
        nb_main_die("no memory", NULL);
    nb_main_initialize(argc, argv, task_root);
}

/* Importer, umbrella, entry module. False with an exception set. */
static bool nb_main_load(void) {
    PyGC_Disable(); /* what is made now stays: looking for garbage in it took 4 % of a start */
    bool ready = nb_main_install_importer() && nb_main_set_stdio_encoding() &&
                 (PyInit__nb_umbrella == NULL || nb_main_import("_nb_umbrella")) &&
                 nb_main_import(NB_MAIN_ENTRY);
    PyGC_Enable();
    return ready;
}

/* At build time: initialise, then dump what that made. */
static PyObject *nb_main_take_snapshot(char **argv) {
    PyObject *result = nb_main_call_entry("initialise", 2, argv + 1);
    int asked = result != NULL ? PyObject_IsTrue(result) : -1;
    Py_XDECREF(result);
    if (asked < 0)
        return NULL;
    return PyLong_FromLong(asked > 0 ? nb_snapshot_dump(NB_MAIN_DUMP_FD) : 0);
}

/* Before anything is allocated that becomes part of an image. */
static void nb_main_prepare_image(void) {
    nb_capability_baseline();
    nb_heap_keep_clear(true);
}

int main(int argc, char **argv) {
    bool interrupted = false;
    PyObject *result = NULL;
    if (nb_snapshot_phase() == NB_SNAPSHOT_RESTORED) {
        nb_snapshot_resume();
        result = nb_main_call_entry("resume", argc, argv);
    } else {
        bool initialise = nb_snapshot_phase() == NB_SNAPSHOT_INITIALISING;
        if (initialise)
            nb_main_prepare_image();
        nb_main_prepare(initialise ? 1 : argc, argv);
        if (nb_main_load())
            result =
                initialise ? nb_main_take_snapshot(argv) : nb_main_call_entry("main", argc, argv);
    }
    int code = nb_main_code(result, &interrupted);
    if (Py_FinalizeEx() < 0)
        code = 120;    /* as in Py_RunMain: output could not be flushed */
    if (interrupted) { /* as in Py_RunMain: the parent must see that a signal ended this process */
        signal(SIGINT, SIG_DFL);
        kill(getpid(), SIGINT);
    }
    return code;
}

#endif
