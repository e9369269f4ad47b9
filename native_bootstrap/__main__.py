"""``build-native``: runs a command, prints its error, and chooses the exit code."""

from __future__ import annotations

import os
import signal
import sys
import traceback

from native_bootstrap.errors import BuildInterruptedError, FatalError


def run() -> None:
    """Console script."""
    sys.exit(main(sys.argv[1:]))


def main(arguments: list[str]) -> int:
    """Run one command line; returns the exit code. Errors are printed here and nowhere else."""
    # SIGTERM must clean up as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    debug = "--debug" in arguments or bool(os.environ.get("BUILD_NATIVE_DEBUG"))
    try:
        # Late: keeps `python -m native_bootstrap --help` and library use light.
        from native_bootstrap import cli

        return cli.dispatch(arguments)
    except KeyboardInterrupt:
        return _report(BuildInterruptedError("interrupted; nothing half-written was left"), debug)
    except FatalError as error:
        return _report(error, debug)
    except BrokenPipeError:
        # The reader of our output went away (`build-native … | head`): no message, as other tools.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _report(error: FatalError, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    print(f"error: {error.message}", file=sys.stderr)
    if error.hint:
        print(f"  hint: {error.hint}", file=sys.stderr)
    if error.kept is not None:
        print(f"  kept: {error.kept}", file=sys.stderr)
    return error.exit_code


if __name__ == "__main__":
    run()
