"""The C library itself."""

from _argon2_cffi_bindings import ffi, lib

# From the reference implementation's tests: argon2id, v=19, t=2, m=65536, p=1.
EXPECTED = [0, "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7"]


def use():
    out = ffi.new("uint8_t[]", 32)
    password, salt = ffi.new("uint8_t[]", b"password"), ffi.new("uint8_t[]", b"somesalt")
    code = lib.argon2_hash(
        2,
        65536,
        1,
        password,
        8,
        salt,
        8,
        out,
        32,
        ffi.NULL,
        0,
        lib.Argon2_id,
        lib.ARGON2_VERSION_13,
    )
    return [code, bytes(out).hex()]
