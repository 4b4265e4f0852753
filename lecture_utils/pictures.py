"""Convert any picture to upright RGB. The app of lecture 6 deploys this module, so it needs only Pillow and NumPy."""

import numpy as np
from PIL import ExifTags, Image

UPRIGHT = {  # what to do with a picture, by the note of its camera: the orientation in the EXIF data
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def to_rgb(image: Image.Image) -> Image.Image:
    """Convert a picture of any mode to upright RGB, for training and serving alike. Taught in lecture 6, section 6.1.

    The copy is turned as its EXIF data say, values of 16 bits are scaled to 8, and transparent parts become white.

    Raises:
        OSError: the file is damaged. Pillow decodes it only here.

    >>> to_rgb(Image.new("RGBA", (2, 2), (255, 0, 0, 0))).getpixel((0, 0))  # red, but fully transparent
    (255, 255, 255)
    """
    image.load()
    if image.format == "BMP" and image.mode == "RGBA" and image.getchannel("A").getextrema() == (0, 0):
        image = image.convert("RGB")  # many programs leave the fourth byte empty: it does not mean transparent
    turn = UPRIGHT.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    if turn is not None:  # ImageOps.exif_transpose also writes the EXIF data anew, and fails if they hold odd entries
        image = image.transpose(turn)
    if image.mode.startswith("I"):  # 16 bits: convert() would cut off all values above 255
        image = Image.fromarray((np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")
