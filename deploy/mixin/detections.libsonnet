// Alerts about what dialwatch finds.
//
// dialwatch itself sends each of its alerts to Alertmanager, with app, evidence and clause. What is here tells of the same
// by rule alone: the second way, for when the first does not arrive, and the view over all apps, which no single alert has.
{
  local config = self._config,
  local known = config { sel: config.selector, process: std.join(', ', config.processLabels) },
  local alert(name, severity, hold, expr, summary, description) = {
    alert: name,
    expr: expr % known,
    'for': hold,
    labels: { severity: severity },
    annotations: { summary: summary, description: description },
    dashboard:: 'detection',
  },
  local open(severity) = |||
    sum without (%(process)s) (max_over_time(dialwatch_alerts_active{%(sel)s, severity="%(graveness)s"}[5m])) > 0
  ||| % (known { graveness: severity }),
  // The label `severity` belongs to the alert of Prometheus; dialwatch's own is a word of the name.
  local plain(name, severity, graveness, summary) =
    alert(name, severity, '1m', 'sum without (severity) (\n  %s\n)\n' % std.stripChars(open(graveness), '\n'), summary, 'The rule {{ $labels.rule }} has {{ $value }} open alerts of severity %s.' % graveness),

  prometheusAlerts+:: {
    groups+: [
      {
        name: 'dialwatch.detections',
        rules: [
          plain('DialwatchSevereAlertsOpen', 'critical', 'severe', 'An app breaks a rule so that its service should end.'),
          plain('DialwatchMajorAlertsOpen', 'warning', 'major', 'An app breaks a rule gravely.'),
          plain('DialwatchViolationAlertsOpen', 'info', 'violation', 'An app breaks a rule.'),

          // Of the series by app, those of apps with an open alert are always there, unless metrics.apps is `off`.
          alert('DialwatchManyAppsAccused', 'warning', '5m', |||
            (
              count without (%(process)s, app_id) (dialwatch_app_open_alerts{%(sel)s, app_id!="__other__"} > 0)
              /
              sum without (%(process)s, partition) (dialwatch_apps{%(sel)s})
              > %(accusedShare)g
            )
            and
            count without (%(process)s, app_id) (dialwatch_app_open_alerts{%(sel)s, app_id!="__other__"} > 0) >= %(accusedAppsMin)d
          |||, 'Many apps have open alerts at once.', '{{ $value | humanizePercentage }} of all apps have an open alert.'),

          alert('DialwatchAlertStorm', 'warning', '0m', |||
            sum without (%(process)s, rule, severity, status) (increase(dialwatch_alerts_total{%(sel)s, status="firing"}[10m])) > %(stormAlerts)d
          |||, 'dialwatch sends a storm of alerts.', '{{ $value | humanize }} alerts and updates of alerts were sent in 10 minutes.'),

          // The usual is that of the day before this half hour; a day has 48 of them. Where there was no day before,
          // nothing is usual yet.
          alert('DialwatchRuleFiresEverywhere', 'warning', '0m', |||
            job_rule:dialwatch_alerts:increase30m{%(sel)s} > %(ruleAlerts)d
            and
            job_rule:dialwatch_alerts:increase30m{%(sel)s} > %(ruleTimesUsual)g / 48 * (job_rule:dialwatch_alerts:increase1d{%(sel)s} offset 30m)
            and
            job_rule:dialwatch_alerts:increase1d{%(sel)s} offset 1d
          |||, 'A rule suddenly fires everywhere.', 'The rule {{ $labels.rule }} sent {{ $value | humanize }} alerts and updates in half an hour, many times what it usually does.'),

          alert('DialwatchShadowRuleWouldFire', 'info', '0m', |||
            job_rule:dialwatch_alerts_shadowed:increase1d{%(sel)s} > %(shadowedPerDay)d
          |||, 'A rule in shadow would send many alerts.', 'The rule {{ $labels.rule }} withheld {{ $value | humanize }} alerts and updates in a day.'),
        ],
      },
    ],
  },
}
