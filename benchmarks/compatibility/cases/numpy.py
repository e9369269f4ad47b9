"""Linear algebra, FFT, a seeded generator, sorting, strings."""

import numpy as np

EXPECTED = {
    "solve": [2.0, 3.0],
    "det": -2.0,
    "fft": [10, 2],
    "random": [0.77395605, 0.43887844, 0.85859792],
    "sort": True,
    "matmul": 332833500.0,
    "text": ["AB", "C"],
    "einsum": 30,
}


def use():
    a = np.arange(1000.0)
    shuffled = np.random.default_rng(1).permutation(100_000)
    return {
        "solve": np.linalg.solve([[3.0, 1.0], [1.0, 2.0]], [9.0, 8.0]).round(9).tolist(),
        "det": round(float(np.linalg.det([[1.0, 2.0], [3.0, 4.0]])), 9),
        "fft": [int(abs(v).round()) for v in np.fft.fft([1, 2, 3, 4])[[0, 2]]],
        "random": np.random.default_rng(42).random(3).round(8).tolist(),
        "sort": bool((np.sort(shuffled) == np.arange(100_000)).all()),
        "matmul": float(a @ a),
        "text": np.strings.upper(np.array(["ab", "c"])).tolist(),
        "einsum": int(np.einsum("i,i", np.arange(5), np.arange(5))),
    }
