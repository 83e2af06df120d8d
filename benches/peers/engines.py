"""The engines that are compared: how each is had, and the command that runs it over a file.

Installs into target/peers only. What cannot be had raises Missing, which says why; nothing is measured here.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
WORKSHOP = ROOT / "target" / "peers"
PARTITIONS = 2


class Missing(Exception):
    """Why an engine cannot be had."""


@dataclass
class Engine:
    """One line of the table."""

    key: str
    name: str
    # From a file of calls to the command that counts it.
    command: Callable[[Path], list]
    # Whether it prints the digest; the whole program prints what it found instead.
    digests: bool = True
    # It is given the first of so many calls only: a run over all would take too long.
    one_in: int = 1


def quietly(command, **options):
    """Runs a step of a preparation; what it says is told only if it fails."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, **options)
    except FileNotFoundError as error:
        raise Missing(f"{error.filename} is not installed") from None
    if done.returncode != 0:
        said = " ".join((done.stderr or done.stdout).split())
        raise Missing(f"{command[0]} failed: {said[-300:]}")
    return done.stdout


def ours(options):
    """Ours, twice: the features alone, and the whole program with every rule."""
    program, features = options.dialwatch, options.features
    if not program:
        quietly(["cargo", "build", "--release", "--bin", "dialwatch"], cwd=ROOT)
        program = ROOT / "target/release/dialwatch"
    if not features:
        built = quietly(["cargo", "bench", "--bench", "peers", "--no-run", "--message-format=json"], cwd=ROOT)
        messages = [json.loads(line) for line in built.splitlines() if line.startswith("{")]
        features = next(message["executable"] for message in messages if message.get("target", {}).get("name") == "peers")

    def replay(shards):
        def command(calls):
            said = [["--registry", calls.parent / "registry.jsonl"], ["--feedback", calls.parent / "feedback.jsonl"]]
            given = [word for option in said for word in option]
            return [program, "replay", "--format", "dialwatch", "--shards", shards, "--alerts", os.devnull, *given, calls]

        return command

    yield Engine("features", "dialwatch, these features, 1 thread", lambda calls: [features, calls])
    for shards in ("1", "2"):
        threads = f"{shards} shard{'s' if shards != '1' else ''}"
        yield Engine(f"replay-{shards}", f"dialwatch replay, all rules, {threads}", replay(shards), digests=False)


def python(name, newest, *packages):
    """The interpreter of a virtual environment that holds the packages; `newest` is the newest Python they have wheels for."""
    versions = [f"3.{minor}" for minor in range(newest, 9, -1)]
    installed = Path.home() / ".pyenv" / "versions"
    candidates = [sys.executable] if sys.version_info[:2] <= (3, newest) else []
    candidates += [found for version in versions if (found := shutil.which(f"python{version}"))]
    candidates += [folder / "bin/python" for version in versions for folder in sorted(installed.glob(f"{version}.*"))]
    if not candidates:
        raise Missing(f"needs Python 3.{newest} or older")
    folder = WORKSHOP / f"venv-{name}"
    if not (folder / "installed").exists():
        shutil.rmtree(folder, ignore_errors=True)
        quietly([candidates[0], "-m", "venv", folder])
        quietly([folder / "bin/pip", "install", "--quiet", *packages])
        (folder / "installed").touch()
    return folder / "bin/python"


def duckdb(_):
    interpreter, script = python("duckdb", 13, "duckdb==2.0.0"), HERE / "duckdb_features.py"
    for way, words in [("windows", "as one writes it"), ("changes", "as an expert does")]:
        for threads in ("1", "2"):
            name = f"DuckDB 2.0.0, batch, {words}, {threads} thread{'s' if threads != '1' else ''}"

            def command(calls, threads=threads, way=way):
                return [interpreter, script, calls, threads, way]

            yield Engine(f"duckdb-{way}-{threads}", name, command)


def bytewax(_):
    interpreter = python("bytewax", 12, "bytewax==0.21.1", "orjson==3.13.0")
    script = HERE / "bytewax_features.py"
    yield Engine("bytewax", "Bytewax 0.21.1, 1 worker", lambda calls: [interpreter, script, calls], one_in=5)


def flink(_):
    if not shutil.which("java"):
        raise Missing("java is not installed")
    interpreter = python("flink", 12, "apache-flink==2.3.0")
    for parallelism in ("1", "2"):

        def command(calls, parallelism=parallelism):
            return [interpreter, HERE / "flink_features.py", calls, parallelism]

        yield Engine(f"flink-{parallelism}", f"Flink SQL 2.3.0, parallelism {parallelism}", command)


def kafka_jars():
    """The folder of Kafka's jars, and the path of classes with our program before them."""
    output = WORKSHOP / "kafka-streams"
    quietly(["mvn", "-q", "-B", "package", f"-Doutput={output}"], cwd=HERE / "kafka-streams")
    return output / "jars", f"{output / 'peers.jar'}:{output / 'jars'}/*"


def kafka_streams(classes, servers):
    """Kafka Streams over topics that are named after the files: see `load`."""
    state = WORKSHOP / "kafka-streams-state"

    def command(threads):
        program = ["java", "-Xmx2g", "-cp", classes, "peers.Features", servers]
        return lambda calls: [*program, calls.stem, str(PARTITIONS), threads, state]

    for threads in ("1", "2"):
        name = f"Kafka Streams 4.1.1, {threads} thread{'s' if threads != '1' else ''}"
        yield Engine(f"kafka-streams-{threads}", name, command(threads))


def load(classes, servers, calls):
    """Puts a file into its topic."""
    quietly(["java", "-cp", classes, "peers.Load", servers, calls.stem, str(PARTITIONS), calls])
