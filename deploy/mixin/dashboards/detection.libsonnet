// How good the judgement is: what is found, how soon, and how sure it can be.
local dashboard = import 'dashboard.libsonnet';
local p = import 'panels.libsonnet';

function(config)
  local sent(by, status, severity='.+') =
    '60 * sum by (%s) (rate(dialwatch_alerts_total{$series, status=~"%s", severity=~"%s"}[$__rate_interval]))' % [by, status, severity];
  local inRange(metric) = [
    p.now('sum(increase(%s{$series, status="firing", severity="%s"}[$__range]))' % [metric, severity], severity)
    for severity in std.reverse(p.severities)
  ];
  local counted = ' An alert counts when it opens, when it grows graver and when it is repeated.';

  dashboard.new(
    config,
    'detection',
    'dialwatch / Detection',
    'How good the judgement is: what is found, how soon, how sure, and what is withheld.',
    'now-6h',
    [
      {
        title: 'What is found',
        panels: [
          p.stat(
            'Alerts sent',
            'Alerts sent while firing in the time that is shown, by severity.' + counted,
            'locale',
            inRange('dialwatch_alerts_total')
          ) + p.tiles + p.size(12, 4),
          p.stat(
            'Alerts withheld',
            'Alerts of rules in shadow, or of apps with an exception, in the time that is shown, by severity: judged and counted, never sent.',
            'locale',
            inRange('dialwatch_alerts_shadowed_total')
          ) + p.tiles + p.size(12, 4),
          p.timeseries(
            'Sent by rule',
            'Alerts sent a minute while firing, by rule.' + counted,
            'cpm',
            [p.over(sent('rule', 'firing') + ' > 0', '{{rule}}')]
          ) + p.stacked,
          p.timeseries(
            'Sent by severity',
            'Alerts sent a minute while firing, by severity.' + counted,
            'cpm',
            [p.over(sent('', 'firing', severity), severity) for severity in p.severities]
          ) + p.stacked + p.bySeverity,
          p.timeseries(
            'Open by rule',
            'Alerts that are open, by rule.',
            'short',
            [p.over('sum by (rule) (dialwatch_alerts_active{$series}) > 0', '{{rule}}')]
          ) + p.stacked,
        ],
      },
      {
        title: 'How soon',
        panels: [
          p.timeseries(
            'Alert latency',
            'From receiving a record to the commit of an alert that followed from it. Beside it, a call waits for its minute to close, and for the lateness that the configuration allows.',
            's',
            p.quantiles('dialwatch_alert_latency_seconds')
          ) + p.size(12, 8),
          p.heatmap(
            'Alert latency, all of it',
            'How many alerts were committed how long after a record they followed from was received.',
            's',
            'dialwatch_alert_latency_seconds'
          ) + p.size(12, 8),
        ],
      },
      {
        title: 'How sure',
        panels: [
          p.timeseries(
            'Notices and accusations',
            'Alerts sent a minute while firing: notices, which accuse nobody, and those that accuse. A false notice costs a look; a false accusation costs a customer.',
            'cpm',
            [
              p.over(sent('', 'firing', 'notice'), 'notices'),
              p.over(sent('', 'firing', 'violation|major|severe'), 'accusations'),
            ]
          ) + p.colour('notices', 'blue') + p.colour('accusations', 'orange'),
          p.timeseries(
            'Firing and resolved',
            'Alerts sent a minute, by status. Many that soon resolve are a limit that is too tight.',
            'cpm',
            [p.over(sent('status', 'firing|resolved'), '{{status}}')]
          ) + p.colour('firing', 'orange') + p.colour('resolved', 'green'),
          p.timeseries(
            'Withheld by rule',
            'Alerts a minute of rules in shadow, or of apps with an exception: what would have been sent. Watch it before a rule leaves the shadow.',
            'cpm',
            [p.over('60 * sum by (rule) (rate(dialwatch_alerts_shadowed_total{$series, status="firing"}[$__rate_interval]))', '{{rule}}')]
          ) + p.stacked,
          p.timeseries(
            'Calls that did not count',
            'Share of the calls that could not be read or came after their minute was judged. What is missing cannot accuse, nor excuse.',
            'percentunit',
            [p.over(|||
              sum by (result) (rate(dialwatch_records_total{$series, stream="calls", result=~"invalid|late_dropped"}[$__rate_interval]))
              / on () group_left ()
              sum(rate(dialwatch_records_total{$series, stream="calls"}[$__rate_interval]))
            |||, '{{result}}')]
          ) + p.colour('invalid', 'red') + p.colour('late_dropped', 'orange'),
          p.timeseries(
            'Apps accused',
            'Share of the apps that have series of their own and have an open alert.',
            'percentunit',
            [p.over(|||
              count(sum by (app_id) (dialwatch_app_open_alerts{$series, app_id!="__other__"}) > 0)
              /
              count(sum by (app_id) (dialwatch_app_open_alerts{$series, app_id!="__other__"}))
            |||, 'apps with an open alert')]
          ),
          p.timeseries(
            'Strikes',
            'Strikes in the ledgers of all apps.',
            'short',
            [p.over('sum(dialwatch_app_strikes{$series})', 'strikes')]
          ) + p.colour('strikes', 'red'),
        ],
      },
    ]
  )
