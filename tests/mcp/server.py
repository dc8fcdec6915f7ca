"""The server that is tested, its tools, and what it uses up."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
from contextlib import contextmanager
from pathlib import Path

BELLJAR = os.environ["BELLJAR"]
GUESTS = Path(__file__).resolve().parents[2] / "fixtures" / "guests"

# The tools that say what they are.
PACKED = ["dates", "jsonquery", "markdown"]

# Guests that do not, with the ways to end badly.
PLAIN = ["calc", "flood", "hog", "loop", "throw"]

# So much that a guest which loops does so until it is stopped.
FUEL = 10**13


def arguments(folder, fuel=FUEL):
    """Of `belljar`, to serve a folder of tools."""
    return ["mcp", str(folder), "--jobs", "4", "--fuel-limit", str(fuel), "--memory-limit", "16MiB", "--receipts"]


def manifest(name):
    """What a tool says of itself."""
    with open(GUESTS / name / "tool.toml", "rb") as file:
        return tomllib.load(file)


@contextmanager
def tools():
    """A folder of tools, which a test may change."""
    with tempfile.TemporaryDirectory() as folder:
        for name in PACKED:
            shutil.copy(GUESTS / "tools" / f"{name}.wasm", folder)
        for name in PLAIN:
            shutil.copy(GUESTS / f"{name}.wasm", folder)
        yield Path(folder)


@contextmanager
def listening(folder, *options, fuel=FUEL):
    """A server over HTTP: its process, and where it is."""
    command = [BELLJAR, *arguments(folder, fuel), "--listen", "127.0.0.1:0", *options]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        url = None
        for line in process.stderr:
            sys.stderr.write(line)
            if found := re.search(r"http://[^\s]+", line):
                url = found[0]
                break
        if url is None:
            raise RuntimeError(f"the server ended with {process.wait()}")
        # What else it has to say must not fill the pipe.
        threading.Thread(target=lambda: [sys.stderr.write(line) for line in process.stderr], daemon=True).start()
        yield process, url
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def child():
    """The server that this process has started."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if parent == os.getpid() and words[0] == BELLJAR.encode():
                return int(entry.name)
    raise RuntimeError("there is no server")


def seconds_used(pid):
    """Time on a processor, all threads together."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ended(process, how=signal.SIGTERM, within=10):
    """Asks a server to end, and gives its exit status and the time that it took."""
    start = time.monotonic()
    process.send_signal(how)
    return process.wait(timeout=within), time.monotonic() - start
