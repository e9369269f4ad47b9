"""Every error a user can meet, each with its own exit code.

A message says what failed; ``hint`` says what to do about it; ``kept`` names files that were kept
for a closer look. Only :mod:`native_bootstrap.__main__` prints them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class FatalError(Exception):
    """An error that ends the command; subclasses carry the exit code."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "", kept: Path | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.kept = kept


class UsageError(FatalError):
    """The command line does not make sense."""

    exit_code = 2


class ConfigError(FatalError):
    """An option in pyproject.toml or in the environment is unknown or has a wrong type."""

    exit_code = 3


class UnknownArchError(FatalError):
    exit_code = 4


class ProjectNotFoundError(FatalError):
    exit_code = 10


class MalformedHandlerError(FatalError):
    exit_code = 11


class HandlerModuleError(FatalError):
    """The handler's module does not exist in the project."""

    exit_code = 12


class UserSyntaxError(FatalError):
    exit_code = 13


class HandlerNotFoundError(FatalError):
    """The module exists; the function in it does not."""

    exit_code = 14


class BuiltinConflictError(FatalError):
    exit_code = 15


class SourceEncodingError(FatalError):
    exit_code = 16


class ShadowedNameError(FatalError):
    """A module of the project has a name that the runtime or the program itself needs."""

    exit_code = 17


class SharedObjectError(FatalError):
    """A compiled module of the project is one that the program cannot load."""

    exit_code = 18


class ResolutionError(FatalError):
    """The requirements contradict each other or name something that does not exist."""

    exit_code = 20


class NoUsableWheelError(FatalError):
    """A requirement exists, but not in a form that the static program can load."""

    exit_code = 21


class UndefinedSymbolError(FatalError):
    """A shared object needs a symbol that neither the program nor its libraries have."""

    exit_code = 23


class SourceUnavailableError(FatalError):
    """No provider could deliver a source that the runtime pack needs."""

    exit_code = 30


class SourceHashError(FatalError):
    exit_code = 31


class PackError(FatalError):
    """A runtime pack archive is damaged or is not one."""

    exit_code = 32


class DiskFullError(FatalError):
    exit_code = 40


class OutputError(FatalError):
    """The output folder cannot be written."""

    exit_code = 41


class PackageTooLargeError(FatalError):
    exit_code = 42


class ToolError(FatalError):
    """A tool that the build runs (compiler, linker, resolver) failed."""

    exit_code = 50


class CleanRoomError(FatalError):
    """This machine does not allow the isolation that a snapshot is made in."""

    exit_code = 51


class SnapshotError(FatalError):
    """No snapshot as it was asked for, or one that holds what it must not.

    ``story``: how it came to that, for --explain-snapshot.
    """

    exit_code = 52
    story: Sequence[str] = ()


class EngineError(FatalError):
    """No container engine, or one that this user cannot use."""

    exit_code = 54


class ContainerImageError(FatalError):
    """The image to build in is missing, is for another machine, or is none to build in."""

    exit_code = 55


class ImageError(FatalError):
    """No container image can be made of what is there."""

    exit_code = 53


class InvokeError(FatalError):
    """The finished bootstrap did not answer its trial invocation."""

    exit_code = 60


class BuildInterruptedError(FatalError):
    """Ctrl-C: 128 + SIGINT, as shells expect."""

    exit_code = 130
