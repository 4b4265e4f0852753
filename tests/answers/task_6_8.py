# %% right: Content-Length looked at as well, answers returned and not raised
from fastapi.responses import JSONResponse


def make_app(predict, max_bytes, max_pixels):
    app = FastAPI()

    @app.get("/healthz")
    async def healthz():
        return {"status": "ok"}

    def refuse(status, why):
        return JSONResponse({"detail": why}, status_code=status)

    @app.post("/predict")
    async def answer(request: Request):
        if int(request.headers.get("content-length", 0)) > max_bytes:
            return refuse(413, "too many bytes")
        parts, count = [], 0
        async for chunk in request.stream():
            count += len(chunk)
            if count > max_bytes:
                return refuse(413, "too many bytes")
            parts.append(chunk)
        try:
            image = Image.open(io.BytesIO(b"".join(parts)))
        except Image.DecompressionBombError:
            return refuse(413, "too many pixels")
        except Exception:
            return refuse(415, "no picture")
        width, height = image.size
        if width * height > max_pixels:
            return refuse(413, "too many pixels")
        try:
            image.load()
        except Exception:
            return refuse(422, "damaged")
        return await run_in_threadpool(predict, image)

    return app


# %% right: the picture is opened in the thread too
import asyncio


def make_app(predict, max_bytes, max_pixels):
    app = FastAPI()
    app.get("/healthz")(lambda: {"status": "ok"})

    def read(body):
        with io.BytesIO(body) as file:
            try:
                image = Image.open(file)
                small = image.size[0] * image.size[1] <= max_pixels
                return image.copy() if small else None
            except Image.DecompressionBombError:
                return None
            except Exception as error:
                raise HTTPException(status_code=400, detail=str(error)) from None

    @app.post("/predict")
    async def answer(request: Request):
        body = bytearray()
        async for chunk in request.stream():
            body.extend(chunk)
            if len(body) > max_bytes:
                raise HTTPException(413)
        image = await asyncio.to_thread(read, bytes(body))
        if image is None:
            raise HTTPException(413)
        return await asyncio.to_thread(predict, image)

    return app


# %% right: verified first, HTTPException let through, the picture converted by a worker thread of anyio
import anyio.to_thread


def make_app(predict, max_bytes, max_pixels):
    app = FastAPI()
    app.get("/healthz")(lambda: {"status": "ok"})

    @app.post("/predict")
    async def answer(request: Request):
        file = io.BytesIO()
        async for chunk in request.stream():
            file.write(chunk)
            if file.tell() > max_bytes:
                raise HTTPException(413, "too many bytes")
        try:
            with Image.open(file) as seen:
                if seen.width * seen.height > max_pixels:
                    raise HTTPException(413, "too many pixels")
                seen.verify()
            image = Image.open(file)
            image.load()
        except HTTPException:
            raise
        except Exception as error:
            status = 413 if isinstance(error, Image.DecompressionBombError) else 400
            raise HTTPException(status, f"{type(error).__name__}")
        return await anyio.to_thread.run_sync(predict, image)

    return app


# %% right: handlers for the errors
class TooLarge(Exception):
    pass


def make_app(predict, max_bytes, max_pixels):
    app = FastAPI()
    app.get("/healthz")(lambda: {"status": "ok"})

    @app.exception_handler(TooLarge)
    @app.exception_handler(Image.DecompressionBombError)
    async def too_large(request: Request, error: Exception):
        from starlette.responses import PlainTextResponse

        return PlainTextResponse("too large", status_code=413)

    async def body_of(request):
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > max_bytes:
                raise TooLarge
        return body

    @app.post("/predict")
    async def answer(request: Request):
        body = await body_of(request)
        try:
            image = Image.open(io.BytesIO(body))
            if image.width * image.height <= max_pixels:
                image.load()
        except (OSError, SyntaxError, ValueError, EOFError):
            raise HTTPException(400, "no picture")
        if image.width * image.height > max_pixels:
            raise TooLarge
        return await run_in_threadpool(predict, image)

    return app


# %% wrong: nothing is looked at -> answer with status 400
def make_app(predict, max_bytes, max_pixels):
    app = FastAPI()
    app.get("/healthz")(lambda: {"status": "ok"})

    @app.post("/predict")
    async def answer(request: Request):
        image = Image.open(io.BytesIO(await request.body()))
        return await run_in_threadpool(predict, image)

    return app


# %% wrong: only UnidentifiedImageError is caught -> image.load()
from PIL import UnidentifiedImageError


def make_app(predict, max_bytes, max_pixels):
    app = FastAPI()
    app.get("/healthz")(lambda: {"status": "ok"})

    @app.post("/predict")
    async def answer(request: Request):
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > max_bytes:
                raise HTTPException(413, "too many bytes")
        try:
            image = Image.open(io.BytesIO(body))
            if image.width * image.height > max_pixels:
                raise Image.DecompressionBombError
        except Image.DecompressionBombError:
            raise HTTPException(413, "too many pixels")
        except UnidentifiedImageError:
            raise HTTPException(400, "no picture")
        image.load()
        return await run_in_threadpool(predict, image)

    return app


# %% wrong: the whole body is read first -> request.body()
def make_app(predict, max_bytes, max_pixels):
    app = FastAPI()
    app.get("/healthz")(lambda: {"status": "ok"})

    @app.post("/predict")
    async def answer(request: Request):
        body = await request.body()
        if len(body) > max_bytes:
            raise HTTPException(413, "too many bytes")
        try:
            image = Image.open(io.BytesIO(body))
            if image.width * image.height > max_pixels:
                raise Image.DecompressionBombError
            image.load()
        except Image.DecompressionBombError:
            raise HTTPException(413, "too many pixels")
        except Exception:
            raise HTTPException(400, "no picture")
        return await run_in_threadpool(predict, image)

    return app


# %% wrong: Content-Length is believed -> need not say how long
def make_app(predict, max_bytes, max_pixels):
    app = FastAPI()
    app.get("/healthz")(lambda: {"status": "ok"})

    @app.post("/predict")
    async def answer(request: Request):
        if int(request.headers.get("content-length", 0)) > max_bytes:
            raise HTTPException(413, "too many bytes")
        body = await request.body()
        if len(body) > max_bytes:
            raise HTTPException(413, "too many bytes")
        try:
            image = Image.open(io.BytesIO(body))
            if image.width * image.height > max_pixels:
                raise Image.DecompressionBombError
            image.load()
        except Image.DecompressionBombError:
            raise HTTPException(413, "too many pixels")
        except Exception:
            raise HTTPException(400, "no picture")
        return await run_in_threadpool(predict, image)

    return app


# %% wrong: Content-Length is required -> count the bytes as they come
def make_app(predict, max_bytes, max_pixels):
    app = FastAPI()
    app.get("/healthz")(lambda: {"status": "ok"})

    @app.post("/predict")
    async def answer(request: Request):
        length = request.headers.get("content-length")
        if length is None:
            raise HTTPException(411, "how long?")
        if int(length) > max_bytes:
            raise HTTPException(413, "too many bytes")
        try:
            image = Image.open(io.BytesIO(await request.body()))
            if image.width * image.height > max_pixels:
                raise Image.DecompressionBombError
            image.load()
        except Image.DecompressionBombError:
            raise HTTPException(413, "too many pixels")
        except Exception:
            raise HTTPException(400, "no picture")
        return await run_in_threadpool(predict, image)

    return app


# %% wrong: the 413 is caught by except Exception -> let no `except Exception` catch your 413
def make_app(predict, max_bytes, max_pixels):
    app = FastAPI()
    app.get("/healthz")(lambda: {"status": "ok"})

    @app.post("/predict")
    async def answer(request: Request):
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > max_bytes:
                raise HTTPException(413, "too many bytes")
        try:
            image = Image.open(io.BytesIO(body))
            if image.width * image.height > max_pixels:
                raise HTTPException(413, "too many pixels")
            image.load()
        except Exception:
            raise HTTPException(400, "no picture")
        return await run_in_threadpool(predict, image)

    return app


# %% wrong: Pillow's own limit is not known -> Image.DecompressionBombError
def make_app(predict, max_bytes, max_pixels):
    app = FastAPI()
    app.get("/healthz")(lambda: {"status": "ok"})

    @app.post("/predict")
    async def answer(request: Request):
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > max_bytes:
                raise HTTPException(413, "too many bytes")
        try:
            image = Image.open(io.BytesIO(body))
        except Exception:
            raise HTTPException(400, "no picture")
        if image.width * image.height > max_pixels:
            raise HTTPException(413, "too many pixels")
        try:
            image.load()
        except Exception:
            raise HTTPException(400, "damaged")
        return await run_in_threadpool(predict, image)

    return app


# %% wrong: Pillow's own limit becomes a 500 -> an error of its own
def make_app(predict, max_bytes, max_pixels):
    app = FastAPI()
    app.get("/healthz")(lambda: {"status": "ok"})

    @app.post("/predict")
    async def answer(request: Request):
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > max_bytes:
                raise HTTPException(413, "too many bytes")
        try:
            image = Image.open(io.BytesIO(body))
            large = image.width * image.height > max_pixels
            if not large:
                image.load()
        except OSError:
            raise HTTPException(400, "no picture")
        if large:
            raise HTTPException(413, "too many pixels")
        return await run_in_threadpool(predict, image)

    return app


# %% wrong: decoded, then looked at -> before anything is decoded
def make_app(predict, max_bytes, max_pixels):
    app = FastAPI()
    app.get("/healthz")(lambda: {"status": "ok"})

    @app.post("/predict")
    async def answer(request: Request):
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > max_bytes:
                raise HTTPException(413, "too many bytes")
        try:
            image = Image.open(io.BytesIO(body))
            image.load()
            if image.width * image.height > max_pixels:
                raise Image.DecompressionBombError
        except Image.DecompressionBombError:
            raise HTTPException(413, "too many pixels")
        except Exception:
            raise HTTPException(400, "no picture")
        return await run_in_threadpool(predict, image)

    return app


# %% wrong: never decoded -> Has it been decoded?
def make_app(predict, max_bytes, max_pixels):
    app = FastAPI()
    app.get("/healthz")(lambda: {"status": "ok"})

    @app.post("/predict")
    async def answer(request: Request):
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > max_bytes:
                raise HTTPException(413, "too many bytes")
        try:
            image = Image.open(io.BytesIO(body))
            if image.width * image.height > max_pixels:
                raise Image.DecompressionBombError
        except Image.DecompressionBombError:
            raise HTTPException(413, "too many pixels")
        except Exception:
            raise HTTPException(400, "no picture")
        from PIL import ImageFile
        ImageFile.LOAD_TRUNCATED_IMAGES = True
        try:
            return await run_in_threadpool(predict, image)
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = False

    return app


# %% wrong: predict inside the try -> keep predict out of the try
def make_app(predict, max_bytes, max_pixels):
    app = FastAPI()
    app.get("/healthz")(lambda: {"status": "ok"})

    @app.post("/predict")
    async def answer(request: Request):
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > max_bytes:
                raise HTTPException(413, "too many bytes")
        try:
            image = Image.open(io.BytesIO(body))
            if image.width * image.height > max_pixels:
                raise Image.DecompressionBombError
            image.load()
            return await run_in_threadpool(predict, image)
        except Image.DecompressionBombError:
            raise HTTPException(413, "too many pixels")
        except Exception:
            raise HTTPException(400, "no picture")

    return app


# %% wrong: the event loop is blocked -> blocks the event loop
def make_app(predict, max_bytes, max_pixels):
    app = FastAPI()
    app.get("/healthz")(lambda: {"status": "ok"})

    @app.post("/predict")
    async def answer(request: Request):
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > max_bytes:
                raise HTTPException(413, "too many bytes")
        try:
            image = Image.open(io.BytesIO(body))
            if image.width * image.height > max_pixels:
                raise Image.DecompressionBombError
            image.load()
        except Image.DecompressionBombError:
            raise HTTPException(413, "too many pixels")
        except Exception:
            raise HTTPException(400, "no picture")
        return predict(image)

    return app


# %% wrong: the limits themselves are refused -> is not too large yet
def make_app(predict, max_bytes, max_pixels):
    app = FastAPI()
    app.get("/healthz")(lambda: {"status": "ok"})

    @app.post("/predict")
    async def answer(request: Request):
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) >= max_bytes:
                raise HTTPException(413, "too many bytes")
        try:
            image = Image.open(io.BytesIO(body))
            if image.width * image.height >= max_pixels:
                raise Image.DecompressionBombError
            image.load()
        except Image.DecompressionBombError:
            raise HTTPException(413, "too many pixels")
        except Exception:
            raise HTTPException(400, "no picture")
        return await run_in_threadpool(predict, image)

    return app


# %% wrong: one status for everything -> compare image.width
def make_app(predict, max_bytes, max_pixels):
    app = FastAPI()
    app.get("/healthz")(lambda: {"status": "ok"})

    @app.post("/predict")
    async def answer(request: Request):
        try:
            body = b""
            async for chunk in request.stream():
                body += chunk
                if len(body) > max_bytes:
                    raise ValueError("too many bytes")
            image = Image.open(io.BytesIO(body))
            if image.width * image.height > max_pixels:
                raise ValueError("too many pixels")
            image.load()
        except Exception as error:
            raise HTTPException(400, str(error))
        return await run_in_threadpool(predict, image)

    return app


# %% wrong: the error comes with status 200 -> whatever it says
def make_app(predict, max_bytes, max_pixels):
    app = FastAPI()
    app.get("/healthz")(lambda: {"status": "ok"})

    @app.post("/predict")
    async def answer(request: Request):
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > max_bytes:
                return {"error": "too many bytes"}
        try:
            image = Image.open(io.BytesIO(body))
            if image.width * image.height > max_pixels:
                return {"error": "too many pixels"}
            image.load()
        except Exception:
            return {"error": "no picture"}
        return await run_in_threadpool(predict, image)

    return app


# %% wrong: a form is wanted -> no JSON and no form
from fastapi import UploadFile


def make_app(predict, max_bytes, max_pixels):
    app = FastAPI()
    app.get("/healthz")(lambda: {"status": "ok"})

    @app.post("/predict")
    async def answer(file: UploadFile):
        body = await file.read(max_bytes + 1)
        if len(body) > max_bytes:
            raise HTTPException(413, "too many bytes")
        try:
            image = Image.open(io.BytesIO(body))
            image.load()
        except Exception:
            raise HTTPException(400, "no picture")
        return await run_in_threadpool(predict, image)

    return app


# %% wrong: only the first piece of the body -> Is the body whole
def make_app(predict, max_bytes, max_pixels):
    app = FastAPI()
    app.get("/healthz")(lambda: {"status": "ok"})

    @app.post("/predict")
    async def answer(request: Request):
        async for body in request.stream():
            break
        if len(body) > max_bytes:
            raise HTTPException(413, "too many bytes")
        try:
            image = Image.open(io.BytesIO(body))
            if image.width * image.height > max_pixels:
                raise Image.DecompressionBombError
            image.load()
        except Image.DecompressionBombError:
            raise HTTPException(413, "too many pixels")
        except Exception:
            raise HTTPException(400, "no picture")
        return await run_in_threadpool(predict, image)

    return app


# %% wrong: predict is awaited, and not in a thread -> is no async function
def make_app(predict, max_bytes, max_pixels):
    app = FastAPI()
    app.get("/healthz")(lambda: {"status": "ok"})

    @app.post("/predict")
    async def answer(request: Request):
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > max_bytes:
                raise HTTPException(413, "too many bytes")
        try:
            image = Image.open(io.BytesIO(body))
            if image.width * image.height > max_pixels:
                raise Image.DecompressionBombError
            image.load()
        except Image.DecompressionBombError:
            raise HTTPException(413, "too many pixels")
        except Exception:
            raise HTTPException(400, "no picture")
        return await predict(image)

    return app


# %% right: decoded in the event loop, as it is short
def make_app(predict, max_bytes, max_pixels):
    app = FastAPI()
    app.get("/healthz")(lambda: {"status": "ok"})

    @app.post("/predict")
    async def answer(request: Request):
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > max_bytes:
                raise HTTPException(413, "too many bytes")
        try:
            image = Image.open(io.BytesIO(body))
            if image.width * image.height > max_pixels:
                raise Image.DecompressionBombError
            image.load()
        except Image.DecompressionBombError:
            raise HTTPException(413, "too many pixels") from None
        except Exception:
            raise HTTPException(400, "no picture") from None
        return await run_in_threadpool(predict, image)

    return app


# %% right: a class with the endpoint as a method, decoded and asked in one thread
import asyncio


class Service:
    def __init__(self, predict, max_bytes, max_pixels):
        self.predict, self.max_bytes, self.max_pixels = predict, max_bytes, max_pixels

    def open(self, body):
        try:
            with Image.open(io.BytesIO(body)) as image:
                if image.size[0] * image.size[1] > self.max_pixels:
                    return 413, None
                image.load()
                return 200, image.copy()
        except Image.DecompressionBombError:
            return 413, None
        except Exception:
            return 400, None

    async def endpoint(self, request: Request):
        body = bytearray()
        async for chunk in request.stream():
            if len(body) + len(chunk) > self.max_bytes:
                raise HTTPException(status_code=413)
            body += chunk
        status, image = await asyncio.to_thread(self.open, bytes(body))
        if image is None:
            raise HTTPException(status_code=status)
        return await asyncio.to_thread(self.predict, image)


def make_app(predict, max_bytes, max_pixels):
    app = FastAPI()
    app.get("/healthz")(lambda: {"status": "ok"})
    app.post("/predict")(Service(predict, max_bytes, max_pixels).endpoint)
    return app


# %% wrong: Content-Length is asked for only -> does not announce how long
def make_app(predict, max_bytes, max_pixels):
    app = FastAPI()
    app.get("/healthz")(lambda: {"status": "ok"})

    @app.post("/predict")
    async def answer(request: Request):
        if int(request.headers.get("content-length", 0)) > max_bytes:
            raise HTTPException(413, "too many bytes")
        body = await request.body()
        try:
            image = Image.open(io.BytesIO(body))
            if image.width * image.height > max_pixels:
                raise Image.DecompressionBombError
            image.load()
        except Image.DecompressionBombError:
            raise HTTPException(413, "too many pixels") from None
        except Exception:
            raise HTTPException(400, "no picture") from None
        return await run_in_threadpool(predict, image)

    return app


# %% wrong: each piece is measured by itself -> Count the bytes
def make_app(predict, max_bytes, max_pixels):
    app = FastAPI()
    app.get("/healthz")(lambda: {"status": "ok"})

    @app.post("/predict")
    async def answer(request: Request):
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(chunk) > max_bytes:
                raise HTTPException(413, "too many bytes")
        try:
            image = Image.open(io.BytesIO(body))
            if image.width * image.height > max_pixels:
                raise Image.DecompressionBombError
            image.load()
        except Image.DecompressionBombError:
            raise HTTPException(413, "too many pixels") from None
        except Exception:
            raise HTTPException(400, "no picture") from None
        return await run_in_threadpool(predict, image)

    return app


# %% wrong: cut off without a word -> 413
def make_app(predict, max_bytes, max_pixels):
    app = FastAPI()
    app.get("/healthz")(lambda: {"status": "ok"})

    @app.post("/predict")
    async def answer(request: Request):
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > max_bytes:
                break
        try:
            image = Image.open(io.BytesIO(body))
            if image.width * image.height > max_pixels:
                raise Image.DecompressionBombError
            image.load()
        except Image.DecompressionBombError:
            raise HTTPException(413, "too many pixels") from None
        except Exception:
            raise HTTPException(400, "no picture") from None
        return await run_in_threadpool(predict, image)

    return app


# %% wrong: width and height each by itself -> compare image.width
def make_app(predict, max_bytes, max_pixels):
    app = FastAPI()
    app.get("/healthz")(lambda: {"status": "ok"})

    @app.post("/predict")
    async def answer(request: Request):
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > max_bytes:
                raise HTTPException(413, "too many bytes")
        try:
            image = Image.open(io.BytesIO(body))
            if max(image.width, image.height) > max_pixels:
                raise Image.DecompressionBombError
            image.load()
        except Image.DecompressionBombError:
            raise HTTPException(413, "too many pixels") from None
        except Exception:
            raise HTTPException(400, "no picture") from None
        return await run_in_threadpool(predict, image)

    return app


# %% wrong: truncated pictures are loaded -> Has it been decoded
from PIL import ImageFile


def make_app(predict, max_bytes, max_pixels):
    app = FastAPI()
    app.get("/healthz")(lambda: {"status": "ok"})

    @app.post("/predict")
    async def answer(request: Request):
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > max_bytes:
                raise HTTPException(413, "too many bytes")
        try:
            image = Image.open(io.BytesIO(body))
            if image.width * image.height > max_pixels:
                raise Image.DecompressionBombError
            ImageFile.LOAD_TRUNCATED_IMAGES = True
            image.load()
            ImageFile.LOAD_TRUNCATED_IMAGES = False
        except Image.DecompressionBombError:
            raise HTTPException(413, "too many pixels") from None
        except Exception:
            raise HTTPException(400, "no picture") from None
        return await run_in_threadpool(predict, image)

    return app


# %% wrong: predict is asked before the limits -> it is for good pictures only
def make_app(predict, max_bytes, max_pixels):
    app = FastAPI()
    app.get("/healthz")(lambda: {"status": "ok"})

    @app.post("/predict")
    async def answer(request: Request):
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > max_bytes:
                raise HTTPException(413, "too many bytes")
        try:
            image = Image.open(io.BytesIO(body))
            if image.width * image.height > max_pixels:
                await run_in_threadpool(predict, Image.new("RGB", (1, 1)))
                raise Image.DecompressionBombError
            image.load()
        except Image.DecompressionBombError:
            raise HTTPException(413, "too many pixels") from None
        except Exception:
            raise HTTPException(400, "no picture") from None
        return await run_in_threadpool(predict, image)

    return app


# %% wrong: the answer is wrapped -> Return what predict returns
def make_app(predict, max_bytes, max_pixels):
    app = FastAPI()
    app.get("/healthz")(lambda: {"status": "ok"})

    @app.post("/predict")
    async def answer(request: Request):
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > max_bytes:
                raise HTTPException(413, "too many bytes")
        try:
            image = Image.open(io.BytesIO(body))
            if image.width * image.height > max_pixels:
                raise Image.DecompressionBombError
            image.load()
        except Image.DecompressionBombError:
            raise HTTPException(413, "too many pixels") from None
        except Exception:
            raise HTTPException(400, "no picture") from None
        return {"answer": await run_in_threadpool(predict, image)}

    return app


# %% wrong: only PNG -> A good picture is answered with an error
def make_app(predict, max_bytes, max_pixels):
    app = FastAPI()
    app.get("/healthz")(lambda: {"status": "ok"})

    @app.post("/predict")
    async def answer(request: Request):
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > max_bytes:
                raise HTTPException(413, "too many bytes")
        try:
            image = Image.open(io.BytesIO(body), formats=["PNG"])
            if image.width * image.height > max_pixels:
                raise Image.DecompressionBombError
            image.load()
        except Image.DecompressionBombError:
            raise HTTPException(413, "too many pixels") from None
        except Exception:
            raise HTTPException(400, "no picture") from None
        return await run_in_threadpool(predict, image)

    return app


# %% wrong: the picture is turned first -> did not get the picture
def make_app(predict, max_bytes, max_pixels):
    app = FastAPI()
    app.get("/healthz")(lambda: {"status": "ok"})

    @app.post("/predict")
    async def answer(request: Request):
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > max_bytes:
                raise HTTPException(413, "too many bytes")
        try:
            image = Image.open(io.BytesIO(body))
            if image.width * image.height > max_pixels:
                raise Image.DecompressionBombError
            image.load()
        except Image.DecompressionBombError:
            raise HTTPException(413, "too many pixels") from None
        except Exception:
            raise HTTPException(400, "no picture") from None
        return await run_in_threadpool(predict, image.transpose(Image.Transpose.ROTATE_90))

    return app


# %% wrong: another path -> POST
def make_app(predict, max_bytes, max_pixels):
    app = FastAPI()
    app.get("/healthz")(lambda: {"status": "ok"})

    @app.post("/answer")
    async def answer(request: Request):
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > max_bytes:
                raise HTTPException(413, "too many bytes")
        try:
            image = Image.open(io.BytesIO(body))
            if image.width * image.height > max_pixels:
                raise Image.DecompressionBombError
            image.load()
        except Image.DecompressionBombError:
            raise HTTPException(413, "too many pixels") from None
        except Exception:
            raise HTTPException(400, "no picture") from None
        return await run_in_threadpool(predict, image)

    return app


# %% wrong: healthz is removed -> given in the stub
def make_app(predict, max_bytes, max_pixels):
    app = FastAPI()

    @app.post("/predict")
    async def answer(request: Request):
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > max_bytes:
                raise HTTPException(413, "too many bytes")
        try:
            image = Image.open(io.BytesIO(body))
            if image.width * image.height > max_pixels:
                raise Image.DecompressionBombError
            image.load()
        except Image.DecompressionBombError:
            raise HTTPException(413, "too many pixels") from None
        except Exception:
            raise HTTPException(400, "no picture") from None
        return await run_in_threadpool(predict, image)

    return app


# %% wrong: nothing is returned -> make_app returns None
def make_app(predict, max_bytes, max_pixels):
    app = FastAPI()
    app.get("/healthz")(lambda: {"status": "ok"})

    @app.post("/predict")
    async def answer(request: Request):
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > max_bytes:
                raise HTTPException(413, "too many bytes")
        try:
            image = Image.open(io.BytesIO(body))
            if image.width * image.height > max_pixels:
                raise Image.DecompressionBombError
            image.load()
        except Image.DecompressionBombError:
            raise HTTPException(413, "too many pixels") from None
        except Exception:
            raise HTTPException(400, "no picture") from None
        return await run_in_threadpool(predict, image)


# %% wrong: an answer from predict in the loop -> blocks the event loop
def make_app(predict, max_bytes, max_pixels):
    app = FastAPI()
    app.get("/healthz")(lambda: {"status": "ok"})

    @app.post("/predict")
    async def answer(request: Request):
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > max_bytes:
                raise HTTPException(413, "too many bytes")
        try:
            image = Image.open(io.BytesIO(body))
            if image.width * image.height > max_pixels:
                raise Image.DecompressionBombError
            image.load()
        except Image.DecompressionBombError:
            raise HTTPException(413, "too many pixels") from None
        except Exception:
            raise HTTPException(400, "no picture") from None
        return predict(image)

    return app


# %% wrong: only OSError is caught -> many kinds of error
def make_app(predict, max_bytes, max_pixels):
    app = FastAPI()
    app.get("/healthz")(lambda: {"status": "ok"})

    @app.post("/predict")
    async def answer(request: Request):
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > max_bytes:
                raise HTTPException(413, "the file is too large")
        try:
            image = Image.open(io.BytesIO(body))
            if image.width * image.height > max_pixels:
                raise Image.DecompressionBombError
            image.load()
        except Image.DecompressionBombError:
            raise HTTPException(413, "the picture has too many pixels") from None
        except OSError:
            raise HTTPException(400, "this is no picture that can be read") from None
        return await run_in_threadpool(predict, image)

    return app


# %% wrong: predict is called twice -> not called once for each
def make_app(predict, max_bytes, max_pixels):
    app = FastAPI()
    app.get("/healthz")(lambda: {"status": "ok"})

    @app.post("/predict")
    async def answer(request: Request):
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > max_bytes:
                raise HTTPException(413, "the file is too large")
        try:
            image = Image.open(io.BytesIO(body))
            if image.width * image.height > max_pixels:
                raise Image.DecompressionBombError
            image.load()
        except Image.DecompressionBombError:
            raise HTTPException(413, "the picture has too many pixels") from None
        except Exception:
            raise HTTPException(400, "this is no picture that can be read") from None
        await run_in_threadpool(predict, image)
        return await run_in_threadpool(predict, image)

    return app


# %% wrong: for without async -> as they arrive
def make_app(predict, max_bytes, max_pixels):
    app = FastAPI()
    app.get("/healthz")(lambda: {"status": "ok"})

    @app.post("/predict")
    async def answer(request: Request):
        body = b""
        for chunk in request.stream():
            body += chunk
            if len(body) > max_bytes:
                raise HTTPException(413, "too large")
        try:
            image = Image.open(io.BytesIO(body))
            if image.width * image.height > max_pixels:
                raise Image.DecompressionBombError
            image.load()
        except Image.DecompressionBombError:
            raise HTTPException(413, "too many pixels") from None
        except Exception:
            raise HTTPException(400, "no picture") from None
        return await run_in_threadpool(predict, image)

    return app


# %% wrong: a mistake that is caught as well -> a mistake in your own code
def make_app(predict, max_bytes, max_pixels):
    app = FastAPI()
    app.get("/healthz")(lambda: {"status": "ok"})

    @app.post("/predict")
    async def answer(request: Request):
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > max_bytes:
                raise HTTPException(413, "too large")
        try:
            image = Image.open(io.BytesIO(body))
            if image.size > max_pixels:
                raise Image.DecompressionBombError
            image.load()
        except Image.DecompressionBombError:
            raise HTTPException(413, "too many pixels") from None
        except Exception:
            raise HTTPException(400, "no picture") from None
        return await run_in_threadpool(predict, image)

    return app


# %% wrong: the thread is not awaited -> only to an await
def make_app(predict, max_bytes, max_pixels):
    app = FastAPI()
    app.get("/healthz")(lambda: {"status": "ok"})

    @app.post("/predict")
    async def answer(request: Request):
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > max_bytes:
                raise HTTPException(413, "too many bytes")
        try:
            image = Image.open(io.BytesIO(body))
            if image.width * image.height > max_pixels:
                raise Image.DecompressionBombError
            image.load()
        except Image.DecompressionBombError:
            raise HTTPException(413, "too many pixels")
        except Exception:
            raise HTTPException(400, "no picture")
        return run_in_threadpool(predict, image)

    return app


# %% wrong: predict is called at once -> makes the call itself
def make_app(predict, max_bytes, max_pixels):
    app = FastAPI()
    app.get("/healthz")(lambda: {"status": "ok"})

    @app.post("/predict")
    async def answer(request: Request):
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > max_bytes:
                raise HTTPException(413, "too many bytes")
        try:
            image = Image.open(io.BytesIO(body))
            if image.width * image.height > max_pixels:
                raise Image.DecompressionBombError
            image.load()
        except Image.DecompressionBombError:
            raise HTTPException(413, "too many pixels")
        except Exception:
            raise HTTPException(400, "no picture")
        return await run_in_threadpool(predict(image))

    return app


# %% wrong: bytes are taken for the name of a file -> io.BytesIO(body)
def make_app(predict, max_bytes, max_pixels):
    app = FastAPI()
    app.get("/healthz")(lambda: {"status": "ok"})

    @app.post("/predict")
    async def answer(request: Request):
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > max_bytes:
                raise HTTPException(413, "too many bytes")
        image = Image.open(body)
        return await run_in_threadpool(predict, image)

    return app
