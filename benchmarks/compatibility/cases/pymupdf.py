"""Writes a PDF and reads it."""

import pymupdf

EXPECTED = ["Hello PDF", 1, [200, 100], True]


def use():
    document = pymupdf.open()
    page = document.new_page(width=200, height=100)
    page.insert_text((20, 50), "Hello PDF", fontsize=11)
    data = document.tobytes()
    again = pymupdf.open(stream=data, filetype="pdf")
    picture = again[0].get_pixmap()
    dark = min(picture.samples) < 100
    return [again[0].get_text().strip(), again.page_count, [picture.width, picture.height], dark]
