import os
import shlex
import shutil

from pyspark import SparkContext

# A worker has a folder of its own, and what it pipes through has no PATH.
command = [shutil.which("belljar"), "map", os.path.abspath("tool.wasm"), "--quiet", "--threads", "1"]

# Two workers with a core and 1 GiB each, as processes of this machine; or the address of a cluster.
with SparkContext("local-cluster[2,1,1024]", "answers") as spark:
    lines = spark.textFile(os.path.abspath("inputs.jsonl"), minPartitions=8)
    answers = lines.pipe(shlex.join(command), checkCode=True)
    answers.saveAsTextFile(os.path.abspath("outputs"))
