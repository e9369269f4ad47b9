"""Switches between stacks, with an exception on the way."""

from greenlet import getcurrent, greenlet

EXPECTED = [["a1", "b1", "a2", "b2"], "caught", True]


def use():
    said = []

    def first():
        said.append("a1")
        two.switch()
        said.append("a2")
        two.switch()

    def second():
        said.append("b1")
        one.switch()
        said.append("b2")
        raise KeyError("through")

    one = greenlet(first)
    two = greenlet(second)
    main = getcurrent()
    two.parent = main
    try:
        one.switch()
        caught = "lost"
    except KeyError:
        caught = "caught"
    return [said, caught, two.dead]
