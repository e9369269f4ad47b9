import random

VALUE = random.random()
