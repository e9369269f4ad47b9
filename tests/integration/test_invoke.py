"""`build-native invoke`: what would be uploaded, run as on Lambda."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from support import assert_one_message, build_native, command

from build_scripts import targets
from native_bootstrap import launch

FACTS = ("--event", '{"do": "facts"}')
NORMAL = "native-bootstrap: starting without the snapshot: "
# A shell without any rights, not even to a user namespace.
WITHOUT_RIGHTS = (
    "echo 0 >/proc/sys/user/max_user_namespaces"
    ' && exec setpriv --bounding-set -all --inh-caps -all "$0" "$@"'
)


def facts(output: Path, *options: str, **environ: str):
    """What the sample sees of itself, and what was said on stderr."""
    result = build_native("invoke", output, *FACTS, *options, **environ)
    assert result.status == 0, result.err
    return json.loads(result.out), result.err


def test_answer_error_and_end(built, tmp_path):
    output = built("sample", "app.handler")
    event = tmp_path / "event.json"
    event.write_text('{"do": "echo", "value": [1]}')
    result = build_native("invoke", output, "--event", event)
    assert (result.status, json.loads(result.out)["echo"]) == (0, [1])
    assert result.err.startswith("init ")  # and nothing before it
    failed = build_native("invoke", output, "--event", '{"do": "fail", "why": "because"}')
    assert failed.status == 1
    assert json.loads(failed.out)["errorMessage"] == "because"
    assert "[ERROR] MyError: because" in failed.err
    ended = build_native("invoke", output, "--event", '{"do": "exit", "status": 3}')
    assert_one_message(ended, 60, "gave no answer (exit status 3)")


@pytest.mark.parametrize("arch", list(targets.TARGETS))
def test_from_its_snapshot_at_var_task(built, arch):
    target = targets.find(arch)
    names = (f"qemu-{target.machine}-static", f"qemu-{target.machine}")
    if target != targets.host() and not any(map(shutil.which, names)):
        pytest.skip(f"programs for {arch} need qemu-user, which is not installed")
    output = built("sample", "app.handler", "--arch", arch)
    # What a shell may have is nothing to the function.
    own = {"PYTHONPATH": "", "TZ": "Asia/Tokyo", "TABLE": "shell", "AWS_REGION": "eu-west-1"}
    seen, said = facts(output, **own)
    assert (seen["start"], seen["cwd"]) == ("restored", "/var/task"), said
    assert seen["file"] == "/var/task/app.py"
    assert seen["task"] == ["bootstrap"]
    assert launch.FIXED.items() <= seen["environ"].items()
    assert seen["environ"]["AWS_REGION"] == "eu-west-1"
    assert not {"PYTHONPATH", "TABLE"} & set(seen["environ"])
    assert said.startswith("init ")


def test_the_normal_way_when_asked(built):
    seen, said = facts(built("sample", "app.handler"), NATIVE_BOOTSTRAP_SNAPSHOT="off")
    assert (seen["start"], seen["cwd"]) == ("normal", "/var/task")
    assert said.startswith("init ")


def test_given_variables(built, tmp_path):
    (tmp_path / ".env").write_text("TABLE=file\nTZ=Europe/Berlin\n")
    output = built("sample", "app.handler")
    options = ("--env-file", str(tmp_path / ".env"), "--env", "TABLE=ü", "--env", "LANG!")
    seen, _ = facts(output, *options)
    assert (seen["environ"]["TABLE"], seen["environ"]["TZ"]) == ("ü", "Europe/Berlin")
    assert "LANG" not in seen["environ"]
    seen, said = facts(output, "--env", "PYTHONDEVMODE=1")
    assert seen["start"] == "normal"
    assert said.startswith(f"{NORMAL}PYTHONDEVMODE is set")


def test_what_the_build_was_told_need_not_be_told_again(built):
    output = built("bad-snapshot-env-declared", "app.handler", "--env", "STAGE=prod")
    result = build_native("invoke", output)
    assert (result.status, json.loads(result.out)) == (0, {"stage": "prod"})
    assert result.err.startswith("init ")
    result = build_native("invoke", output, "--env", "STAGE=test")
    assert json.loads(result.out) == {"stage": "test"}
    assert result.err.startswith(f"{NORMAL}STAGE has another value")


def test_where_nothing_may_be_mounted(built):
    output = built("sample", "app.handler")
    rootless = ["unshare", "--user", "--map-root-user", "sh", "-c", WITHOUT_RIGHTS]
    if subprocess.run([*rootless, "true"], capture_output=True).returncode:
        pytest.skip("this machine does not let anybody give up these rights")
    done = subprocess.run(
        [*rootless, *command("invoke", output, *FACTS)], capture_output=True, text=True, check=True
    )
    note, *rest = done.stderr.splitlines()
    assert note.startswith("note: not at /var/task and without the snapshot: not allowed here")
    assert rest[0].startswith("init ")
    seen = json.loads(done.stdout)
    assert seen["start"] == "normal"
    assert seen["cwd"] == seen["environ"]["LAMBDA_TASK_ROOT"] == str(Path(seen["file"]).parent)
