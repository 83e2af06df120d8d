// The dashboards of this project in Grafana's own types: what is used of them, narrowed to what is used.
import type * as common from '@grafana/schema';
import type * as dashboard from 'grafana/raw/dashboard/x/types.gen';
import type * as bargaugeTypes from 'grafana/raw/composable/bargauge/panelcfg/x/types.gen';
import type * as heatmapTypes from 'grafana/raw/composable/heatmap/panelcfg/x/types.gen';
import type * as statTypes from 'grafana/raw/composable/stat/panelcfg/x/types.gen';
import type * as tableTypes from 'grafana/raw/composable/table/panelcfg/x/types.gen';
import type * as timeseriesTypes from 'grafana/raw/composable/timeseries/panelcfg/x/types.gen';

type SourceRef = Required<dashboard.DataSourceRef>;

// Of the data source's plugin, which is not part of @grafana/schema.
interface Query {
  datasource: SourceRef;
  expr: string;
  format?: 'time_series' | 'table' | 'heatmap';
  instant: boolean;
  legendFormat?: string;
  range: boolean;
  refId: string;
}

interface Annotation extends dashboard.AnnotationQuery {
  expr: string;
  tagKeys?: string;
  textFormat?: string;
  titleFormat?: string;
  useValueForTime?: boolean;
}

interface Link {
  targetBlank?: boolean;
  title: string;
  url: string;
}

interface Defaults<Custom> extends Omit<dashboard.FieldConfig, 'custom' | 'links' | 'actions'> {
  custom?: Partial<Custom>;
  links?: Link[];
}

// Grafana fills in options that are not given.
interface Shown<Type extends string, Options, Custom>
  extends Pick<dashboard.Panel, 'gridPos' | 'id' | 'title' | 'description' | 'transformations'> {
  datasource: SourceRef;
  fieldConfig: { defaults: Defaults<Custom>; overrides: dashboard.FieldConfigSource['overrides'] };
  options: Partial<Options>;
  targets: Query[];
  type: Type;
}

// Each panel is checked by what is called as its type, so that an error names what is wrong instead of every kind of panel.
export type bargauge = Shown<'bargauge', bargaugeTypes.Options, {}>;
export type heatmap = Shown<'heatmap', heatmapTypes.Options, heatmapTypes.FieldConfig>;
export type stat = Shown<'stat', statTypes.Options, {}>;
export type table = Shown<
  'table',
  tableTypes.Options,
  Pick<common.TableFieldOptions, 'align' | 'inspect'> & { cellOptions: { type: common.TableCellDisplayMode } }
>;
export type timeseries = Shown<'timeseries', timeseriesTypes.Options, timeseriesTypes.FieldConfig>;
export type row = Omit<dashboard.RowPanel, 'panels' | 'repeat'> & { panels: unknown[] };

export interface Dashboard extends Omit<dashboard.Dashboard, 'panels' | 'annotations' | 'snapshot'> {
  annotations: { list: Annotation[] };
  panels: Array<{ [key: string]: unknown; type: string }>;
}
