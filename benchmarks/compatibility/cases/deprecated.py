"""Warns of a function."""

import warnings

from deprecated import deprecated
from deprecated.sphinx import versionadded

EXPECTED = [7, "old", True, True]


@deprecated(reason="use new", version="1.2")
def old():
    return 7


@versionadded(version="1.0")
def documented():
    """Do it."""


def use():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        value = old()
    told = caught[0].category is DeprecationWarning and "use new" in str(caught[0].message)
    return [value, old.__name__, told, "versionadded" in documented.__doc__]
