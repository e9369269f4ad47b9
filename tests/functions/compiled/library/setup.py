from setuptools import Extension, setup

setup(
    py_modules=[],
    ext_modules=[
        Extension("fast", ["fast.c"], undef_macros=["NDEBUG"]),
        Extension("faster", ["faster.cc"], language="c++", undef_macros=["NDEBUG"]),
    ],
)
