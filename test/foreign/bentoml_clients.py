"""BentoML's own synchronous and asynchronous clients, unmodified: arrays, rows, files, streams, and bad requests."""

import asyncio
import os
import pathlib
import tempfile

import bentoml
import numpy as np
import pandas as pd
from PIL import Image
from pydantic import BaseModel
from bentoml.exceptions import BentoMLException, InvalidArgument

URL = os.environ["BENTOML"]
FLOWERS = np.array([[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]], dtype=np.float32)
FILES = [pathlib.Path(tempfile.mkdtemp()) / name for name in ("a.bin", "b.bin")]
for size, path in enumerate(FILES):
    path.write_bytes(bytes(range(256)) * size + b"\x00\xff")


PICTURE = FILES[0].with_name("one.png")
Image.new("RGB", (2, 2), (1, 2, 3)).save(PICTURE)
NAMES = ["sepal_length", "sepal_width", "petal_length", "petal_width"]


class Item(BaseModel):
    name: str
    size: float


def fails(call, status, text):
    try:
        call()
    except BentoMLException as error:
        assert error.error_code == status and text in str(error), (error.error_code, str(error))
        return
    raise AssertionError("it did not fail")


def synchronous():
    with bentoml.SyncHTTPClient(URL) as client:
        assert client.is_ready()
        assert {"iris", "churn_rules", "classify", "measure", "spell", "talk"} <= set(client.endpoints), client.endpoints
        both = client.iris(X=FLOWERS)
        assert both["label"].dtype == np.int64 and both["label"].tolist() == [0, 2], both
        assert both["probabilities"].dtype == np.float32 and both["probabilities"].shape == (2, 3), both
        # One row without an axis of rows, by position, and as lists.
        one = client.iris(FLOWERS[1])
        assert one["label"].shape == () and one["label"] == 2, one
        assert client.iris(X=FLOWERS[1].tolist())["probabilities"].shape == (3,)
        assert np.array_equal(client.call("iris", X=FLOWERS.tolist())["probabilities"], both["probabilities"])
        # A handler with JSON bodies: its members are the arguments.
        assert client.classify(length=2.5, tags=["x"]) == {"long": True, "tags": ["x"]}
        assert client.measure(image=FILES[0]).tolist() == 2
        assert client.measure(image=FILES).tolist() == [2, 258]
        # Pictures go as files; so do answers that are bytes, with the name that they end in.
        assert client.measure(image=Image.open(PICTURE)).tolist() == PICTURE.stat().st_size
        answered = client.invert(image=FILES[1])
        assert answered.read_bytes() == FILES[1].read_bytes()[::-1] and answered.name.endswith("invert.bin"), answered
        fails(lambda: client.invert(image=FILES), 400, "ask for one row")
        # A lone positional argument is the body: a text as it is, whatever its type.
        assert client.shout("hello") == "hello!" and client.shout("grüße") == "grüße!"
        assert client.join(["hello", "world"]) == "hello world"
        for headers in ({}, {"content-type": "text/plain"}, {"content-type": "application/json"}):
            assert client.request("POST", "/shout", content='"a"', headers=headers).text == '"a"!', headers
        fails(lambda: client.join([1]), 400, '"error":"1 validation error for listIODescriptor"')
        # Models of Pydantic among the arguments; what has a default may be left out.
        assert client.order(item=Item(name="x", size=2)) == {"text": "1 x of 2"}
        assert client.order(item={"name": "x", "size": 2}, amount=3) == {"text": "3 x of 2"}
        fails(lambda: client.order(item={"name": "x"}), 400, '"loc":["item","size"]')
        # Streams come in as many pieces as the network makes of them.
        assert "".join(client.spell(word="grüße")) == "g.r.ü.ß.e."
        assert "".join(client.talk(prompt="one two")) == "one two "
        fails(lambda: client.iris(X=[[1.0, 2.0]]), 400, '"error":"1 validation error for Input"')
        fails(lambda: client.classify(length="long", tags=[]), 400, '"loc":["length"]')
        fails(lambda: list(client.talk(prompt="fail")), 500, "An unexpected error has occurred")
        try:
            list(client.talk(prompt="fail-late"))
        except Exception as error:
            assert "incomplete" in str(error), error
        else:
            raise AssertionError("a stream that broke off looks whole")
        fails(lambda: list(client.spell(word=["a", "b"])), 400, "2 rows")
        try:
            client.iris(Y=FLOWERS)
        except TypeError as error:
            assert "Arguments not found" in str(error), error
        response = client.request("POST", "/nobody", json={})
        assert (response.status_code, response.text) == (404, "Not Found")
        assert client.request("GET", "/livez").text == client.request("GET", "/healthz").text == "\n"
        assert "servery" in client.request("GET", "/metrics").text
        assert "/iris" in client.request("GET", "/docs.json").json()["paths"]
        assert client.request("GET", "/nobody").status_code == 404 and client.request("GET", "/").status_code == 200
        streamed = client.request("POST", "/talk", json={"prompt": "one"})
        assert streamed.headers["content-type"] == "text/event-stream; charset=utf-8" and streamed.text == "one ", streamed
        pickled = client.request("POST", "/iris", content=b"x", headers={"content-type": "application/vnd.bentoml+pickle"})
        assert pickled.status_code == 415, pickled.text


def frames():
    frame = pd.DataFrame(FLOWERS, columns=NAMES)
    with bentoml.SyncHTTPClient(os.environ["FRAMES"]) as client:
        for given in (frame, frame[NAMES[::-1]], frame.to_dict(orient="records"), frame.to_dict(orient="list"), FLOWERS):
            answer = client.iris(X=given)
            assert answer["label"].tolist() == [0, 2], answer
        fails(lambda: client.iris(X=frame[NAMES[:2]]), 400, "is missing")
        fails(lambda: client.iris(X=frame.assign(more=1)), 400, "no column")


async def asynchronous():
    async with bentoml.AsyncHTTPClient(URL) as client:
        assert await client.is_ready()
        answers = await asyncio.gather(*(client.iris(X=FLOWERS) for _ in range(20)))
        assert all(answer["label"].tolist() == [0, 2] for answer in answers)
        assert (await client.classify(length=0.5, tags=[])) == {"long": False, "tags": []}
        assert (await client.measure(image=FILES[1])).tolist() == 258
        assert (await client.invert(image=FILES[0])).read_bytes() == b"\xff\x00"
        assert "".join([piece async for piece in client.spell(word="abc")]) == "a.b.c."
        try:
            await client.iris(X=[[1.0, 2.0]])
        except InvalidArgument as error:
            assert "validation error" in str(error)
        else:
            raise AssertionError("a wrong shape was taken")


synchronous()
frames()
asyncio.run(asynchronous())
print("ok")
