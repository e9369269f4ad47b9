"""Which packages work without their compiled parts."""

from __future__ import annotations

import pytest

from build_scripts import pure

GUARD = "try:\n    from {0} import *\nexcept ImportError:\n    from ._slow import *\n"

OPTIONAL = {
    "guarded": {"p/__init__.py": GUARD.format("._fast"), "p/_slow.py": "", "p/_fast.so": ""},
    "guarded in a function": {
        "p/__init__.py": "def load():\n    try:\n        from . import _fast\n"
        "    except ImportError:\n        _fast = None\n",
        "p/_fast.cpython-313-x86_64-linux-musl.so": "",
    },
    "through another module": {
        "p/__init__.py": "try:\n    from .c import *\nexcept ImportError:\n    pass\n",
        "p/c.py": "from p._fast import X\n",
        "p/_fast.abi3.so": "",
    },
    "a twin in Python": {
        "p/__init__.py": "from .md import x\n",
        "p/md.py": "x = 1",
        "p/md.cpython-313-x86_64-linux-musl.so": "",
    },
    "a top-level extension": {
        "p/__init__.py": "try:\n    import pfast\nexcept ImportError:\n    pass\n",
        "pfast.so": "",
    },
    "its own tests need it": {
        "p/__init__.py": GUARD.format("._fast"),
        "p/_slow.py": "",
        "p/tests/test_fast.py": "from p import _fast\n",
        "p/_fast.so": "",
    },
    "with a library beside it": {
        "p/__init__.py": GUARD.format("._fast"),
        "p/_slow.py": "",
        "p/_fast.so": "",
        "p.libs/libz.so.1": "",
    },
}
REQUIRED = {
    "plain import": {"p/__init__.py": "from ._fast import *\n", "p/_fast.so": ""},
    "guard that raises again": {
        "p/__init__.py": "try:\n    from . import _fast\nexcept ImportError as e:\n"
        "    raise ImportError('broken install') from e\n",
        "p/_fast.so": "",
    },
    "a public module": {
        "p/__init__.py": "",
        "p/api.py": "from p._fast import X\n",
        "p/_fast.so": "",
    },
    "the extension is the interface": {"p/__init__.py": "", "p/etree.so": ""},
    "only an extension": {"p.so": ""},
    "in a submodule that everything imports": {
        "p/__init__.py": "from . import core\n",
        "p/core/__init__.py": "from ._fast import *\n",
        "p/core/_fast.so": "",
    },
    "one of two is needed": {
        "p/__init__.py": GUARD.format("._fast") + "from ._other import *\n",
        "p/_slow.py": "",
        "p/_fast.so": "",
        "p/_other.so": "",
    },
}


def judge(tmp_path, files):
    for path, text in files.items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return pure.judge(list(files), tmp_path)


@pytest.mark.parametrize("files", OPTIONAL.values(), ids=OPTIONAL)
def test_optional_parts(tmp_path, files):
    verdict = judge(tmp_path, files)
    assert verdict.is_optional, verdict.reason


@pytest.mark.parametrize("files", REQUIRED.values(), ids=REQUIRED)
def test_required_parts(tmp_path, files):
    verdict = judge(tmp_path, files)
    assert not verdict.is_optional
    assert verdict.reason


def test_what_counts_as_compiled():
    assert pure.is_compiled("a/b.cpython-313-x86_64-linux-musl.so")
    assert pure.is_compiled("a.libs/libopenblas.so.3")
    assert not pure.is_compiled("a/so.py")
