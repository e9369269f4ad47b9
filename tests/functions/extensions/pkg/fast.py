"""Hidden by the extension module of the same name."""

raise AssertionError("the extension module comes first")
