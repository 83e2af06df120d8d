#!/usr/bin/env python3
"""Checks the dashboards: check.py [PROMETHEUS_URL] [--metrics FILE] [--complete]

Always: they are what the Jsonnet source says, of the shape that Grafana's types ask for, and keep the conventions.
With a Prometheus that scrapes a running `dialwatch demo`, or a service: each query answers, with series.
With a scrape: each metric in a dashboard exists, and each that exists is in a dashboard or in internal.json.
Exits with 1 and a line for each problem. Needs jsonnet, and nothing that is not in Python's standard library.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import lint
import shape
from promql import family, selectors

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "deploy/mixin/dashboards"
RENDERED = ROOT / "grafana"

# Series that need not be there, unless `--complete` says that they must.
ABSENT = {
    r"dialwatch_sink_\w+": "only where there are sinks beside Kafka",
    r"dialwatch_watchdog_\w+": "only where the watchdog is on",
}
# What is asked for but there only when something happens.
QUIET = {
    "annotation Alert about dialwatch": "nothing fires where all is well",
    "annotation New version": "the version does not change in a run",
}


def rendered():
    """What jsonnet makes of the source must be what is committed."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            for command in (
                ["jsonnet", "-m", folder, SOURCE / "dashboards.libsonnet"],
                ["jsonnet", "-o", f"{folder}/internal.json", SOURCE / "internal.libsonnet"],
            ):
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        except FileNotFoundError:
            yield "jsonnet is not installed (Debian: apt-get install jsonnet)"
            return
        except subprocess.CalledProcessError as error:
            yield f"the source does not render: {error.stderr}"
            return
        made = {path.name: path.read_bytes() for path in Path(folder).iterdir()}
    kept = {path.name: path.read_bytes() for path in [*(RENDERED / "dashboards").iterdir(), RENDERED / "internal.json"]}
    for name in sorted(made.keys() | kept.keys()):
        if made.get(name) != kept.get(name):
            yield f"{name} is not what deploy/mixin/dashboards renders to"


class Prometheus:
    def __init__(self, address):
        self.address, self.asked = address.rstrip("/"), 0

    def ask(self, path, **parameters):
        self.asked += 1
        try:
            with urllib.request.urlopen(f"{self.address}/api/v1/{path}?{urllib.parse.urlencode(parameters)}", timeout=30) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise ValueError(error.read().decode()) from error
        except OSError as error:
            sys.exit(f"{self.address}: no answer: {error}")

    def series(self, expr, instant):
        """Now, or in the last ten minutes."""
        now = time.time()
        if instant:
            return self.ask("query", query=expr, time=now)["result"]
        return self.ask("query_range", query=expr, start=now - 600, end=now, step=5)["result"]


def replaced(text, values):
    return re.sub(r"\$\{?(\w+)\}?", lambda match: values[match[1]], text)


def absent(metrics):
    return any(re.fullmatch(pattern, metric) for pattern in ABSENT for metric in metrics)


def answers(prometheus, name, dashboard, complete):
    """Asks everything a dashboard asks. Series must come, but for what is named above."""
    values = {"job": ".+", "instance": ".+", "__rate_interval": "1m", "__range": "1h"}
    for variable, match, label in lint.label_values(dashboard):
        found = prometheus.ask(f"label/{label}/values", **{"match[]": replaced(match, values)})
        if not found:
            yield f"{name}: variable {variable}: no value"
        # Of apps the first; all of the jobs and instances.
        values.setdefault(variable, found[0] if found else "none")

    for where, expr, instant in lint.expressions(dashboard):
        if where.startswith("variable"):
            continue
        expr = replaced(expr, values)
        # A run is no week old: what it says of a week ago must be possible to ask, and what it says of now must come.
        recent = re.sub(r" offset \w+", "", expr)
        try:
            found = prometheus.series(expr, instant) or (recent != expr and prometheus.series(recent, instant))
        except ValueError as error:
            yield f"{name}: {where}: {error}: {expr}"
            continue
        may_lack = where in QUIET or (not complete and absent([s.metric for s in selectors(expr)]))
        if not found and not may_lack:
            yield f"{name}: {where}: no series: {expr}"


def metrics(file, dashboards, internal, complete):
    """Metrics of the program and metrics in dashboards are the same, but for the internal ones."""
    exist = set(re.findall(r"^# TYPE (dialwatch_\w+) ", file.read_text(), re.MULTILINE))
    shown = {
        family(selector.metric, exist)
        for dashboard in dashboards.values()
        for _, expr, _ in lint.expressions(dashboard)
        for selector in selectors(expr)
        if selector.metric != "ALERTS"
    }
    for metric in sorted(shown - exist):
        if complete or not absent([metric]):
            yield f"{metric} is in a dashboard and not in {file}"
    for metric in sorted(exist - shown - internal.keys()):
        yield f"{metric} is in no dashboard and not in {SOURCE / 'internal.libsonnet'}"
    for metric, reason in internal.items():
        if metric in shown:
            yield f"{metric} is internal and in a dashboard"
        if metric not in exist:
            yield f"{metric} is internal and not in {file}"
        if not reason:
            yield f"{metric} is internal without a reason"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prometheus", nargs="?", help="its address, such as http://127.0.0.1:9090")
    parser.add_argument("--metrics", type=Path, metavar="FILE", help="what /metrics of a running dialwatch says")
    parser.add_argument("--complete", action="store_true", help="it runs with sinks and a watchdog: nothing may be missing")
    asked = parser.parse_args()

    dashboards = {path.name: json.loads(path.read_text()) for path in sorted((RENDERED / "dashboards").glob("*.json"))}
    internal = json.loads((RENDERED / "internal.json").read_text())
    uids = [dashboard["uid"] for dashboard in dashboards.values()]
    prometheus = asked.prometheus and Prometheus(asked.prometheus)

    problems = [*rendered()]
    if len(set(uids)) != len(uids) or not dashboards:
        problems.append("the uids of the dashboards are not unique, or there is no dashboard")
    for name, dashboard in dashboards.items():
        wrong = [*shape.check(name, dashboard)] or [*lint.check(name, dashboard, uids)]
        problems += wrong
        if prometheus and not wrong:
            problems += answers(prometheus, name, dashboard, asked.complete)
    if asked.metrics:
        problems += metrics(asked.metrics, dashboards, internal, asked.complete)

    for problem in problems:
        print(problem, file=sys.stderr)
    done = [f"{len(dashboards)} dashboards"]
    if prometheus:
        done.append(f"{prometheus.asked} queries of {prometheus.address}")
    if asked.metrics:
        done.append(f"the metrics of {asked.metrics}")
    print(f"{', '.join(done)}: {len(problems) or 'no'} problem{'s' * (len(problems) != 1)}")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
