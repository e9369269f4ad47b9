"""Warps, matches, encodes."""

import cv2
import numpy as np

EXPECTED = [[50, 50], [30, 40], True]


def use():
    image = np.random.default_rng(1).integers(0, 255, (100, 100), np.uint8)
    found = cv2.matchTemplate(image, image[40:60, 30:50], cv2.TM_CCOEFF_NORMED)
    _, _, _, place = cv2.minMaxLoc(found)
    jpeg = cv2.imdecode(cv2.imencode(".jpg", image)[1], cv2.IMREAD_GRAYSCALE)
    return [list(cv2.resize(image, (50, 50)).shape), list(place), jpeg.shape == (100, 100)]
