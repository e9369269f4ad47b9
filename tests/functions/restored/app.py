"""What a program may rely on, one event each. All of it is imported (and made) before the image."""

from checks import interpreter, libraries, network, processes, system, threads

MODULES = (interpreter, libraries, network, processes, system, threads)
CHECKS = {
    f"{module.__name__.rpartition('.')[2]}.{name}": getattr(module, name)
    for module in MODULES
    for name in module.NAMES
}


def phase():
    import _nb_snapshot

    return ["normal", "initialising", "restored"][_nb_snapshot.phase()]


def handler(event, context):
    return phase() if event["check"] == "phase" else CHECKS[event["check"]]()
