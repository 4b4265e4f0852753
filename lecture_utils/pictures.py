"""A picture of any kind becomes upright RGB. Needs Pillow and NumPy only: the app of lecture 6 deploys this module."""

import numpy as np
from PIL import Image, ImageOps


def to_rgb(image: Image.Image) -> Image.Image:
    """Convert a picture of any mode to upright RGB, as training and serving both need it.

    The picture is turned as its EXIF note says, values of 16 bits are scaled to 8, and transparent parts become white.
    Taught in lecture 6, section 6.1.

    Args:
        image: any Pillow image: grey, 16 bits, with a palette or transparency, CMYK. It is left as it is.

    Returns:
        A new image of mode RGB. Its width and height are swapped if the picture lay on its side.

    Raises:
        OSError: the picture's file is damaged; Pillow decodes it only here.

    Example:
        >>> from PIL import Image
        >>> to_rgb(Image.new("RGBA", (2, 2), (255, 0, 0, 0))).getpixel((0, 0))  # red, but fully transparent
        (255, 255, 255)
    """
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):  # 16 bits: convert() would cut off all values above 255
        image = Image.fromarray((np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")
