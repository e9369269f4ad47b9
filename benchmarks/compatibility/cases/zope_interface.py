"""Interfaces and adapters."""

from zope.interface import Interface, implementer, providedBy
from zope.interface.adapter import AdapterRegistry
from zope.interface.verify import verifyObject

EXPECTED = [True, "adapter"]


class IGreeter(Interface):
    def greet(name):
        """Say hello."""


class IOther(Interface):
    pass


@implementer(IGreeter)
class Greeter:
    def greet(self, name):
        return "hello " + name


def use():
    greeter = Greeter()
    registry = AdapterRegistry()
    registry.register([IGreeter], IOther, "", "adapter")
    found = registry.lookup1(providedBy(greeter), IOther)
    return [verifyObject(IGreeter, greeter), found]
