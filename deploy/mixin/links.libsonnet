// Each alert is given its links: the runbook by its name, the dashboard by its hidden field `dashboard`.
{
  local config = self._config,
  local groups = super.prometheusAlerts.groups,
  local linked(alert) = alert {
    annotations+: {
      runbook_url: config.runbookUrlPattern % alert.alert,
      dashboard_url: config.dashboardUrlPattern % config.uids[alert.dashboard],
    },
  },

  prometheusAlerts:: {
    groups: [group { rules: [linked(alert) for alert in group.rules] } for group in groups],
  },
}
