#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A chat completions server that misbehaves on request, on an ephemeral port of 127.0.0.1.

    fault_server.py READY_FILE [--cert FILE --key FILE] [--parent PID]

writes its port to READY_FILE once it listens, and ends when its standard input does. What it does is told by the name
of the model, words with "-" between:

    ok            answers
    slow          answers after 0.2 s, first byte at once in two parts
    hang          never answers
    s503          status 503 (any three digits)
    ra1           with Retry-After: 1 (digits: seconds); rad: with an HTTP date a second ahead
    chunk         a broken chunked body
    close         closes in the middle of the body
    drop          closes without a byte
    nojson        a body that is no JSON; ra1 counts here too
    noobject      a JSON array
    empty         no choices
    nullcontent   a message without a text, which took 50 tokens
    huge          a body of 100 MB
    redirect      307 to another path
    echo          status 400 with the request's headers as the message
    errorin200    {"error": ...} with status 200
    first2        as the words before say for the first two attempts of a query, then answers
    random        by the hash of query and attempt: mostly answers, else any of the failures that end quickly
    nousage       answers without token counts

Answers are "The answer is (X)" with X of the query's last character, so that scores differ, or what follows "code:".

GET /log gives what was seen as JSON: {"requests": n, "models": {name: n}, "max_active": n, "connections": n}.
"""
import hashlib
import json
import os
import socketserver
import ssl
import sys
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler

LOCK = threading.Lock()
LOG = {"requests": 0, "models": {}, "active": 0, "max_active": 0, "connections": 0, "bodies": [], "headers": []}
ATTEMPTS = {}
QUICK = ("s500", "s503", "s429", "chunk", "close", "drop", "nojson", "empty")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def setup(self):
        super().setup()
        with LOCK:
            LOG["connections"] += 1

    def log_message(self, *args):
        pass

    def send(self, status, body, headers=()):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        head = [f"HTTP/1.1 {status} X", "Content-Type: application/json", f"Content-Length: {len(data)}"]
        head += [f"{k}: {v}" for k, v in headers]
        self.wfile.write("\r\n".join(head).encode() + b"\r\n\r\n" + data)

    def do_GET(self):
        with LOCK:
            self.send(200, LOG)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with LOCK:
            LOG["requests"] += 1
            LOG["models"][body["model"]] = LOG["models"].get(body["model"], 0) + 1
            LOG["active"] += 1
            LOG["max_active"] = max(LOG["max_active"], LOG["active"])
            if len(LOG["bodies"]) < 64:
                LOG["bodies"].append(body)
                LOG["headers"].append(dict(self.headers.items()))
        try:
            self.answer(body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        finally:
            with LOCK:
                LOG["active"] -= 1

    def answer(self, body):
        model, prompt = body["model"], body["messages"][0]["content"]
        if self.path != "/v1/chat/completions":
            self.send(404, {"error": {"message": "no such path " + self.path}})
            return
        words = model.split("-")
        with LOCK:
            attempt = ATTEMPTS[model, prompt] = ATTEMPTS.get((model, prompt), 0) + 1
        if "random" in words:
            value = int(hashlib.sha256(f"{model} {prompt} {attempt}".encode()).hexdigest(), 16)
            words = [QUICK[value // 100 % len(QUICK)]] if value % 100 < 25 else ["ok"]
        limit = [int(w[5:]) for w in words if w.startswith("first")]
        if limit and attempt > limit[0]:
            words = ["ok"]
        for word in words:
            if self.misbehave(word, words):
                return
        self.send(200, self.completion(prompt, "nousage" not in words))

    def completion(self, prompt, usage=True):
        text = prompt[5:] if prompt.startswith("code:") else "The answer is (%s)" % prompt.strip()[-1:].upper()
        out = {"id": "x", "object": "chat.completion", "choices": [
            {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}]}
        if usage:
            out["usage"] = {"prompt_tokens": len(prompt), "completion_tokens": 5, "total_tokens": len(prompt) + 5}
        return out

    def raw(self, data):
        self.wfile.write(data)
        self.close_connection = True

    def retry_after(self, words):
        return [("Retry-After", w[2:]) for w in words if w.startswith("ra") and w[2:].isdigit()]

    def misbehave(self, word, words):
        if word.startswith("s") and word[1:].isdigit():
            headers = self.retry_after(words)
            if "rad" in words:
                headers = [("Retry-After", formatdate(time.time() + 2, usegmt=True))]
            self.send(int(word[1:]), {"error": {"message": "status " + word[1:]}}, headers)
        elif word == "slow":
            data = json.dumps(self.completion("slow")).encode()
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(data) + data[:10])
            self.wfile.flush()
            time.sleep(0.2)
            self.wfile.write(data[10:])
        elif word == "hang":
            time.sleep(30)
        elif word == "chunk":
            self.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"cho\r\nzz\r\nices")
        elif word == "close":
            data = json.dumps(self.completion("close")).encode()
            self.raw(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(data) + data[:-20])
        elif word == "drop":
            self.raw(b"")
        elif word == "nojson":
            self.send(200, b"<html>gateway</html>", self.retry_after(words))
        elif word == "noobject":
            self.send(200, [1, 2])
        elif word == "empty":
            self.send(200, {"choices": []})
        elif word == "nullcontent":
            self.send(200, {"choices": [{"message": {"content": None}}],
                            "usage": {"prompt_tokens": 30, "completion_tokens": 20}})
        elif word == "huge":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
            for _ in range(100):
                self.wfile.write(b" " * 1000000)
        elif word == "redirect":
            self.send(307, b"", [("Location", "/elsewhere")])
        elif word == "echo":
            self.send(400, {"error": {"message": "bad key " + " ".join(self.headers.values())}})
        elif word == "errorin200":
            self.send(200, {"error": {"message": "overloaded"}})
        else:
            return False
        return True


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 256

    def handle_error(self, request, client_address):
        pass


def main():
    ready = sys.argv[1]
    options = dict(zip(sys.argv[2::2], sys.argv[3::2]))
    server = Server(("127.0.0.1", 0), Handler)
    if "--cert" in options:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options["--cert"], options["--key"])
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with open(ready + ".new", "w") as out:
        out.write(str(server.server_address[1]))
    os.rename(ready + ".new", ready)
    sys.stdin.read()


main()
