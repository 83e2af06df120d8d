// Asks Prometheus what a dashboard asks, and answers in Grafana's data frames.
import { FieldType, renderLegendFormat, toDataFrame } from '@grafana/data';

const POINTS = 240;

async function ask(base, path, parameters) {
  const answer = await (await fetch(`${base}/api/v1/${path}?${new URLSearchParams(parameters)}`)).json();
  if (answer.status !== 'success') {
    throw new Error(`${answer.error}: ${parameters.query}`);
  }
  return answer.data.result;
}

const number = (text) => (text === '+Inf' ? Infinity : text === '-Inf' ? -Infinity : Number(text));
const time = (values) => ({ name: 'Time', type: FieldType.time, values, config: {} });
const legend = (target, labels) => (target.legendFormat ? renderLegendFormat(target.legendFormat, labels) : undefined);

function seriesFrame(target, labels, points) {
  return toDataFrame({
    refId: target.refId,
    fields: [
      time(points.map(([at]) => at * 1000)),
      {
        name: 'Value',
        type: FieldType.number,
        labels,
        values: points.map(([, value]) => number(value)),
        config: { displayNameFromDS: legend(target, labels) },
      },
    ],
  });
}

function tableFrame(target, result) {
  const labels = [...new Set(result.flatMap(({ metric }) => Object.keys(metric)))];
  return toDataFrame({
    refId: target.refId,
    fields: [
      time(result.map(({ value }) => value[0] * 1000)),
      ...labels.map((label) => ({
        name: label,
        type: FieldType.string,
        values: result.map(({ metric }) => metric[label]),
        config: {},
      })),
      {
        name: `Value #${target.refId}`,
        type: FieldType.number,
        values: result.map(({ value }) => number(value[1])),
        config: {},
      },
    ],
  });
}

// The frames of a panel, for all of its targets.
export async function frames(base, panel, range, replace) {
  const step = Math.max(1, Math.round((range.to - range.from) / 1000 / POINTS));
  const [start, end] = [range.from / 1000, range.to / 1000].map((at) => Math.floor(at / step) * step);
  const answers = await Promise.all(
    panel.targets.map(async (target) => {
      const query = replace(target.expr);
      if (target.format === 'table') {
        return [tableFrame(target, await ask(base, 'query', { query, time: end }))];
      }
      const result = target.instant
        ? await ask(base, 'query', { query, time: end })
        : await ask(base, 'query_range', { query, start, end, step });
      return result.map(({ metric, value, values }) => seriesFrame(target, metric, values ?? [value]));
    })
  );
  return answers.flat();
}
