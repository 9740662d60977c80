#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An embeddings server that goes wrong in the way that the first part of its path says, as in /nan/v1/embeddings.

    embedding_server.py FOLDER     writes FOLDER/port, and a line to FOLDER/log for each request

An embedding's values are those of the SHA-256 of its text: see `vector`.
"""
import hashlib
import json
import os
import socket
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WIDTH = 24


def vector(text, width=WIDTH):
    digest = hashlib.sha256(text.encode()).digest()
    return [(digest[i % 32] - 127.5) / 64 for i in range(width)]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    counts = {}

    def log_message(self, *arguments):
        pass

    def answer(self, status, body, headers=()):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        self.answer(404, {"detail": "Not Found"})

    def do_POST(self):
        mode = self.path.split("/")[1]
        size = int(self.headers.get("Content-Length", 0))
        request = json.loads(self.rfile.read(size))
        texts = request["input"]
        n = self.counts[mode] = self.counts.get(mode, 0) + 1
        with open(os.path.join(folder, "log"), "a") as log:
            log.write(json.dumps({"mode": mode, "path": self.path, "n": len(texts), "model": request["model"],
                                  "texts": texts, "dimensions": request.get("dimensions"),
                                  "format": request.get("encoding_format"),
                                  "authorization": self.headers.get("Authorization")}) + "\n")
        items = [{"object": "embedding", "index": i, "embedding": vector(text)} for i, text in enumerate(texts)]
        body = {"object": "list", "data": items, "model": request["model"], "usage": {"prompt_tokens": 1}}
        getattr(self, "mode_" + mode, self.mode_ok)(texts, items, body, n, request)

    # --- what is right ---
    def mode_ok(self, texts, items, body, n, request):
        self.answer(200, body)

    def mode_shuffled(self, texts, items, body, n, request):
        body["data"] = items[::-1]
        self.answer(200, body)

    def mode_bare(self, texts, items, body, n, request):
        for item in items:
            del item["index"]
        self.answer(200, {"data": items})

    def mode_wide(self, texts, items, body, n, request):
        for i, item in enumerate(items):
            item["embedding"] = vector(texts[i], request.get("dimensions") or 1024)
        self.answer(200, body)

    def mode_slow(self, texts, items, body, n, request):
        time.sleep(0.04)
        self.answer(200, body)

    # --- what passes ---
    def mode_busy(self, texts, items, body, n, request):
        if n <= 2:
            self.answer(429, {"error": {"message": "slow down"}}, [("Retry-After", "1")])
        else:
            self.answer(200, body)

    def mode_flaky(self, texts, items, body, n, request):
        data = json.dumps(body).encode()
        fault = n % 6
        if fault == 1:
            self.answer(503, b"<html>try later</html>")
        elif fault == 2:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        elif fault == 3:
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[: len(data) // 2])
            self.close_connection = True
        elif fault == 4:
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"%x\r\n" % len(data) + data[:10])
            self.close_connection = True
        else:
            self.answer(200, body)

    def mode_once(self, texts, items, body, n, request):
        if n == 1:
            del items[0]
        self.answer(200, body)

    # --- what does not take some texts ---
    def mode_poison(self, texts, items, body, n, request):
        if any("POISON" in text for text in texts):
            self.answer(400, {"error": {"message": "input 0 is too long", "type": "invalid_request_error"}})
        else:
            self.answer(200, body)

    def mode_small(self, texts, items, body, n, request):
        if len(texts) > 2:
            self.answer(413, {"error": "batch size %d > maximum allowed batch size 2" % len(texts), "type": "Validation"})
        else:
            self.answer(200, body)

    # --- what is wrong for good ---
    def mode_count(self, texts, items, body, n, request):
        del items[0]
        self.answer(200, body)

    def mode_twice(self, texts, items, body, n, request):
        for item in items:
            item["index"] = 0
        self.answer(200, body)

    def mode_beyond(self, texts, items, body, n, request):
        items[-1]["index"] = len(items)
        self.answer(200, body)

    def mode_fraction(self, texts, items, body, n, request):
        items[-1]["index"] = 0.5
        self.answer(200, body)

    def mode_nan(self, texts, items, body, n, request):
        items[-1]["embedding"][3] = float("nan")
        self.answer(200, body)

    def mode_null(self, texts, items, body, n, request):
        items[-1]["embedding"][3] = None
        self.answer(200, body)

    def mode_large(self, texts, items, body, n, request):
        items[-1]["embedding"][3] = 1e39
        self.answer(200, body)

    def mode_text(self, texts, items, body, n, request):
        items[-1]["embedding"] = "AACAPwAAAEA="
        self.answer(200, body)

    def mode_empty(self, texts, items, body, n, request):
        items[-1]["embedding"] = []
        self.answer(200, body)

    def mode_widths(self, texts, items, body, n, request):
        items[-1]["embedding"].append(1.0)
        self.answer(200, body)

    def mode_changing(self, texts, items, body, n, request):
        if n > 2:
            for item in items:
                item["embedding"].append(1.0)
        self.answer(200, body)

    def mode_html(self, texts, items, body, n, request):
        self.answer(200, b"<html><body>Sign in</body></html>")

    def mode_chat(self, texts, items, body, n, request):
        self.answer(200, {"choices": [{"message": {"content": "Hello"}}]})

    def mode_cut(self, texts, items, body, n, request):
        self.answer(200, json.dumps(body).encode()[:-20])

    def mode_error(self, texts, items, body, n, request):
        self.answer(500, {"error": {"message": "out of memory", "type": "server_error"}})

    def mode_denied(self, texts, items, body, n, request):
        self.answer(401, {"error": {"message": "Incorrect API key provided: %s." % self.headers.get("Authorization")}})

    def mode_missing(self, texts, items, body, n, request):
        self.answer(404, {"error": {"message": "The model `%s` does not exist." % request["model"]}})

    def mode_moved(self, texts, items, body, n, request):
        self.answer(308, b"", [("Location", "/ok/v1/embeddings")])

    def mode_late(self, texts, items, body, n, request):
        self.answer(429, {"error": "quota"}, [("Retry-After", "86400")])

    def mode_hang(self, texts, items, body, n, request):
        time.sleep(20)
        self.close_connection = True

    def mode_huge(self, texts, items, body, n, request):
        self.send_response(200)
        self.end_headers()
        self.close_connection = True
        block = b" " * (1 << 20)
        try:
            for _ in range(100):
                self.wfile.write(block)
        except OSError:
            pass


if __name__ == "__main__":
    folder = sys.argv[1]
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    with open(os.path.join(folder, "port.tmp"), "w") as out:
        out.write(str(server.server_address[1]))
    os.rename(os.path.join(folder, "port.tmp"), os.path.join(folder, "port"))
    server.serve_forever()
