"""The same requests to an endpoint and to the handler that stands in for it: status and JSON have to be the same.

Named in WHICH: flask or fastapi. The endpoint is the unchanged file of examples/migrate, run by its own server.
"""

import json
import logging
import os
import sys
import threading
import time

import requests

WHICH = os.environ["WHICH"]
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../examples/migrate", WHICH))
from app import app  # noqa: E402

FASTAPI = "/shops/new/score"
ORDER = {"amount": 250, "country": "KR", "items": ["a"], "express": True}
FLASK = "/parcels/price"
CASES = {
    "fastapi": [
        (FASTAPI, ORDER),
        ("/shops/old%20town/score", ORDER),
        (FASTAPI, {"amount": 0.5, "country": "US"}),
        ("/shops/old/score", {"amount": 0.5, "country": "US"}),
        (FASTAPI, {"amount": 10_000, "country": "US", "unknown": 1}),
        (FASTAPI, {}),
        (FASTAPI, {"amount": 0, "country": "K"}),
        (FASTAPI, {"amount": 10_001, "country": "KOR"}),
        (FASTAPI, {"amount": "much", "country": 82, "items": "x", "express": "perhaps"}),
        (FASTAPI, {"amount": None, "country": None, "items": None, "express": None}),
        (FASTAPI, {**ORDER, "items": ["a", 3, "b", None]}),
        (FASTAPI, {**ORDER, "amount": [1], "items": {}, "express": 7}),
        (FASTAPI, [ORDER]),
        (FASTAPI, None),
        (FASTAPI, "text"),
    ],
    "flask": [
        (FLASK, {"country": "kr", "kilograms": 2}),
        (FLASK, {"country": "us", "kilograms": 0.1, "note": "x"}),
        (FLASK, {"country": "us", "kilograms": 30}),
        (FLASK, {}),
        (FLASK, {"country": "de", "kilograms": 2}),
        (FLASK, {"country": ["kr"][0]}),
        (FLASK, {"country": "kr", "kilograms": "2"}),
        (FLASK, {"country": "kr", "kilograms": None}),
        (FLASK, {"country": "kr", "kilograms": 0}),
        (FLASK, {"country": "kr", "kilograms": 30.5}),
    ],
}


def start():
    """Serves the app on a free port, in a thread."""
    if WHICH == "flask":
        from werkzeug.serving import make_server

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        server = make_server("127.0.0.1", 0, app)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"
    import uvicorn

    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    threading.Thread(target=server.run, daemon=True).start()
    while not server.started:
        time.sleep(0.01)
    return f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"


def same(theirs, ours):
    """All that the original answers, Servery answers; only FastAPI's echo of the client's input is left out."""
    if isinstance(theirs, dict):
        return isinstance(ours, dict) and all(
            key in ours and same(value, ours[key]) for key, value in theirs.items() if key != "input"
        )
    if isinstance(theirs, list):
        return isinstance(ours, list) and len(theirs) == len(ours) and all(map(same, theirs, ours))
    return theirs == ours and isinstance(theirs, bool) == isinstance(ours, bool)


original, servery = start(), os.environ["HTTP"]
statuses = set()
for path, body in CASES[WHICH]:
    answers = [
        requests.post(url + path, data=json.dumps(body), headers={"content-type": "application/json"}, timeout=30)
        for url in (original, servery)
    ]
    theirs, ours = answers
    statuses.add(theirs.status_code)
    said = f"{path} {json.dumps(body)}:\n  {theirs.status_code} {theirs.text}\n  {ours.status_code} {ours.text}"
    assert theirs.status_code == ours.status_code, said
    assert same(theirs.json(), ours.json()), said
    if theirs.ok:
        assert theirs.json() == ours.json(), said
assert statuses == {200, 422 if WHICH == "fastapi" else 400}, statuses

# What is known to differ, and said on the page.
headers = {"content-type": "application/json"}
theirs, ours = (requests.post(url + CASES[WHICH][0][0], data="{", headers=headers, timeout=30) for url in (original, servery))
assert (theirs.status_code, ours.status_code) == (422 if WHICH == "fastapi" else 400, 422), (theirs.text, ours.text)
assert ours.json()["detail"] == [{"type": "json_invalid", "loc": ["body"], "msg": "JSON decode error"}], ours.text
print("ok")
