"""What `belljar map` answers by itself, to compare with; and a folder in which the examples of the
documentation find what they name.

Needs BELLJAR, the program to be tested; `run.sh` prepares the rest.
"""

import json
import os
import pathlib
import shutil
import subprocess

GUEST = pathlib.Path(__file__).resolve().parents[2] / "fixtures/guests/calc.wasm"
COMMAND = [os.environ["BELLJAR"], "map", str(GUEST), "--quiet", "--threads", "1"]

LINES = [json.dumps({"expr": f"{n} * {n} + {n % 7}"}) for n in range(1000)]
"""Lines that all have an answer."""

BAD = LINES[:300] + ["no JSON"] + LINES[300:400]
"""Lines of which one has none."""


def answers(lines, *options):
    """What `belljar map` answers, and how it ends."""
    text = "".join(line + "\n" for line in lines)
    ended = subprocess.run([*COMMAND, *options], input=text, capture_output=True, encoding="utf-8")
    return ended.stdout.split("\n")[:-1], ended.returncode


def without_numbers(lines):
    """Lines whose error records do not say which line it was: within its part each counts for itself."""
    records = [json.loads(line) for line in lines]
    for record in records:
        record.get("error", {}).pop("line", None)
    return records


def prepare(folder):
    """Puts there what the examples name, and goes there."""
    (folder / "bin").mkdir()
    (folder / "bin/belljar").symlink_to(os.environ["BELLJAR"])
    shutil.copy(GUEST, folder / "tool.wasm")
    (folder / "inputs.jsonl").write_text("".join(line + "\n" for line in LINES))
    os.environ["PATH"] = f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"
    os.chdir(folder)


def written(folder):
    """The lines in the files of a folder, one after the other."""
    parts = sorted(path for path in folder.iterdir() if not path.name.startswith((".", "_")))
    # Not all engines write an end after the last one.
    return [line for path in parts for line in path.read_text().removesuffix("\n").split("\n")], len(parts)
