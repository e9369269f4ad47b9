WORDS = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu".split()
ORDER = list(set(WORDS))
TABLE = {("key", word): word for word in WORDS}
HASH = hash("alpha and omega")


def handler(event, context):
    words = ["".join(list(word)) for word in WORDS]
    return {
        "same": list(set(words)) == ORDER,
        "found": all(TABLE[("key", word)] == word for word in words),
        "hash": hash(" ".join(["alpha", "and", "omega"])) == HASH,
    }
