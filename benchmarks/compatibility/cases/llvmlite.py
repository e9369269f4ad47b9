"""Compiles a function from LLVM's language and calls it."""

import ctypes

import llvmlite.binding as llvm

CODE = "define i32 @add(i32 %a, i32 %b) { %r = add i32 %a, %b\n ret i32 %r }"
EXPECTED = 42


def use():
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine()
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(CODE), machine)
    engine.finalize_object()
    kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_int)
    return kind(engine.get_function_address("add"))(40, 2)
