"""Compares dialwatch with the engines a user would take instead: same calls, same features, same results, one run.

Makes the calls, prepares the engines, runs each in turn several times, fails where two differ in what they counted, and prints a
table of medians. Measures through measure.py, never changes a limit of the system, and says of what it skips that it did.

make peers ARGS='--records 1000000 --runs 5 --write'
"""

import argparse
import contextlib
import datetime
import itertools
import json
import os
import platform
import re
import shutil
import signal
import statistics
import subprocess
import sys
from pathlib import Path

import broker
import engines
from engines import HERE, ROOT, WORKSHOP, Missing

LATENESS_MS = 300_000
# So few calls that what they take is what an engine takes to start.
FEW = 1_000
PAGE = ROOT / "BENCHMARKS.md"
BEGIN, END = "<!-- peers: begin (written by make peers) -->", "<!-- peers: end -->"
MIB = 1 << 20


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=1_000_000, help="how many calls (default %(default)s)")
    parser.add_argument("--apps", type=int, default=2_000, help="how many apps the simulation has (default %(default)s)")
    parser.add_argument("--days", type=int, default=1, help="how many days it lasts at most (default %(default)s)")
    parser.add_argument("--runs", type=int, default=5, help="how often each engine runs (default %(default)s)")
    parser.add_argument("--only", default="", help="of flink, kafka-streams, bytewax and duckdb only these, with commas; ours always run")
    parser.add_argument("--dialwatch", type=Path, help="this program, instead of building it")
    parser.add_argument("--features", type=Path, help="this build of the bench, instead of building it")
    parser.add_argument("--write", action="store_true", help="write the section of BENCHMARKS.md, too")
    return parser.parse_args()


def say(text):
    print(text, file=sys.stderr, flush=True)


def calls(options, program):
    """The file of calls, doubles left out; beside it what the apps filed and what was said of them."""
    folder = WORKSHOP / f"calls-{options.records}-of-{options.apps}-apps-{options.days}-days"
    whole, made, partial = folder / f"calls-{options.records}.jsonl", folder / "made", folder / "partial"
    if whole.exists():
        return whole
    say(f"making {options.records:,} calls")
    world = ["--tenants", str(options.apps), "--days", str(options.days), "--format", "dialwatch", "--out", made]
    subprocess.run([program, "simulate", *world], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    seen, newest_ms = set(), 0
    with open(made / "calls.jsonl", "rb") as source, open(partial, "wb") as target:
        for line in source:
            call = json.loads(line)
            # dialwatch takes a call once however often it is told of it; the others would count it again.
            if call["call_id"] in seen:
                continue
            seen.add(call["call_id"])
            newest_ms = max(newest_ms, call["end"])
            if call["end"] < newest_ms - LATENESS_MS:
                sys.exit("a call came later than the engines wait: they cannot agree")
            target.write(line)
            if len(seen) == options.records:
                break
        else:
            sys.exit(f"the simulation wrote {len(seen):,} calls only: more --apps or --days")
    with open(made / "feedback.jsonl", "rb") as source, open(folder / "feedback.jsonl", "wb") as target:
        target.writelines(line for line in source if json.loads(line)["at"] <= newest_ms)
    shutil.move(made / "registry.jsonl", folder / "registry.jsonl")
    shutil.rmtree(made)
    partial.rename(whole)
    return whole


def beginning(whole, records):
    """The first calls of a file."""
    path = whole.with_name(f"calls-{records}.jsonl")
    if not path.exists():
        with open(whole, "rb") as source, open(path, "wb") as target:
            target.writelines(itertools.islice(source, records))
    return path


def run(engine, path):
    """What an engine took for a file, and what it printed."""
    report, output = WORKSHOP / "usage.json", WORKSHOP / "output.txt"
    report.unlink(missing_ok=True)
    command = [sys.executable, HERE / "measure.py", report, *engine.command(path)]
    with open(output, "w") as printed, open(WORKSHOP / "errors.txt", "w") as errors:
        status = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=printed, stderr=errors).returncode
    if status != 0:
        sys.exit(f"{engine.name} failed:\n{(WORKSHOP / 'errors.txt').read_text()[-2000:]}")
    usage = json.loads(report.read_text())
    say(f"  {engine.name}: {usage['wall_s']:.2f} s, {usage['cpu_s']:.2f} CPU s, {usage['peak_bytes'] / MIB:.0f} MB")
    return usage, output.read_text()


def checked(engine, path, expected):
    """What an engine took, once it has counted what the others have."""
    usage, printed = run(engine, path)
    if engine.digests and printed != expected.setdefault(path, printed):
        sys.exit(f"{engine.name} counts otherwise:\n{printed}where the first engine has\n{expected[path]}")
    return usage


def prepared(options, stack, files):
    """Every engine that can be had; why not, of those that cannot."""
    had, skipped = [], []

    def wanted(key):
        return not options.only or any(key.startswith(name) for name in options.only.split(","))

    def take(name, make):
        if not wanted(name):
            return
        try:
            had.extend(make())
        except (Missing, RuntimeError, subprocess.CalledProcessError) as error:
            skipped.append(f"{name}: {error}")
            say(f"skipped: {name}: {error}")

    def kafka_streams():
        say("preparing Kafka Streams: its jars, a broker, the calls in topics")
        jars, classes = engines.kafka_jars()
        servers = stack.enter_context(broker.running(jars, WORKSHOP / "broker"))
        for path in files:
            engines.load(classes, servers, path)
        return engines.kafka_streams(classes, servers)

    take("flink", lambda: engines.flink(options))
    take("kafka-streams", kafka_streams)
    take("bytewax", lambda: engines.bytewax(options))
    take("duckdb", lambda: engines.duckdb(options))
    return had, skipped


def figure(value):
    """A number with as many digits as mean anything."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def table(measured, starts, records):
    """The lines of the table: medians, and how many times as many calls a CPU second ours goes through."""
    lines = [
        "| engine | wall s | CPU s (least to most) | of it to start | calls per CPU second | peak MB | our features to it "
        "| without starts | our replay to it |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    middle = {
        key: {part: statistics.median(usage[part] for usage in usages) for part in usages[0]}
        for key, (_, usages) in measured.items()
    }
    net = {key: max(middle[key]["cpu_s"] - starts[key], 0.01) for key in measured}
    for key, (engine, usages) in measured.items():
        took, cpu = middle[key], [usage["cpu_s"] for usage in usages]
        times = f"{figure(took['cpu_s'])} ({figure(min(cpu))} to {figure(max(cpu))})"
        ratios = [
            took["cpu_s"] / middle["features"]["cpu_s"],
            net[key] / net["features"],
            took["cpu_s"] / middle["replay-1"]["cpu_s"],
        ]
        # Call by call: not every engine was given all of them.
        ratios = [ratio * engine.one_in for ratio in ratios]
        given = records // engine.one_in
        name = engine.name if engine.one_in == 1 else f"{engine.name}, the first {given:,} calls only"
        cells = [name, figure(took["wall_s"]), times, figure(starts[key]), f"{given / took['cpu_s']:,.0f}"]
        cells += [f"{took['peak_bytes'] / MIB:,.0f}", *(f"{figure(ratio)}x" for ratio in ratios)]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def machine():
    with open("/proc/cpuinfo") as file:
        model = re.search(r"model name\s*: (.*)", file.read())
    return f"{model.group(1) if model else platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}"


def section(options, measured, starts, skipped, digest):
    rows = {minutes: count for minutes, count, *_ in (line.split() for line in digest.splitlines())}
    said = [f"Skipped, not measured: {reason}." for reason in skipped]
    if options.only:
        said.append(f"Only asked for: {options.only}.")
    given = [f"`{path.name}`" for path in (options.dialwatch, options.features) if path]
    if given:
        said.append(f"Not built by this run but given to it: {', '.join(given)}.")
    return "\n".join(
        [
            f"The first {options.records:,} calls of {options.apps:,} simulated apps; {int(rows['5']):,} windows of five minutes and "
            f"{int(rows['60']):,} of an hour hold any, and every engine counted the same in them. Medians of {options.runs} run{'s' if options.runs > 1 else ''}, in "
            f"turn, {datetime.date.today()}, on {machine()}. `benches/peers/README.md` says what is counted and what is unfair in "
            "it.",
            "",
            *table(measured, starts, options.records),
            *(["", *said] if said else []),
        ]
    )


def write(text):
    page = PAGE.read_text() if PAGE.exists() else f"{BEGIN}\n{END}\n"
    if BEGIN not in page or END not in page:
        sys.exit(f"{PAGE.name} lacks the lines between which to write:\n{BEGIN}\n{END}")
    before, _, rest = page.partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.partition(END)[2]}")


def main():
    options = arguments()
    # What runs, the broker too, ends with this process, however that is ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    WORKSHOP.mkdir(parents=True, exist_ok=True)
    say("preparing dialwatch")
    try:
        own = list(engines.ours(options))
    except Missing as error:
        sys.exit(f"dialwatch itself cannot be had: {error}")
    program = own[-1].command(Path("."))[0]
    whole = calls(options, program)
    few = beginning(whole, FEW)
    with contextlib.ExitStack() as stack:
        peers, skipped = prepared(options, stack, (whole, few))
        expected, starts, measured = {}, {}, {}
        say(f"starts, over {FEW:,} calls")
        for engine in [*own, *peers]:
            starts[engine.key] = checked(engine, few, expected)["cpu_s"]
            measured[engine.key] = (engine, [])
        given = {key: beginning(whole, options.records // engine.one_in) for key, (engine, _) in measured.items()}
        for path in sorted(set(given.values()) - {whole}):
            say(f"what is in {path.name}")
            checked(own[0], path, expected)
        for number in range(options.runs):
            say(f"run {number + 1} of {options.runs}")
            for key, (engine, usages) in measured.items():
                usages.append(checked(engine, given[key], expected))
    text = section(options, measured, starts, skipped, expected[whole])
    print(text)
    if options.write:
        write(text)


main()
