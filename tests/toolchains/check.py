"""Runs what run.sh has built, and compares with the page: check.py [--bless] BUILT NAME..."""

import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile

PAGE = pathlib.Path(__file__).resolve().parents[2] / "src/docs/toolchains.md"
INPUT = '{"name": "tea", "prices": [1, 2.5, 3]}'
MENU = "green tea\n"

# What a row says of its toolchain: name and what is called, without what every call has.
TITLES = {
    "rust": "Rust, `cargo build --target wasm32-wasip1`",
    "rust-execute": "Rust, `cargo build --target wasm32-unknown-unknown`",
    "zig": "Zig, `zig build-exe -target wasm32-wasi`",
    "zig-c": "C, `zig cc -target wasm32-wasi`",
    "zig-c++": "C++, `zig c++ -target wasm32-wasi`",
    "clang": "C, `clang` with wasi-libc",
    "clang++": "C++, `clang++` with wasi-libc",
    "go": "Go, `GOOS=wasip1 GOARCH=wasm go build`",
    "assemblyscript": "AssemblyScript, `asc`",
}
GUESTS = ["hello", "system", "panic", "json"]


def belljar(*arguments, text=""):
    command = [os.environ["BELLJAR"], *arguments]
    return subprocess.run(command, input=text, capture_output=True, text=True, timeout=600)


def run(module, *options, arguments=(), text=""):
    """The document that a run prints; without one, what was wrong."""
    arguments = ["--", *arguments] if arguments else []
    done = belljar("run", "--no-config", "--format", "json-compact", *options, str(module), *arguments, text=text)
    try:
        document = json.loads(done.stdout)
    except ValueError:
        document = {}
    return document if "usage" in document else {"end": "refused", "why": done.stderr.strip(), "log": [], "output": ""}


def messages(document):
    return [f"{entry['level']}: {entry['text']}" for entry in document["log"]]


def hello(document):
    # AssemblyScript has no standard output, but a console, which is the log.
    return document["end"] == "done" and (document["output"] == "hello\n" or messages(document) == ["info: hello"])


def json_tool(document):
    if document["end"] != "done":
        return False
    try:
        return json.loads(document["output"]) == {"name": "tea", "sum": 6.5}
    except ValueError:
        return False


def console(document):
    found = messages(document)
    constant = [
        "debug: debug", "info: info", "warn: warn", "error: error", "error: Assertion failed: assert",
        "trace: trace 1.5 -3", "info: 2000, true, true",
    ]
    timers, random = found[len(constant):-1], float(found[-1].removeprefix("info: ")) if found else -1
    is_timer = [line.startswith("info: timer: ") and line.endswith("ms") for line in timers]
    return document["end"] == "done" and found[:7] == constant and is_timer == [True, True] and 0 < random < 1


def system(module):
    """Arguments, a variable, a file to read and one to write."""
    with tempfile.TemporaryDirectory() as shop:
        (pathlib.Path(shop) / "menu.txt").write_text(MENU)
        options = ["--env", "TEA=green", "--dir", f"{shop}::/shop"]
        document = run(module, *options, arguments=["one", "two words"])
        made = pathlib.Path(shop) / "made.txt"
        right = document["output"] == f"one\ntwo words\nTEA=green\n{MENU}"
        return document, right and made.exists() and made.read_text() == MENU.upper()


def how_told(document):
    """How a run ended that panicked: the kind of its end, and whether its log or message says why."""
    if document["end"] != "stopped":
        return document["end"]
    reason = document["reason"]
    kind = next(iter(reason)) if isinstance(reason, dict) else reason
    kind = f"status {document['status']}" if kind == "status" else kind
    if "out of tea" in json.dumps(reason):
        return f"`{kind}`, with the message"
    told = any("out of tea" in entry["text"] for entry in document["log"])
    return f"`{kind}`, the message is in the log" if told else f"`{kind}`, without a message"


def load_work(module):
    """The least `module.load_work` that the module is admitted with, to a hundredth."""
    low, high = 1, 10_000_000
    while high - low > low // 100:
        middle = (low + high) // 2
        limit = f"module.load_work={middle}"
        refused = "module.load_work" in belljar("validate", "--no-config", "--set", limit, str(module)).stderr
        low, high = (middle + 1, high) if refused else (low, middle)
    return high


def rounded(number):
    """Two digits, rounded up: builds on other machines differ a little."""
    unit = 10 ** max(math.floor(math.log10(number)) - 1, 0)
    return f"{math.ceil(number / unit) * unit:,}"


def row(name, built):
    cells, needs, wrong = [], [], []
    for guest in GUESTS:
        module = built / f"{guest}.wasm"
        if (name, guest) == ("rust-execute", "system"):
            cells.append("–")
            continue
        if not module.exists():
            cells.append("is not built")
            wrong.append(f"{name}/{guest} is not built")
            continue
        if guest == "hello":
            document = run(module)
            right = hello(document)
        elif guest == "system" and name == "assemblyscript":
            document = run(module)
            right = console(document)
        elif guest == "system":
            document, right = system(module)
        elif guest == "panic":
            document = run(module)
            right = document["end"] == "stopped"
        else:
            document = run(module, text=INPUT)
            right = json_tool(document)
        cells.append(how_told(document) if guest == "panic" else "runs" if right else "**fails**")
        if right:
            needs.append((module, document["usage"]))
        else:
            wrong.append(f"{name}/{guest}: {json.dumps(document)[:2000]}")
    if name == "assemblyscript" and cells[1] == "runs":
        cells[1] = "has only a console, clocks and random numbers: these run"
    most = [
        rounded(max((module.stat().st_size for module, _ in needs), default=1)),
        f"{max((usage['memory_peak_bytes'] for _, usage in needs), default=0) >> 10:,} KiB",
        rounded(max((usage["fuel"] for _, usage in needs), default=1)),
        rounded(load_work(max((module for module, _ in needs), key=lambda module: module.stat().st_size))) if needs else "–",
    ]
    version = (built / "version").read_text().strip()
    return f"| {TITLES[name]} | " + " | ".join([version, *cells, *most]) + " |", wrong, len(cells) - cells.count("–")


def main():
    bless = sys.argv[1] == "--bless"
    built, *names = sys.argv[2:] if bless else sys.argv[1:]
    passed = failed = 0
    page = PAGE.read_text()
    for name in names:
        line, wrong, count = row(name, pathlib.Path(built) / name)
        start = f"| {TITLES[name]} |"
        old = next((line for line in page.splitlines() if line.startswith(start)), "")
        print("\n".join([line, *wrong]))
        passed += count - len(wrong)
        failed += len(wrong)
        if bless and old:
            page = page.replace(old, line)
        elif old != line:
            print(f"the page says:\n{old}")
            failed += 1
        else:
            passed += 1
    if bless:
        PAGE.write_text(page)
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)


main()
