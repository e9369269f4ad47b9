/* The builtin module `_nb_client`: nb_client.h for Python.
 *
 *   connect(api, user_agent) -> Connection         api: AWS_LAMBDA_RUNTIME_API,
 * "host:port[/prefix]" Connection.request(method, path, headers, body, /) -> (status, {lower-case
 * name: value}, body) Connection.close() TransportError(OSError)
 *
 * The GIL is released while the request waits. A signal that arrives meanwhile runs its Python
 * handler; an exception from it abandons the request. Header values are UTF-8 where they are valid
 * UTF-8 (the reference client reads them so), else Latin-1. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "nb_client.h"
#include "nb_heap.h"

#include <errno.h>

/* Absent where this module is built as an ordinary extension for tests. */
#pragma weak nb_heap_release

/* What the Runtime API sends with every event: made once, so that a header costs one decoded value.
 */
static const char *const nb_common_names[] = {
    "date",
    "content-type",
    "content-length",
    "lambda-runtime-aws-request-id",
    "lambda-runtime-deadline-ms",
    "lambda-runtime-invoked-function-arn",
    "lambda-runtime-trace-id",
    "lambda-runtime-invocation-id",
    "lambda-runtime-client-context",
    "lambda-runtime-cognito-identity",
    "lambda-runtime-aws-tenant-id",
    "connection",
    "server",
    "transfer-encoding",
};
#define NB_COMMON_COUNT (sizeof nb_common_names / sizeof *nb_common_names)

struct nb_common {
    PyObject *name;
    size_t length;
};

struct nb_client_state {
    PyObject *transport_error;
    PyTypeObject *connection_type;
    struct nb_common common[NB_COMMON_COUNT];
};

typedef struct {
    PyObject_HEAD struct nb_client client;
    PyThreadState *waiting; /* the thread inside request(), while it has given up the GIL */
    bool busy, open;
} nb_connection;

static struct nb_client_state *nb_state_of(PyTypeObject *type) {
    return PyType_GetModuleState(type);
}

/* ---- errors ---- */

static PyObject *nb_raise(nb_connection *self, int result) {
    if (PyErr_Occurred()) /* a signal handler's exception */
        return NULL;
    if (result == NB_CLIENT_E_MEMORY)
        return PyErr_NoMemory();
    PyObject *type = nb_state_of(Py_TYPE(self))->transport_error;
    PyObject *value = self->client.error_number != 0
                          ? Py_BuildValue("is", self->client.error_number, self->client.error)
                          : Py_BuildValue("(s)", self->client.error);
    if (value != NULL) {
        PyErr_SetObject(type, value);
        Py_DECREF(value);
    }
    return NULL;
}

/* nb_client's callback for EINTR: runs without the GIL. */
static int nb_interrupted(void *context) {
    nb_connection *self = context;
    PyEval_RestoreThread(self->waiting);
    int raised = PyErr_CheckSignals();
    self->waiting = PyEval_SaveThread();
    return raised;
}

static void nb_idle(void) {
    if (nb_heap_release != NULL)
        nb_heap_release();
}

/* ---- the request ---- */

static bool nb_has_control(const char *s, Py_ssize_t n) {
    for (Py_ssize_t i = 0; i < n; i++)
        if (s[i] == '\0' || s[i] == '\r' || s[i] == '\n')
            return true;
    return false;
}

/* The UTF-8 form of a str that may stand in a request's head; NULL with an exception set otherwise.
 */
static const char *nb_text(PyObject *object, Py_ssize_t *n, const char *what) {
    const char *text = PyUnicode_AsUTF8AndSize(object, n);
    if (text != NULL && nb_has_control(text, *n)) {
        PyErr_Format(PyExc_ValueError, "%s contains a line break or NUL: %R", what, object);
        return NULL;
    }
    return text;
}

static bool nb_add_headers(struct nb_client *client, PyObject *headers) {
    PyObject *list = PySequence_Fast(headers, "headers must be a sequence of (name, value) pairs");
    if (list == NULL)
        return false;
    bool good = true;
    for (Py_ssize_t i = 0; good && i < PySequence_Fast_GET_SIZE(list); i++) {
        PyObject *pair = PySequence_Fast_GET_ITEM(list, i);
        Py_ssize_t name_n, value_n;
        const char *name = NULL, *value = NULL;
        if (!PyTuple_Check(pair) || PyTuple_GET_SIZE(pair) != 2)
            PyErr_SetString(PyExc_TypeError, "each header must be a (name, value) tuple");
        else if ((name = nb_text(PyTuple_GET_ITEM(pair, 0), &name_n, "header name")) != NULL)
            value = nb_text(PyTuple_GET_ITEM(pair, 1), &value_n, "header value");
        good = value != NULL;
        if (good)
            nb_client_header(client, name, (size_t)name_n, value, (size_t)value_n);
    }
    Py_DECREF(list);
    return good;
}

/* ---- the answer ---- */

/* A header's name in lower case: a shared object for the usual ones. */
static PyObject *nb_header_name(struct nb_client_state *state, const char *s, size_t n) {
    char lower[128];
    if (n > sizeof lower) {
        PyObject *name = PyUnicode_DecodeLatin1(s, (Py_ssize_t)n, NULL);
        PyObject *lowered = name != NULL ? PyObject_CallMethod(name, "lower", NULL) : NULL;
        Py_XDECREF(name);
        return lowered;
    }
    for (size_t i = 0; i < n; i++)
        lower[i] = s[i] >= 'A' && s[i] <= 'Z' ? (char)(s[i] | 0x20) : s[i];
    for (size_t i = 0; i < NB_COMMON_COUNT; i++)
        if (state->common[i].length == n && memcmp(nb_common_names[i], lower, n) == 0)
            return Py_NewRef(state->common[i].name);
    return PyUnicode_DecodeASCII(lower, (Py_ssize_t)n, NULL); /* token characters only */
}

static PyObject *nb_header_value(const char *s, size_t n) {
    PyObject *value = PyUnicode_DecodeUTF8(s, (Py_ssize_t)n, NULL);
    if (value == NULL && PyErr_ExceptionMatches(PyExc_UnicodeDecodeError)) {
        PyErr_Clear();
        value = PyUnicode_DecodeLatin1(s, (Py_ssize_t)n, NULL);
    }
    return value;
}

static PyObject *nb_headers(nb_connection *self) {
    struct nb_client_state *state = nb_state_of(Py_TYPE(self));
    const struct nb_http *http = &self->client.http;
    const char *data = self->client.input.data;
    PyObject *headers = PyDict_New();
    for (uint32_t i = 0; headers != NULL && i < http->header_count; i++) {
        const struct nb_http_header *h = &http->headers[i];
        PyObject *name = nb_header_name(state, data + h->name, h->name_length);
        PyObject *value = name != NULL ? nb_header_value(data + h->value, h->value_length) : NULL;
        if (value == NULL || PyDict_SetItem(headers, name, value) < 0)
            Py_CLEAR(headers);
        Py_XDECREF(name);
        Py_XDECREF(value);
    }
    return headers;
}

static PyObject *nb_body(nb_connection *self) {
    struct nb_client *client = &self->client;
    const char *data = NULL;
    size_t size;
    PyObject *body = NULL;
    bool known = nb_client_body_size(client, &size);
    if (known && (body = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)size)) == NULL)
        return NULL;
    int result;
    if (known && size <= client->input.used - client->input_taken) { /* it came with its head */
        result = nb_client_read(client, PyBytes_AS_STRING(body));
    } else {
        self->waiting = PyEval_SaveThread();
        result = known ? nb_client_read(client, PyBytes_AS_STRING(body))
                       : nb_client_collect(client, &data, &size);
        PyEval_RestoreThread(self->waiting);
    }
    if (result != 0) {
        Py_XDECREF(body);
        return nb_raise(self, result);
    }
    return known ? body : PyBytes_FromStringAndSize(data, (Py_ssize_t)size);
}

/* Sends what has been prepared in self->client.head. */
static PyObject *nb_exchange(nb_connection *self, const char *data, size_t size, bool long_wait) {
    self->waiting = PyEval_SaveThread();
    int result = nb_client_send(&self->client, data, size, long_wait);
    PyEval_RestoreThread(self->waiting);
    if (result != 0)
        return nb_raise(self, result);
    int status = self->client.http.status;
    PyObject *headers = nb_headers(self);
    PyObject *body = headers != NULL ? nb_body(self) : NULL;
    if (body == NULL) {
        nb_client_close(&self->client); /* the rest of the answer is still on its way */
        Py_XDECREF(headers);
        return NULL;
    }
    nb_client_finish(&self->client);
    return Py_BuildValue("iNN", status, headers, body);
}

PyDoc_STRVAR(nb_request_doc,
             "request($self, method, path, headers, body, /)\n--\n\n"
             "One request and its answer: (status, headers by lower-case name, body).\n\n"
             "headers: a sequence of (name, value) pairs; body: bytes, or None for no body.\n"
             "Raises TransportError when there is no answer.");

static PyObject *nb_request(nb_connection *self, PyObject *const *args) {
    Py_buffer body = {0};
    Py_ssize_t method_n, path_n;
    const char *method = nb_text(args[0], &method_n, "method");
    const char *path = method != NULL ? nb_text(args[1], &path_n, "path") : NULL;
    if (path == NULL)
        return NULL;
    nb_client_start(&self->client, method, path, (size_t)path_n);
    if (!nb_add_headers(&self->client, args[2]))
        return NULL;
    if (args[3] != Py_None && PyObject_GetBuffer(args[3], &body, PyBUF_SIMPLE) < 0)
        return NULL;
    /* An empty bytes object still has an address: it sends "Content-Length: 0", None sends no such
     * field. */
    const char *data = args[3] == Py_None ? NULL : body.buf != NULL ? body.buf : "";
    PyObject *answer =
        nb_exchange(self, data, data != NULL ? (size_t)body.len : 0, strcmp(method, "GET") == 0);
    if (body.obj != NULL)
        PyBuffer_Release(&body);
    return answer;
}

static PyObject *nb_connection_request(PyObject *object, PyObject *const *args, Py_ssize_t nargs) {
    nb_connection *self = (nb_connection *)object;
    if (nargs != 4)
        return PyErr_Format(PyExc_TypeError, "request() takes 4 arguments, not %zd", nargs);
    if (self->busy) {
        PyErr_SetString(PyExc_RuntimeError, "this connection is busy with another request");
        return NULL;
    }
    self->busy = true; /* already while the arguments are read: that may run Python code */
    PyObject *answer = nb_request(self, args);
    self->busy = false;
    return answer;
}

PyDoc_STRVAR(nb_close_doc,
             "close($self, /)\n--\n\nCloses the socket; a later request opens another.");

static PyObject *nb_connection_close(PyObject *object, PyObject *unused) {
    (void)unused;
    nb_connection *self = (nb_connection *)object;
    if (self->busy) {
        PyErr_SetString(PyExc_RuntimeError, "this connection is busy with another request");
        return NULL;
    }
    nb_client_close(&self->client);
    Py_RETURN_NONE;
}

static void nb_connection_dealloc(PyObject *object) {
    nb_connection *self = (nb_connection *)object;
    PyTypeObject *type = Py_TYPE(object);
    if (self->open)
        nb_client_free(&self->client);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyMethodDef nb_connection_methods[] = {
    {"request", (PyCFunction)(void (*)(void))nb_connection_request, METH_FASTCALL, nb_request_doc},
    {"close", nb_connection_close, METH_NOARGS, nb_close_doc},
    {NULL, NULL, 0, NULL},
};

PyDoc_STRVAR(nb_connection_doc,
             "One keep-alive connection to the Lambda Runtime API; see connect().");

static PyType_Slot nb_connection_slots[] = {
    {Py_tp_doc, (void *)nb_connection_doc},
    {Py_tp_dealloc, nb_connection_dealloc},
    {Py_tp_methods, nb_connection_methods},
    {0, NULL},
};

static PyType_Spec nb_connection_spec = {
    .name = "_nb_client.Connection",
    .basicsize = sizeof(nb_connection),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = nb_connection_slots,
};

/* ---- the module ---- */

PyDoc_STRVAR(
    nb_connect_doc,
    "connect($module, api, user_agent, /)\n--\n\n"
    "A Connection to the Runtime API at host:port[/prefix]; connects at the first request.");

static PyObject *nb_connect(PyObject *module, PyObject *args) {
    struct nb_client_state *state = PyModule_GetState(module);
    const char *api, *user_agent;
    if (!PyArg_ParseTuple(args, "ss:connect", &api, &user_agent))
        return NULL;
    if (nb_has_control(api, (Py_ssize_t)strlen(api)) ||
        nb_has_control(user_agent, (Py_ssize_t)strlen(user_agent))) {
        PyErr_SetString(PyExc_ValueError, "address or user agent contains a line break");
        return NULL;
    }
    nb_connection *self =
        (nb_connection *)state->connection_type->tp_alloc(state->connection_type, 0);
    if (self == NULL)
        return NULL;
    int result = nb_client_init(&self->client, api, user_agent);
    self->open = true;
    self->client.interrupted = nb_interrupted;
    self->client.idle = nb_idle;
    self->client.context = self;
    if (result != 0) {
        nb_raise(self, result);
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static int nb_client_exec(PyObject *module) {
    struct nb_client_state *state = PyModule_GetState(module);
    state->transport_error = PyErr_NewExceptionWithDoc(
        "_nb_client.TransportError",
        "The Runtime API could not be reached, or gave no valid answer.", PyExc_OSError, NULL);
    if (state->transport_error == NULL ||
        PyModule_AddObjectRef(module, "TransportError", state->transport_error) < 0)
        return -1;
    state->connection_type =
        (PyTypeObject *)PyType_FromModuleAndSpec(module, &nb_connection_spec, NULL);
    if (state->connection_type == NULL || PyModule_AddType(module, state->connection_type) < 0)
        return -1;
    for (size_t i = 0; i < NB_COMMON_COUNT; i++) {
        state->common[i].length = strlen(nb_common_names[i]);
        state->common[i].name = PyUnicode_InternFromString(nb_common_names[i]);
        if (state->common[i].name == NULL)
            return -1;
    }
    return 0;
}

static int nb_client_traverse(PyObject *module, visitproc visit, void *arg) {
    struct nb_client_state *state = PyModule_GetState(module);
    Py_VISIT(state->transport_error);
    Py_VISIT(state->connection_type);
    return 0;
}

static int nb_client_clear(PyObject *module) {
    struct nb_client_state *state = PyModule_GetState(module);
    Py_CLEAR(state->transport_error);
    Py_CLEAR(state->connection_type);
    for (size_t i = 0; i < NB_COMMON_COUNT; i++)
        Py_CLEAR(state->common[i].name);
    return 0;
}

static void nb_client_dispose(void *module) {
    nb_client_clear(module);
}

static PyMethodDef nb_client_functions[] = {
    {"connect", nb_connect, METH_VARARGS, nb_connect_doc},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot nb_client_slots[] = {
    {Py_mod_exec, nb_client_exec},
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
    {0, NULL},
};

static struct PyModuleDef nb_client_module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_nb_client",
    .m_doc = "The C client of the Lambda Runtime API.",
    .m_size = sizeof(struct nb_client_state),
    .m_methods = nb_client_functions,
    .m_slots = nb_client_slots,
    .m_traverse = nb_client_traverse,
    .m_clear = nb_client_clear,
    .m_free = nb_client_dispose,
};

PyMODINIT_FUNC PyInit__nb_client(void) {
    return PyModuleDef_Init(&nb_client_module);
}
