"""Areas, intersections, buffers, an index."""

import shapely
from shapely import STRtree, box, wkt
from shapely.geometry import Point, Polygon, shape

EXPECTED = [1.0, 0.5, 3.14, True, [0], "POLYGON ((0 0, 2 0, 2 2, 0 2, 0 0))"]


def use():
    square = box(0, 0, 1, 1)
    half = square.intersection(box(0.5, 0, 2, 1)).area
    holed = shape({"type": "Polygon", "coordinates": [[[0, 0], [2, 0], [2, 2], [0, 2], [0, 0]]]})
    tree = STRtree([square, box(10, 10, 11, 11)])
    found = tree.query(Point(0.2, 0.2)).tolist()
    valid = shapely.is_valid(Polygon([(0, 0), (1, 1), (1, 0), (0, 1)]))
    circle = round(Point(0, 0).buffer(1, quad_segs=64).area, 2)
    return [square.area, half, circle, not valid, found, wkt.dumps(holed, rounding_precision=0)]
