// The rules and dashboards of dialwatch, from one source.
(import 'config.libsonnet') +
(import 'rules.libsonnet') +
(import 'service.libsonnet') +
(import 'slo.libsonnet') +
(import 'detections.libsonnet') +
(import 'links.libsonnet') + {
  local config = self._config,
  grafanaDashboards:: (import 'dashboards/dashboards.libsonnet') + { _config:: config },
}
