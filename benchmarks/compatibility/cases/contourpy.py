"""Contour lines of a surface."""

import contourpy
import numpy as np

EXPECTED = [1, True, 1]


def use():
    x, y = np.meshgrid(np.linspace(-2, 2, 81), np.linspace(-2, 2, 81))
    lines = contourpy.contour_generator(x, y, x * x + y * y).lines(1.0)
    radii = np.hypot(lines[0][:, 0], lines[0][:, 1])
    filled = contourpy.contour_generator(x, y, x * x + y * y).filled(0.5, 1.0)
    return [len(lines), bool(np.abs(radii - 1).max() < 1e-3), len(filled[0])]
