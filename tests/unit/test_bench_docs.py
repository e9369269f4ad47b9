"""The numbers of README and documentation are those of the reference run."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from build_scripts.bench import report, samples, summary

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "benchmarks" / "update_docs.py"


@pytest.fixture(scope="module")
def update_docs():
    spec = importlib.util.spec_from_file_location("update_docs", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def found(update_docs):
    return summary.summarise(samples.load(update_docs.REFERENCE))


def test_the_documents_have_its_numbers(update_docs, found):
    blocks = 0
    for name in update_docs.FILES:
        text = (ROOT / name).read_text()
        blocks += text.count("<!-- numbers: ")
        assert update_docs.filled(text, found) == text, f"python benchmarks/update_docs.py: {name}"
    assert blocks == len(update_docs.BLOCKS)


def test_a_number_changed_by_hand_is_noticed(update_docs, found):
    text = (ROOT / "README.md").read_text()
    assert update_docs.filled(text.replace(" ms**", ".5 ms**"), found) == text


def test_its_report_is_that_of_its_samples(update_docs, found):
    assert report.markdown(found) == (update_docs.REFERENCE / "report.md").read_text()


def test_it_tells_of_no_folder_of_the_machine_it_ran_on(update_docs):
    for file in update_docs.REFERENCE.iterdir():
        text = file.read_text()
        for word in ("/root", "/home/", "/tmp/", ".cache/"):
            assert word not in text, (file.name, word)
