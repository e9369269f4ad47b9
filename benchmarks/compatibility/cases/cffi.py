"""Calls the C library in ABI mode, and back into Python."""

import cffi

EXPECTED = [5, [1, 2, 3], 42]


def use():
    ffi = cffi.FFI()
    ffi.cdef(
        "size_t strlen(const char *); void qsort(void *, size_t, size_t,"
        " int (*)(const void *, const void *)); struct point { int x, y; };"
    )
    libc = ffi.dlopen(None)

    @ffi.callback("int(const void *, const void *)")
    def compare(a, b):
        return ffi.cast("int *", a)[0] - ffi.cast("int *", b)[0]

    numbers = ffi.new("int[]", [3, 1, 2])
    libc.qsort(numbers, 3, ffi.sizeof("int"), compare)
    point = ffi.new("struct point *", {"x": 40, "y": 2})
    return [libc.strlen(b"hello"), list(numbers), point.x + point.y]
