import gc
import weakref

ashes = []
ended = []
cycles = []


class Phoenix:
    def __del__(self):
        if not ashes:
            ashes.append(self)


class Thing:
    pass


class Cycle:
    def __init__(self):
        self.me = self

    def __del__(self):
        cycles.append(1)


Phoenix()
keeper, late = Thing(), Thing()
kept = weakref.finalize(keeper, ended.append, "keeper")
soon = weakref.finalize(late, ended.append, "late")
kept.atexit = soon.atexit = False
table = weakref.WeakValueDictionary({"keeper": keeper})
Cycle()


def handler(event, context):
    global late
    late = None
    gc.collect()
    return {
        "phoenix": len(ashes),
        "ended": ended,
        "alive": kept.alive,
        "weak": len(table),
        "cycle": len(cycles) == 1,
    }
