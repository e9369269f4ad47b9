"""The scan of an image: what it finds, what it lets pass, and that nothing hides from it."""

from __future__ import annotations

import itertools
import mmap
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from build_scripts.snapshot import forbidden, scan
from build_scripts.snapshot.forbidden import Needle

# Not the keys of anybody: of the right shape, put together here so that no scanner takes offence.
KEYS = {
    "AWS access key id": "AKIA" + "QWERTYUIOPASDFGH",
    "private key": "-----BEGIN RSA " + "PRIVATE KEY-----\n" + "MIIEow" * 20 + "\n-----END",
    "GitHub token": "ghp_" + "a1B2" * 9,
    "GitLab token": "glpat-" + "a1B2c" * 4,
    "Slack token": "xoxb-" + "1234567890-" * 3,
    "Stripe key": "sk_live_" + "a1B2" * 6,
    "API key": "sk-ant-" + "a1B2" * 10,
    "Google API key": "AIza" + "a1B2c" * 7,
    "SendGrid key": "SG." + "a1" * 11 + "." + "b2" * 21 + "c",
    "npm token": "npm_" + "a1B2" * 9,
    "PyPI token": "pypi-AgE" + "a1B2c" * 12,
}
SECRET = "correct horse battery staple"


def search(*contents, where="heap", address=4096, **more):
    """The hits in ``contents``, which lie side by side, with the rules that ``more`` asks for."""
    rules = {"folders": [], "environ": {}, "room": {}, **more}
    parts = []
    for content in contents:
        parts.append(scan.Part(where=where, address=address, content=content))
        address += len(content)
    return scan.scan(parts, forbidden=forbidden.forbid(**rules))


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch, tmp_path):
    """A machine whose usual folders and names are known to the tests."""
    monkeypatch.setenv("HOME", "/home/somebody")
    monkeypatch.setenv("LOGNAME", "somebody")
    monkeypatch.setattr(forbidden.socket, "gethostname", lambda: "penguin-4711")


@pytest.mark.parametrize("kind", KEYS)
def test_text_of_the_shape_of_a_key(kind):
    key = KEYS[kind]
    [hit] = search(b"\0" * 100 + key.encode() + b"\0" * 100)
    assert (hit.kind, hit.where, hit.offset, hit.fatal) == (kind, "heap", 100, True)
    assert key not in hit.text
    assert hit.text.startswith(key[:4])


@pytest.mark.parametrize(
    "text",
    [
        "AKIA" + "QWERTYUIOPASDFG",  # too short
        "AKIA" + "QWERTYUIOPASDFGHX",  # too long
        "AKIA" + "qwertyuiopasdfgh",
        "-----BEGIN " + "PRIVATE KEY-----",  # the mark alone is in every TLS library
        "ghp_short",
        "sk-learn-is-a-library-for-machine-learning",
    ],
)
def test_text_that_only_begins_like_a_key(text):
    assert search(b"\0" + text.encode() + b"\0") == []


def test_keys_of_other_people_are_no_finding(tmp_path):
    """botocore's documentation holds examples."""
    key = KEYS["AWS access key id"]
    (tmp_path / "doc.py").write_text(f"EXAMPLE = '{key}'\n")
    assert search(key.encode(), inputs=[tmp_path]) == []
    assert len(search(key.encode(), inputs=[tmp_path / "none"])) == 1


def test_keys_of_the_user_are_told(tmp_path):
    key = KEYS["Stripe key"]
    (tmp_path / "app.py").write_text(f"KEY = '{key}'\n")
    [hit] = search(key.encode(), own=[tmp_path / "app.py"])
    assert not hit.fatal


@pytest.mark.parametrize("encoding", forbidden.ENCODINGS)
def test_folders(encoding):
    """Python keeps a text with 1, 2 or 4 bytes for each character."""
    text = "from /srv/projects/shop/app.py"
    [hit] = search(text.encode(encoding) + b"\0" * 4, folders=[Path("/srv/projects/shop")])
    assert (hit.kind, hit.text) == ("folder of this machine", "/srv/projects/shop/app.py")
    assert hit.offset == 5 * len("x".encode(encoding))


def test_only_whole_names_of_folders():
    folders = [Path("/srv/projects/shop")]
    assert search(b"/srv/projects/shopping", folders=folders) == []
    assert len(search(b"-I/srv/projects/shop", folders=folders)) == 1
    assert len(search(b"/srv/projects/shop:", folders=folders)) == 1


def test_folders_with_other_letters():
    folder = Path("/srv/projekte/größe")
    for encoding in ("utf-8", "latin-1", "utf-16-le", "utf-32-le"):
        content = "/srv/projekte/größe/app.py".encode(encoding)
        assert search(content, folders=[folder]), encoding


def test_folders_behind_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    for name in ("real", "link"):
        assert search(str(tmp_path / name / "x").encode(), folders=[tmp_path / "link"])


def test_usual_folders():
    ours = Path(forbidden.__file__).parents[2]
    for folder in (Path.home(), Path(forbidden.sys.prefix), ours):
        if str(folder) not in forbidden.IN_THE_ROOM and len(folder.parts) > 2:
            assert search(f"{folder}/x".encode()), folder


def test_folders_that_the_room_has_too():
    folders = [Path("/tmp"), Path("/var/task"), Path("/var/task/lib"), Path("/usr"), Path("/")]
    assert search(b"/tmp/x /var/task/app.py /var/task/lib/x /usr/bin/x /", folders=folders) == []


def test_folders_below_the_root_count_where_the_path_exists(tmp_path):
    """The home of root is that of whoever compiled a wheel, too."""
    top = Path("/", tmp_path.parts[1])
    needle = Needle(kind="k", text=str(top), is_folder=True, must_exist=True)
    rules = forbidden.Forbidden(needles=(needle,), keys=())
    for path, count in (
        (f"{tmp_path}", 1),
        (f"{tmp_path}.", 1),
        (f"{top}/.cargo/registry/src/index/nothing.rs", 0),
        (f"{top}", 0),
        (f"{top}/", 0),
    ):
        part = scan.Part(where="heap", address=0, content=path.encode() + b"\0")
        assert len(scan.scan([part], forbidden=rules)) == count, path


def test_names_are_whole_words():
    assert [hit.text for hit in search(b"\0penguin-4711\0, somebody")] == [
        "penguin-4711",
        "somebody",
    ]
    assert search(b"penguin-47110 xpenguin-4711 somebody_else nobody-somebody") == []


def test_names_that_half_of_all_machines_have(monkeypatch):
    for name in ("root", "Ubuntu", "runner", "abcde"):
        monkeypatch.setattr(forbidden.socket, "gethostname", lambda name=name: name)
        assert search(b"\0" + name.encode() + b"\0") == []


def test_a_name_that_the_program_is_made_from(tmp_path):
    (tmp_path / "authors.txt").write_text("written by somebody\n")
    assert search(b"somebody", inputs=[tmp_path]) == []


def test_values_of_the_environment():
    [hit] = search(b"x" + SECRET.encode(), environ={"PASSWORD": SECRET})
    assert (hit.kind, hit.text, hit.fatal) == ("environment", "the value of PASSWORD", True)


@pytest.mark.parametrize(
    ("value", "room"),
    [
        ("twelve chars", {}),
        (SECRET, {"DECLARED": SECRET}),
        (SECRET, {"URL": f"https://user:{SECRET}@host/"}),
        ("/usr/local/bin:/usr/bin", {}),
    ],
)
def test_values_that_may_be_there(value, room):
    assert search(value.encode(), environ={"NAME": value}, room=room) == []


def test_a_value_that_stands_in_the_source(tmp_path):
    (tmp_path / "app.py").write_text(f"{SECRET!r}")
    [hit] = search(SECRET.encode(), environ={"NAME": SECRET}, own=[tmp_path])
    assert not hit.fatal


@pytest.mark.parametrize("name", [".env", ".git/index", "__pycache__/app.pyc", "a/.b/c"])
def test_files_that_no_program_is_made_from(tmp_path, name):
    """A secret is no content of the user's because it lies in the project's folder as well."""
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(SECRET)
    for places in ({"own": [tmp_path]}, {"inputs": [tmp_path]}):
        [hit] = search(SECRET.encode(), environ={"NAME": SECRET}, **places)
        assert hit.fatal


def test_files_that_cannot_be_read_as_such(tmp_path):
    (tmp_path / "gone").symlink_to("nowhere")
    (tmp_path / "empty").touch()
    assert len(search(SECRET.encode(), environ={"NAME": SECRET}, own=[tmp_path])) == 1


def test_bytes_that_are_no_text():
    value = os.fsdecode(b"\xff\xfe binary value")
    assert len(search(os.fsencode(value), environ={"NAME": value})) == 1


def test_each_finding_once():
    assert len(search(SECRET.encode() * 50, SECRET.encode(), environ={"NAME": SECRET})) == 1


def test_not_more_than_can_be_read():
    content = b"\0".join(b"/srv/projects/shop/%d" % number for number in range(1000))
    hits = search(content, folders=[Path("/srv/projects/shop")])
    assert len(hits) == scan.MOST_HITS


def test_a_mapped_file(tmp_path):
    (tmp_path / "image").write_bytes(bytes(10_000) + SECRET.encode())
    with (
        (tmp_path / "image").open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        [hit] = search(content, environ={"NAME": SECRET})
        assert hit.offset == 10_000
        with memoryview(content) as whole, whole[9_000:] as part:
            [hit] = search(part, environ={"NAME": SECRET})
        assert hit.offset == 1_000


PLANTED = {
    "environment": SECRET,
    "folder of this machine": "/srv/projects/shop",
    "name of this machine": "penguin-4711",
    "Stripe key": KEYS["Stripe key"],
    "AWS access key id": KEYS["AWS access key id"],
}


@given(
    kind=st.sampled_from(sorted(PLANTED)),
    encoding=st.sampled_from(forbidden.ENCODINGS),
    before=st.binary(max_size=100),
    after=st.binary(max_size=100),
    cuts=st.lists(st.floats(0, 1, exclude_max=True), max_size=6),
)
def test_found_at_any_place_and_across_any_cut(kind, encoding, before, after, cuts):
    """A needle in noise is found wherever it lies, and however the memory is cut into parts."""
    text = PLANTED[kind].encode("utf-8" if kind in KEYS else encoding)
    start = b"\0\0\0\0" + before.replace(b"/", b"\1") + b"\0\0\0\0"
    content = start + text + b"\0\0\0\0" + after
    edges = sorted({0, *(int(cut * len(content)) for cut in cuts), len(content)})
    pieces = [content[edge:end] for edge, end in itertools.pairwise(edges)]
    folders = [Path(PLANTED["folder of this machine"])]
    hits = search(*pieces, environ={"NAME": SECRET}, folders=folders)
    [offset] = [hit.offset for hit in hits if hit.kind == kind]
    assert offset in {len(start) - edge for edge in edges}


def test_a_large_part_beside_a_small_one():
    content = bytes(100_000) + SECRET.encode() + bytes(100_000)
    for width in (1, 3, 27, 28, 50_000):
        pieces = [content[:100_001], content[100_001 : 100_001 + width], content[100_001 + width :]]
        [hit] = search(*pieces, environ={"NAME": SECRET})
        assert hit.offset == 100_000, width


def test_parts_that_are_not_neighbours():
    parts = [
        scan.Part(where="a", address=0, content=SECRET[:9].encode()),
        scan.Part(where="b", address=10, content=SECRET[9:].encode()),
    ]
    rules = forbidden.forbid(folders=[], environ={"NAME": SECRET}, room={})
    assert scan.scan(parts, forbidden=rules) == []


def test_speed():
    """100 MB in a second or two; the bound leaves room for a busy machine."""
    content = os.urandom(1 << 20) * 32 + b"some text / and more text, 0123456789 " * 400_000
    environ = {f"NAME_{number}": f"value {number} {SECRET}" for number in range(10)}
    start = time.monotonic()
    assert search(content, environ=environ) == []
    assert (time.monotonic() - start) / len(content) * 100e6 < 40
