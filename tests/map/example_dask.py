import subprocess

import dask.bag
from distributed import Client, LocalCluster


def answers(lines):
    command = ["belljar", "map", "tool.wasm", "--quiet", "--threads", "1"]
    text = "".join(line + "\n" for line in lines)
    output = subprocess.run(command, input=text, stdout=subprocess.PIPE, encoding="utf-8", check=True).stdout
    return output.split("\n")[:-1]


if __name__ == "__main__":
    # Two workers, as processes of this machine; or the address of a cluster.
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster):
        with open("inputs.jsonl") as inputs:
            lines = dask.bag.from_sequence((line.rstrip("\n") for line in inputs), npartitions=8)
        lines.map_partitions(answers).to_textfiles("outputs/*.jsonl")
