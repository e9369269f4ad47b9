import random

RNG = random.Random()
VALUE = RNG.getrandbits(64)
