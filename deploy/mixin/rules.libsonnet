// Recording rules. A name is level:metric:operations; the level names the labels that stay, beside those of the target.
{
  local config = self._config,
  local known = { sel: config.selector, process: std.join(', ', config.processLabels) },
  local record(name, expr) = { record: name, expr: std.stripChars(expr % known, '\n') },
  // A rate over the histogram, and the quantiles that people ask for.
  local quantiles(metric, level='job') = [
    record('%s_le:%s_bucket:rate5m' % [level, metric], 'sum without (%%(process)s) (rate(%s_bucket{%%(sel)s}[5m]))' % metric),
  ] + [
    record('%s:%s:p%d_rate5m' % [level, metric, percent], 'histogram_quantile(0.%d, %s_le:%s_bucket:rate5m{%%(sel)s})' % [percent, level, metric])
    for percent in [50, 99]
  ],

  prometheusRules+:: {
    groups+: [
      {
        name: 'dialwatch.records',
        rules: [
          record('job_stream:dialwatch_records_consumed:rate5m', |||
            sum without (%(process)s) (rate(dialwatch_records_consumed_total{%(sel)s}[5m]))
          |||),
          record('job_result_stream:dialwatch_records:rate15m', |||
            sum without (%(process)s) (rate(dialwatch_records_total{%(sel)s}[15m]))
          |||),
        ],
      },
      {
        name: 'dialwatch.progress',
        rules: [
          record('job:dialwatch_partitions_assigned:sum', |||
            sum without (%(process)s) (dialwatch_partitions_assigned{%(sel)s})
          |||),
          record('job:dialwatch_consumer_lag_records:sum', |||
            sum without (%(process)s, partition) (dialwatch_consumer_lag_records{%(sel)s})
          |||),
          record('job:dialwatch_consumer_lag_seconds:max', |||
            max without (%(process)s, partition) (dialwatch_consumer_lag_seconds{%(sel)s})
          |||),
        ],
      },
      {
        name: 'dialwatch.latency',
        rules: quantiles('dialwatch_judgement_latency_seconds') +
               quantiles('dialwatch_alert_latency_seconds') +
               quantiles('dialwatch_checkpoint_duration_seconds', 'job_phase'),
      },
      {
        name: 'dialwatch.alerts',
        rules: [
          record('job_rule_severity:dialwatch_alerts_active:sum', |||
            sum without (%(process)s) (dialwatch_alerts_active{%(sel)s})
          |||),
          // What is sent counts an alert again with each update of it.
          record('job_rule:dialwatch_alerts:increase30m', |||
            sum without (%(process)s, severity, status) (increase(dialwatch_alerts_total{%(sel)s, status="firing"}[30m]))
          |||),
          record('job_rule:dialwatch_alerts:increase1d', |||
            sum without (%(process)s, severity, status) (increase(dialwatch_alerts_total{%(sel)s, status="firing"}[1d]))
          |||),
          record('job_rule:dialwatch_alerts_shadowed:increase1d', |||
            sum without (%(process)s, severity, status) (increase(dialwatch_alerts_shadowed_total{%(sel)s, status="firing"}[1d]))
          |||),
        ],
      },
    ],
  },
}
