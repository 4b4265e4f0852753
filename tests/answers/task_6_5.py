# %% right: paste with a mask, the mode asked for
def to_rgb(image):
    image = ImageOps.exif_transpose(image)
    if image.mode in ("I", "I;16", "I;16B", "I;16L", "I;16N"):
        return Image.fromarray((np.array(image, dtype=np.int64) >> 8).astype("uint8"), mode=None).convert("RGB")
    if image.mode == "P" or image.mode.endswith("A") or "transparency" in image.info:
        image = image.convert("RGBA")
        result = Image.new("RGB", image.size, (255, 255, 255))
        result.paste(image, mask=image.getchannel("A"))
        return result
    return image.convert("RGB")


# %% right: all by way of RGBA
def to_rgb(image):
    image = ImageOps.exif_transpose(image)
    if "I" == image.mode[0]:
        image = Image.fromarray(np.uint8(np.asarray(image) / 256))
    rgba = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", rgba.size, (255, 255, 255, 255)), rgba).convert("RGB")


# %% right: the mixture by hand, with NumPy
def to_rgb(image):
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        grey = np.asarray(image).astype(np.float64) / 257
        return Image.fromarray(np.stack([grey.round().astype(np.uint8)] * 3, axis=-1))
    pixels = np.array(image.convert("RGBA")).astype(float)
    alpha = pixels[..., 3:] / 255
    return Image.fromarray((pixels[..., :3] * alpha + 255 * (1 - alpha)).round().astype(np.uint8))


# %% right: turned by hand
def to_rgb(image):
    turn = {
        2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }.get(image.getexif().get(0x0112))
    image = image.copy()
    if turn is not None:
        image = image.transpose(turn)
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image) // 256).astype(np.uint8))
    image = image.convert("RGBA")
    white = Image.new("RGBA", image.size, "#ffffff")
    white.alpha_composite(image)
    return white.convert("RGB")


# %% wrong: convert alone -> drops alpha
def to_rgb(image):
    return image.convert("RGB")


# %% wrong: EXIF ignored -> EXIF data say so
def to_rgb(image):
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image) // 256).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


# %% wrong: EXIF read from what has lost it -> EXIF data say so
def to_rgb(image):
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image) // 256).astype(np.uint8))
    image = image.convert("RGBA")
    image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return ImageOps.exif_transpose(image).convert("RGB")


# %% wrong: black in place of white -> the background is white
def to_rgb(image):
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image) // 256).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image)
    return image.convert("RGB")


# %% wrong: a background that is transparent itself -> transparent itself
def to_rgb(image):
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image) // 256).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size), image)
    return image.convert("RGB")


# %% wrong: all or nothing -> a mixture of its colour and of white
def to_rgb(image):
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image) // 256).astype(np.uint8))
    if image.has_transparency_data:
        pixels = np.array(image.convert("RGBA"))
        pixels[pixels[..., 3] == 0] = 255
        image = Image.fromarray(np.ascontiguousarray(pixels[..., :3]))
    return image.convert("RGB")


# %% wrong: 16 bits by convert -> divide by 256 first
def to_rgb(image):
    image = ImageOps.exif_transpose(image)
    image = image.convert("RGB") if image.mode.startswith("I") else image.convert("RGBA").copy()
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


# %% wrong: the lower 8 bits -> Of 16 bits the upper 8 count
def to_rgb(image):
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        image = Image.fromarray(np.asarray(image).astype(np.uint8))
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


# %% wrong: 16 bits stretched to their own range -> Divide by a fixed number
def to_rgb(image):
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        grey = np.asarray(image).astype(float)
        image = Image.fromarray(((grey - grey.min()) / (grey.max() - grey.min()) * 255).astype(np.uint8))
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


# %% wrong: transparency of RGBA only -> drops alpha
def to_rgb(image):
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image) // 256).astype(np.uint8))
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


# %% wrong: RGBA is returned -> not of mode RGB
def to_rgb(image):
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image) // 256).astype(np.uint8))
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)


# %% wrong: an array is returned -> no PIL picture
def to_rgb(image):
    image = ImageOps.exif_transpose(image)
    return np.array(image.convert("RGB"))


# %% wrong: turned in place -> unless in_place=True
def to_rgb(image):
    image = ImageOps.exif_transpose(image, in_place=True)
    return image.convert("RGB")


# %% wrong: the given picture is turned -> that was given has changed
def to_rgb(image):
    ImageOps.exif_transpose(image, in_place=True)
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image) // 256).astype(np.uint8))
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


# %% wrong: only one orientation is known -> ImageOps.exif_transpose
def to_rgb(image):
    if image.getexif().get(0x0112, 1) > 1:
        image = image.transpose(Image.Transpose.ROTATE_180)
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image) // 256).astype(np.uint8))
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


# %% right: a callable object, steps in methods
class ToRGB:
    white = (255, 255, 255)

    def levels(self, image):
        numbers = np.array(image).astype("uint32") >> 8
        return Image.fromarray(numbers.astype(np.uint8))

    def __call__(self, image):
        upright = ImageOps.exif_transpose(image.copy())
        if upright.mode[:1] == "I":
            upright = self.levels(upright)
        alpha = upright.convert("RGBA").getchannel("A")
        return Image.composite(upright.convert("RGB"), Image.new("RGB", upright.size, self.white), alpha)


to_rgb = ToRGB()


# %% right: match, and blocks of NumPy
def to_rgb(image):
    picture = ImageOps.exif_transpose(image)
    match picture.mode:
        case "I" | "I;16" | "I;16B" | "I;16L":
            grey = np.asarray(picture, dtype=np.int32)
            return Image.merge("RGB", [Image.fromarray(np.uint8(grey >> 8))] * 3)
        case "L" | "1" | "CMYK":
            return picture.convert("RGB")
        case _:
            r, g, b, a = (np.float32(plane) for plane in picture.convert("RGBA").split())
            mixed = [np.uint8(c * a / 255 + (255 - a) + 0.5) for c in (r, g, b)]
            return Image.fromarray(np.stack(mixed, 2))


# %% wrong: the given picture itself is returned -> given one itself
def to_rgb(image):
    if image.mode == "RGB" and not image.getexif().get(0x0112):
        return image
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image) // 256).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


# %% wrong: what is not quite opaque becomes white -> a mixture of its colour and of white
def to_rgb(image):
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image) // 256).astype(np.uint8))
    if image.has_transparency_data:
        pixels = np.array(image.convert("RGBA"))
        pixels[pixels[..., 3] < 255] = 255
        image = Image.fromarray(np.ascontiguousarray(pixels[..., :3]))
    return image.convert("RGB")


# %% wrong: 16 bits stretched to the brightest -> Divide by a fixed number
def to_rgb(image):
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image) / np.asarray(image).max() * 255).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


# %% wrong: phone orientations only -> or are mirrored
def to_rgb(image):
    turns = {3: 180, 6: 270, 8: 90}
    image = image.rotate(turns.get(image.getexif().get(0x0112), 0), expand=True)
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image) // 256).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


# %% wrong: turned after the transparency -> EXIF data say so
def to_rgb(image):
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image) // 256).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return ImageOps.exif_transpose(image).convert("RGB")


# %% wrong: 16 bits in one mode only -> The colours are wrong
def to_rgb(image):
    image = ImageOps.exif_transpose(image)
    if image.mode == "I;16":
        image = Image.fromarray((np.asarray(image) // 256).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


# %% wrong: colours mixed without their share -> The colours are wrong
def to_rgb(image):
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image) // 256).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        pixels = np.array(image).astype(int)
        image = Image.fromarray(np.uint8(np.minimum(pixels[..., :3] + 255 - pixels[..., 3:], 255)))
    return image.convert("RGB")


# %% wrong: the given picture is converted in place -> The picture that was given has changed
def to_rgb(image):
    if image.mode == "RGB":
        image.paste(image.transpose(Image.Transpose.ROTATE_180).copy())
        image = image.transpose(Image.Transpose.ROTATE_180)
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image) // 256).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


# %% wrong: a grey picture -> not of mode RGB
def to_rgb(image):
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image) // 256).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("L")


# %% wrong: nothing is returned -> The result is None
def to_rgb(image):
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image) // 256).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    image = image.convert("RGB")


# %% wrong: a smaller picture -> wrong size
def to_rgb(image):
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image) // 256).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB").resize((5, 5))


# %% wrong: the palette's transparency is forgotten -> drops alpha
def to_rgb(image):
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image) // 256).astype(np.uint8))
    if image.mode in ("RGBA", "LA"):
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


# %% wrong: BGR -> stays RGB
def to_rgb(image):
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image) // 256).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return Image.merge("RGB", image.convert("RGB").split()[::-1])


# %% wrong: an RGB picture is taken to have no transparent colour -> The colours under transparent pixels are shown
def to_rgb(image):
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image) // 256).astype(np.uint8))
    if image.mode in ("RGBA", "LA") or (image.mode == "P" and "transparency" in image.info):
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


# %% wrong: of a palette only one colour can be transparent -> The colours under transparent pixels are shown
def to_rgb(image):
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image) // 256).astype(np.uint8))
    number = image.info.get("transparency")
    if image.mode in ("RGBA", "LA") or isinstance(number, (int, tuple)):
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


# %% right: bands pasted with a mask, 16 bits by point
def to_rgb(image):
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        image = image.convert("I").point(lambda level: level / 256).convert("L")
    picture = image.convert("RGBA")
    white = Image.new("RGB", picture.size, "#ffffff")
    white.paste(picture.convert("RGB"), (0, 0), picture.getchannel("A"))
    return white


# %% wrong: the white laid on the picture -> takes the background first
def to_rgb(image):
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image) // 256).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(image, Image.new("RGBA", image.size, "white"))
    return image.convert("RGB")
