// What is promised, and how fast the budget for breaking the promise is spent.
//
// Only what happens can be counted: a service that does nothing breaks no promise here. That it does something is what
// the watchdog and the alerts on lag are for.
{
  local config = self._config,
  local slo = config.slo,
  local known = { sel: config.selector, process: std.join(', ', config.processLabels) },

  // Events that were slower than the bound, of all. Prometheus 3 writes a whole bound as `1.0`, before as `1`.
  local slow(metric, le) = {
    events(op, window): 'sum without (%(process)s) (%(op)s(%(metric)s_count{%(sel)s}[%(window)s]))' %
                        (known { op: op, metric: metric, window: window }),
    errors(window): |||
      (
        sum without (%(process)s) (rate(%(metric)s_count{%(sel)s}[%(window)s]))
      -
        sum without (%(process)s, le) (rate(%(metric)s_bucket{%(sel)s, le=~"%(le)s|%(le)s[.]0"}[%(window)s]))
      )
    ||| % (known { metric: metric, window: window, le: le }),
  },
  local refused = {
    local increased(op, metric, window) = 'sum without (%(process)s) (%(op)s(%(metric)s{%(sel)s}[%(window)s]))' %
                                          (known { op: op, metric: metric, window: window }),
    errors(window): increased('rate', 'dialwatch_sink_refused_total', window) + '\n',
    events(op, window): '(%s + %s)' % [
      increased(op, 'dialwatch_sink_delivered_total', window),
      increased(op, 'dialwatch_sink_refused_total', window),
    ],
  },

  local promises = [
    slo.judgement + slow('dialwatch_judgement_latency_seconds', slo.judgement.le) + {
      alert: 'DialwatchJudgementSloBurn',
      ratio: 'job:dialwatch_records_slow_per_records:ratio_rate',
      what: 'of the records were judged later than %s s after they were received' % slo.judgement.le,
    },
    slo.alerts + slow('dialwatch_alert_latency_seconds', slo.alerts.le) + {
      alert: 'DialwatchAlertLatencySloBurn',
      ratio: 'job:dialwatch_alerts_slow_per_alerts:ratio_rate',
      what: 'of the alerts were committed later than %s s after the record that led to them' % slo.alerts.le,
    },
    slo.sinks + refused + {
      alert: 'DialwatchSinkSloBurn',
      ratio: 'job_sink:dialwatch_alerts_refused_per_alerts:ratio_rate',
      what: 'of the alerts were refused by the sink {{ $labels.sink }}',
    },
  ],
  local windows = std.set([rate.short for rate in config.burnRates] + [rate.long for rate in config.burnRates]),

  prometheusRules+:: {
    groups+: [
      {
        name: 'dialwatch.slo',
        rules: [
          {
            record: promise.ratio + window,
            // Without events there is no share.
            expr: promise.errors(window) + '/\n(' + promise.events('rate', window) + ' > 0)\n',
          }
          for promise in promises
          for window in windows
        ],
      },
    ],
  },

  prometheusAlerts+:: {
    groups+: [
      {
        name: 'dialwatch.slo',
        rules: [
          {
            local budget = '(%g * %g)' % [rate.factor, std.parseJson('%.6f' % (1 - promise.objective))],
            alert: promise.alert,
            // Of few events a single one is a large share.
            expr: |||
              %(ratio)s%(long)s{%(sel)s} > %(budget)s
              and
              %(ratio)s%(short)s{%(sel)s} > %(budget)s
              and
              %(events)s >= %(least)d
            ||| % (known {
                     ratio: promise.ratio,
                     long: rate.long,
                     short: rate.short,
                     budget: budget,
                     events: promise.events('increase', rate.long),
                     least: promise.eventsMin,
                   }),
            'for': rate.hold,
            labels: { severity: rate.severity, long: rate.long },
            annotations: {
              summary: 'dialwatch is breaking a promise faster than it may.',
              description: 'In %s, {{ $value | humanizePercentage }} %s; at most %g %% are to be so over 30 days.' % [
                rate.long,
                promise.what,
                std.parseJson('%.4f' % (100 * (1 - promise.objective))),
              ],
            },
            dashboard:: 'pipeline',
          }
          for promise in promises
          for rate in config.burnRates
        ],
      },
    ],
  },
}
