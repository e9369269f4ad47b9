"""The data the cases are made from: what handlers return and raise, events, headers, settings."""

from __future__ import annotations

CONTEXT = "Lambda-Runtime-Client-Context"
COGNITO = "Lambda-Runtime-Cognito-Identity"

VALUES = (
    "none", "true", "int", "big-int", "negative", "float", "nan", "text", "empty-text", "non-ascii",
    "escapes", "bytes", "empty-bytes", "bytearray", "memoryview", "nested-bytes",
    "nested-bytes-bad", "bytes-key", "list", "tuple", "tuple-subclass", "dict", "int-keys",
    "odd-keys", "nan-key", "enum-key", "tuple-key", "decimal-key", "decimal", "decimals",
    "decimal-nan", "decimal-inf", "namedtuple", "namedtuple-in-dict", "int-enum", "str-enum",
    "plain-enum", "str-subclass", "int-subclass", "float-subclass", "dict-with-asdict", "asdict",
    "asdict-class", "asdict-wrong", "for-json", "ordered-dict", "defaultdict", "counter", "deque",
    "mapping-proxy", "set", "nested-set", "generator", "range", "object", "function", "complex",
    "ellipsis", "datetime", "uuid", "fraction", "exception", "array", "circular-list",
    "circular-dict", "circular-tuple", "shared", "deep", "many-digits", "large",
)  # fmt: skip

ERRORS = (
    "simple", "nested", "builtin", "library", "chained", "during", "multi-line", "recursion",
    "repeated", "lambda", "comprehension", "generator", "class-body", "property", "decorated",
    "exec", "group", "noted", "thread", "no-message", "two-arguments", "key-error",
    "multi-line-message", "non-ascii", "quotes", "odd-name", "lower-name", "os-error",
    "unicode-error", "import-error", "attribute", "stop-iteration", "assertion", "syntax",
    "timeout", "huge-message",
)  # fmt: skip

INTROSPECTION = (
    "source of a function", "source of a class", "source of a method", "source of the module",
    "lines of a function", "signature", "signature of a method", "documentation", "kinds",
    "names", "annotations", "code", "module", "package", "modules of the package", "walk",
    "method", "record", "format_exc", "format_exc chained", "extract_tb", "warning", "pickle",
    "closures", "generators", "match", "context managers", "find_spec", "globals", "locals",
    "eval", "exec", "path", "main", "flags", "recursion limit",
)  # fmt: skip

EVENTS = {
    "object": b'{"a": [1, 2.5, null, true, "\\u00e9"]}',
    "string": b'"text"',
    "number": b"17",
    "null": b"null",
    "false": b"false",
    "spaces": b' \t\r\n{ "a" :\n1 } \n',
    "bom": b'\xef\xbb\xbf{"a": 1}',
    "duplicate-keys": b'{"a": 1, "a": 2}',
    "big-int": b"123456789012345678901234567890",
    "float-exact": b"[0.1, 1e5, 1E-3, 123456789.123456789, -0.0, -0]",
    "float-overflow": b"1e999",
    "escapes": b'"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\ud83d\\ude00"',
    "utf-8": '"é 漢字 😀"'.encode(),
    "deep": b"[" * 300 + b"]" * 300,
    "empty": b"",
    "only-spaces": b"  ",
    "nan": b"NaN",
    "infinity": b"[Infinity]",
    "minus-infinity": b"-Infinity",
    "word": b"nul",
    "minus": b"-",
    "leading-zero": b"01",
    "leading-dot": b".5",
    "trailing-dot": b"1.",
    "plus": b"+1",
    "single-quotes": b"{'a': 1}",
    "bare-key": b"{a: 1}",
    "no-colon": b'{"a" 1}',
    "no-value": b'{"a": }',
    "no-comma": b'{"a": 1 "b": 2}',
    "trailing-comma-object": b'{"a": 1, }',
    "trailing-comma-array": b"[1, ]",
    "comma-only": b"[,]",
    "number-after-comma": b'{"a": 1, 2}',
    "open-object": b"{",
    "open-object-value": b'{"a": 1',
    "open-array": b"[",
    "open-array-value": b"[1",
    "open-string": b'"abc',
    "open-escape": b'"abc\\',
    "bad-escape": b'"\\x41"',
    "bad-unicode-escape": b'"\\u12g4"',
    "short-unicode-escape": b'"\\u12"',
    "control-character": b'"a\nb"',
    "tab-in-string": b'["\t"]',
    "extra-data": b'{"a": 1}}',
    "two-values": b"1\n2",
    "not-utf-8": b'"\xff"',
    "cut-utf-8": b'"\xe6\xbc',
    "many-digits": b"1" * 5000,
    "second-line": b'{\n  "a": 1,\n  "b": oops\n}',
}

CONTEXTS = {
    "plain": (),
    "no-arn": (("Lambda-Runtime-Invoked-Function-Arn", None),),
    "no-deadline": (("Lambda-Runtime-Deadline-Ms", None),),
    "past-deadline": (("Lambda-Runtime-Deadline-Ms", "1000"),),
    "no-trace": (("Lambda-Runtime-Trace-Id", None),),
    "tenant": (("Lambda-Runtime-Aws-Tenant-Id", "tenant-1"),),
    "empty-tenant": (("Lambda-Runtime-Aws-Tenant-Id", ""),),
    "cognito": ((COGNITO, '{"cognitoIdentityId": "id", "cognitoIdentityPoolId": "pool"}'),),
    "cognito-partial": ((COGNITO, '{"cognitoIdentityId": "id", "other": 1}'),),
    "cognito-null": ((COGNITO, "null"),),
    "cognito-empty": ((COGNITO, ""),),
    "cognito-broken": ((COGNITO, '{"cognito'),),
    "cognito-list": ((COGNITO, "[1]"),),
    "client-empty-object": ((CONTEXT, "{}"),),
    "client-null": ((CONTEXT, "null"),),
    "client-empty": ((CONTEXT, ""),),
    "client-broken": ((CONTEXT, "{broken"),),
    "client-list": ((CONTEXT, "[1]"),),
    "client-w3c": ((CONTEXT, '{"w3c": {"traceparent": "00-1", "baggage": 2, "x": "y"}}'),),
    "client-full": (
        (
            CONTEXT,
            '{"custom": {"a": 1}, "env": {"locale": "de"}, "client": {"installation_id": "i", '
            '"app_title": "t", "app_version_name": "n", "app_version_code": "c", '
            '"app_package_name": "p", "more": 1}, "services": 2}',
        ),
    ),
    "client-odd-client": ((CONTEXT, '{"client": 7}'),),
    "header-case": (
        ("Lambda-Runtime-Aws-Tenant-Id", None),
        ("lambda-runtime-aws-tenant-id", "lower"),
    ),
    "invocation-id": (("Lambda-Runtime-Invocation-Id", "0f0e"),),
}

LOGS = (
    "levels", "exception", "own-level", "set-level", "named", "own-handler", "handlers",
    "basic-config", "warnings", "thread", "dict", "dict-with-arguments", "dict-odd", "extra",
    "extra-clash", "multi-line", "non-ascii", "empty", "none", "percent", "stack", "print",
    "print-partial", "print-stderr", "write", "buffer", "unraised", "streams",
)  # fmt: skip
LOG_SETTINGS = {
    "text": (),
    "json": (("AWS_LAMBDA_LOG_FORMAT", "JSON"),),
    "json-debug": (("AWS_LAMBDA_LOG_FORMAT", "Json"), ("AWS_LAMBDA_LOG_LEVEL", "DEBUG")),
    "text-trace": (("AWS_LAMBDA_LOG_LEVEL", "TRACE"),),
    "text-info": (("AWS_LAMBDA_LOG_LEVEL", "info"), ("AWS_LAMBDA_LOG_FORMAT", "Text")),
    "warn": (("AWS_LAMBDA_LOG_LEVEL", "WARN"),),
    "fatal": (("AWS_LAMBDA_LOG_LEVEL", "FATAL"),),
    "unknown": (("AWS_LAMBDA_LOG_LEVEL", "trace"), ("AWS_LAMBDA_LOG_FORMAT", "xml")),
}
SHORT_LOGS = ("levels", "exception", "own-level", "dict", "unraised")
FRAMED_LOGS = (
    "levels", "exception", "own-level", "dict", "extra", "non-ascii", "print", "unraised",
)  # fmt: skip

ENDS = (
    "exit-0", "exit-3", "exit-none", "exit-text", "builtin-exit", "builtin-quit", "system-exit",
    "os-exit", "base-exception", "keyboard-interrupt", "killed", "terminated",
)  # fmt: skip

BAD_HANDLERS = (
    "nodot", "", "echo.missing", "missing_module.handler", "sys.exit", "time.sleep",
    "posix.fork", "missing.pkg.mod.handler", "pkg/none.handler", "pkg.mod.none", ".handler",
    "/echo.handler", "echo.", "echo.handler.handler", "echo/handler", "a b.handler",
    "émil.handler", "syn.handler", "indentation.handler", "unterminated.handler",
    "not_utf8.handler", "needs_missing.handler", "needs_name.handler", "needs_broken.handler",
    "needs_syntax.handler", "raising.handler", "needs_raising.handler", "undefined.handler",
    "own_error.handler", "own_import_error.handler", "key_error.handler", "exiting.handler",
    "exiting_zero.handler", "interrupted.handler", "os_exiting.handler", "cycle_a.handler",
    "getattr_raises.handler", "recursing.handler", "bare.handler", "grouped.handler",
    "brokenpkg.mod.handler", "brokenpkg/mod.handler",
)  # fmt: skip

GOOD_HANDLERS = (
    "pkg.mod.handler",
    "pkg/mod.handler",
    "pkg/inner/deep.handler",
    "echo.instance",
    "echo.method",
)
