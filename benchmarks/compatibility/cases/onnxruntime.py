"""Runs a model that adds two vectors."""

import numpy as np
import onnxruntime

EXPECTED = [[11.0, 22.0], ["CPUExecutionProvider"]]


def field(number, value):
    """One field of a protobuf message: a number, text or another message."""
    if isinstance(value, int):
        return bytes([number << 3, value])
    data = value.encode() if isinstance(value, str) else value
    return bytes([number << 3 | 2, len(data)]) + data


def use():
    # ModelProto and what it holds, as in onnx.proto3: x + y -> z, vectors of two floats.
    shape = field(1, field(1, 1) + field(2, field(1, field(1, 2))))
    names = {name: field(1, name) + field(2, shape) for name in "xyz"}
    node = field(1, "x") + field(1, "y") + field(2, "z") + field(4, "Add")
    graph = field(1, node) + field(2, "g") + field(11, names["x"]) + field(11, names["y"])
    model = field(1, 8) + field(7, graph + field(12, names["z"])) + field(8, field(2, 13))
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    x, y = np.array([1, 2], np.float32), np.array([10, 20], np.float32)
    return [session.run(None, {"x": x, "y": y})[0].tolist(), session.get_providers()]
