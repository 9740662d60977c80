#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Behaves like the Hugging Face hub, with a second server as its content network, and goes wrong on demand.

    hub_server.py FOLDER    writes FOLDER/port, FOLDER/big (the large file), and a line to FOLDER/log for each request

Repositories: test/models (public), test/data (a data set, listed on two pages), test/private (wants the token
hf_secret_31), test/gated (403), test/evil (names that leave the folder), test/plain (no HEAD, no tags, as a mirror of
plain files), test/broken (the list is no list), test/none.
The file FOLDER/fault says what the content network does to the next requests, one word a line: cut (closes in the middle),
drop (closes at once), 503, 429, 416, ignore (sends everything whatever Range says), flip (a wrong byte), long (more than
there is), stall, shift (another part than asked for).
"""
import hashlib
import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BIG = b"".join(hashlib.sha256(b"%d" % i).digest() for i in range(40000))  # 1.28 MB
BIG = b'{"x": "' + BIG.hex().encode() + b'"}\n'
FILES = {
    "test/models": {"README.md": b"# Models\n", "knn_model.json": b'{"a": 1}\n', "svm_model.json": BIG,
                    "sub/deep model.json": b"{}\n", "empty.json": b""},
    "test/data": {"a.jsonl": b'{"query": "a"}\n', "more/b.jsonl": BIG, ".gitattributes": b"x\n", "notes.txt": b"x\n"},
    "test/private": {"knn_model.json": b'{"private": 1}\n'},
    "test/gated": {"knn_model.json": b"{}\n"},
    "test/evil": {"../knn_model.json": b"{}\n", "a/../../mlp_model.json": b"{}\n", "knn_model.json": b"{}\n"},
    "test/plain": {"knn_model.json": b'{"plain": 1}\n'},
    "test/broken": {},
    "test/empty": {"README.md": b"x\n"},
}
LARGE = 1000  # bytes from which a file is in LFS
TOKEN = "hf_secret_31"


def note(**entry):
    with open(os.path.join(folder, "log"), "a") as log:
        log.write(json.dumps(entry) + "\n")


class Base(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def answer(self, status, data=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if "Content-Length" not in dict(headers):
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def refuse(self, status, code, message):
        self.answer(status, b"", [("X-Error-Code", code), ("X-Error-Message", message)])


class Hub(Base):
    def do_GET(self):
        note(server="hub", method=self.command, path=self.path, authorization=self.headers.get("Authorization"),
             range=self.headers.get("Range"))
        path, _, query = self.path.partition("?")
        parts = path.strip("/").split("/")
        if parts[0] == "api":
            self.list(parts, query)
        else:
            self.resolve(parts)

    do_HEAD = do_GET

    def allowed(self, repository):
        if repository == "test/private" and self.headers.get("Authorization") != "Bearer " + TOKEN:
            self.refuse(401, "RepoNotFound", "Repository not found")
        elif repository == "test/gated":
            self.refuse(403, "GatedRepo", "Access to model test/gated is restricted")
        elif repository not in FILES:
            if self.headers.get("Authorization"):
                self.refuse(404, "RepoNotFound", "Repository not found")
            else:
                self.refuse(401, "RepoNotFound", "Invalid username or password.")
        else:
            return True
        return False

    def list(self, parts, query):
        repository, revision = "/".join(parts[2:4]), parts[5]
        if not self.allowed(repository):
            return
        if revision != "main":
            return self.refuse(404, "RevisionNotFound", "Invalid rev id: " + revision)
        if repository == "test/broken":
            return self.answer(200, b'{"not": "a list"}')
        entries = [{"type": "file", "path": name, "size": len(data)} for name, data in FILES[repository].items()]
        entries.append({"type": "directory", "path": "mlp_model.json", "size": 0})
        headers = []
        if repository == "test/data":
            half = len(entries) // 2
            if "cursor" in query:
                entries = entries[half:]
            else:
                entries = entries[:half]
                headers.append(("Link", '<%s?recursive=true&cursor=x>; rel="next"' % self.path.partition("?")[0]))
        self.answer(200, json.dumps(entries).encode(), headers)

    def resolve(self, parts):
        if parts[0] == "datasets":
            parts = parts[1:]
        elif parts[0] == "old":  # a repository that was renamed
            return self.answer(307, b"", [("Location", "/test/" + "/".join(parts[1:]))])
        repository, revision = "/".join(parts[:2]), parts[3]
        name = "/".join(parts[4:]).replace("%20", " ")
        if not self.allowed(repository):
            return
        if revision != "main":
            return self.refuse(404, "RevisionNotFound", "Invalid rev id: " + revision)
        if name not in FILES[repository]:
            return self.refuse(404, "EntryNotFound", "Entry not found")
        data = FILES[repository][name]
        if repository == "test/plain":
            if self.command == "HEAD":
                return self.answer(405)
            return self.answer(200, data)
        if len(data) < LARGE:
            return self.answer(200, data, [("ETag", '"%s"' % hashlib.sha1(data).hexdigest())])
        digest = hashlib.sha256(data).hexdigest()
        self.answer(302, b"", [("Location", "http://127.0.0.1:%d/blob/%s?signature=sig-5512" % (network_port, name)),
                               ("X-Linked-Size", str(len(data))), ("X-Linked-Etag", '"%s"' % digest),
                               ("ETag", '"%s"' % digest)])


class Network(Base):
    lock = threading.Lock()

    def fault(self):
        path = os.path.join(folder, "fault")
        with self.lock:
            words = open(path).read().split() if os.path.exists(path) else []
            with open(path, "w") as out:
                out.write("\n".join(words[1:]))
        return words[0] if words else ""

    def do_GET(self):
        note(server="network", method=self.command, path=self.path, authorization=self.headers.get("Authorization"),
             range=self.headers.get("Range"))
        fault, data, status, headers = self.fault(), BIG, 200, []
        begin = self.headers.get("Range")
        if fault == "drop":
            self.close_connection = True
            return
        if fault in ("503", "429", "416", "403"):
            return self.answer(int(fault), b"", [("Retry-After", "1")] if fault == "429" else [])
        if begin and fault != "ignore":
            first = int(begin[len("bytes=") : -1])
            if first >= len(data):
                return self.answer(416, b"", [("Content-Range", "bytes */%d" % len(data))])
            first += 7 if fault == "shift" else 0
            headers.append(("Content-Range", "bytes %d-%d/%d" % (first, len(data) - 1, len(data))))
            data, status = data[first:], 206
        if fault == "flip":
            data = data[:5000] + b"?" + data[5001:]
        if fault == "long":
            data += b"more"
        if fault in ("cut", "stall"):
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[:700000])
            self.wfile.flush()
            if fault == "stall":
                time.sleep(15)
            self.close_connection = True
            return
        self.answer(status, data, headers)

    do_HEAD = do_GET


if __name__ == "__main__":
    folder = sys.argv[1]
    network = ThreadingHTTPServer(("127.0.0.1", 0), Network)
    network.daemon_threads = True
    network_port = network.server_address[1]
    threading.Thread(target=network.serve_forever, daemon=True).start()
    hub = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    hub.daemon_threads = True
    with open(os.path.join(folder, "big"), "wb") as out:
        out.write(BIG)
    with open(os.path.join(folder, "port.tmp"), "w") as out:
        out.write(str(hub.server_address[1]))
    os.rename(os.path.join(folder, "port.tmp"), os.path.join(folder, "port"))
    hub.serve_forever()
