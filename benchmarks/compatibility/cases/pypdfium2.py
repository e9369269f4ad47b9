"""Makes a PDF, renders it."""

import io

import pypdfium2

EXPECTED = [1, [200.0, 100.0], [100, 50], 255]


def use():
    document = pypdfium2.PdfDocument.new()
    document.new_page(200, 100)
    data = io.BytesIO()
    document.save(data)
    again = pypdfium2.PdfDocument(data.getvalue())
    bitmap = again[0].render(scale=0.5)
    return [len(again), list(again[0].get_size()), [bitmap.width, bitmap.height], bitmap.buffer[0]]
