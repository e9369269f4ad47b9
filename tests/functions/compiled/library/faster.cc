#include <Python.h>
#include <algorithm>
#include <cassert>
#include <stdexcept>
#include <string>
#include <vector>

static PyObject *ordered(PyObject *, PyObject *list) {
    std::vector<std::string> words;
    for (Py_ssize_t i = 0; i < PySequence_Size(list); i++) {
        PyObject *item = PySequence_GetItem(list, i);
        words.emplace_back(PyUnicode_AsUTF8(item));
        Py_DECREF(item);
    }
    std::sort(words.begin(), words.end());
    std::string all;
    for (const auto &word : words)
        all += word + " ";
    assert(!all.empty());
    return PyUnicode_FromString(all.c_str());
}

static PyObject *caught(PyObject *, PyObject *) {
    try {
        return PyLong_FromLong(std::stoi("no number"));
    } catch (const std::invalid_argument &error) {
        return PyUnicode_FromString(error.what());
    }
}

static PyMethodDef methods[] = {{"ordered", ordered, METH_O, nullptr},
                                {"caught", caught, METH_NOARGS, nullptr},
                                {nullptr, nullptr, 0, nullptr}};
static PyModuleDef module = {PyModuleDef_HEAD_INIT, "faster", nullptr, -1, methods};

PyMODINIT_FUNC PyInit_faster() {
    return PyModule_Create(&module);
}
