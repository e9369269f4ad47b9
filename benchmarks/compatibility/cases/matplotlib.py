"""Draws a figure into PNG and SVG."""

import io

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.image import imread

EXPECTED = [[200, 300, 4], True, True]


def use():
    figure, axes = plt.subplots(figsize=(3, 2), dpi=100)
    axes.plot([0, 1, 2], [0, 1, 4], color="red")
    axes.fill_between([0, 1, 2], [0, 1, 4])
    axes.set_title("$x^2$")
    png, svg = io.BytesIO(), io.BytesIO()
    figure.savefig(png, format="png")
    figure.savefig(svg, format="svg")
    plt.close(figure)
    image = imread(io.BytesIO(png.getvalue()))
    return [list(image.shape), bool(image[:, :, 0].std() > 0.01), b"</svg>" in svg.getvalue()]
