"""Compares texts."""

from rapidfuzz import fuzz, process
from rapidfuzz.distance import DamerauLevenshtein, JaroWinkler, Levenshtein

EXPECTED = [3, 1, 0.961, 96.6, "new york jets", "_cpp"]


def use():
    teams = ["atlanta falcons", "new york jets", "new york giants"]
    return [
        Levenshtein.distance("kitten", "sitting"),
        DamerauLevenshtein.distance("ab", "ba"),
        round(JaroWinkler.similarity("martha", "marhta"), 3),
        round(fuzz.ratio("this is a test", "this is a test!"), 1),
        process.extractOne("new york jets!", teams, scorer=fuzz.WRatio)[0],
        "_cpp" if "_cpp" in fuzz.ratio.__module__ or "cpp" in fuzz.ratio.__module__ else "_py",
    ]
