"""`belljar map` as what the workers of Dask run their partitions through, in two processes."""

import pathlib
import subprocess
import sys
import tempfile

import dask.bag
from distributed import Client, LocalCluster

import plain
from checks import end, equal, part, that


def answers(lines, *options):
    """The answers to a partition; no answer is an exception."""
    found, status = plain.answers(lines, *options)
    if status != 0 and "--keep-going" not in options:
        raise RuntimeError(f"status {status}")
    return found


def mapped(lines, partitions, *options):
    bag = dask.bag.from_sequence(lines, npartitions=partitions)
    return bag.npartitions, bag.map_partitions(answers, *options).compute()


if __name__ == "__main__":
    with part("Dask"):
        wanted, _ = plain.answers(plain.LINES)
        with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
            equal("workers", len(client.ncores()), 2)
            for partitions in [1, 2, 8, 50]:
                equal(f"{partitions} partitions", mapped(plain.LINES, partitions), (partitions, wanted))
            empty = dask.bag.from_sequence(plain.LINES, npartitions=8).filter(lambda line: '"0 *' in line)
            equal("empty partitions", empty.map_partitions(answers).compute(), wanted[:1])

            try:
                that("a line that fails ends it", False, mapped(plain.BAD, 4))
            except RuntimeError as error:
                equal("a line that fails ends it", str(error), "status 1")
            wanted, _ = plain.answers(plain.BAD, "--keep-going")
            _, found = mapped(plain.BAD, 4, "--keep-going")
            equal("a line that fails", plain.without_numbers(found), plain.without_numbers(wanted))

    with part("Dask, the example"), tempfile.TemporaryDirectory() as folder:
        example = pathlib.Path(__file__).with_name("example_dask.py")
        folder = pathlib.Path(folder)
        plain.prepare(folder)
        # Its workers import it by its name.
        subprocess.run([sys.executable, example], check=True)
        found, parts = plain.written(folder / "outputs")
        equal("answers", found, plain.answers(plain.LINES)[0])
        equal("files", parts, 8)

    end()
