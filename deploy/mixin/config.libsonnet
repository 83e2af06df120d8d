// What differs from one installation to the next. Overlay it and render again:
//   (import 'mixin.libsonnet') + { _config+:: { selector: 'job="calls/dialwatch"' } }
{
  _config+:: {
    // Which series are dialwatch's. Every expression of the rules and dashboards carries it.
    selector: 'job=~"dialwatch.*"',

    // Labels that tell the processes of one installation apart. Rules aggregate over them; every other label of the
    // target (a cluster, an environment) stays.
    processLabels: ['instance', 'pod'],

    // %s is the name of the alert.
    runbookUrlPattern: 'https://dialwatch.example/runbooks/%s.md',
    // %s is the uid of a dashboard.
    dashboardUrlPattern: 'http://localhost:3000/d/%s',

    // The uids of the dashboards are fixed, so that links to them last.
    uids: {
      overview: 'dialwatch-overview',
      app: 'dialwatch-app',
      detection: 'dialwatch-detection',
      pipeline: 'dialwatch-pipeline',
    },
    dashboardTags: ['dialwatch'],

    // Seconds by which calls may wait in Kafka. An alert of dialwatch comes `lateness` (5 minutes by default) after the
    // call in any case; a warning means as much again.
    lagWarningSeconds: 300,
    lagCriticalSeconds: 1800,

    // Seconds by which the calls that are judged may lie behind the clock. Set it above `lateness` and what your
    // provider needs to deliver a record.
    watermarkBehindSeconds: 1800,

    // Share of records that cannot be read. A partition stops by itself at `kafka.invalid_share_max`, 0.5 by default.
    invalidShareWarning: 0.01,
    invalidShareCritical: 0.1,
    // Share of calls that came after their minute was judged, and do not count.
    lateShareWarning: 0.01,
    // Records in 15 minutes below which a share says nothing.
    shareOfRecords: 100,
    // Unreadable records in an hour that somebody should look at, however small their share is.
    deadLettersPerHour: 100,

    // What calls of the last hour must be of those a week before, and how many those must have been.
    callsShareOfLastWeek: 0.1,
    callsPerHourMin: 1000,

    // `kafka.outbox_alerts_max` of the configuration: with more alerts waiting, a partition is paused.
    outboxAlertsMax: 10000,
    // Alerts that may wait for one sink for long.
    sinkWaitingAlerts: 1000,
    // Seconds for which a sink may fail without taking anything.
    sinkFailingSeconds: 600,

    // Seconds without a checkpoint while calls are judged: by default one is due every second.
    checkpointSeconds: 300,

    // Whether `watchdog.every` is set, as it is by default, and how long its call may be missing. It comes every
    // minute, and the first of all after about `lateness`.
    watchdogExpected: true,
    watchdogSeconds: 600,

    // Share of all apps that may have an open alert at once, and how many that takes.
    accusedShare: 0.1,
    accusedAppsMin: 20,
    // Alerts and updates of alerts sent in 10 minutes, over all rules.
    stormAlerts: 1000,
    // A rule fires everywhere that sends so many alerts in half an hour, and so many times what it usually does.
    ruleAlerts: 100,
    ruleTimesUsual: 10,
    // Alerts that a rule in shadow may have withheld in a day.
    shadowedPerDay: 100,

    // What is promised, over 30 days. Each names a share of events; `le` is a bound of a bucket that exists.
    slo: {
      // Records judged within so many seconds of being received.
      judgement: { objective: 0.999, le: '1', eventsMin: 1000 },
      // Alerts committed within so many seconds of receiving the record that led to them. A checkpoint is due every
      // second by default.
      alerts: { objective: 0.99, le: '60', eventsMin: 50 },
      // Alerts taken by a sink rather than refused for good.
      sinks: { objective: 0.999, eventsMin: 50 },
    },
    // Multi-window burn rates over 30 days: page at 2 % of the budget in 1 hour and 5 % in 6 hours, a ticket at 10 %
    // in 1 day and 10 % in 3 days. The short window lets the alert end soon after the trouble does.
    burnRates: [
      { severity: 'critical', long: '1h', short: '5m', factor: 14.4, hold: '2m' },
      { severity: 'critical', long: '6h', short: '30m', factor: 6, hold: '15m' },
      { severity: 'warning', long: '1d', short: '2h', factor: 3, hold: '1h' },
      { severity: 'warning', long: '3d', short: '6h', factor: 1, hold: '3h' },
    ],
  },
}
