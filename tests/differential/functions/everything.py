"""Imports every handler module, so that one build contains them all."""

import awaits
import contexts
import echo
import ends
import introspects
import logs
import no_logging
import pkg.inner.deep
import pkg.mod
import raises
import values

MODULES = (awaits, contexts, echo, ends, introspects, logs, no_logging, pkg, raises, values)


def handler(event, context):
    return sorted(module.__name__ for module in MODULES)
