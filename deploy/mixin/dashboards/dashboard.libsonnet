// A dashboard: its variables, annotations and links, and its panels put in their places.
local panels = import 'panels.libsonnet';

// Panels from left to right, line by line, below a row of the given title.
local placed(sections) =
  local place(state, panel) =
    local fits = state.x + panel.gridPos.w <= 24;
    local x = if fits then state.x else 0;
    local y = if fits then state.y else state.bottom;
    state {
      x: x + panel.gridPos.w,
      y: y,
      bottom: std.max(state.bottom, y + panel.gridPos.h),
      panels+: [panel { id: std.length(state.panels) + 1, gridPos+: { x: x, y: y } }],
    };
  local row(title) = { type: 'row', title: title, collapsed: false, panels: [], gridPos: { w: 24, h: 1 } };
  local section(state, each) = std.foldl(place, [row(each.title)] + each.panels, state { x: 24 });
  std.foldl(section, sections, { x: 24, y: 0, bottom: 0, panels: [] }).panels;

local query(name, label, expr) = {
  name: name,
  label: label,
  type: 'query',
  datasource: panels.datasource,
  query: expr,
  // Whenever the time range changes.
  refresh: 2,
  sort: 1,
};

local several = {
  multi: true,
  includeAll: true,
  allValue: '.+',
  current: { text: ['All'], value: ['$__all'] },
};

local annotation(name, color, expr) = {
  name: name,
  datasource: panels.datasource,
  enable: true,
  iconColor: color,
  expr: panels.series(expr),
};

{
  new(config, name, title, description, from, sections, variables=[], links=[]):: {
    id: null,
    uid: config.uids[name],
    title: title,
    description: description,
    tags: config.dashboardTags,
    editable: false,
    graphTooltip: 1,
    schemaVersion: 39,
    time: { from: from, to: 'now' },
    timezone: 'browser',
    refresh: '30s',
    templating: {
      list: [
        { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus' },
        query('job', 'Job', 'label_values(dialwatch_build_info, job)') + several,
        query('instance', 'Instance', 'label_values(dialwatch_build_info{job=~"$job"}, instance)') + several,
      ] + variables,
    },
    annotations: {
      list: [
        annotation('Configuration read', 'blue', 'dialwatch_config_last_reload_success_timestamp_seconds{$series} * 1000') {
          useValueForTime: true,
          titleFormat: 'Configuration read',
          textFormat: '{{instance}}',
        },
        annotation(
          'New version',
          'purple',
          'count by (version) (dialwatch_build_info{$series}) unless count by (version) (dialwatch_build_info{$series} offset 1m)'
        ) {
          titleFormat: 'Version {{version}}',
        },
        // The rules of dialwatch leave out the labels of single processes.
        annotation('Alert about dialwatch', 'red', 'count by (alertname, severity) (ALERTS{alertname=~"Dialwatch.+", alertstate="firing"})') {
          titleFormat: '{{alertname}}',
          tagKeys: 'severity',
        },
      ],
    },
    links: [
      {
        type: 'dashboards',
        title: 'dialwatch',
        tags: config.dashboardTags,
        asDropdown: false,
        icon: 'external link',
        includeVars: true,
        keepTime: true,
        targetBlank: false,
        tooltip: '',
      },
    ] + links,
    panels: placed(sections),
  },

  // The apps that have series of their own.
  app: query(
    'app_id',
    'App',
    'label_values(dialwatch_app_calls_day{job=~"$job", instance=~"$instance", app_id!="__other__"}, app_id)'
  ),

  text(name, label, value):: { name: name, label: label, type: 'textbox', query: value, current: { text: value, value: value } },

  link(title, url):: {
    type: 'link',
    title: title,
    url: url,
    tags: [],
    asDropdown: false,
    icon: 'external link',
    includeVars: false,
    keepTime: false,
    targetBlank: true,
    tooltip: '',
  },
}
