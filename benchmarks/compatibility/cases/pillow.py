"""Draws, resizes, writes and reads PNG, JPEG and WebP."""

import io

from PIL import Image, ImageDraw, ImageFilter, features

EXPECTED = {
    "png": [[64, 32], [255, 0, 0], [0, 0, 255]],
    "jpeg": [[32, 16], True],
    "webp": [64, 32],
    "blurred": True,
    "codecs": True,
}


def through(image, kind, **options):
    data = io.BytesIO()
    image.save(data, kind, **options)
    return Image.open(io.BytesIO(data.getvalue())).convert("RGB")


def use():
    image = Image.new("RGB", (64, 32), "blue")
    ImageDraw.Draw(image).rectangle((8, 8, 23, 23), fill="red")
    png = through(image, "PNG")
    jpeg = through(image.resize((32, 16), Image.Resampling.LANCZOS), "JPEG", quality=95)
    blurred = image.filter(ImageFilter.GaussianBlur(3)).getpixel((8, 8))
    return {
        "png": [list(png.size), list(png.getpixel((10, 10))), list(png.getpixel((60, 30)))],
        "jpeg": [list(jpeg.size), jpeg.getpixel((7, 7))[0] > 200],
        "webp": list(through(image, "WEBP").size),
        "blurred": 0 < blurred[0] < 255,
        "codecs": all(features.check(name) for name in ("jpg", "zlib", "webp", "freetype2")),
    }
