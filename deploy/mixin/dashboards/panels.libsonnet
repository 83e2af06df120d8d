// What dashboards are made of. An expression writes `$series` where the chosen processes are meant.
local datasource = { type: 'prometheus', uid: '${datasource}' };
local chosen = 'job=~"$job", instance=~"$instance"';

local severities = [
  { name: 'notice', color: 'blue' },
  { name: 'violation', color: 'yellow' },
  { name: 'major', color: 'orange' },
  { name: 'severe', color: 'red' },
];

local coloured(names) = [
  {
    matcher: { id: 'byRegexp', options: '/%s$/' % each.name },
    properties: [{ id: 'color', value: { mode: 'fixed', fixedColor: each.color } }],
  }
  for each in names
];

local panel(type, title, description, unit, targets, options, custom) = {
  type: type,
  title: title,
  description: description,
  datasource: datasource,
  targets: [
    targets[i] { refId: std.char(std.codepoint('A') + i), datasource: datasource }
    for i in std.range(0, std.length(targets) - 1)
  ],
  options: options,
  fieldConfig: {
    defaults: { unit: unit, [if custom != {} then 'custom']: custom },
    overrides: [],
  },
  transformations: [],
};

// The last values, large. Options of a stat and a bar gauge that are alike.
local reduced = {
  orientation: 'auto',
  reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
};

{
  // From the mildest to the gravest.
  severities:: [severity.name for severity in severities],
  series(expr):: std.strReplace(expr, '$series', chosen),
  datasource:: datasource,

  // Targets.
  over(expr, legend):: { expr: $.series(expr), legendFormat: legend, range: true, instant: false },
  now(expr, legend=''):: { expr: $.series(expr), legendFormat: legend, range: false, instant: true },
  column(expr):: { expr: $.series(expr), format: 'table', range: false, instant: true },
  buckets(expr):: { expr: $.series(expr), legendFormat: '{{le}}', format: 'heatmap', range: true, instant: false },
  quantiles(metric, by=[])::
    [
      $.over(
        'histogram_quantile(%g, sum by (%s) (rate(%s_bucket{$series}[$__rate_interval])))'
        % [quantile, std.join(', ', ['le'] + by), metric],
        std.join(', ', ['{{%s}}' % label for label in by] + ['p%g' % (100 * quantile)])
      )
      for quantile in [0.5, 0.95, 0.99]
    ],

  // Panels.
  timeseries(title, description, unit, targets)::
    panel('timeseries', title, description, unit, targets, {
      legend: { displayMode: 'list', placement: 'bottom', showLegend: true, calcs: [] },
      tooltip: { mode: 'multi', sort: 'desc' },
    }, {
      drawStyle: 'line',
      lineWidth: 1,
      fillOpacity: 10,
      showPoints: 'never',
      spanNulls: false,
      // Where all is zero the axis ends here, and not at 100.
      axisSoftMax: if unit == 'percentunit' then 0.01 else 1,
    })
    + { fieldConfig+: { defaults+: { min: 0 } } } + $.size(8, 8),

  stat(title, description, unit, targets)::
    panel('stat', title, description, unit, targets, reduced {
      colorMode: 'value',
      graphMode: 'none',
      justifyMode: 'auto',
      textMode: 'auto',
      wideLayout: true,
      showPercentChange: false,
      percentChangeColorMode: 'standard',
    }, {}) + $.limits([]) + $.size(4, 4),

  bargauge(title, description, unit, targets)::
    panel('bargauge', title, description, unit, targets, reduced {
      orientation: 'horizontal',
      displayMode: 'basic',
      valueMode: 'color',
      namePlacement: 'left',
      showUnfilled: false,
      sizing: 'auto',
      minVizHeight: 16,
      minVizWidth: 8,
      maxVizHeight: 24,
      legend: { displayMode: 'list', placement: 'bottom', showLegend: false, calcs: [] },
    }, {}) + { fieldConfig+: { defaults+: { min: 0 } } } + $.size(8, 8),

  heatmap(title, description, unit, metric)::
    panel('heatmap', title, description, unit, [
      $.buckets('sum by (le) (increase(%s_bucket{$series}[$__rate_interval]))' % metric),
    ], {
      calculate: false,
      cellGap: 1,
      color: { mode: 'scheme', scheme: 'Oranges', scale: 'exponential', exponent: 0.5, steps: 64, fill: 'dark-orange', reverse: false },
      exemplars: { color: 'rgba(255,0,255,0.7)' },
      filterValues: { le: 1e-9 },
      legend: { show: false },
      rowsFrame: { layout: 'auto' },
      showValue: 'never',
      tooltip: { mode: 'single', showColorScale: false, yHistogram: false },
      yAxis: { unit: unit, axisPlacement: 'left', reverse: false },
    }, {}) + $.size(8, 8),

  // `columns` are [title, unit, expression]; all have the label `key` and nothing else.
  table(title, description, key, keyTitle, columns)::
    panel('table', title, description, columns[0][1], [$.column(column[2]) for column in columns], {
      cellHeight: 'sm',
      frameIndex: 0,
      showHeader: true,
      sortBy: [{ displayName: columns[0][0], desc: true }],
    }, { align: 'auto', cellOptions: { type: 'auto' }, inspect: false }) + {
      local values = ['Value #' + std.char(std.codepoint('A') + i) for i in std.range(0, std.length(columns) - 1)],
      transformations: [
        { id: 'merge', options: {} },
        {
          id: 'organize',
          options: {
            excludeByName: { Time: true },
            indexByName: { [([key] + values)[i]]: i for i in std.range(0, std.length(values)) },
            renameByName: { [key]: keyTitle } + { [values[i]]: columns[i][0] for i in std.range(0, std.length(values) - 1) },
          },
        },
      ],
      fieldConfig+: {
        // The key may look like a number.
        overrides: [{ matcher: { id: 'byName', options: keyTitle }, properties: [{ id: 'unit', value: 'string' }] }] + [
          {
            matcher: { id: 'byName', options: column[0] },
            properties: [{ id: 'unit', value: column[1] }],
          }
          for column in columns
        ],
      },
    } + $.size(12, 9),

  // What is added to a panel.
  size(width, height):: { gridPos+: { w: width, h: height } },
  decimals(count):: { fieldConfig+: { defaults+: { decimals: count } } },
  stacked:: { fieldConfig+: { defaults+: { custom+: { stacking: { mode: 'normal', group: 'A' }, fillOpacity: 30, lineWidth: 0 } } } },
  bySeverity:: { fieldConfig+: { overrides+: coloured(severities) } },
  // Tiles that are grey while there is nothing.
  tiles:: {
    options+: { textMode: 'value_and_name', wideLayout: false, colorMode: 'background_solid' },
    fieldConfig+: {
      overrides+: [
        {
          matcher: { id: 'byName', options: severity.name },
          properties: [{
            id: 'thresholds',
            value: { mode: 'absolute', steps: [{ color: '#80808040', value: null }, { color: severity.color, value: 1 }] },
          }],
        }
        for severity in severities
      ],
    },
  },
  colour(name, color):: { fieldConfig+: { overrides+: coloured([{ name: name, color: color }]) } },
  dashed(name):: {
    fieldConfig+: {
      overrides+: [{
        matcher: { id: 'byName', options: name },
        properties: [
          { id: 'custom.lineStyle', value: { fill: 'dash', dash: [8, 8] } },
          { id: 'custom.fillOpacity', value: 0 },
        ],
      }],
    },
  },
  none(text):: { fieldConfig+: { defaults+: { noValue: text } } },
  // From which value on which colour; green below the first.
  limits(steps, below='green'):: {
    fieldConfig+: {
      defaults+: {
        color: { mode: 'thresholds' },
        thresholds: {
          mode: 'absolute',
          steps: [{ color: below, value: null }] + [{ value: step[0], color: step[1] } for step in steps],
        },
      },
    },
  },
  // What single values are called: { '1': ['valid', 'green'] }.
  called(names):: {
    fieldConfig+: {
      defaults+: {
        mappings+: [{
          type: 'value',
          options: { [value]: { text: names[value][0], color: names[value][1] } for value in std.objectFields(names) },
        }],
      },
    },
  },
  // An age since the epoch: it never was.
  never:: {
    fieldConfig+: {
      defaults+: {
        mappings+: [{ type: 'range', options: { from: 1e9, to: null, result: { text: 'never', color: 'red' } } }],
      },
    },
  },
  // A share of nothing.
  undefined(text):: {
    fieldConfig+: {
      defaults+: {
        mappings+: [{ type: 'special', options: { match: 'nan', result: { text: text, color: 'text' } } }],
      },
    },
  },
  link(title, url):: { fieldConfig+: { defaults+: { links: [{ title: title, url: url }] } } },
  linkColumn(column, title, url):: {
    fieldConfig+: {
      overrides+: [{
        matcher: { id: 'byName', options: column },
        properties: [{ id: 'links', value: [{ title: title, url: url }] }],
      }],
    },
  },
}
