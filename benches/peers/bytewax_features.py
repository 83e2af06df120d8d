"""The features by Bytewax: a dataflow of lines, sliding windows by event time, one worker.

Prints the digest that README.md beside this file defines; measures nothing.

bytewax_features.py calls.jsonl
"""

import gc
import sys
from datetime import datetime, timedelta, timezone

import bytewax.operators as op
import bytewax.operators.windowing as win
import orjson
from bytewax.connectors.files import FileSource
from bytewax.dataflow import Dataflow
from bytewax.operators.windowing import EventClock, SlidingWindower, TumblingWindower
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.testing import run_main

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MINUTE = timedelta(minutes=1)
LATENESS = timedelta(minutes=5)
SPANS = (5, 60)


def decode(line):
    """What is counted of an outbound call: its app, and end, callee, answered, short."""
    call = orjson.loads(line)
    if call["direction"] != "outbound":
        return None
    end = call["end"]
    answered = call["outcome"] == "answered"
    short = answered and "answer" in call and end - call["answer"] < 10_000
    return call["app_id"], (datetime.fromtimestamp(end / 1000, timezone.utc), call["callee"], answered, short)


def ended(call):
    return call[0]


def began(pane):
    return pane[0]


class Window:
    """The counts of one app in one window."""

    __slots__ = ("calls", "answered", "short", "callees")

    def __init__(self):
        self.calls = self.answered = self.short = 0
        self.callees = set()

    def fold(self, call):
        _, callee, answered, short = call
        self.calls += 1
        self.answered += answered
        self.short += short
        self.callees.add(callee)
        return self

    def fold_pane(self, pane):
        return self.merge(pane[1])

    def merge(self, other):
        self.calls += other.calls
        self.answered += other.answered
        self.short += other.short
        self.callees |= other.callees
        return self


def pane(window):
    """A minute that has closed, at the moment in which it began."""
    window_id, counts = window
    return EPOCH + window_id * MINUTE, counts


def row(keyed):
    """The columns of a window that has closed, and its place in the check."""
    app, (window_id, window) = keyed
    share = 1000 * window.short // window.answered if window.answered else 0
    columns = (window.calls, window.answered, len(window.callees), window.short, share)
    return int(app), window_id, columns


class Digest(DynamicSink, StatelessSinkPartition):
    """Sums over all rows of a window length."""

    def __init__(self, minutes):
        self.minutes = minutes
        self.sums = [0] * 7

    def build(self, step_id, worker_index, worker_count):
        return self

    def write_batch(self, rows):
        for app, window_id, columns in rows:
            calls, answered, callees, short, share = columns
            place = (app * 1009 + window_id + self.minutes) % 1_000_003
            check = place * (calls + 31 * answered + 37 * callees + 41 * short + 43 * share)
            self.sums = [total + value for total, value in zip(self.sums, (1, *columns, check))]


def main(path):
    # Nothing here refers to itself, and looking for what does took a quarter of the time.
    gc.disable()
    flow = Dataflow("features")
    lines = op.input("lines", flow, FileSource(path, batch_size=1000))
    calls = op.filter_map("decode", lines, decode)
    # Calls are counted by the minute first: sixty windows then take a minute in at once, not call by call.
    by_minute = TumblingWindower(length=MINUTE, align_to=EPOCH)
    minutes = win.fold_window("minutes", calls, EventClock(ended, LATENESS), by_minute, Window, Window.fold, Window.merge)
    panes = op.map_value("panes", minutes.down, pane)
    digests = [Digest(minutes) for minutes in SPANS]
    for digest in digests:
        # Windows are numbered by the minute in which they begin.
        windower = SlidingWindower(length=digest.minutes * MINUTE, offset=MINUTE, align_to=EPOCH)
        windows = win.fold_window(
            f"{digest.minutes}m", panes, EventClock(began, LATENESS), windower, Window, Window.fold_pane, Window.merge
        )
        rows = op.map(f"{digest.minutes}m_row", windows.down, row)
        op.output(f"{digest.minutes}m_sum", rows, digest)
    run_main(flow)
    for digest in digests:
        print(digest.minutes, *digest.sums)


main(*sys.argv[1:])
