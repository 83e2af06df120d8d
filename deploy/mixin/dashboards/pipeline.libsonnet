// The way of a call through the service, station by station.
local dashboard = import 'dashboard.libsonnet';
local p = import 'panels.libsonnet';

function(config)
  local rate(metric, by, matchers='') = 'sum by (%s) (rate(%s{$series%s}[$__rate_interval]))' % [by, metric, matchers];
  local byPartition(metric) = [p.over('sum by (partition) (%s{$series})' % metric, 'partition {{partition}}')];

  dashboard.new(
    config,
    'pipeline',
    'dialwatch / Pipeline',
    'The way of a call through the service, station by station: input, judgement, memory, checkpoints, delivery, Kafka.',
    'now-3h',
    [
      {
        title: 'Input',
        panels: [
          p.timeseries(
            'Records by stream',
            'Records taken from Kafka, by stream.',
            'cps',
            [p.over(rate('dialwatch_records_total', 'stream'), '{{stream}}')]
          ),
          p.timeseries(
            'Records by result',
            'What became of the records of each stream.',
            'cps',
            [p.over(rate('dialwatch_records_total', 'stream, result') + ' > 0', '{{stream}}, {{result}}')]
          ),
          p.timeseries(
            'Dead letters',
            'Records that cannot be read and were written to the topic for them.',
            'cps',
            [p.over(rate('dialwatch_dead_letters_total', 'stream'), '{{stream}}')]
          ),
          p.timeseries(
            'Lag in records',
            'Calls in Kafka that are not processed yet, by partition.',
            'short',
            byPartition('dialwatch_consumer_lag_records')
          ),
          p.timeseries(
            'Lag in time',
            'How long ago the oldest call that waits in a partition was written.',
            's',
            byPartition('dialwatch_consumer_lag_seconds')
          ),
          p.timeseries(
            'Watermark age',
            'How far the judgement of a partition is behind the clock, in event time. It is the lateness at least; in a replay it is the age of the calls.',
            's',
            [p.over('max by (partition) (time() - (dialwatch_watermark_timestamp_seconds{$series} > 0))', 'partition {{partition}}')]
          ),
          p.timeseries(
            'Since the last record',
            'Since a record of a stream was last processed, by the clock.',
            's',
            [p.over('min by (stream) (time() - (dialwatch_last_record_processed_timestamp_seconds{$series} > 0))', '{{stream}}')]
          ),
          p.timeseries(
            'Idle ticks',
            'Ticks of the clock given to partitions in which nothing came, so that their minutes close.',
            'cps',
            [p.over(rate('dialwatch_idle_ticks_total', 'instance'), '{{instance}}')]
          ),
          p.timeseries(
            'Partitions stopped',
            'Partitions that stand still because too many of their records cannot be read.',
            'short',
            byPartition('dialwatch_partition_stopped')
          ) + p.stacked,
        ],
      },
      {
        title: 'Judgement',
        panels: [
          p.timeseries(
            'Judgement latency',
            'From receiving a record to having judged it, without the time a call waits for its minute to close.',
            's',
            p.quantiles('dialwatch_judgement_latency_seconds')
          ) + p.size(12, 8),
          p.heatmap(
            'Judgement latency, all of it',
            'How many records were judged how long after they were received.',
            's',
            'dialwatch_judgement_latency_seconds'
          ) + p.size(12, 8),
          p.timeseries(
            'Queues',
            'Jobs that wait for a worker.',
            'short',
            [p.over('dialwatch_queue_depth{$series}', '{{instance}}, worker {{worker}}')]
          ) + p.size(12, 8),
          p.timeseries(
            'Calls that wait for their minute',
            'Calls that wait for their minute to close, by partition.',
            'short',
            byPartition('dialwatch_waiting_calls')
          ) + p.size(12, 8),
        ],
      },
      {
        title: 'Memory',
        panels: [
          p.timeseries(
            'Apps',
            'Apps seen, by partition, and apps that have filed something.',
            'short',
            byPartition('dialwatch_apps') + [p.over('max(dialwatch_registered_apps{$series})', 'registered')]
          ) + p.dashed('registered'),
          p.timeseries(
            'Callees remembered',
            'Callees remembered over all apps, by partition: most of the memory.',
            'short',
            byPartition('dialwatch_remembered_callees')
          ) + p.stacked,
          p.timeseries(
            'Apps forgotten',
            'Apps forgotten because a partition remembers its maximum (`bounds.apps`).',
            'cps',
            [p.over(rate('dialwatch_apps_evicted_total', 'instance'), '{{instance}}')]
          ),
        ],
      },
      {
        title: 'Checkpoints',
        panels: [
          p.timeseries(
            'Checkpoints by result',
            'Checkpoints a minute. One that fails ends the session, and the next goes on from the last that held.',
            'cpm',
            [p.over('60 * ' + rate('dialwatch_checkpoints_total', 'result'), '{{result}}')]
          ) + p.colour('committed', 'green') + p.colour('failed', 'red') + p.size(8, 8),
          p.timeseries(
            'Checkpoint duration',
            'Collecting what changed, which the workers do, and committing it, which they do not wait for.',
            's',
            p.quantiles('dialwatch_checkpoint_duration_seconds', ['phase'])
          ) + p.size(8, 8),
          p.timeseries(
            'Checkpoint bytes',
            'Journal and state written to their topic. The state of each partition is written once in a while.',
            'Bps',
            [p.over(rate('dialwatch_checkpoint_bytes_total', 'instance'), '{{instance}}')]
          ) + p.size(8, 8),
          p.timeseries(
            'States written',
            'Partitions whose state was written, a minute. After a crash the calls since then are judged again.',
            'cpm',
            [p.over('60 * ' + rate('dialwatch_checkpoint_snapshots_total', 'instance'), '{{instance}}')]
          ) + p.size(12, 8),
          p.timeseries(
            'Checkpoint age',
            'Since a checkpoint last held.',
            's',
            [p.over('time() - (dialwatch_checkpoint_last_committed_timestamp_seconds{$series} > 0)', '{{instance}}')]
          ) + p.size(12, 8),
        ],
      },
      {
        title: 'Delivery',
        panels: [
          p.timeseries(
            'Alerts not yet delivered',
            'Alerts that wait until every sink has them, by partition. A full outbox pauses its partition.',
            'short',
            byPartition('dialwatch_outbox_alerts')
          ),
          p.timeseries(
            'Delivered',
            'Alerts that a sink took, a minute.',
            'cpm',
            [p.over('60 * ' + rate('dialwatch_sink_delivered_total', 'sink'), '{{sink}}')]
          ),
          p.timeseries(
            'Failed and refused',
            'A minute: deliveries that failed and are tried again, and alerts that a receiver refused for good.',
            'cpm',
            [
              p.over('60 * ' + rate('dialwatch_sink_failures_total', 'sink'), '{{sink}}, failed'),
              p.over('60 * ' + rate('dialwatch_sink_refused_total', 'sink'), '{{sink}}, refused'),
            ]
          ),
          p.timeseries(
            'Alerts that wait for a sink',
            'Alerts that a sink has not taken yet.',
            'short',
            [p.over('sum by (sink) (dialwatch_sink_waiting_alerts{$series})', '{{sink}}')]
          ),
          p.timeseries(
            'Since a sink took something',
            'Since a sink last took an alert. With few alerts it is long though all is well.',
            's',
            [p.over('time() - max by (sink) (dialwatch_sink_last_success_timestamp_seconds{$series} > 0)', '{{sink}}')]
          ),
          p.timeseries(
            'Watchdog age',
            'Since the synthetic call of a partition last led to a committed alert.',
            's',
            [p.over('time() - (max by (partition) (dialwatch_watchdog_last_seen_timestamp_seconds{$series}) > 0)', 'partition {{partition}}')]
          ),
        ],
      },
      {
        title: 'Kafka and configuration',
        panels: [
          p.timeseries(
            'Partitions by process',
            'Partitions of the calls topic that each process owns.',
            'short',
            [p.over('dialwatch_partitions_assigned{$series}', '{{instance}}')]
          ) + p.stacked,
          p.timeseries(
            'Rebalances',
            'Times a minute that partitions came or went.',
            'cpm',
            [p.over('60 * ' + rate('dialwatch_rebalances_total', 'change'), '{{change}}')]
          ),
          p.timeseries(
            'Sessions restarted',
            'Sessions with Kafka that ended by themselves and were begun again from the last checkpoint.',
            'cpm',
            [p.over('60 * ' + rate('dialwatch_sessions_restarted_total', 'instance'), '{{instance}}')]
          ),
          p.timeseries(
            'Restores',
            'Average time it took to read back the state of a partition.',
            's',
            [p.over(
              rate('dialwatch_restore_duration_seconds_sum', 'instance') + ' / ' + rate('dialwatch_restore_duration_seconds_count', 'instance'),
              '{{instance}}'
            )]
          ),
          p.timeseries(
            'Apps restored',
            'Apps whose state was read back.',
            'cps',
            [p.over(rate('dialwatch_restored_apps_total', 'instance'), '{{instance}}')]
          ),
          p.timeseries(
            'Calls judged again',
            'Records of calls judged again after a restart: those since the state of their partition was written.',
            'cps',
            [p.over(rate('dialwatch_restored_calls_total', 'instance'), '{{instance}}')]
          ),
          p.timeseries(
            'Reloads',
            'Times a minute that the configuration was read again, by result.',
            'cpm',
            [p.over('60 * ' + rate('dialwatch_policy_reloads_total', 'result'), '{{result}}')]
          ) + p.colour('success', 'green') + p.colour('failure', 'red'),
        ],
      },
    ]
  )
