// Is it healthy, and who is firing?
local dashboard = import 'dashboard.libsonnet';
local p = import 'panels.libsonnet';

function(config)
  local appUrl = '/d/' + config.uids.app
                 + '?var-app_id=${__value.raw}&${datasource:queryparam}&${job:queryparam}&${instance:queryparam}&${__url_time_range}';
  local firing = '(sum by (app_id) (dialwatch_app_open_alerts{$series}) > 0)';
  local slow = std.parseInt(config.slo.alerts.le);
  local ofFiring(expr) = '%s and on (app_id) %s' % [expr, firing];

  local healthy = {
    title: 'Is it healthy',
    panels: [
      p.stat(
        'Lag',
        'How long ago the oldest call that waits in Kafka was written, over all partitions.',
        's',
        [p.now('max(dialwatch_consumer_lag_seconds{$series})')]
      ) + p.limits([[config.lagWarningSeconds, 'yellow'], [config.lagCriticalSeconds, 'red']]),
      p.stat(
        'Records a second',
        'Records taken from Kafka: calls, feedback and registrations.',
        'cps',
        [p.now('sum(rate(dialwatch_records_total{$series}[$__rate_interval]))')]
      ),
      p.stat(
        'Cannot be read',
        'Share of the records that cannot be read. A partition of which too much cannot be read stops.',
        'percentunit',
        [p.now(|||
          sum(rate(dialwatch_records_total{$series, result="invalid"}[$__rate_interval]))
          /
          sum(rate(dialwatch_records_total{$series}[$__rate_interval]))
        |||)]
      ) + p.limits([[config.invalidShareWarning, 'yellow'], [config.invalidShareCritical, 'red']]) + p.undefined('no records'),
      p.stat(
        'Checkpoint age',
        'Since state, alerts and offsets were last committed together, by the process that is furthest behind. Processes without partitions make none.',
        's',
        [p.now('max((time() - dialwatch_checkpoint_last_committed_timestamp_seconds{$series}) and (dialwatch_partitions_assigned{$series} > 0))')]
      ) + p.limits([[config.checkpointSeconds / 5, 'yellow'], [config.checkpointSeconds, 'red']]) + p.never + p.none('no partitions'),
      p.stat(
        'Watchdog age',
        'Since a synthetic call last went the whole way from Kafka through the rules to a committed alert, in the partition where that is longest ago.',
        's',
        [p.now('time() - min(max by (partition) (dialwatch_watchdog_last_seen_timestamp_seconds{$series}))')]
      ) + p.limits([[config.watchdogSeconds / 2, 'yellow'], [config.watchdogSeconds, 'red']]) + p.never + p.none('off'),
      p.stat(
        'Sinks',
        'Whether deliveries to a sink fail now. They are tried again.',
        'none',
        [p.now('sum by (sink) (rate(dialwatch_sink_failures_total{$series}[$__rate_interval])) > bool 0', '{{sink}}')]
      ) + p.called({ '0': ['ok', 'green'], '1': ['failing', 'red'] }) + p.none('no sink'),
      p.stat(
        'Alert latency p99',
        'From receiving a record to the commit of an alert that followed from it; 99 of 100 are faster.',
        's',
        [p.now('histogram_quantile(0.99, sum by (le) (rate(dialwatch_alert_latency_seconds_bucket{$series}[$__rate_interval])))')]
      ) + p.limits([[slow / 2, 'yellow'], [slow, 'red']]) + p.undefined('no alerts'),
      p.stat(
        'Alerts not yet delivered',
        'Alerts that wait until every sink has them.',
        'short',
        [p.now('sum(dialwatch_outbox_alerts{$series})')]
      ) + p.limits([[config.sinkWaitingAlerts, 'yellow'], [config.outboxAlertsMax, 'red']]),
      p.stat(
        'Partitions',
        'Partitions of the calls topic that the chosen processes own, together.',
        'short',
        [p.now('sum(dialwatch_partitions_assigned{$series})')]
      ) + p.limits([[1, 'green']], below='red'),
      p.stat(
        'Partitions stopped',
        'Partitions that stand still because too many of their records cannot be read.',
        'short',
        [p.now('sum(dialwatch_partition_stopped{$series})')]
      ) + p.limits([[1, 'red']]) + p.none('no partitions'),
      p.stat(
        'Configuration',
        'Whether the configuration was valid when it was last read, in every process. One that is not valid changes nothing.',
        'none',
        [p.now('min(dialwatch_config_last_reload_successful{$series})')]
      ) + p.called({ '0': ['refused', 'red'], '1': ['valid', 'green'] }),
      p.stat(
        'Processes',
        'Processes that run, by version.',
        'short',
        [p.now('count by (version) (dialwatch_build_info{$series})', '{{version}}')]
      ) + { options+: { textMode: 'value_and_name' } },
    ],
  };

  local who = {
    title: 'Who is firing',
    panels: [
      p.stat(
        'Open alerts',
        'Alerts that are open now, by severity. A notice accuses nobody.',
        'short',
        [p.now('sum(dialwatch_alerts_active{$series, severity="%s"})' % severity, severity) for severity in std.reverse(p.severities)]
      ) + p.tiles + p.size(6, 9),
      p.timeseries(
        'Open alerts over time',
        'Alerts that are open, by severity.',
        'short',
        [p.over('sum(dialwatch_alerts_active{$series, severity="%s"})' % severity, severity) for severity in p.severities]
      ) + p.stacked + p.bySeverity + p.size(9, 9),
      p.bargauge(
        'Open alerts by rule',
        'Alerts that are open now, by rule and severity.',
        'short',
        [p.now('sort_desc(sum by (rule, severity) (dialwatch_alerts_active{$series}) > 0)', '{{rule}}, {{severity}}')]
      ) + p.bySeverity + p.none('none is open') + p.size(9, 9),
      p.table(
        'Apps with open alerts',
        'Apps with open alerts. All of them have series of their own while `metrics.apps` is `topk` or `all`. A click on an app shows it alone.',
        'app_id',
        'App',
        [
          ['Open alerts', 'locale', 'sum by (app_id) (dialwatch_app_open_alerts{$series}) > 0'],
          ['Strikes', 'locale', ofFiring('sum by (app_id) (dialwatch_app_strikes{$series})')],
          ['Calls in 24 h', 'locale', ofFiring('sum by (app_id) (dialwatch_app_calls_day{$series})')],
          ['Answered', 'percentunit', ofFiring(
            '(sum by (app_id) (dialwatch_app_answered_day{$series}) / sum by (app_id) (dialwatch_app_calls_day{$series}))'
          )],
          ['Callees in 24 h', 'locale', ofFiring('sum by (app_id) (dialwatch_app_callees_day{$series})')],
        ]
      ) + p.linkColumn('App', 'This app', appUrl) + p.none('none is open') + p.size(14, 9),
      p.timeseries(
        'Alerts sent by rule',
        'Alerts sent a minute while firing: an alert counts when it opens, when it grows graver and when it is repeated.',
        'cpm',
        [p.over('60 * sum by (rule) (rate(dialwatch_alerts_total{$series, status="firing"}[$__rate_interval])) > 0', '{{rule}}')]
      ) + p.stacked + p.size(10, 9),
    ],
  };

  local past = {
    title: 'How it has been',
    panels: [
      p.timeseries(
        'Lag by partition',
        'How long ago the oldest call that waits in a partition was written.',
        's',
        [p.over('max by (partition) (dialwatch_consumer_lag_seconds{$series})', 'partition {{partition}}')]
      ),
      p.timeseries(
        'Records by result',
        'What became of the records: they are applied, applied though late, late and dropped, doubles, or cannot be read.',
        'cps',
        [p.over('sum by (result) (rate(dialwatch_records_total{$series}[$__rate_interval]))', '{{result}}')]
      ) + p.stacked + p.colour('invalid', 'red') + p.colour('late_dropped', 'orange'),
      p.timeseries(
        'Alert latency',
        'From receiving a record to the commit of an alert that followed from it.',
        's',
        p.quantiles('dialwatch_alert_latency_seconds')
      ),
    ],
  };

  dashboard.new(
    config,
    'overview',
    'dialwatch / Overview',
    'Whether dialwatch is healthy, and which apps it accuses.',
    'now-1h',
    [healthy, who, past]
  )
