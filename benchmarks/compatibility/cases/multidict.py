"""Several values of one key, keys of any case."""

from multidict import CIMultiDict, MultiDict, istr

EXPECTED = [["1", "2"], "1", 3, True, "_multidict"]


def use():
    headers = CIMultiDict([("Set-Cookie", "1"), ("set-cookie", "2"), (istr("X"), "3")])
    kind = type(headers).__module__.rpartition(".")[2]
    same = MultiDict(a=1) == MultiDict([("a", 1)])
    return [headers.getall("SET-COOKIE"), headers["set-cookie"], len(headers), same, kind]
