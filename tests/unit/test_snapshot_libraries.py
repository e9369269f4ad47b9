"""Adapters of libraries that keep a little of their process, with the libraries themselves."""

from __future__ import annotations

import time

import pytest
import restored

pytestmark = pytest.mark.subprocesses


def test_two_digit_years_are_counted_from_the_running_year(tmp_path):
    (result,) = restored.run(
        tmp_path,
        "import dateutil.parser._parser as parser\n"
        "parser.DEFAULTPARSER.info._year = 1950; parser.DEFAULTPARSER.info._century = 1900\n",
        "import dateutil.parser\nresult = [dateutil.parser.parse('1/2/30').year]",
        interpreter=restored.environment("python-dateutil==2.9.0.post0"),
    )
    assert result[0] // 100 == time.localtime().tm_year // 100 == 20


def test_dummy_symbols_of_two_processes_differ(tmp_path):
    results = restored.run(
        tmp_path,
        "import sympy\nold = sympy.Dummy()\n",
        "import sympy\nresult = [app.old.dummy_index, sympy.Dummy().dummy_index]",
        interpreter=restored.environment("sympy==1.14.0"),
        running=[restored.RUNNING] * 3,
    )
    old, new = zip(*results, strict=True)
    assert len(set(old)) == 1
    assert len(set(new)) == 3
    assert min(new) > old[0]
