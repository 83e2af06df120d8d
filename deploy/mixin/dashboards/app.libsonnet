// One app: its last 24 hours against its own past and against the others, its alerts and its ledger.
local dashboard = import 'dashboard.libsonnet';
local p = import 'panels.libsonnet';

function(config)
  local page = '${dialwatch_url}/apps/${app_id}';
  local of(metric, app='app_id="$app_id"') =
    function(offset='') 'sum(%s{$series, %s}%s)' % [metric, app, if offset == '' then '' else ' offset ' + offset];
  local calls = of('dialwatch_app_calls_day');
  local answered = of('dialwatch_app_answered_day');
  local callees = of('dialwatch_app_callees_day');
  local open = of('dialwatch_app_open_alerts');
  local strikes = of('dialwatch_app_strikes');
  local ratio(above, below) = function(offset='') '%s / %s' % [above(offset), below(offset)];

  local now(title, description, unit, expr) =
    p.stat(title, description, unit, [p.now(expr())]) + p.link('The app at dialwatch', page) + p.none('not shown');
  local againstPast(title, description, unit, expr) =
    p.timeseries(title, description + ' Dashed: the day before, and the week before.', unit, [
      p.over(expr(), 'now'),
      p.over(expr('1d'), 'a day before'),
      p.over(expr('1w'), 'a week before'),
    ]) + p.dashed('a day before') + p.dashed('a week before') + p.size(12, 8);

  dashboard.new(
    config,
    'app',
    'dialwatch / App',
    'One app: its last 24 hours against its own past and against the other apps, its alerts and its ledger. Quiet apps '
    + 'have no series of their own unless `metrics.apps` is `all`; the page of dialwatch shows every app.',
    'now-24h',
    [
      {
        title: 'The last 24 hours',
        panels: [
          now('Calls', 'Calls that the app placed in the last 24 hours of event time.', 'locale', calls),
          now('Answered', 'Share of these calls that were answered.', 'percentunit', ratio(answered, calls))
          + p.undefined('no calls'),
          now('Callees', 'Different people whom the app called in these hours.', 'locale', callees),
          now('Calls to a callee', 'Calls for each callee: how often the app calls the same people.', 'short', ratio(calls, callees))
          + p.decimals(2) + p.undefined('no calls'),
          now('Open alerts', 'Alerts of the app that are open now.', 'short', open) + p.limits([[1, 'orange']]),
          now('Strikes', 'Strikes ever recorded in the ledger of the app.', 'locale', strikes) + p.limits([[1, 'orange']]),
        ],
      },
      {
        title: 'Today against its past',
        panels: [
          againstPast('Calls in 24 h', 'Calls that the app placed in the 24 hours before each moment.', 'short', calls),
          againstPast('Answered in 24 h', 'Share of the calls that were answered.', 'percentunit', ratio(answered, calls)),
          againstPast('Callees in 24 h', 'Different people whom the app called in the 24 hours before each moment.', 'short', callees),
          againstPast('Calls to a callee in 24 h', 'Calls for each callee.', 'short', ratio(calls, callees)),
        ],
      },
      {
        title: 'Alerts, ledger, and the other apps',
        panels: [
          p.timeseries(
            'Open alerts over time',
            'Alerts of the app that are open. Which they are is on its page at dialwatch.',
            'short',
            [p.over(open(), 'open alerts')]
          ) + p.colour('open alerts', 'orange') + p.size(6, 8),
          p.timeseries(
            'Strikes over time',
            'Strikes in the ledger of the app.',
            'short',
            [p.over(strikes(), 'strikes')]
          ) + p.colour('strikes', 'red') + p.size(6, 8),
          p.timeseries(
            'Answered, against the other apps',
            'Share of the calls in 24 hours that were answered: of this app, and of the app in the middle and of the lowest and highest tenth of those that have series of their own.',
            'percentunit',
            [p.over(ratio(answered, calls)(), 'this app')] + [
              p.over(
                (
                  'quantile(%g, sum by (app_id) (dialwatch_app_answered_day{$series, app_id!="__other__"})'
                  + ' / (sum by (app_id) (dialwatch_app_calls_day{$series, app_id!="__other__"}) > 0))'
                ) % tenth[0],
                tenth[1]
              )
              for tenth in [[0.1, 'lowest tenth'], [0.5, 'middle'], [0.9, 'highest tenth']]
            ]
          ) + p.dashed('lowest tenth') + p.dashed('middle') + p.dashed('highest tenth') + p.size(6, 8),
          p.timeseries(
            'Share of all calls',
            'Share of the calls of all apps in 24 hours that this app placed.',
            'percentunit',
            [p.over('%s / %s' % [calls(), of('dialwatch_app_calls_day', 'app_id=~".+"')()], 'this app')]
          ) + p.size(6, 8),
        ],
      },
    ],
    variables=[
      dashboard.app,
      dashboard.text('dialwatch_url', 'dialwatch at', 'http://localhost:9664'),
    ],
    links=[dashboard.link('This app at dialwatch', page)]
  )
