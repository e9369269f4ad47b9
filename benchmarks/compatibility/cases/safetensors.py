"""Writes and reads arrays."""

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

REQUIRES = ("numpy",)
EXPECTED = [[[0.0, 1.0], [2.0, 3.0]], "int16", "refused"]


def use():
    data = save({"a": np.arange(4.0).reshape(2, 2), "b": np.ones(3, np.int16)})
    found = load(data)
    try:
        load(data[:20])
        last = "accepted"
    except SafetensorError:
        last = "refused"
    return [found["a"].tolist(), str(found["b"].dtype), last]
