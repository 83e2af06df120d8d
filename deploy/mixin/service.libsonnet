// Alerts about the service itself: does every call get judged in time, and does every alert reach somebody?
//
// A failed scrape ends a series at once, and with it the wait (`for`) of an alert. Therefore gauges stand in
// `max_over_time` where one look is enough, and in `min_over_time` where something must have held all the time: both pass
// over the gap.
{
  local config = self._config,
  local known = config { sel: config.selector, process: std.join(', ', config.processLabels) },
  local alert(name, severity, hold, dashboard, expr, summary, description) = {
    alert: name,
    expr: expr % known,
    'for': hold,
    labels: { severity: severity },
    annotations: { summary: summary, description: description % known },
    dashboard:: dashboard,
  },
  local invalidShare(bound) = |||
    sum without (result) (job_result_stream:dialwatch_records:rate15m{%(sel)s, result="invalid"})
    /
    sum without (result) (job_result_stream:dialwatch_records:rate15m{%(sel)s})
    > %(bound)g
    and
    sum without (result) (job_result_stream:dialwatch_records:rate15m{%(sel)s}) * 900 >= %(least)d
  ||| % { sel: config.selector, bound: bound, least: config.shareOfRecords },
  local lag(bound) = |||
    max without (%(process)s) (min_over_time(dialwatch_consumer_lag_seconds{%(sel)s}[5m])) > %(bound)d
  ||| % (known { bound: bound }),
  local outbox(bound) = |||
    max without (%(process)s) (min_over_time(dialwatch_outbox_alerts{%(sel)s}[5m])) >= %(bound)d
  ||| % (known { bound: bound }),

  prometheusAlerts+:: {
    groups+: [
      {
        name: 'dialwatch.processes',
        rules: [
          // Whether there are no targets or none of them answers: nobody judges.
          alert('DialwatchAbsent', 'critical', '2m', 'overview', |||
            absent(max_over_time(up{%(sel)s}[5m]) == 1)
          |||, 'No process of dialwatch answers.', 'For 5 minutes Prometheus has scraped no process of dialwatch: no target with %(sel)s answers.'),

          // An average: a process that dies and starts over is up now and then.
          alert('DialwatchDown', 'warning', '10m', 'overview', |||
            avg_over_time(up{%(sel)s}[5m]) < 0.5
          |||, 'A process of dialwatch does not answer.', '{{ $labels.instance }} answered {{ $value | humanizePercentage }} of the scrapes of the last 5 minutes.'),

          // The moment of the last valid configuration changes with each start, and with each reload. Counters tell less:
          // a process that dies while it restores has none above zero.
          alert('DialwatchRestartingOften', 'critical', '0m', 'overview', |||
            changes(dialwatch_config_last_reload_success_timestamp_seconds{%(sel)s}[30m]) > 3
          |||, 'A process of dialwatch starts over and over again.', '{{ $labels.instance }} started {{ $value }} times in 30 minutes.'),

          alert('DialwatchSessionsRestarting', 'warning', '0m', 'pipeline', |||
            increase(dialwatch_sessions_restarted_total{%(sel)s}[15m]) > 2
          |||, 'Sessions with Kafka keep ending.', '{{ $labels.instance }} began {{ $value | humanize }} sessions anew in 15 minutes; each goes on from the last checkpoint.'),

          alert('DialwatchReloadFailed', 'warning', '5m', 'overview', |||
            max_over_time(dialwatch_config_last_reload_successful{%(sel)s}[5m]) == 0
          |||, 'A configuration was refused.', '{{ $labels.instance }} could not use the configuration that it read last; the one before is still in force.'),
        ],
      },
      {
        name: 'dialwatch.partitions',
        rules: [
          alert('DialwatchNothingAssigned', 'critical', '5m', 'pipeline', |||
            sum without (%(process)s) (max_over_time(dialwatch_partitions_assigned{%(sel)s}[5m])) == 0
          |||, 'No process has a partition.', 'The processes of {{ $labels.job }} run, and none of them owns a partition of the calls.'),

          // A partition has series once its state is restored.
          alert('DialwatchPartitionsNotRestored', 'critical', '10m', 'pipeline', |||
            max_over_time(dialwatch_partitions_assigned{%(sel)s}[5m])
            -
            (
              count without (partition) (max_over_time(dialwatch_watermark_timestamp_seconds{%(sel)s}[5m]))
              or
              0 * max_over_time(dialwatch_partitions_assigned{%(sel)s}[5m])
            )
            > 0
          |||, 'Partitions are assigned, but their calls are not judged.', '{{ $value }} partitions of {{ $labels.instance }} wait for their state, or for a broker.'),

          alert('DialwatchPartitionStopped', 'critical', '1m', 'pipeline', |||
            max without (%(process)s) (max_over_time(dialwatch_partition_stopped{%(sel)s}[5m])) == 1
          |||, 'A partition has stopped: too many of its records cannot be read.', 'Partition {{ $labels.partition }} is at a standstill until the next start; its records stay in Kafka.'),

          // A partition that was stopped has an alert of its own.
          alert('DialwatchPartitionStuck', 'critical', '10m', 'pipeline', |||
            (
              min_over_time(dialwatch_consumer_lag_records{%(sel)s}[5m]) > 0
              and
              changes(dialwatch_watermark_timestamp_seconds{%(sel)s}[5m]) == 0
            )
            unless
            max_over_time(dialwatch_partition_stopped{%(sel)s}[5m]) == 1
          |||, 'A partition does not move, although records wait.', 'Partition {{ $labels.partition }}: at least {{ $value }} records waited all the time, and its event time stood still for more than 10 minutes.'),

          alert('DialwatchLagHigh', 'warning', '5m', 'pipeline', lag(config.lagWarningSeconds), 'Calls wait too long in Kafka.', 'Partition {{ $labels.partition }} is {{ $value | humanizeDuration }} behind.'),

          alert('DialwatchLagHigh', 'critical', '5m', 'pipeline', lag(config.lagCriticalSeconds), 'Calls wait too long in Kafka.', 'Partition {{ $labels.partition }} is {{ $value | humanizeDuration }} behind.'),

          // Time through the system, by event time. In a partition where nothing waits the event time may rightly rest.
          alert('DialwatchWatermarkBehind', 'warning', '10m', 'pipeline', |||
            time() - max without (%(process)s) (max_over_time(dialwatch_watermark_timestamp_seconds{%(sel)s}[5m]) > 0) > %(watermarkBehindSeconds)d
            and
            max without (%(process)s) (min_over_time(dialwatch_waiting_calls{%(sel)s}[5m])) > 0
          |||, 'The calls that are judged ended long ago.', 'Partition {{ $labels.partition }} judges calls that ended {{ $value | humanizeDuration }} ago.'),
        ],
      },
      {
        name: 'dialwatch.records',
        rules: [
          // Compared with the same hour of the week: nights are quiet, and Sundays.
          alert('DialwatchCallsMissing', 'warning', '15m', 'overview', |||
            sum without (%(process)s) (increase(dialwatch_records_consumed_total{%(sel)s, stream="calls"}[1h]))
            /
            (sum without (%(process)s) (increase(dialwatch_records_consumed_total{%(sel)s, stream="calls"}[1h] offset 1w)) >= %(callsPerHourMin)d)
            < %(callsShareOfLastWeek)g
          |||, 'Hardly any calls come.', 'In the last hour came {{ $value | humanizePercentage }} of the calls of the same hour a week ago.'),

          alert('DialwatchBadRecords', 'warning', '5m', 'pipeline', invalidShare(config.invalidShareWarning), 'Records cannot be read.', '{{ $value | humanizePercentage }} of the records of the stream {{ $labels.stream }} cannot be read and do not count.'),

          alert('DialwatchBadRecords', 'critical', '5m', 'pipeline', invalidShare(config.invalidShareCritical), 'Records cannot be read.', '{{ $value | humanizePercentage }} of the records of the stream {{ $labels.stream }} cannot be read and do not count.'),

          alert('DialwatchLateRecords', 'warning', '15m', 'pipeline', |||
            job_result_stream:dialwatch_records:rate15m{%(sel)s, result="late_dropped"}
            / ignoring (result)
            sum without (result) (job_result_stream:dialwatch_records:rate15m{%(sel)s})
            > %(lateShareWarning)g
            and ignoring (result)
            sum without (result) (job_result_stream:dialwatch_records:rate15m{%(sel)s}) * 900 >= %(shareOfRecords)d
          |||, 'Records come too late to count.', '{{ $value | humanizePercentage }} of the records of the stream {{ $labels.stream }} came after their minute was judged, and are left out.'),

          alert('DialwatchDeadLettersGrowing', 'warning', '0m', 'pipeline', |||
            sum without (%(process)s) (increase(dialwatch_dead_letters_total{%(sel)s}[1h])) > %(deadLettersPerHour)d
          |||, 'The topic of unreadable records grows.', '{{ $value | humanize }} records of the stream {{ $labels.stream }} went to the dead letters within an hour.'),

          alert('DialwatchAppsEvicted', 'warning', '0m', 'pipeline', |||
            increase(dialwatch_apps_evicted_total{%(sel)s}[1h]) > 0
          |||, 'Apps are forgotten: there are more than bounds.apps.', '{{ $labels.instance }} forgot {{ $value | humanize }} apps within an hour; they are judged as if new.'),
        ],
      },
      {
        name: 'dialwatch.delivery',
        rules: [
          alert('DialwatchCheckpointsFailing', 'warning', '0m', 'pipeline', |||
            increase(dialwatch_checkpoints_total{%(sel)s, result="failed"}[15m]) > 3
          |||, 'Checkpoints fail.', '{{ $labels.instance }}: {{ $value | humanize }} checkpoints were rolled back in 15 minutes.'),

          // Where nothing was read there is nothing to commit.
          alert('DialwatchCheckpointOld', 'critical', '5m', 'pipeline', |||
            time() - max_over_time(dialwatch_checkpoint_last_committed_timestamp_seconds{%(sel)s}[5m]) > %(checkpointSeconds)d
            and
            sum without (stream) (increase(dialwatch_records_consumed_total{%(sel)s, stream=~"calls|feedback"}[5m])) > 0
          |||, 'No checkpoint holds: alerts do not leave.', '{{ $labels.instance }} judges, but last committed {{ $value | humanizeDuration }} ago.'),

          // A sink that fails is tried again at least every 30 seconds. One that never took anything counts from 0.
          alert('DialwatchSinkFailing', 'critical', '5m', 'overview', |||
            increase(dialwatch_sink_failures_total{%(sel)s}[5m]) > 0
            and
            time() - max_over_time(dialwatch_sink_last_success_timestamp_seconds{%(sel)s}[5m]) > %(sinkFailingSeconds)d
          |||, 'A sink takes no alerts.', 'The sink {{ $labels.sink }} of {{ $labels.instance }} failed {{ $value | humanize }} times in 5 minutes and has taken nothing for longer.'),

          alert('DialwatchSinkRefused', 'warning', '0m', 'overview', |||
            sum without (%(process)s) (increase(dialwatch_sink_refused_total{%(sel)s}[15m])) > 0
          |||, 'A receiver refused alerts for good.', '{{ $value | humanize }} alerts were refused by the sink {{ $labels.sink }} and are not tried again.'),

          alert('DialwatchSinkBehind', 'warning', '5m', 'pipeline', |||
            sum without (%(process)s) (min_over_time(dialwatch_sink_waiting_alerts{%(sel)s}[15m])) > %(sinkWaitingAlerts)d
          |||, 'Alerts queue up before a sink.', 'At least {{ $value }} alerts waited for the sink {{ $labels.sink }} throughout the last 15 minutes.'),

          alert('DialwatchOutboxFilling', 'warning', '5m', 'pipeline', outbox(config.outboxAlertsMax / 2), 'The outbox of a partition fills.', '{{ $value }} alerts of partition {{ $labels.partition }} wait to be delivered; above %(outboxAlertsMax)d its calls are paused.'),

          alert('DialwatchOutboxFilling', 'critical', '5m', 'pipeline', outbox(config.outboxAlertsMax), 'The outbox of a partition is full.', '{{ $value }} alerts of partition {{ $labels.partition }} wait to be delivered; above %(outboxAlertsMax)d its calls are paused.'),
        ],
      },
      {
        name: 'dialwatch.watchdog',
        rules: [
          // 0 is before the first: then what counts is that there was none either a while ago.
          alert('DialwatchWatchdogGone', 'critical', '2m', 'overview', |||
            (time() - (max without (%(process)s) (max_over_time(dialwatch_watchdog_last_seen_timestamp_seconds{%(sel)s}[5m])) > 0) > %(watchdogSeconds)d)
            or
            (
              max without (%(process)s) (max_over_time(dialwatch_watchdog_last_seen_timestamp_seconds{%(sel)s}[5m])) == 0
              and
              max without (%(process)s) (dialwatch_watchdog_last_seen_timestamp_seconds{%(sel)s} offset 15m) == 0
            )
          |||, 'The call of the watchdog does not come through.', 'Partition {{ $labels.partition }}: {{ if eq $value 0.0 }}no call of the watchdog was ever judged{{ else }}the last call of the watchdog was judged {{ $value | humanizeDuration }} ago{{ end }}; real calls fare no better.'),
        ] + (
          if config.watchdogExpected then [
            alert('DialwatchWatchdogMissing', 'warning', '15m', 'overview', |||
              sum without (%(process)s) (max_over_time(dialwatch_partitions_assigned{%(sel)s}[5m])) > 0
              unless
              sum without (%(process)s, partition) (max_over_time(dialwatch_watchdog_last_seen_timestamp_seconds{%(sel)s}[5m]))
            |||, 'There is no watchdog.', 'The processes of {{ $labels.job }} own partitions, and no watchdog tests them.'),
          ] else []
        ) + [
          // Not DialwatchWatchdog: so is called the alert that dialwatch itself sends.
          alert('DialwatchPrometheusWatchdog', 'none', '0m', 'overview', |||
            vector(1)
          |||, 'Prometheus and Alertmanager work.', 'It always fires. When it no longer arrives, alerts of Prometheus reach nobody.'),
        ],
      },
    ],
  },
}
