#include <of_the_system/library.h>
#include <Python.h>
