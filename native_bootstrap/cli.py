"""The command line: parsing and dispatch. A command is a function that returns an exit code."""

from __future__ import annotations

import argparse
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from native_bootstrap import bench, task_root
from native_bootstrap.errors import SnapshotError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from build_scripts.options import Options
    from native_bootstrap.invoke import Answer


_REPEATABLE = "* may be given more than once"


class _Parser(argparse.ArgumentParser):
    """argparse prints and exits by itself; here only main() does."""

    def error(self, message: str) -> Any:
        raise UsageError(f"{self.prog}: {message}", hint=f"see {self.prog} --help")


def dispatch(arguments: list[str]) -> int:
    """Parse ``arguments`` and run the command they name."""
    parsed = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = parsed.command
    return command(parsed)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="build-native",
        description="Turn a Python Lambda handler into one static native bootstrap.",
    )
    parser.add_argument("--version", action="version", version=version("native-bootstrap"))
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)
    _add_build(commands)
    _add_invoke(commands)
    _add_image(commands)
    _add_pack(commands)
    _add_bench(commands)
    config = commands.add_parser(
        "config", help="show every option and where its value came from", epilog=_REPEATABLE
    )
    config.add_argument("handler", nargs="?", help="as on Lambda: module.function")
    _add_build_options(config)
    config.set_defaults(command=_config)
    return parser


def _add_build(commands: Any) -> None:
    build = commands.add_parser(
        "build", help="build bootstrap and function.zip", epilog=_REPEATABLE
    )
    build.add_argument("handler", nargs="?", help="as on Lambda: module.function")
    _add_build_options(build)
    build.add_argument("--invoke", metavar="EVENT", help="try the result: JSON, a file, or -")
    build.set_defaults(command=_build)


def _add_build_options(parser: argparse.ArgumentParser) -> None:
    from native_bootstrap import container_options

    add = parser.add_argument
    add("--project", type=Path, metavar="DIR", help="folder of the handler (default: here)")
    add("-r", "--requirements", type=Path, metavar="FILE", help="default: the project's own")
    add("--output", type=Path, metavar="DIR", help="default: dist/<name>")
    add("--arch", help="x86_64 or arm64 (default: this machine's)")
    add("--cpu", metavar="NAME", help="CPU baseline (default: haswell or neoverse_n1)")
    add("--code", help="native (default) or bytecode")
    add("--compile", action="append", metavar="PKG", help="a dependency to compile, too *")
    add("--include", action="append", metavar="PATTERN", help="files to take into the zip *")
    add("--exclude", action="append", metavar="PATTERN", help="files to leave out *")
    flag = argparse.BooleanOptionalAction
    add("--strip-source", action=flag, default=None, help="no source lines in stack traces")
    add("--keep-sources", action=flag, default=None, help="source lines of dependencies, too")
    add("--refresh", action=flag, default=None, help="resolve unpinned requirements again")
    some = "of botocore's data, only these services' (default: all) *"
    add("--aws-services", action="append", metavar="NAME", help=some)
    add("--symbols", metavar="WHICH", help="for ctypes: needed (default), or all of the program's")
    add("--json", metavar="ENGINE", help="of the runtime: orjson (default) or stdlib")
    add("--snapshot", metavar="LEVEL", help="auto (default), full, runtime or off")
    _add_environment(parser)
    add("--salt", metavar="TEXT", help="another hash secret than that of the content")
    add("--event", type=Path, metavar="FILE", help="an event to try the snapshot with")
    add("--explain-snapshot", action="store_true", default=None, help="tell what went into it")
    add("--report", type=Path, metavar="FILE", help="default: report.json in the output folder")
    container_options.add_build(parser)
    add("--verbose", action="store_true", default=None, help="show every command that is run")
    add("--debug", action="store_true", default=None, help="show tracebacks of errors")


def _add_environment(parser: argparse.ArgumentParser) -> None:
    given = "a variable of the function's environment; NAME=: empty, NAME!: not set *"
    parser.add_argument("--env", action="append", metavar="NAME=VALUE", help=given)
    file = "such variables, one in a line"
    parser.add_argument("--env-file", type=Path, metavar="FILE", help=file)


def _add_invoke(commands: Any) -> None:
    invoke = commands.add_parser(
        "invoke", help="run a finished bootstrap once, here", epilog=_REPEATABLE
    )
    invoke.add_argument("folder", type=Path, help="the output folder of a build")
    invoke.add_argument("--event", default="{}", help="JSON, a file, or - (default: {})")
    _add_environment(invoke)
    invoke.add_argument("--debug", action="store_true", help="show tracebacks of errors")
    invoke.set_defaults(command=_invoke)


def _add_image(commands: Any) -> None:
    from native_bootstrap import container_options

    image = commands.add_parser(
        "image", help="make a container image of a finished build", epilog=_REPEATABLE
    )
    container_options.add_image(image)
    image.set_defaults(command=_image)
    container = commands.add_parser("container", help="the image that --container builds in")
    actions = container.add_subparsers(required=True, metavar="ACTION", parser_class=_Parser)
    container_options.add_container(actions)
    for name, action in actions.choices.items():
        action.set_defaults(command=_container, action=name)


def _add_pack(commands: Any) -> None:
    pack = commands.add_parser("pack", help="the static CPython that bootstraps are linked with")
    actions = pack.add_subparsers(required=True, metavar="ACTION", parser_class=_Parser)
    for name, text in (
        ("build", "build it, or find it in the cache"),
        ("path", "print its folder"),
        ("list", "list the packs in the cache"),
        ("export", "write it as one archive"),
        ("import", "take an archive into the cache"),
    ):
        action = actions.add_parser(name, help=text)
        verbose = "show every command that is run"
        action.add_argument("--verbose", action="store_true", help=verbose)
        action.add_argument("--debug", action="store_true", help="show tracebacks of errors")
        if name in ("export", "import"):
            action.add_argument("archive", type=Path, help="like pack.tar.xz")
        if name in ("build", "path", "export"):
            action.add_argument("--arch", help="x86_64 or arm64 (default: this machine's)")
            action.add_argument("--cpu", metavar="NAME", help="CPU baseline")
        if name == "build":
            offline = "a folder with the sources, for a machine that can download nothing"
            action.add_argument("--sources", type=Path, metavar="DIR", help=offline)
            action.add_argument("--verify", action="store_true", help="check every file's content")
        action.set_defaults(command=_pack, action=name)


def _add_bench(commands: Any) -> None:
    text = "measure cold starts against other ways to run a function"
    parser = commands.add_parser("bench", help=text, epilog=_REPEATABLE)
    bench.add_options(parser, argparse.BooleanOptionalAction)
    parser.set_defaults(command=_bench)


def _options(parsed: argparse.Namespace) -> Options:
    from build_scripts import options  # the build side, only when a build is asked for

    names = vars(parsed).keys() - {"command", "invoke"}
    return options.resolve({name: getattr(parsed, name) for name in names})


def _build(parsed: argparse.Namespace) -> int:
    from build_scripts import declared, pipeline, report
    from build_scripts.container import run
    from build_scripts.log import Log
    from native_bootstrap import invoke as local  # late: an HTTP server

    options = _options(parsed)
    if not options.handler:
        raise UsageError(
            "no handler given", hint="name it as on Lambda: build-native build app.handler"
        )
    event = local.read_event(parsed.invoke) if parsed.invoke is not None else None
    given = declared.parse(
        options.env, options.env_file
    )  # mistakes are told before the work begins
    if options.event is not None:
        declared.check_event(options.event)
    log = Log(verbose=options.verbose)
    if options.container and not run.is_inside():
        return run.build(options, parsed.invoke, log=log)
    try:
        result = pipeline.build(options, log=log)
    except SnapshotError as error:
        _explain(options, error.story)
        raise
    _output().print(report.table(result.report, result.output))
    _explain(options, report.story(result.report))
    if event is None:
        return 0
    return _print_answer(local.invoke(result.output, event, given=given))


def _explain(options: Options, story: Sequence[str]) -> None:
    if options.explain_snapshot:
        for line in story:
            _output().print(line, markup=False, highlight=False, soft_wrap=True)


def _invoke(parsed: argparse.Namespace) -> int:
    from build_scripts import declared
    from native_bootstrap import invoke as local

    given = declared.parse(parsed.env or (), parsed.env_file)
    event = local.read_event(parsed.event)
    return _print_answer(local.invoke(parsed.folder, event, given=given))


def _image(parsed: argparse.Namespace) -> int:
    from build_scripts.image import command
    from build_scripts.log import Log

    return command.run(parsed, log=Log(verbose=parsed.verbose))


def _container(parsed: argparse.Namespace) -> int:
    from build_scripts.container import command
    from build_scripts.log import Log

    return command.run(parsed, log=Log(verbose=parsed.verbose))


def _print_answer(answer: Answer) -> int:
    """The function's log to stderr, its answer to stdout: exit 0 for a result, 1 for an error."""
    from build_scripts import terminals

    note = terminals.console(stderr=True, highlight=False)
    if answer.note:
        note.print(f"note: {answer.note}", markup=False, soft_wrap=True)
    if answer.log:
        # Lambda's log takes \r for a line break inside a record.
        text = answer.log.rstrip("\n").replace("\r", "\n")
        note.print(text, markup=False, style="dim", soft_wrap=True)
    note.print(
        f"init {answer.init_seconds * 1000:.1f} ms, "
        f"init + first answer {answer.total_seconds * 1000:.1f} ms",
        style="dim",
        soft_wrap=True,
    )
    print(answer.body.decode("utf-8", "replace"))
    return 0 if answer.ok else 1


def _pack(parsed: argparse.Namespace) -> int:
    from build_scripts import commands
    from build_scripts.log import Log

    return commands.run_pack(parsed, log=Log(verbose=parsed.verbose))


def _bench(parsed: argparse.Namespace) -> int:
    from build_scripts.bench import command
    from build_scripts.log import Log

    enter = Path(task_root.__file__)
    return command.run(parsed, enter=enter, log=Log(verbose=parsed.verbose))


def _config(parsed: argparse.Namespace) -> int:
    options = _options(parsed)
    table = Table()
    for heading in ("option", "value", "from"):
        table.add_column(heading, overflow="fold")
    for name, origin in options.origins.items():
        value = options.target.cpu if name == "cpu" else getattr(options, name)
        table.add_row(name.replace("_", "-"), escape(_shown(value)), escape(origin))
    _output().print(table)
    return 0


def _shown(value: object) -> str:
    """An option's value as a person would write it; nothing for one that is not set."""
    if isinstance(value, tuple):
        return ", ".join(value)
    return "" if value is None else str(value)


def _output() -> Console:
    """Standard output; where that is no terminal, lines are as long as what they say."""
    from build_scripts import terminals

    console = terminals.console()
    return console if console.is_terminal else Console(width=1000)
