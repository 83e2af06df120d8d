// File name -> dashboard. Overlay `_config` to change what config.libsonnet says.
{
  local config = self._config,
  _config:: (import '../config.libsonnet')._config,

  'overview.json': (import 'overview.libsonnet')(config),
  'app.json': (import 'app.libsonnet')(config),
  'detection.json': (import 'detection.libsonnet')(config),
  'pipeline.json': (import 'pipeline.libsonnet')(config),
}
