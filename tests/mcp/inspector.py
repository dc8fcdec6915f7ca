"""The official inspector's command line as a client of `belljar mcp`, over stdio and HTTP.

Needs BELLJAR, the program to be tested, and INSPECTOR, the command of the inspector. What comes of its calls is
in `inspector.json`; `BLESS=1` writes it anew.
"""

import json
import os
import shlex
import subprocess
import tempfile
from pathlib import Path

import checks
import server
from checks import equal, part

CASES = Path(__file__).with_name("inspector.json")


def inspect(target, arguments):
    """Exit status and results of the inspector."""
    command = [*shlex.split(os.environ["INSPECTOR"]), "--cli", "--format", "json", "--quiet", *arguments, "--", *target]
    with tempfile.TemporaryDirectory() as home:
        run = subprocess.run(command, env={**os.environ, "HOME": home}, capture_output=True, text=True, timeout=60)
    return run.returncode, run.stdout, run.stderr


def documents(text):
    """The JSON in an output, which has a line for each."""
    return [stable(json.loads(line)) for line in text.splitlines() if line.startswith("{")]


def stable(value):
    """Without what it costs, and receipts, which are of one version of the program and its limits."""
    if isinstance(value, dict):
        return {key: stable(inner) for key, inner in value.items() if key != "_meta"}
    return [stable(inner) for inner in value] if isinstance(value, list) else value


def listen_and_call(cases, what, target, bless):
    for case in cases:
        status, out, err = inspect(target, case["arguments"])
        found = {"status": status, "out": documents(out), "err": documents(err)}
        if bless:
            case.update(found)
        wanted = {key: case.get(key) for key in found}
        equal(f"{what}: {' '.join(case['arguments'])}", found, wanted)


def load(what, target):
    """Two hundred calls, ten at a time."""
    arguments = ["--method", "tools/call", "--tool-name", "dates", "--tool-args-json", '{"date":"2024-02-29"}', "--load",
                 "--load-requests", "200", "--load-concurrency", "10"]
    status, out, err = inspect(target, arguments)
    equal(f"{what}: status", (status, err), (0, ""))
    found = json.loads(out)["result"]
    equal(f"{what}: answered", (found["ok"], found["toolErrors"], found["errors"]), (200, 0, 0))


def main():
    cases, bless = json.loads(CASES.read_text()), bool(os.environ.get("BLESS"))
    with server.tools() as folder, server.listening(folder) as (_, url):
        for what, target in [("stdio", [server.BELLJAR, *server.arguments(folder)]), ("http", [url])]:
            with part(f"inspector, {what}"):
                listen_and_call(cases, what, target, bless and what == "stdio")
            with part(f"inspector, {what}: load"):
                load(what, target)
    if bless:
        CASES.write_text(json.dumps(cases, indent=2, ensure_ascii=False) + "\n")
    checks.end()


if __name__ == "__main__":
    main()
