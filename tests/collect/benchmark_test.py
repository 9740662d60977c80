#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""mlsel benchmark and merge against a server that misbehaves: benchmark_test.py MLSEL SCRATCH_FOLDER [TEST...]

Standard library only; everything stays on 127.0.0.1 and every wait has an end.
"""
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
MLSEL = os.path.abspath(sys.argv[1])
SCRATCH = os.path.abspath(sys.argv[2])
LONGEST = 120  # seconds for one command
ENV = {k: v for k, v in os.environ.items() if "proxy" not in k.lower()}


class Server:
    def __init__(self, name, *options):
        ready = os.path.join(SCRATCH, f"{name}{'-tls' if options else ''}.port")
        assert not os.path.exists(ready)
        self.process = subprocess.Popen([sys.executable, os.path.join(HERE, "fault_server.py"), ready, *options],
                                        stdin=subprocess.PIPE)
        end = time.time() + 30
        while not os.path.exists(ready) and time.time() < end:
            time.sleep(0.02)
        with open(ready) as file:
            self.port = int(file.read())
        self.url = f"{'https' if options else 'http'}://127.0.0.1:{self.port}/v1"

    def log(self):
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(self.url, timeout=10) as answer:
            return json.load(answer)

    def end(self):
        self.process.kill()
        self.process.wait()


def path(name):
    return os.path.join(SCRATCH, name)


def write(name, text):
    with open(path(name), "w") as file:
        file.write(text)
    return path(name)


def read(name):
    with open(path(name), "rb") as file:
        return file.read()


def make_queries(name, n, first=0):
    rows = [{"query": f"query {i} is {'abcd'[i % 4]}", "ground_truth": "ABDD"[i % 4], "metric": "em_mc",
             "category": "math", "task_name": "t", "extra": [1.50, {"x": None}]} for i in range(first, first + n)]
    return write(name, "".join(json.dumps(row) + "\n" for row in rows))


def run(*args, env=None, expect=0):
    p = subprocess.run([MLSEL, *args], capture_output=True, text=True, timeout=LONGEST, env={**ENV, **(env or {})})
    assert "Sanitizer" not in p.stderr, p.stderr
    assert p.returncode == expect, (args, p.returncode, p.stdout, p.stderr)
    return p


def benchmark(server, queries, models, out, *args, env=None, expect=0):
    p = run("benchmark", "--queries", queries, "--models", models, "--endpoint", server.url, "--output", path(out),
            "--retry-wait", "0.02", "--json", *args, env=env, expect=expect)
    p.summary = json.loads(p.stdout) if p.stdout else None
    return p


def rows_of(name):
    text = read(name)
    assert text == b"" or text.endswith(b"\n")
    return [json.loads(line) for line in text.splitlines()]


def check_rows(rows):
    """Every row is an answer or a failure, and there is one answer at most for each pair."""
    seen = set()
    for row in rows:
        if "error" in row:
            assert row["error"] and "response" not in row and "performance" not in row, row
            assert "response_time" not in row and row["attempts"] >= 1, row
            continue
        pair = row["query"], row["model_name"]
        assert pair not in seen, pair
        seen.add(pair)
        assert 0 <= row["performance"] <= 1 and row["response_time"] > 0 and row["attempts"] >= 1, row
        assert 0 < row["time_to_first_byte"] <= row["response_time"], row
    return seen


# --- tests ------------------------------------------------------------------------------------------------------------


def test_plain(server):
    queries = make_queries("plain.jsonl", 8)
    p = benchmark(server, queries, "ok,ok-nousage", "plain.out", "--concise", "--max-tokens", "77", "--temperature",
                  "0.25")
    rows = rows_of("plain.out")
    assert len(rows) == 16 and len(check_rows(rows)) == 16
    first = next(r for r in rows if r["query"] == "query 2 is c" and r["model_name"] == "ok")
    # its prompt ends in the full stop of the line that --concise adds
    assert first["response"] == "The answer is (.)" and first["attempts"] == 1, first
    assert first["category"] == "math" and first["task_name"] == "t" and first["extra"] == [1.5, {"x": None}]
    assert b'"extra": [1.5, {"x": null}]' in read("plain.out")
    assert first["prompt_tokens"] > 0 and first["completion_tokens"] == 5 and first["finish_reason"] == "stop"
    assert all("prompt_tokens" not in r for r in rows if r["model_name"] == "ok-nousage")
    bodies = server.log()["bodies"]
    assert all(b["max_tokens"] == 77 and b["temperature"] == 0.25 and len(b["messages"]) == 1 for b in bodies)
    asked = [b["messages"][0] for b in bodies]  # in whatever order the requests came in
    assert all(m["role"] == "user" for m in asked)
    assert sum(m["content"].startswith("query 0 is a\n\n") for m in asked) == 2
    s = p.summary
    assert (s["queries"], s["pairs"], s["answered"], s["failed"], s["end"]) == (8, 16, 16, 0, "complete"), s
    # results are taken as queries, and what they measured is not carried on
    benchmark(server, path("plain.out"), "ok", "again.out", "--limit", "3")
    again = rows_of("again.out")
    # both files have answers in the order in which they came
    assert sorted(r["query"] for r in again) == sorted(list(dict.fromkeys(r["query"] for r in rows))[:3])
    assert all(r["model_name"] == "ok" and r["extra"] == first["extra"] and r["attempts"] == 1 for r in again)
    assert read("again.out").count(b'"performance"') == 3


def test_scores(server):
    queries = make_queries("scores.jsonl", 8)
    p = benchmark(server, queries, "ok", "scores.out")
    # of every four truths A B D D the answers A B C D give three
    assert abs(p.summary["models"][0]["performance"] - 0.75) < 1e-12, p.summary
    assert sorted({r["performance"] for r in rows_of("scores.out")}) == [0.0, 1.0]
    write("unknown.jsonl", '{"query": "who knows? a"}\n')
    p = benchmark(server, path("unknown.jsonl"), "ok", "unknown.out")
    row = rows_of("unknown.out")[0]
    assert row["performance"] == 0.5 and row["performance_known"] is False, row
    assert p.summary["models"][0]["performance"] is None and p.summary["models"][0]["known"] == 0


def test_choices(server):
    query = {"query": "which?", "choices": ["red", "green", 7], "ground_truth": "B"}
    inside = {"query": "which?\nA. red\nB. green", "choices": ["red", "green"], "ground_truth": "B"}
    benchmark(server, write("choices.jsonl", json.dumps(query) + "\n" + json.dumps(inside) + "\n"), "ok", "choices.out",
              "--concurrency", "1")
    prompts = [b["messages"][0]["content"] for b in server.log()["bodies"]]
    assert prompts == ["which?\n\nA. red\nB. green\nC. 7", "which?\nA. red\nB. green"], prompts


FAULTS = {"s503": (503, 3), "s500": (500, 3), "s404": (404, 1), "s401": (401, 1), "s429": (429, 3), "s408": (408, 3),
          "chunk": (200, 3), "close": (200, 3), "drop": (None, 3), "nojson": (200, 3), "noobject": (200, 3),
          "empty": (200, 3), "nullcontent": (200, 3), "huge": (200, 1), "redirect": (307, 1), "echo": (400, 1),
          "errorin200": (200, 3), "hang": (None, 3)}


def test_faults(server):
    queries = make_queries("faults.jsonl", 2)
    models = ",".join(["ok", *FAULTS, "slow"])
    p = benchmark(server, queries, models, "faults.out", "--retries", "2", "--timeout", "4", "--concurrency", "32",
                  "--per-model-concurrency", "2")
    rows = rows_of("faults.out")
    answered = check_rows(rows)
    assert {m for _, m in answered} == {"ok", "slow"} and len(answered) == 4, answered
    for name, (status, attempts) in FAULTS.items():
        mine = [r for r in rows if r["model_name"] == name]
        assert len(mine) == 2, (name, mine)
        for row in mine:
            assert "error" in row and row.get("status") == status and row["attempts"] == attempts, row
    slow = [r for r in rows if r["model_name"] == "slow"]
    assert all(r["response_time"] >= 0.2 and r["time_to_first_byte"] < r["response_time"] for r in slow), slow
    counts = {m["model_name"]: m for m in p.summary["models"]}
    assert counts["s503"]["failed"] == 2 and counts["s503"]["requests"] == 6 and counts["s503"]["retries"] == 4
    assert counts["ok"]["answered"] == 2 and counts["ok"]["success"] == 1
    # a run that fails altogether says so; the rows that failed are asked again, and nothing else
    before = server.log()["models"]
    benchmark(server, queries, "ok,s503", "faults.out", "--retries", "0")
    after = server.log()["models"]
    assert after["ok"] == before["ok"] and after["s503"] == before["s503"] + 2
    benchmark(server, queries, "s503", "bad.out", "--retries", "0", expect=1)


def test_recover(server):
    queries = make_queries("recover.jsonl", 3)
    models = ["s503-first2", "chunk-first1", "drop-first1", "close-first2", "nojson-first1", "empty-first1",
              "hang-first1", "s429-ra1-first1", "s429-rad-first1"]
    began = time.time()
    benchmark(server, queries, ",".join(models), "recover.out", "--timeout", "2", "--concurrency", "32")
    rows = rows_of("recover.out")
    assert len(check_rows(rows)) == 27 and len(rows) == 27
    for row in rows:
        assert row["attempts"] == int(row["model_name"][-1]) + 1, row
        # an attempt that failed does not count: that of "hang" took the two seconds, which an answer may not take
        assert row["response_time"] < 2, row
    assert time.time() - began >= 1
    # what a server says about waiting beside an answer that makes no sense is not heeded
    p = benchmark(server, queries, "nojson-ra9999-first1,nojson-ra500", "nonsense.out", "--retries", "1")
    assert p.summary["answered"] == 3 and p.summary["failed"] == 3 and p.summary["requests"] == 12, p.summary
    # a wait that is too long ends the attempts
    p = benchmark(server, queries, "s429-ra9999", "patience.out", expect=1)
    assert p.summary["requests"] == 3 and "9999" in rows_of("patience.out")[0]["error"]


def test_random(server):
    queries = make_queries("random.jsonl", 100)
    p = benchmark(server, queries, "random,ok", "random.out", "--retries", "9", "--concurrency", "16")
    rows = rows_of("random.out")
    assert len(check_rows(rows)) == 200 and len(rows) == 200
    assert p.summary["models"][0]["retries"] > 0


def test_dead(server):
    # nobody listens; then a model is given up
    queries = make_queries("dead.jsonl", 50)
    p = run("benchmark", "--queries", queries, "--models", "m", "--endpoint", "http://127.0.0.1:1/v1", "--output",
            path("dead.out"), "--retries", "1", "--retry-wait", "0.001", "--max-failures", "5", "--json", expect=1)
    s = json.loads(p.stdout)
    assert s["models"][0]["given_up"] and 5 <= s["failed"] < 12, s
    assert "5 queries in a row failed" in p.stderr, p.stderr
    check_rows(rows_of("dead.out"))


def pairs(rows):
    return {(r["query"], r["model_name"], r["response"], r["performance"]) for r in rows if "error" not in r}


def test_kill(server):
    queries = make_queries("kill.jsonl", 60)
    args = ["--retries", "9", "--concurrency", "8"]
    benchmark(server, queries, "random,ok,ok-nousage", "calm.out", *args)
    want = pairs(rows_of("calm.out"))
    assert len(want) == 180
    command = [MLSEL, "benchmark", "--queries", queries, "--models", "random,ok,ok-nousage", "--endpoint", server.url,
               "--output", path("kill.out"), "--retry-wait", "0.02", *args]
    rng = random.Random(7)
    kills = 0
    for _ in range(15):
        p = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENV)
        time.sleep(rng.uniform(0.0, 0.12))
        p.kill()
        kills += p.wait(timeout=LONGEST) == -signal.SIGKILL
        if rng.random() < 0.4 and os.path.exists(path("kill.out")):  # a write that was cut off
            size = os.path.getsize(path("kill.out"))
            os.truncate(path("kill.out"), max(0, size - rng.randrange(1, 200)))
    assert kills > 0
    p = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST, env=ENV)
    assert p.returncode == 0, p.stderr
    rows = rows_of("kill.out")
    assert pairs(rows) == want and len(check_rows(rows)) == 180
    # with nothing left to do there is no request and no change
    before, text = server.log()["requests"], read("kill.out")
    subprocess.run(command, check=True, capture_output=True, timeout=LONGEST, env=ENV)
    assert server.log()["requests"] == before and read("kill.out") == text


def test_interrupt(server):
    queries = make_queries("interrupt.jsonl", 40)
    p = subprocess.Popen([MLSEL, "benchmark", "--queries", queries, "--models", "slow", "--endpoint", server.url,
                          "--output", path("interrupt.out"), "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         text=True, env=ENV)
    end = time.time() + 30
    while not (os.path.exists(path("interrupt.out")) and os.path.getsize(path("interrupt.out"))) and time.time() < end:
        time.sleep(0.02)
    p.send_signal(signal.SIGINT)
    out, err = p.communicate(timeout=LONGEST)
    assert p.returncode == 130, (p.returncode, err)
    s = json.loads(out)
    rows = rows_of("interrupt.out")
    assert s["end"] == "cancelled" and 0 < s["answered"] == len(rows) < 40, s
    assert all("error" not in r for r in rows)
    p = benchmark(server, queries, "slow", "interrupt.out", "--concurrency", "40")
    assert p.summary["resumed"] == len(rows) and len(check_rows(rows_of("interrupt.out"))) == 40


def test_secrets(server):
    key, team = "sk-Zq81kk2Secret77", "team-token-5531"
    queries = make_queries("secrets.jsonl", 2)
    config = write("models.yaml", f"""models:
  - name: echo
    endpoint: {server.url}
    api_key: ${{BENCH_KEY}}
    headers: {{X-Team: "v ${{BENCH_TEAM}}", X-Other: plain-value-9}}
  - name: ok
    endpoint: {server.url}
    api_key: ${{BENCH_KEY}}
    max_tokens: 9
    temperature: 0.5
    colour: red
""")
    env = {"BENCH_KEY": key, "BENCH_TEAM": team}
    p = run("benchmark", "--queries", queries, "--model-config", config, "--output", path("secrets.out"), env=env)
    text = read("secrets.out").decode() + p.stdout + p.stderr
    assert key not in text and team not in text and "plain-value-9" not in text and "***" in text, text
    assert "models.yaml:11:5" in p.stderr and "colour" in p.stderr, p.stderr
    log = server.log()
    assert all(h["Authorization"] == "Bearer " + key for h in log["headers"])
    assert "v " + team in [h.get("X-Team") for h in log["headers"]]
    mine = next(b for b in log["bodies"] if b["model"] == "ok")
    assert mine["max_tokens"] == 9 and mine["temperature"] == 0.5
    p = run("benchmark", "--queries", queries, "--model-config", config, "--output", path("unset.out"),
            env={"BENCH_TEAM": team}, expect=1)
    assert "models.yaml:4:14" in p.stderr and "BENCH_KEY" in p.stderr and team not in p.stderr, p.stderr
    assert not os.path.exists(path("unset.out"))
    run("benchmark", "--queries", queries, "--model-config", config, "--models", "nobody", "--output",
        path("unset.out"), env=env, expect=2)


def test_budgets(server):
    queries = make_queries("budgets.jsonl", 50)
    before = server.log()["requests"]
    p = benchmark(server, queries, "ok", "budget.out", "--max-requests", "13")
    assert server.log()["requests"] == before + 13 == before + p.summary["requests"]
    assert p.summary["end"] == "max_requests" and len(rows_of("budget.out")) == 13
    p = benchmark(server, queries, "ok", "exact.out", "--max-requests", "50")
    assert p.summary["end"] == "complete" and p.summary["answered"] == 50
    p = benchmark(server, queries, "ok", "budget.out", "--max-tokens-total", "100", "--concurrency", "1")
    # an answer has 12 or 13 bytes of prompt and 5 tokens, so the sixth is the first that reaches 100
    assert p.summary["end"] == "max_tokens_total" and p.summary["answered"] == 6, p.summary
    # without counts a request counts with all it has, the choices too
    write("lots.jsonl", "".join(json.dumps({"query": f"q{i}", "choices": ["x" * 300, "y" * 300]}) + "\n"
                                for i in range(9)))
    p = benchmark(server, path("lots.jsonl"), "ok-nousage", "lots.out", "--max-tokens-total", "1500", "--concurrency",
                  "1", "--max-tokens", "1")
    assert p.summary["end"] == "max_tokens_total" and p.summary["answered"] in (2, 3), p.summary
    # an answer that cannot be used may have taken tokens, too
    p = benchmark(server, queries, "nullcontent", "null.out", "--max-tokens-total", "100", "--concurrency", "1",
                  "--retries", "0", expect=1)
    assert p.summary["end"] == "max_tokens_total" and p.summary["requests"] == 2, p.summary
    config = write("prices.yaml", f"models:\n  - {{name: ok, endpoint: '{server.url}', input_price: 0,"
                                  " output_price: 200000}\n")
    p = run("benchmark", "--queries", queries, "--model-config", config, "--output", path("cost.out"), "--max-cost",
            "3.5", "--concurrency", "1", "--json")
    s = json.loads(p.stdout)
    assert s["end"] == "max_cost" and s["answered"] == 4 and abs(s["models"][0]["cost"] - 4) < 1e-9, s
    assert rows_of("cost.out")[0]["cost"] == 1
    benchmark(server, queries, "ok", "cost2.out", "--max-cost", "1", expect=2)


def test_shards(server):
    queries = make_queries("shards.jsonl", 40)
    benchmark(server, queries, "ok,s503", "whole.out", "--retries", "0")
    sizes = []
    for i in (1, 2, 3):
        p = benchmark(server, queries, "ok,s503", f"part{i}.out", "--retries", "0", "--shard", f"{i}/3")
        sizes.append(p.summary["queries"])
    assert sum(sizes) == 40 and min(sizes) > 0, sizes
    p = run("merge", path("joined.out"), *(path(f"part{i}.out") for i in (1, 2, 3)), "--json")
    assert json.loads(p.stdout)["rows"] == 80
    assert pairs(rows_of("joined.out")) == pairs(rows_of("whole.out"))
    benchmark(server, queries, "ok,s503", "joined.out", "--shard", "1/3", "--retries", "0")
    assert len(rows_of("joined.out")) == 80 + sizes[0]
    p = run("merge", path("joined.out"), path("joined.out"), "--json")
    assert json.loads(p.stdout)["rows"] == 80 and json.loads(p.stdout)["superseded"] == sizes[0]
    for wrong in ("0/3", "4/3", "1", "a/b", "1/3x"):
        benchmark(server, queries, "ok", "wrong.out", "--shard", wrong, expect=2)


def test_concurrency(server):
    queries = make_queries("many.jsonl", 60)
    own = Server("concurrency-own")
    try:
        benchmark(own, queries, "slow,slow-slow", "many.out", "--concurrency", "6", "--per-model-concurrency", "4")
        log = own.log()
        assert 2 <= log["max_active"] <= 6, log["max_active"]
        # the log's own connections count too
        assert log["connections"] <= 6 + 2, log["connections"]
    finally:
        own.end()


def test_files(server):
    queries = make_queries("files.jsonl", 3)
    # a file of something else is refused and stays as it is
    for text in ("some text\n", '{"query": "a"}\n', '{"query": "a", "model_name": "m", "performance": 1}\nhello',
                 "[1, 2]\n", "no line"):
        write("other.out", text)
        benchmark(server, queries, "ok", "other.out", expect=1)
        assert read("other.out").decode() == text
    # half a row is cut off, a whole one without its line break stays
    row = '{"query": "query 0 is a", "model_name": "ok", "response": "x", "performance": 1, "response_time": 1}'
    write("half.out", row + "\n" + row[:50])
    p = benchmark(server, queries, "ok", "half.out")
    assert p.summary["resumed"] == 1 and len(rows_of("half.out")) == 3 and "incomplete" in p.stderr
    write("half.out", row)
    assert benchmark(server, queries, "ok", "half.out").summary["resumed"] == 1
    for count in ("-1", "1e300", "0.5", "9007199254740994"):
        write("counts.out", row[:-1] + f', "prompt_tokens": {count}, "completion_tokens": {count}}}\n')
        m = benchmark(server, queries, "ok", "counts.out", "--max-requests", "1").summary["models"][0]
        assert m["resumed"] == 1 and m["prompt_tokens"] < 100, m
    assert len(rows_of("half.out")) == 3 and read("half.out").decode().startswith(row + "\n")
    write("half.out", row + "\n" + "\0" * 100)
    benchmark(server, queries, "ok", "half.out")
    assert len(rows_of("half.out")) == 3 and b"\0" not in read("half.out")
    assert benchmark(server, queries, "ok", "half.out", "--no-resume").summary["resumed"] == 0
    assert len(rows_of("half.out")) == 3
    p = benchmark(server, path("missing.jsonl"), "ok", "none.out", expect=1)
    write("bad.jsonl", '{"query": "a"}\n{"query": 3}\n')
    p = benchmark(server, path("bad.jsonl"), "ok", "none.out", expect=1)
    assert "bad.jsonl:2" in p.stderr and not os.path.exists(path("none.out")), p.stderr
    # two runs do not write to one file
    p = subprocess.Popen([MLSEL, "benchmark", "--queries", queries, "--models", "hang", "--endpoint", server.url,
                          "--output", path("locked.out")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENV)
    try:
        end = time.time() + 30
        while "hang" not in server.log()["models"] and time.time() < end:  # it asks when it has its file
            time.sleep(0.02)
        q = benchmark(server, queries, "ok", "locked.out", expect=1)
        assert "another run" in q.stderr, q.stderr
    finally:
        p.kill()
        p.communicate()


def test_tls(server):
    del server
    if shutil.which("openssl") is None:
        print("SKIP TLS: there is no openssl")
        return
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", path("key.pem"), "-out",
                    path("cert.pem"), "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
                   check=True, capture_output=True)
    own = Server("tls", "--cert", path("cert.pem"), "--key", path("key.pem"))
    queries = make_queries("tls.jsonl", 3)
    try:
        p = benchmark(own, queries, "ok", "tls.out", expect=1)
        assert p.summary["requests"] == 3, p.summary  # it will not be another certificate next time
        assert all("certificate" in r["error"] for r in rows_of("tls.out")), rows_of("tls.out")
        benchmark(own, queries, "ok", "tls.out", "--cacert", path("cert.pem"))
        assert len(check_rows(rows_of("tls.out"))) == 3
        # a server that talks no TLS at all
        plain = Server("notls")
        try:
            p = run("benchmark", "--queries", queries, "--models", "ok", "--endpoint",
                    plain.url.replace("http:", "https:"), "--output", path("notls.out"), "--retries", "1",
                    "--retry-wait", "0.01", expect=1)
            assert all("error" in r for r in rows_of("notls.out"))
        finally:
            plain.end()
    finally:
        own.end()


def test_code(server):
    # the answer is taken as the program; it is only run where that is allowed
    query = {"query": "code:def f(x):\n    return x + 1", "metric": "code_eval",
             "ground_truth": ["assert f(1) == 2", "assert f(1) == 3", "assert f(2) == 3", "assert True"]}
    queries = write("code.jsonl", "".join(json.dumps({**query, "query": query["query"] + " # %d" % i}) + "\n"
                                          for i in range(6)))
    benchmark(server, queries, "ok", "code.out")
    row = rows_of("code.out")[0]
    assert row["performance"] == 0.5 and row["performance_known"] is False, row
    p = benchmark(server, queries, "ok,slow", "code2.out", "--allow-code-execution", "--concurrency", "6")
    rows = rows_of("code2.out")
    assert len(check_rows(rows)) == 12
    assert all(r["performance"] == (0.75 if r["model_name"] == "ok" else 0) for r in rows), rows
    assert p.summary["answered"] == 12
    # a program that sleeps is no time that the model took
    sleeps = write("code3.jsonl", json.dumps({**query, "ground_truth": ["assert f(1) == 2"],
                                              "query": "code:import time\ntime.sleep(2)\ndef f(x):\n    return x + 1"}) + "\n")
    benchmark(server, sleeps, "ok", "code3.out", "--allow-code-execution")
    row = rows_of("code3.out")[0]
    assert row["performance"] == 1 and row["response_time"] < 2, row


def main():
    shutil.rmtree(SCRATCH, ignore_errors=True)
    os.makedirs(SCRATCH)
    tests = [(n[5:], f) for n, f in globals().items() if n.startswith("test_")]
    for name, test in tests:
        if sys.argv[3:] and name not in sys.argv[3:]:
            continue
        began = time.time()
        server = Server(name)
        try:
            test(server)
        finally:
            server.end()
        print(f"{name}: passed, {time.time() - began:.1f} s", flush=True)


main()
