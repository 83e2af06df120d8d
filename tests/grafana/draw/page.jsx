// Draws a dashboard: ?dashboard=overview&prometheus=http://…&minutes=10&day=60s&app_id=…
//
// These are Grafana's components and data frames, without its server: variables are replaced by hand, and a panel that
// Grafana would draw with a plugin is drawn with the component that the plugin uses.
import React, { useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { lastValueFrom } from 'rxjs';
import {
  applyFieldOverrides,
  cacheFieldDisplayNames,
  createTheme,
  dateTime,
  FieldConfigOptionsRegistry,
  getDisplayValueAlignmentFactors,
  getFieldDisplayValues,
  LoadingState,
  standardFieldConfigEditorRegistry,
  standardTransformers,
  standardTransformersRegistry,
  ThemeContext,
  transformDataFrame,
} from '@grafana/data';
import { BarGauge, BigValue, GlobalStyles, PanelChrome, TimeSeries, VizRepeater } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';
import { frames } from './prometheus.js';

const asked = new URLSearchParams(location.search);
const dashboard = await (await fetch(`dashboards/${asked.get('dashboard')}.json`)).json();

const [CELL, GAP, SIDE] = [30, 8, 16];
const WIDTH = window.innerWidth - 2 * SIDE;
const theme = createTheme({ colors: { mode: 'dark' } });
const to = Date.now();
const range = { from: to - Number(asked.get('minutes')) * 60_000, to };
const timeRange = { from: dateTime(range.from), to: dateTime(range.to), raw: { from: dateTime(range.from), to: dateTime(range.to) } };
const day = parseInt(asked.get('day'), 10);

const variables = { job: '.+', instance: '.+', __rate_interval: '10s', __range: `${asked.get('minutes')}m`, app_id: asked.get('app_id') };
const replace = (text) =>
  text
    .replace(/\$\{?(\w+)(:\w+)?\}?/g, (all, name) => variables[name] ?? all)
    // A simulated day lasts less.
    .replaceAll('offset 1d', `offset ${day}s`)
    .replaceAll('offset 1w', `offset ${7 * day}s`);

// Which fields of a configuration defaults and overrides may set. Grafana fills this from its editors.
const field = (path, isCustom) => ({
  id: isCustom ? `custom.${path}` : path,
  path,
  isCustom,
  name: path,
  process: (value) => value,
  shouldApply: () => true,
  getItemsCount: () => 0,
});
const fields = new FieldConfigOptionsRegistry(() => [
  ...['unit', 'min', 'max', 'decimals', 'displayName', 'noValue', 'color', 'thresholds', 'mappings', 'links'].map((path) => field(path, false)),
  ...['drawStyle', 'lineWidth', 'fillOpacity', 'showPoints', 'spanNulls', 'stacking', 'lineStyle', 'axisSoftMax', 'align', 'cellOptions', 'inspect'].map((path) => field(path, true)),
]);
standardFieldConfigEditorRegistry.setInit(() => fields.list());
standardTransformersRegistry.setInit(() =>
  [standardTransformers.mergeTransformer, standardTransformers.organizeFieldsTransformer].map((transformation) => ({
    id: transformation.id,
    name: transformation.name,
    transformation,
  }))
);

async function data(panel) {
  const raw = await frames(asked.get('prometheus'), panel, range, replace);
  const transformed = await lastValueFrom(transformDataFrame(panel.transformations, raw));
  const fieldConfig = structuredClone(panel.fieldConfig);
  fieldConfig.defaults.color ??= { mode: 'palette-classic' };
  // Links lead nowhere in a picture.
  delete fieldConfig.defaults.links;
  fieldConfig.overrides.forEach((override) => (override.properties = override.properties.filter(({ id }) => id !== 'links')));
  const series = applyFieldOverrides({
    data: transformed,
    fieldConfig,
    fieldConfigRegistry: fields,
    replaceVariables: (text) => text,
    theme,
    timeZone: 'browser',
  });
  cacheFieldDisplayNames(series);
  return { series, fieldConfig };
}

const values = (panel, { series, fieldConfig }, sparkline) =>
  getFieldDisplayValues({
    fieldConfig,
    reduceOptions: panel.options.reduceOptions,
    replaceVariables: (text) => text,
    theme,
    data: series,
    sparkline,
    timeZone: 'browser',
  });

const drawn = {
  timeseries: (panel, { series }, width, height) => (
    <TimeSeries
      frames={series}
      structureRev={1}
      width={width}
      height={height}
      timeRange={timeRange}
      timeZone="browser"
      legend={panel.options.legend}
      options={panel.options}
    >
      {() => null}
    </TimeSeries>
  ),
  stat: (panel, shown, width, height) => (
    <VizRepeater
      source={shown}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      getValues={() => values(panel, shown, panel.options.graphMode !== 'none')}
      renderValue={({ value, count, ...size }) => (
        <BigValue {...panel.options} {...size} count={count} value={value.display} sparkline={value.sparkline} theme={theme} />
      )}
      width={width}
      height={height}
      orientation="auto"
      autoGrid
    />
  ),
  bargauge: (panel, shown, width, height) => (
    <VizRepeater
      source={shown}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      getValues={() => values(panel, shown, false)}
      renderValue={({ value, ...size }) => (
        <BarGauge
          {...size}
          {...panel.options}
          value={value.display}
          field={value.field}
          display={value.view?.getFieldDisplayProcessor(value.colIndex)}
          theme={theme}
          itemSpacing={6}
          lcdCellWidth={12}
        />
      )}
      width={width}
      height={height}
      orientation="horizontal"
      itemSpacing={6}
      minVizHeight={panel.options.minVizHeight}
      maxVizHeight={panel.options.maxVizHeight}
    />
  ),
  table: (panel, { series }, width, height) => (
    <TableNG
      data={series[0]}
      width={width}
      height={height}
      cellHeight={panel.options.cellHeight}
      initialSortBy={panel.options.sortBy}
      structureRev={1}
      enableVirtualization={false}
    />
  ),
};

function Panel({ panel, shown }) {
  const unit = (WIDTH + GAP) / 24;
  const { x, y, w, h } = panel.gridPos;
  const [width, height] = [w * unit - GAP, h * (CELL + GAP) - GAP];
  const empty = !shown.series.some((frame) => frame.length > 0);
  return (
    <div style={{ position: 'absolute', left: SIDE + x * unit, top: y * (CELL + GAP), width, height }}>
      {panel.type === 'row' ? (
        <div className="section">{panel.title}</div>
      ) : (
        <PanelChrome title={panel.title} width={width} height={height} loadingState={LoadingState.Done} padding="md">
          {(inner, innerHeight) =>
            empty ? (
              <div style={{ textAlign: 'center', color: theme.colors.text.secondary }}>{panel.fieldConfig.defaults.noValue ?? 'No data'}</div>
            ) : (
              drawn[panel.type](panel, shown, inner, innerHeight)
            )
          }
        </PanelChrome>
      )}
    </div>
  );
}

function Page() {
  const [shown, setShown] = useState();
  useEffect(() => {
    Promise.all(dashboard.panels.map((panel) => (panel.type === 'row' ? { series: [] } : data(panel)))).then(setShown, (error) => {
      document.title = `failed: ${error.message}`;
    });
  }, []);
  useEffect(() => {
    if (shown) {
      setTimeout(() => (document.title = 'drawn'), 500);
    }
  }, [shown]);
  const bottom = Math.max(...dashboard.panels.map(({ gridPos }) => gridPos.y + gridPos.h));
  return (
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <h1>{dashboard.title}{variables.app_id && `: ${variables.app_id}`}</h1>
      <div style={{ position: 'relative', height: bottom * (CELL + GAP) + GAP }}>
        {shown && dashboard.panels.map((panel, i) => <Panel key={panel.id} panel={panel} shown={shown[i]} />)}
      </div>
    </ThemeContext.Provider>
  );
}

createRoot(document.getElementById('page')).render(<Page />);
