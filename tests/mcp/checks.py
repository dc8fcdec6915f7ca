"""Counts what holds and what does not."""

import sys
import time
import traceback
from contextlib import contextmanager

passed = 0
failed = 0


def that(what, holds, detail=""):
    """One thing that has to hold."""
    global passed, failed
    if holds:
        passed += 1
    else:
        failed += 1
        print(f"FAILED {what}: {str(detail)[:2000]}", flush=True)


def equal(what, found, wanted):
    """Two values that have to be the same."""
    that(what, found == wanted, f"\n  found  {found!r}\n  wanted {wanted!r}")


@contextmanager
def part(name):
    """Some checks. An exception in them is a failure, after which others go on."""
    global failed
    start, before = time.monotonic(), (passed, failed)
    try:
        yield
    except Exception:
        failed += 1
        print(f"FAILED {name}:\n{traceback.format_exc()[-4000:]}", flush=True)
    good, bad = passed - before[0], failed - before[1]
    print(f"{'ok    ' if bad == 0 else 'FAILED'} {name}: {good} passed, {bad} failed, "
          f"{time.monotonic() - start:.1f} s", flush=True)


def end():
    """The totals, in the last line."""
    print(f"{passed} passed, {failed} failed", flush=True)
    sys.exit(1 if failed or not passed else 0)
