"""The features by DuckDB: one file in, SQL over all of it at once. A batch: it never sees a call before it has all of them.

Prints the digest that README.md beside this file defines; measures nothing.

duckdb_features.py calls.jsonl THREADS windows|changes
"""

import sys

import duckdb

CALLS = """
CREATE TEMP TABLE calls AS
SELECT CAST(app_id AS BIGINT) AS app, callee, "end" // 60000 AS minute,
    outcome = 'answered' AS answered, outcome = 'answered' AND "end" - answer < 10000 AS short
FROM read_json(?, format = 'newline_delimited', columns = {
    app_id: 'VARCHAR', direction: 'VARCHAR', callee: 'VARCHAR', answer: 'BIGINT', "end": 'BIGINT', outcome: 'VARCHAR'})
WHERE direction = 'outbound'
"""

# As one writes it: every call in each window that holds it, then grouped.
WINDOWS = """
windows AS (
    SELECT app, end_minute, count(*) AS calls, count(*) FILTER (answered) AS answered, count(DISTINCT callee) AS callees,
        count(*) FILTER (short) AS short
    FROM (SELECT *, unnest(range(minute + 1, minute + 1 + {minutes})) AS end_minute FROM calls)
    GROUP BY app, end_minute
)
"""

# As an expert does: what each minute adds to the running windows and what expires in it, summed up along time. A callee counts
# from a call until the window has passed it or the next call to the same callee takes its place.
VISITS = """
CREATE TEMP TABLE visits AS
SELECT app, callee, minute, count(*) AS calls, count(*) FILTER (answered) AS answered, count(*) FILTER (short) AS short,
    lead(minute) OVER (PARTITION BY app, callee ORDER BY minute) AS next_minute
FROM calls GROUP BY app, callee, minute
"""
CHANGES = """
changes AS (
    SELECT app, minute, calls, answered, short, 1 AS callees FROM visits
    UNION ALL
    SELECT app, minute + {minutes}, -calls, -answered, -short, 0 FROM visits
    UNION ALL
    SELECT app, least(minute + {minutes}, next_minute), 0, 0, 0, -1 FROM visits
), steps AS (
    SELECT app, minute, sum(calls) AS calls, sum(answered) AS answered, sum(short) AS short, sum(callees) AS callees
    FROM changes GROUP BY app, minute
), levels AS (
    SELECT app, minute, sum(calls) OVER past AS calls, sum(answered) OVER past AS answered, sum(short) OVER past AS short,
        sum(callees) OVER past AS callees, lead(minute) OVER (PARTITION BY app ORDER BY minute) AS until
    FROM steps WINDOW past AS (PARTITION BY app ORDER BY minute)
), windows AS (
    SELECT app, unnest(range(minute + 1, until + 1)) AS end_minute, calls, answered, callees, short
    FROM levels WHERE calls > 0
)
"""

DIGEST = """
WITH {windows}, shares AS (
    SELECT *, CASE WHEN answered = 0 THEN 0 ELSE 1000 * short // answered END AS share FROM windows
)
SELECT count(*), sum(calls), sum(answered), sum(callees), sum(short), sum(share),
    sum((app * 1009 + end_minute) % 1000003 * (calls + 31 * answered + 37 * callees + 41 * short + 43 * share))
FROM shares
"""


def main(path, threads, way):
    database = duckdb.connect(config={"threads": int(threads)})
    database.execute(CALLS, [path])
    if way == "changes":
        database.execute(VISITS)
    windows = {"windows": WINDOWS, "changes": CHANGES}[way]
    for minutes in (5, 60):
        digest = DIGEST.format(windows=windows.format(minutes=minutes))
        print(minutes, *map(int, database.execute(digest).fetchone()))


main(*sys.argv[1:])
