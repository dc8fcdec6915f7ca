"""What is no message, no request or nobody's client: `belljar mcp` answers it with the proper error, and goes on.

Uses nothing but Python. Needs BELLJAR, the program to be tested.
"""

import http.client
import json
import signal
import socket
import subprocess
import time
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

import checks
import server
from checks import equal, part, that

PARSE, REQUEST, METHOD, PARAMS = -32700, -32600, -32601, -32602

HELLO = {
    "jsonrpc": "2.0",
    "id": "hello",
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "raw", "version": "1"},
    },
}
READY = {"jsonrpc": "2.0", "method": "notifications/initialized"}

LIMIT = 1 << 20

# What is sent, the code of the error, and whether it bears the number of the request.
BAD = [
    (b"{", PARSE, False),
    (b"hello", PARSE, False),
    (b'{"jsonrpc":"2.0","id":9,"method":"ping"', PARSE, False),
    (b'{"jsonrpc":"2.0","id":9,"method":"\xff"}', PARSE, False),
    (b"[" * 100_000, PARSE, False),
    (b'{"jsonrpc":"2.0","id":9,"method":"ping"} {}', PARSE, False),
    (b"5", REQUEST, False),
    (b"[]", REQUEST, False),
    (b"{}", REQUEST, False),
    (b'[{"jsonrpc":"2.0","id":9,"method":"ping"}]', REQUEST, False),
    (b'{"jsonrpc":"2.0","id":9}', REQUEST, True),
    (b'{"jsonrpc":"1.0","id":9,"method":"ping"}', REQUEST, True),
    (b'{"id":9,"method":"ping"}', REQUEST, True),
    (b'{"jsonrpc":"2.0","id":9,"method":5}', REQUEST, True),
    (b'{"jsonrpc":"2.0","id":{},"method":"ping"}', REQUEST, False),
    (b'{"jsonrpc":"2.0","id":9,"method":"no/such"}', METHOD, True),
    (b'{"jsonrpc":"2.0","id":9,"method":"prompts/list"}', METHOD, True),
    (b'{"jsonrpc":"2.0","id":9,"method":"tools/call"}', PARAMS, True),
    (b'{"jsonrpc":"2.0","id":9,"method":"tools/call","params":[]}', PARAMS, True),
    (b'{"jsonrpc":"2.0","id":9,"method":"tools/call","params":{"name":5}}', PARAMS, True),
    (b'{"jsonrpc":"2.0","id":9,"method":"tools/call","params":{"name":"dates","arguments":5}}', PARAMS, True),
    (b'{"jsonrpc":"2.0","id":9,"method":"tools/call","params":{"name":"no-such-tool"}}', PARAMS, True),
    (b'{"jsonrpc":"2.0","id":9,"method":"logging/setLevel","params":{"level":"loud"}}', PARAMS, True),
]


def call(number, name, arguments):
    params = {"name": name, "arguments": arguments}
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}


def is_error(what, answer, code, numbered):
    equal(f"{what}: code", (answer.get("error") or answer)["code"], code)
    equal(f"{what}: number", answer.get("id"), 9 if numbered else None)


def shown(sent):
    return sent[:80].decode(errors="replace")


# ------------------------------------------------------------------------------------------------ stdio


class Lines:
    """A server at the other end of two pipes."""

    def __init__(self, folder):
        command = [server.BELLJAR, *server.arguments(folder), "--max-message", str(LIMIT)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL)

    def send(self, message):
        line = message if isinstance(message, bytes) else json.dumps(message).encode()
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def answer(self):
        """The next message that is no notification."""
        while line := self.process.stdout.readline():
            message = json.loads(line)
            equal("a message of JSON-RPC", message.get("jsonrpc"), "2.0")
            if "method" not in message:
                return message
        raise RuntimeError(f"the server is gone: {self.process.wait()}")

    def ask(self, message):
        self.send(message)
        return self.answer()

    def greet(self):
        equal("hello", self.ask(HELLO)["result"]["protocolVersion"], "2025-11-25")
        self.send(READY)


@contextmanager
def lines():
    with server.tools() as folder:
        over = Lines(folder)
        try:
            yield over
        finally:
            over.process.kill()
            over.process.wait()
            over.process.stdout.close()


def is_well(over, what):
    answer = over.ask(call(7, "dates", {"date": "2000-01-01"}))
    equal(f"{what}: goes on", answer.get("result", answer).get("structuredContent", {}).get("weekday"), "Saturday")


def bad_lines():
    with lines() as over:
        # Before the handshake too.
        is_error("before the handshake", over.ask(b"{"), PARSE, False)
        over.greet()
        for sent, code, numbered in BAD:
            is_error(shown(sent), over.ask(sent), code, numbered)
        is_error("too long", over.ask(b'"' + b"x" * (3 * LIMIT) + b'"'), REQUEST, False)
        # To be ignored: no answer is allowed.
        for ignored in (b"", b"  ", b'{"jsonrpc":"2.0","method":"notifications/no/such"}',
                        b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":99}}',
                        b'{"jsonrpc":"2.0","id":99,"result":{}}'):
            over.send(ignored)
        is_well(over, "all of it")
        equal("ping", over.ask({"jsonrpc": "2.0", "id": "p", "method": "ping"}), {"jsonrpc": "2.0", "id": "p", "result": {}})


def versions():
    for asked, agreed in [("2025-06-18",) * 2, ("2025-03-26", "2024-11-05"), ("2024-11-05",) * 2, ("1999-01-01", None)]:
        with lines() as over:
            hello = json.loads(json.dumps(HELLO))
            hello["params"]["protocolVersion"] = asked
            version = over.ask(hello)["result"]["protocolVersion"]
            that(f"a client of {asked}", version == agreed if agreed else version >= "2025-11-25", version)


def end_of_lines():
    with lines() as over:
        over.greet()
        over.send(call(1, "loop", {"input": ""}))
        time.sleep(0.5)
        start = time.monotonic()
        over.process.stdin.close()
        equal("exit status at the end of its input", over.process.wait(timeout=10), 0)
        that("ends at once, though a tool loops", time.monotonic() - start < 3, time.monotonic() - start)
    with lines() as over:
        over.greet()
        over.send(call(1, "loop", {"input": ""}))
        time.sleep(0.5)
        status, took = server.ended(over.process)
        equal("exit status when it is told to end", status, 0)
        that("ends when it is told", took < 3, took)
    with lines() as over:
        # The client leaves without reading its answers.
        over.greet()
        over.process.stdout.close()
        with suppress(BrokenPipeError):
            for number in range(1000):
                over.send(call(number, "dates", {"date": "2000-01-01"}))
        with suppress(BrokenPipeError):
            over.process.stdin.close()
        equal("exit status when nobody reads", over.process.wait(timeout=10), 0)


# ------------------------------------------------------------------------------------------------- HTTP


class Site:
    """A server over HTTP, without a client that knows how to use it."""

    def __init__(self, url):
        self.path, self.netloc = urlsplit(url).path, urlsplit(url).netloc
        self.session = {}

    def request(self, body, method="POST", path=None, **headers):
        """The status of an answer, its headers, and its body; of a stream the first message that is no notification."""
        connection = http.client.HTTPConnection(self.netloc, timeout=20)
        sent = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream", **self.session}
        sent.update({name.replace("_", "-"): value for name, value in headers.items()})
        sent = {name: value for name, value in sent.items() if value is not None}
        body = json.dumps(body) if isinstance(body, dict) else body
        connection.request(method, path or self.path, body, sent)
        answer = connection.getresponse()
        if not answer.headers.get("Content-Type", "").startswith("text/event-stream"):
            return answer.status, answer.headers, answer.read()
        for line in answer:
            if line.startswith(b"data:") and line[5:].strip():
                message = json.loads(line[5:])
                if "method" not in message:
                    return answer.status, answer.headers, json.dumps(message).encode()
        return answer.status, answer.headers, b""

    def greet(self):
        status, headers, body = self.request(HELLO)
        equal("hello", (status, json.loads(body)["result"]["protocolVersion"]), (200, "2025-11-25"))
        self.session = {"Mcp-Session-Id": headers["Mcp-Session-Id"], "Mcp-Protocol-Version": "2025-11-25"}
        equal("a notification", self.request(READY)[0], 202)

    def is_well(self, what):
        status, _, body = self.request(call(7, "dates", {"date": "2000-01-01"}))
        weekday = json.loads(body).get("result", {}).get("structuredContent", {}).get("weekday")
        equal(f"{what}: goes on", (status, weekday), (200, "Saturday"))


@contextmanager
def site():
    with server.tools() as folder, server.listening(folder, "--max-message", str(LIMIT)) as (process, url):
        yield process, Site(url)


def bad_requests():
    with site() as (_, over):
        over.greet()
        for sent, code, numbered in BAD:
            status, _, body = over.request(sent)
            is_error(shown(sent), json.loads(body), code, numbered)
            equal(f"{shown(sent)}: status", status, 400 if code in (PARSE, REQUEST) or status == 400 else 200)
        for what, wanted, headers, more in [
            ("too long", 413, {}, {"body": b'"' + b"x" * (3 * LIMIT) + b'"'}),
            ("a page of another name leads here", 403, {"Host": "attacker.example"}, {}),
            ("a page of another server asks", 403, {"Origin": "http://attacker.example"}, {}),
            ("no JSON by its own words", 415, {"Content_Type": "text/plain"}, {}),
            ("wants no JSON", 406, {"Accept": "text/html"}, {}),
            ("no such session", 404, {"Mcp_Session_Id": "00000000"}, {}),
            ("no such version", 400, {"Mcp_Protocol_Version": "1999-01-01"}, {}),
            ("another place", 404, {}, {"path": "/elsewhere"}),
            ("another method", 405, {}, {"method": "PUT"}),
        ]:
            body = more.pop("body", call(9, "dates", {"date": "2000-01-01"}))
            equal(what, over.request(body, **more, **headers)[0], wanted)
        over.is_well("all of it")
        equal("a session that is over", over.request(None, "DELETE")[0] // 100, 2)
        equal("is not known any more", over.request(call(9, "dates", {}))[0], 404)


def broken_connections():
    with site() as (process, over):
        host, port = over.netloc.split(":")
        for sent in (b"", b"\0\1\2", b"GARBAGE\r\n\r\n", b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{",
                     b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n",
                     b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
                     b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 10_000):
            with socket.create_connection((host, int(port))) as connection:
                with suppress(OSError):
                    connection.sendall(sent)
        over.greet()
        over.is_well("broken connections")

        # A client that goes away takes its call with it: by the end of its session, which is how older ones
        # say so.
        body = json.dumps(call(1, "loop", {"input": ""})).encode()
        lines = [f"POST {over.path} HTTP/1.1", f"Host: {over.netloc}", "Content-Type: application/json",
                 "Accept: application/json, text/event-stream", f"Content-Length: {len(body)}",
                 *(f"{name}: {value}" for name, value in over.session.items())]
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
            time.sleep(0.5)
        over.request(None, "DELETE")
        time.sleep(0.5)
        before = server.seconds_used(process.pid)
        time.sleep(1)
        used = server.seconds_used(process.pid) - before
        that("the processor is idle when the client is gone", used < 0.2, used)
        over.session = {}
        over.greet()
        over.is_well("a client that went away")


def end_of_site():
    for how in (signal.SIGTERM, signal.SIGINT):
        with site() as (process, over):
            over.greet()
            body = json.dumps(call(1, "loop", {"input": ""}))
            connection = http.client.HTTPConnection(over.netloc)
            headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream", **over.session}
            connection.request("POST", over.path, body, headers)
            time.sleep(0.5)
            status, took = server.ended(process, how)
            equal(f"exit status after {how.name}", status, 0)
            that(f"ends at {how.name}, though a tool loops", took < 4, took)


for check in (bad_lines, versions, end_of_lines, bad_requests, broken_connections, end_of_site):
    with part(f"raw: {check.__name__.replace('_', ' ')}"):
        check()
checks.end()
