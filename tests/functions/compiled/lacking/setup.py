from setuptools import Extension, setup

setup(py_modules=[], ext_modules=[Extension("lacking", ["lacking.c"])])
