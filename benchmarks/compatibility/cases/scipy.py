"""Solves, optimises, integrates, transforms, sparse and statistics."""

import numpy as np
from scipy import fft, integrate, interpolate, linalg, optimize, signal, sparse, spatial, stats
from scipy.sparse.linalg import spsolve

EXPECTED = {
    "lu": [2.0, 3.0],
    "root": 0.739085,
    "minimum": [1.0, 1.0],
    "integral": 2.0,
    "sparse": [1.0, 2.0, 3.0],
    "p": 0.05,
    "spline": 2.25,
    "nearest": 1,
    "filter": 5,
    "dct": 6.0,
}


def use():
    lu = linalg.lu_factor([[3.0, 1.0], [1.0, 2.0]])
    rosen = optimize.minimize(optimize.rosen, [0.0, 0.0], method="BFGS")
    diagonal = sparse.diags([2.0, 2.0, 2.0]).tocsc()
    spline = interpolate.CubicSpline([0, 1, 2, 3], [0, 1, 4, 9])
    return {
        "lu": linalg.lu_solve(lu, [9.0, 8.0]).round(9).tolist(),
        "root": round(float(optimize.brentq(lambda x: np.cos(x) - x, 0, 1)), 6),
        "minimum": rosen.x.round(3).tolist(),
        "integral": round(integrate.quad(np.sin, 0, np.pi)[0], 9),
        "sparse": spsolve(diagonal, np.array([2.0, 4.0, 6.0])).round(9).tolist(),
        "p": round(float(2 * stats.norm.sf(1.959964)), 6),
        "spline": round(float(spline(1.5)), 9),
        "nearest": int(spatial.cKDTree([[0, 0], [5, 5]]).query([4, 4])[1]),
        "filter": len(signal.butter(4, 0.2)[0]),
        "dct": round(float(fft.dct([1.0, 2.0])[0]), 9),
    }
