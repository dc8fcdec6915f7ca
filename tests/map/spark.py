"""`belljar map` as what Spark pipes its partitions through, on a cluster of two workers."""

import pathlib
import shlex
import subprocess
import sys
import tempfile

from pyspark import SparkConf, SparkContext

import plain
from checks import end, equal, part, that


def piped(spark, lines, partitions, *options):
    rdd = spark.parallelize(lines, partitions)
    return rdd.pipe(shlex.join([*plain.COMMAND, *options]), checkCode=True).collect()


def cluster():
    conf = SparkConf().setMaster("local-cluster[2,1,1024]").setAppName("belljar")
    conf.set("spark.ui.enabled", "false").set("spark.executor.memory", "512m").set("spark.task.maxFailures", "2")
    spark = SparkContext(conf=conf)
    spark.setLogLevel("OFF")
    return spark


with part("Spark"):
    wanted, status = plain.answers(plain.LINES)
    equal("without Spark", (len(wanted), status), (len(plain.LINES), 0))
    with cluster() as spark:
        for partitions in [1, 2, 7, 64]:
            equal(f"{partitions} partitions", piped(spark, plain.LINES, partitions), wanted)
        # Those without a line have a process, too, which writes none.
        equal("empty partitions", piped(spark, plain.LINES[:5], 12), wanted[:5])
        equal("workers", spark._jsc.sc().getExecutorMemoryStatus().size(), 2 + 1)

        try:
            that("a line that fails ends the job", False, piped(spark, plain.BAD, 4))
        except Exception as error:
            that("a line that fails ends the job", "error code 1" in str(error), str(error)[-1500:])
        wanted, status = plain.answers(plain.BAD, "--keep-going")
        equal("without Spark, a line fails", (len(wanted), status), (len(plain.BAD), 1))
        rdd = spark.parallelize(plain.BAD, 4).pipe(shlex.join([*plain.COMMAND, "--keep-going"]))
        equal("a line that fails", plain.without_numbers(rdd.collect()), plain.without_numbers(wanted))

with part("Spark, the example"), tempfile.TemporaryDirectory() as folder:
    example = pathlib.Path(__file__).with_name("example_spark.py")
    folder = pathlib.Path(folder)
    plain.prepare(folder)
    subprocess.run([sys.executable, example], check=True)
    found, parts = plain.written(folder / "outputs")
    equal("answers", found, plain.answers(plain.LINES)[0])
    equal("files", parts, 8)

end()
