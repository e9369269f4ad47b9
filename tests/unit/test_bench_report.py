"""From samples to reports: every number shown is one of the samples' own."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest

from build_scripts.bench import compare, report, samples, summary, tables
from native_bootstrap.errors import UsageError

CONTENDERS = ("awslambdaric", "snapshot", "limit", "gone")
PLAN = {
    "contenders": list(CONTENDERS),
    "conditions": {"hello": ["full", "128 MB"]},
    "reference": "awslambdaric",
    "runs": 5,
    "warm": 300,
    "seed": 1,
}
FACTS = {
    "plan": PLAN,
    "machine": {
        "cpu": "A <CPU>", "cores": 2, "memory_gb": 24.0, "kernel": "Linux 6", "virtual": True,
    },
    "versions": {"native-bootstrap": "0.1.0"},
    "about": {"hello": "the smallest"},
    "contenders": {name: f"about {name}" for name in CONTENDERS},
    "prices": {"gb_second": 0.0000166667, "million_requests": 0.2},
    "facts": {"hello": {"snapshot": {"bootstrap": 20e6, "zip": 8.6e6, "build_seconds": 2.5}}},
    "started": "2026-01-01 00:00 UTC",
    "finished": True,
    "commands": ["build-native bench --workload hello"],
}  # fmt: skip
BASE = {"awslambdaric": 40.0, "snapshot": 1.25, "limit": 0.25}


def row(contender: str, number: int, *, condition: str = "full", factor: float = 1.0) -> dict:
    cold = BASE[contender] * factor * (1 + 0.001 * number)
    return {
        "workload": "hello", "condition": condition, "contender": contender, "round": number,
        "at": 100.0 + number, "init_ms": cold * 0.8, "cold_ms": cold, "cpu_ms": cold * 0.9,
        "minor_faults": 200, "major_faults": 0, "rss_mb": 7.25, "pss_mb": 7.0, "anon_mb": 0.5,
        "warm_us": [float(50 + i) for i in range(200)], "warm_wall_ms": 40.0,
    }  # fmt: skip


def rows(factor: float = 1.0) -> list[dict]:
    found = [row(name, n, factor=factor) for name in BASE for n in range(5)]
    where = {"workload": "hello", "contender": "*", "condition": "128 MB", "at": 1.0}
    found.append({**where, "failed": "not-permitted", "detail": "Permission denied: /sys"})
    found.append(
        {**where, "condition": "", "contender": "gone", "failed": "missing", "detail": "<none>"}
    )
    for probe in range(2):
        found += [{"probe": probe, "at": 100.0 + 60 * probe, "cold_ms": 0.25 * (1 + probe)}] * 3
    return [
        *found,
        {"workload": "hello", "condition": "full", "load": 3.5, "steal": 0.03, "at": 2.0},
    ]


@pytest.fixture
def store(tmp_path):
    found = samples.Store(folder=tmp_path, facts=dict(FACTS))
    found.append(rows())
    found.save_facts()
    return found


def test_what_was_written_is_read(store):
    again = samples.load(store.folder)
    assert again.rows == store.rows
    assert again.facts == store.facts


def test_half_a_line_at_the_end_is_left_out(store):
    file = store.folder / samples.SAMPLES
    file.write_text(file.read_text() + '{"workload": "hel')
    assert samples.load(store.folder).rows == store.rows
    going_on = samples.begin(store.folder, PLAN)
    going_on.append([row("limit", 9)])
    assert samples.load(store.folder).rows == [*store.rows, row("limit", 9)]


def test_damage_in_the_middle_is_told(store):
    file = store.folder / samples.SAMPLES
    file.write_text("nonsense\n" + file.read_text())
    with pytest.raises(UsageError, match="not JSON"):
        samples.load(store.folder)


def test_a_folder_without_a_run(tmp_path):
    with pytest.raises(UsageError, match=r"environment.json is missing"):
        samples.load(tmp_path)
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(UsageError, match="not empty"):
        samples.begin(tmp_path, PLAN)


def test_a_run_goes_on_with_the_same_plan_only(store):
    assert samples.begin(store.folder, {**PLAN, "runs": 9}).rows == store.rows
    assert samples.begin(store.folder, {**PLAN, "seed": None}).facts["plan"]["seed"] == 1
    with pytest.raises(UsageError, match=r"another plan \(warm differ"):
        samples.begin(store.folder, {**PLAN, "warm": 1})
    with pytest.raises(UsageError, match=r"another plan \(conditions differ"):
        samples.begin(store.folder, {**PLAN, "conditions": {"hello": ["full"]}})
    more = samples.begin(store.folder, {**PLAN, "conditions": {"api": ["full"]}})
    assert more.facts["plan"]["conditions"] == {**PLAN["conditions"], "api": ["full"]}


def test_the_numbers_are_those_of_the_samples(store):
    found = summary.summarise(store)
    cell = found.cell("hello", "full", "snapshot")
    assert cell.cold is not None
    assert cell.cold.value == pytest.approx(1.25 * 1.002)
    assert cell.cold.n == 5
    assert cell.ratio is not None
    assert cell.ratio.value == pytest.approx(32)
    assert cell.difference is not None
    assert cell.difference.value == pytest.approx(-38.75 * 1.002)
    assert cell.medians["rss_mb"] == 7.25
    assert cell.warm is not None
    assert (cell.warm.n, cell.warm.per_second) == (1000, 5000)
    assert cell.warm.percentiles[0.99] is not None
    assert cell.warm.percentiles[0.999] is None  # 1,000 latencies do not carry it
    assert found.noise == pytest.approx(2)


def test_the_tables(store):
    found = summary.summarise(store)
    (line,) = tables.headline(found).rows
    assert line == ("hello", "40.1", "1.25 (32.0×)", "0.25 (160×)", "–")
    missing = tables.failures(found)
    assert missing is not None
    assert missing.rows == (
        ("hello", "awslambdaric", "128 MB", "Permission denied: /sys"),
        ("hello", "snapshot", "128 MB", "Permission denied: /sys"),
        ("hello", "limit", "128 MB", "Permission denied: /sys"),
        ("hello", "gone", "all", "missing: <none>"),
    )
    (cost,) = tables.costs(found).rows
    # 41 whole ms at 1769 MB: 1e6 × 1769/1024 × 0.041 × 0.0000166667 + 0.2
    assert cost[:2] == ("hello, 1769 MB", "1.38")


class Page(HTMLParser):
    """Collects the text, and everything that would be fetched."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.fetched: list[str] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag not in ("meta", "br"):
            self.open.append(tag)
        self.fetched += [value for name, value in attrs if name in ("src", "href")]

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def test_the_page_is_one_file_with_everything(store):
    report.write(summary.summarise(store), store.folder)
    text = (store.folder / "report.html").read_text()
    page = Page(text)
    assert page.open == []
    assert page.fetched == []
    assert "url(" not in text
    assert "http" not in re.sub(r"<(text|dd|td)[^>]*>[^<]*", "", text)
    assert page.tags.count("svg") >= 3  # bars, warm latency, noise
    assert "prefers-color-scheme: dark" in text
    assert "A <CPU>" in "".join(page.texts)  # escaped once
    for word in ("1.25 ms", "40.1 ms", "build-native bench --workload hello", "Permission denied"):
        assert word in "".join(page.texts), word


def test_the_markdown_has_a_row_for_every_contender(store):
    text = report.markdown(summary.summarise(store))
    for name in CONTENDERS:
        assert f"\n| {name} |" in text
    assert "The machine was busy with other things: the C echo took up to 2.0 times" in text
    assert "The hypervisor took up to 3%" in text
    assert "interrupted" not in text


def test_an_unfinished_run_says_so(store):
    store.facts["finished"] = False
    found = summary.summarise(store)
    assert "This run was interrupted" in report.markdown(found)
    assert "This run was interrupted" in report.headline(found)


def test_cells_with_fewer_starts_than_planned_say_so(store):
    store.facts["plan"] = {**PLAN, "runs": 6}
    table = tables.headline(summary.summarise(store))
    assert table.rows[0][2] == "1.25 ‡ (32.0×)"
    assert "‡ fewer starts than planned." in table.note


def test_a_failure_that_was_overcome_is_forgotten(store):
    where = {"workload": "hello", "condition": "", "contender": "snapshot", "at": 3.0}
    store.append([{**where, "failed": "silent", "detail": "nothing for 60 s"}])
    assert summary.summarise(store).cell("hello", "full", "snapshot").cold is None
    store.append([row("snapshot", 5)])
    assert summary.summarise(store).cell("hello", "full", "snapshot").cold is not None


def test_comparing(store, tmp_path):
    new = samples.Store(folder=tmp_path / "new", facts=json.loads(json.dumps(FACTS)))
    new.folder.mkdir()
    new.append(rows(factor=1.1))
    changes = compare.compare(*(summary.summarise(s) for s in (store, new)))
    verdicts = {(c.condition, c.contender): c.verdict for c in changes}
    assert verdicts["full", "snapshot"] == "slower"
    assert verdicts["128 MB", "snapshot"] == "Permission denied: /sys"
    assert verdicts["full", "gone"] == "missing: <none>"
    (found,) = [c for c in changes if (c.condition, c.contender) == ("full", "snapshot")]
    assert found.factor is not None
    assert found.factor.value == pytest.approx(1.1)
    same = compare.compare(*(summary.summarise(store) for _ in range(2)))
    assert {c.verdict for c in same if c.factor} == {"no difference seen"}
    assert "| hello | full | snapshot | 1.25 | 1.38 | 1.100 [" in compare.table(changes)
