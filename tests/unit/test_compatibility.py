"""The compatibility run's own parts: its choice of packages, its verdicts, its table."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def found(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield
    for name in ("compat_cases", "compat_build", "compat_table", "compatibility"):
        sys.modules.pop(name, None)


@pytest.fixture
def cases():
    import compat_cases

    return compat_cases.load()


def answered(**changes):
    answer = {"imports": True, "works": True, "native": 1, "seconds": 1.0, "fell_back": False}
    return {
        "package": "x", "version": "1", "wheel": "cp313-cp313-musllinux_1_2_x86_64", "problem": "",
        "deferred": "", "normally": answer, "snapshot": answer, **changes,
    }  # fmt: skip


def test_the_rule_takes_150(cases):
    verdicts = [case.verdict for case in cases]
    assert (verdicts.count("code"), verdicts.count("requires")) == (104, 46)
    assert [case.rank for case in cases] == sorted(case.rank for case in cases)
    assert max(case.rank for case in cases if case.verdict == "requires") <= 235


def test_every_case_is_there_and_no_other(cases):
    import compat_cases

    sources = {path.name for path in (compat_cases.HERE / "cases").glob("*.py")}
    assert {case.source.name for case in cases} == sources


def test_requirements_of_a_case_are_read_without_running_it(cases):
    by_name = {case.package: case.requires for case in cases}
    assert by_name["numpy"] == ("numpy",)
    assert by_name["polars-runtime-32"] == ("polars-runtime-32", "polars")


def test_groups_hold_each_package_once(cases):
    import compat_cases

    grouped = compat_cases.groups(cases)
    assert sorted(case.package for group in grouped for case in group) == sorted(
        case.package for case in cases
    )
    some = compat_cases.groups(cases, "formats,text")
    assert [group[0].package for group in some] == ["orjson", "markupsafe"]
    listed = compat_cases.tomllib.loads((compat_cases.HERE / "groups.toml").read_text())
    assert {name for names in listed.values() for name in names} <= {c.package for c in cases}


def test_the_project_of_a_group_can_be_compiled(cases, tmp_path):
    import compat_build

    folder = compat_build.project(cases[:3], tmp_path / "project")
    compile((folder / "app.py").read_text(), "app.py", "exec")
    names = sorted(path.stem for path in (folder / "cases").iterdir())
    assert names == sorted(case.module for case in cases[:3])
    assert set((folder / "requirements.txt").read_text().split()) >= {c.package for c in cases[:3]}


@pytest.mark.parametrize(
    ("said", "works", "told"),
    [
        ({"imports": True, "got": [1], "expected": [1], "native": 2}, True, None),
        ({"imports": True, "got": [1], "expected": [2], "native": 2}, False, "wrong answer: [1]"),
        ({"imports": True, "error": "KeyError: 1"}, False, "KeyError: 1"),
        ({"imports": False, "error": "ImportError: x"}, False, "ImportError: x"),
    ],
)
def test_only_the_right_answer_works(said, works, told):
    import compat_build

    found = compat_build._judged(said)
    assert found["works"] is works
    assert found.get("error") == told
    assert found["imports"] is said["imports"]


def test_a_deferral_is_told_by_its_first_cause():
    import compat_build

    deferred = [
        {"module": "cases.b", "reason": "imports b.c"},
        {"module": "b.c", "reason": "imports d"},
        {"module": "d", "reason": "starts a thread at import: d.py:1"},
    ]
    report = {"snapshot": {"level": "full", "deferred": deferred}}
    assert compat_build.deferral(report, "b") == "d: starts a thread at import: d.py:1"
    assert compat_build.deferral(report, "a") == ""
    off = {"snapshot": {"level": "off", "reason": "not asked for"}}
    assert compat_build.deferral(off, "a") == "not asked for"


def test_the_table_counts_failures(cases, tmp_path):
    import compat_table

    wrong = {"imports": True, "works": False, "error": "wrong answer: 1"}
    back = {**answered()["snapshot"], "fell_back": True}
    results = {
        cases[0].package: answered(),
        cases[1].package: answered(snapshot=wrong),
        cases[2].package: answered(problem="error: no wheel", version="", wheel=""),
        cases[3].package: answered(snapshot=back),
        cases[4].package: answered(deferred="x: starts a thread"),
    }
    text = compat_table.table(cases[:5], results, {cases[0].package: answered()})
    assert "- 2 of 5 import and work, snapshotted and not (40.0%)." in text
    assert "- 1 of those are initialised at build time, 1 at start." in text
    assert "- arm64 under qemu-user (neoverse-n1): 1 of 1 tried." in text
    assert text.count("| fails |") == 2
    assert f"| {cases[5].package} |" in compat_table.table(cases[:6], results, {}).splitlines()[-1]
    page = tmp_path / "page.md"
    page.write_text(f"before\n{compat_table.BEGIN}\nold\n{compat_table.END}\nafter\n")
    compat_table.write_table(page, text)
    written = page.read_text()
    assert written.startswith("before\n")
    assert written.endswith("\nafter\n")
    assert "old" not in written


def test_known_results_are_not_asked_again(cases, tmp_path):
    import compatibility

    results = tmp_path / "results.jsonl"
    results.write_text('{"package": "numpy", "n": 1}\n{"package": "numpy", "n": 2}\n')
    assert compatibility.known(results)["numpy"]["n"] == 2


def test_a_group_goes_on_without_what_has_no_wheel(cases):
    import compatibility

    group = tuple(cases[:3])
    name = group[1].package
    told = f"error: {name} 1.2 has compiled parts and no musllinux wheel for Python 3.13"
    assert compatibility.parted(group, told) == [(group[0], group[2]), (group[1],)]
    assert compatibility.parted(group, "error: other 1 has compiled parts") == [
        (case,) for case in group
    ]
    assert compatibility.parted(group, "error: too large") == [(case,) for case in group]
