"""Runs a command and writes what it and all its descendants took: wall and CPU seconds, the peak of their memory together.

Knows nothing of what it runs, never touches another process, and leaves none behind; Linux only.

measure.py USAGE.json COMMAND [ARGUMENT...]
"""

import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
# Longer than any engine needs for what is asked of it here: whoever hangs is ended, and has failed.
LIMIT_S = 1_800
SAMPLE_S = 0.1
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def tree_bytes():
    """Resident memory of all descendants of this process; pages they share count for each."""
    parents, resident = {}, {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat") as stat:
                # The name of the program stands in parentheses and may hold anything.
                fields = stat.read().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(entry)], resident[int(entry)] = int(fields[1]), int(fields[21]) * PAGE_BYTES

    def descends(process):
        while process := parents.get(process):
            if process == os.getpid():
                return True
        return False

    return sum(amount for process, amount in resident.items() if descends(process))


def ended(process):
    """Waits for a process and all that it left behind: the exit status of the process itself."""
    status = None
    while True:
        try:
            reaped, code = os.wait()
        except ChildProcessError:
            return status
        if reaped == process.pid:
            status = os.waitstatus_to_exitcode(code)


def end(process):
    """Ends whatever still runs of a command."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def stop(*_):
    """Leaves by way of `finally`, and is not asked twice."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(1)


def main(report, *command):
    system = ctypes.CDLL(None)
    # Whoever loses its parent becomes a child of this process, so that its usage is counted too.
    if system.prctl(PR_SET_CHILD_SUBREAPER, 1) != 0 or system.prctl(PR_SET_PDEATHSIG, signal.SIGTERM) != 0:
        sys.exit("measure.py: cannot become the one who counts orphans")
    signal.signal(signal.SIGTERM, stop)
    peak_bytes, over = 0, threading.Event()

    def sample():
        nonlocal peak_bytes
        while not over.wait(SAMPLE_S):
            peak_bytes = max(peak_bytes, tree_bytes())

    sampler = threading.Thread(target=sample, daemon=True)
    began_s = time.monotonic()
    process = subprocess.Popen(command, start_new_session=True)
    limit = threading.Timer(LIMIT_S, end, [process])
    limit.daemon = True
    limit.start()
    sampler.start()
    try:
        status = ended(process)
    finally:
        end(process)
    wall_s = time.monotonic() - began_s
    over.set()
    sampler.join()
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    taken = {
        "wall_s": wall_s,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        # A short process may end between two samples; the kernel knows the largest of them.
        "peak_bytes": max(peak_bytes, usage.ru_maxrss * 1024),
    }
    with open(report, "w") as file:
        json.dump(taken, file)
    sys.exit(status if status >= 0 else 1)


main(*sys.argv[1:])
