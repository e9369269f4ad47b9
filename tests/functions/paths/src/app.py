"""Imports from folders of its own that it puts on sys.path, as functions do."""

import http.client  # beside a folder http/ without __init__
import importlib
import os
import pkgutil
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
ROOT = os.path.dirname(HERE)
sys.path.append(HERE)
sys.path.append(os.path.join(ROOT, "vendor"))
sys.path.append(os.path.join(HERE, "..", "shared"))
import helper
import vpkg
import vpkg.sub
from vendor.vpkg import sub as by_its_other_name

sys.path.append(os.path.join(HERE, os.pardir))
import plugins

FOUND = {
    found.name: found.module_finder.find_spec(found.name).loader.get_filename()
    for found in pkgutil.iter_modules(plugins.__path__)
}


def handler(event, context):
    late = importlib.import_module("late")
    from plugins import one

    return {
        "helper": [helper.VALUE, helper.__name__, helper.__file__],
        "vpkg": [vpkg.sub.VALUE, vpkg.sub.__name__, vpkg.sub.__file__, vpkg.__path__],
        "twice": [by_its_other_name.VALUE, by_its_other_name is vpkg.sub],
        "late": [late.VALUE, late.__file__],
        "plugins": [one.VALUE, FOUND],
        "http": http.client.__file__.rpartition("/")[2],
        "top": sorted(m.name for m in pkgutil.iter_modules([ROOT])),
    }
