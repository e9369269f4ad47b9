"""Blurs, finds edges, encodes."""

import cv2
import numpy as np

EXPECTED = [[100, 100, 3], True, 1, [50, 50]]


def use():
    image = np.zeros((100, 100, 3), np.uint8)
    cv2.rectangle(image, (25, 25), (74, 74), (255, 255, 255), -1)
    again = cv2.imdecode(cv2.imencode(".png", image)[1], cv2.IMREAD_COLOR)
    gray = cv2.cvtColor(again, cv2.COLOR_BGR2GRAY)
    contours, _ = cv2.findContours(gray, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    _, _, width, height = cv2.boundingRect(contours[0])
    edges = cv2.Canny(cv2.GaussianBlur(gray, (5, 5), 0), 50, 100)
    return [list(again.shape), bool(edges.any()), len(contours), [width, height]]
