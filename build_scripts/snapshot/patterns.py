"""What a module looks for among all environment variables: a name in any case, or a beginning.

As text ``~table`` (in small letters then), ``TQDM_*``, ``~table__*``.
"""

from __future__ import annotations

from dataclasses import dataclass

ANY = "*"
ANY_CASE = "~"


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """``stem``: the name or its beginning."""

    stem: str
    is_prefix: bool = False
    any_case: bool = False

    @property
    def text(self) -> str:
        return ANY_CASE * self.any_case + self.stem + ANY * self.is_prefix

    @property
    def shown(self) -> str:
        """For people."""
        return self.stem + ANY * self.is_prefix + " in any case" * self.any_case

    def folded(self, name: str) -> str:
        return name.lower() if self.any_case else name

    def matches(self, name: str) -> bool:
        name = self.folded(name)
        return name.startswith(self.stem) if self.is_prefix else name == self.stem


def parse(text: str) -> Pattern | None:
    """None: the text is a name."""
    pattern = Pattern(
        stem=text.removeprefix(ANY_CASE).removesuffix(ANY),
        is_prefix=text.endswith(ANY),
        any_case=text.startswith(ANY_CASE),
    )
    return pattern if pattern.is_prefix or pattern.any_case else None
