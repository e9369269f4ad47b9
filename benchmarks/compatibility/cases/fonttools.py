"""Makes a font, reads it again, converts a curve."""

import io

from fontTools.cu2qu import cu2qu
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont

EXPECTED = [["A", 600], {"65": "A"}, [[0, 0], [200, 200]], True]


def use():
    builder = FontBuilder(1024, isTTF=True)
    builder.setupGlyphOrder([".notdef", "A"])
    builder.setupCharacterMap({65: "A"})
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    pen.lineTo((500, 1000))
    pen.lineTo((600, 0))
    pen.closePath()
    builder.setupGlyf({".notdef": TTGlyphPen(None).glyph(), "A": pen.glyph()})
    builder.setupHorizontalMetrics({".notdef": (600, 0), "A": (600, 0)})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Test", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    data = io.BytesIO()
    builder.save(data)
    font = TTFont(io.BytesIO(data.getvalue()))
    cmap = {str(code): name for code, name in font.getBestCmap().items()}
    curve = cu2qu.curve_to_quadratic([(0, 0), (0, 100), (100, 200), (200, 200)], 1.0)
    ends = [[int(x) for x in point] for point in (curve[0], curve[-1])]
    return [["A", font["hmtx"]["A"][0]], cmap, ends, bool(cu2qu.COMPILED)]
