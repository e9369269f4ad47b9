"""numpy: the subpackages that it imports at their first use are in the image, too.

`numpy.random` and `numpy.fft` load a dozen extension modules. A function that uses them does so in
its handler, where the first call would wait for them.
"""

from __future__ import annotations

_LATER = ("numpy.random", "numpy.fft")


def prepare() -> None:
    for name in _LATER:
        __import__(name)
