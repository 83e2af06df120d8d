"""The features by Flink SQL: a stream of lines, HOP windows by event time, one process with Flink's own mini cluster.

Prints the digest that README.md beside this file defines; measures nothing and tunes nothing outside this job.

flink_features.py calls.jsonl PARALLELISM
"""

import sys

from pyflink.common import Configuration
from pyflink.table import EnvironmentSettings, TableEnvironment

SOURCE = """
CREATE TABLE calls (
    app_id STRING, direction STRING, callee STRING, answer BIGINT, `end` BIGINT, outcome STRING,
    ended AS TO_TIMESTAMP_LTZ(`end`, 3),
    WATERMARK FOR ended AS ended - INTERVAL '5' MINUTE
) WITH ('connector' = 'filesystem', 'path' = '{path}', 'format' = 'json')
"""

# The rows of a window end are summed by a second window aggregate, so that nothing of the digest is ever retracted.
FEATURES = """
SELECT {minutes}, COUNT(*), SUM(calls), SUM(answered), SUM(callees), SUM(short), SUM(share),
    SUM(MOD(app * 1009 + end_minute, 1000003) * (calls + 31 * answered + 37 * callees + 41 * short + 43 * share))
FROM (
    SELECT *, CASE WHEN answered = 0 THEN 0 ELSE 1000 * short / answered END AS share FROM (
        SELECT CAST(app_id AS BIGINT) AS app, window_start, window_end,
            TIMESTAMPDIFF(MINUTE, TIMESTAMP '1970-01-01 00:00:00', window_end) AS end_minute,
            COUNT(*) AS calls,
            COUNT(*) FILTER (WHERE outcome = 'answered') AS answered,
            COUNT(DISTINCT callee) AS callees,
            COUNT(*) FILTER (WHERE outcome = 'answered' AND `end` - answer < 10000) AS short
        FROM HOP(TABLE calls, DESCRIPTOR(ended), INTERVAL '1' MINUTE, INTERVAL '{minutes}' MINUTE)
        WHERE direction = 'outbound'
        GROUP BY app_id, window_start, window_end
    )
)
GROUP BY window_start, window_end
"""

SETTINGS = {
    "pipeline.object-reuse": "true",
    "table.local-time-zone": "UTC",
    "table.exec.mini-batch.enabled": "true",
    "table.exec.mini-batch.allow-latency": "1 s",
    "table.exec.mini-batch.size": "10000",
    "table.optimizer.agg-phase-strategy": "ONE_PHASE",
    "table.optimizer.distinct-agg.split.enabled": "false",
    "taskmanager.memory.process.size": "4g",
    "jobmanager.memory.process.size": "1g",
}


def main(path, parallelism):
    settings = Configuration()
    for key, value in {**SETTINGS, "parallelism.default": parallelism}.items():
        settings.set_string(key, value)
    table = TableEnvironment.create(EnvironmentSettings.new_instance().in_streaming_mode().with_configuration(settings).build())
    table.execute_sql(SOURCE.format(path=path))
    query = " UNION ALL ".join(FEATURES.format(minutes=minutes) for minutes in (5, 60))
    sums = {5: [0] * 7, 60: [0] * 7}
    with table.execute_sql(query).collect() as rows:
        for minutes, *values in rows:
            sums[minutes] = [total + value for total, value in zip(sums[minutes], values)]
    for minutes, totals in sums.items():
        print(minutes, *totals)


main(*sys.argv[1:])
