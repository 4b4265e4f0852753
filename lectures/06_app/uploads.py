"""From the bytes that a stranger sends to a picture, or to a sentence that says what is wrong with them.

Nothing here touches the disk, and a file's name is never looked at: whoever ignores it cannot be misled by it.
"""

import dataclasses
import io
import logging
import warnings

from PIL import Image
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")  # each further decoder is further code that strangers may feed
PIECE = 2**16

log = logging.getLogger("app")
logging.getLogger("python_multipart").setLevel(logging.ERROR)  # a stranger's broken form is nothing to warn of
warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit is lower, and refuses


@dataclasses.dataclass(slots=True)
class Upload:
    """What came, as it came; ``wants_seen``: the answer is to tell what the network saw of it."""

    body: bytes
    content_type: str
    max_pixels: int
    wants_seen: bool = False


@dataclasses.dataclass(slots=True)
class Prediction:
    """The most probable classes and their probabilities, best first; ``seen``: see :class:`Upload`, a data URI."""

    top: list[tuple[str, float]]
    seen: str | None = None


class Refused(Exception):
    """A request is not answered with a prediction.

    Args:
        status: of the HTTP answer.
        code: a word for programs; the page finds its translation by it.
        message: a sentence for people: what is wrong, and what to do.
    """

    def __init__(self, status: int, code: str, message: str):
        super().__init__(status, code, message)  # all three, or it could not be sent from process to process
        self.status, self.code, self.message = status, code, message


def read_picture(body: bytes, content_type: str, max_pixels: int) -> Image.Image:
    """The picture of a request: its header is read and its size checked, its pixels are not decoded yet.

    Raises:
        Refused: there is no single picture in the request, or one that is too large.
    """
    if content_type.lower().startswith("multipart/form-data"):
        body = file_of_form(body, content_type)
    if not body:
        raise Refused(400, "empty", "The upload is empty: choose a picture and send it again.")
    try:
        image = Image.open(io.BytesIO(body), formats=FORMATS)
    except Image.UnidentifiedImageError:
        raise Refused(
            415, "not_a_picture", "This is no picture that can be read: send a JPEG, PNG, WebP, GIF or BMP file."
        ) from None
    except Image.DecompressionBombError:
        raise too_many_pixels(max_pixels) from None
    except Exception as error:  # a damaged file makes Pillow raise nearly anything
        raise damaged(error) from None
    if image.width * image.height > max_pixels:
        raise too_many_pixels(max_pixels)
    return image


def too_many_pixels(limit: int) -> Refused:
    return Refused(
        413,
        "too_many_pixels",
        f"The picture has too many pixels: make it smaller, at most {limit / 1e6:.0f} million (width times height).",
    )


def damaged(error: Exception) -> Refused:
    log.info("a picture could not be decoded: %r", error)
    return Refused(400, "damaged", "The picture is damaged or cut short: open it, save it anew and send that.")


def file_of_form(body: bytes, content_type: str) -> bytes:
    """The content of the one part named ``file`` of a multipart form.

    Raises:
        Refused: no form, no such part, or more than one.
    """
    boundary = parse_options_header(content_type)[1].get(b"boundary")
    parts: list[tuple[dict, list[bytes]]] = []  # headers and pieces of content
    name: list[bytes] = []

    def begin():
        parts.append(({}, []))

    def header_name(data, start, end):
        name.append(data[start:end])

    def header_value(data, start, end):
        key = b"".join(name).lower()
        headers = parts[-1][0]
        headers[key] = headers.get(key, b"") + data[start:end]

    def content(data, start, end):
        parts[-1][1].append(data[start:end])

    try:
        if not boundary:
            raise FormParserError("no boundary")
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": begin,
                "on_header_field": header_name,
                "on_header_value": header_value,
                "on_header_end": name.clear,
                "on_part_data": content,
            },
        )
        for start in range(0, len(body), PIECE):
            parser.write(body[start : start + PIECE])
        parser.finalize()
    except FormParserError:
        raise Refused(
            400, "bad_form", "The form cannot be read: send multipart/form-data with one file in the field 'file'."
        ) from None
    fields = [parse_options_header(headers.get(b"content-disposition"))[1].get(b"name") for headers, _ in parts]
    if fields.count(b"file") > 1:
        raise Refused(400, "several_files", "There are several files: send one picture at a time.")
    if b"file" not in fields:
        raise Refused(400, "no_file", "The form has no field 'file': the picture belongs in a field of that name.")
    return b"".join(parts[fields.index(b"file")][1])
