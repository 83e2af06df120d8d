#!/bin/sh
# Checks what stands in deploy/mixin, deploy/prometheus, deploy/alertmanager and deploy/runbooks against each other and
# with the tools themselves. Takes a minute or two.
# Needs jsonnet, promtool and amtool (Debian: apt-get install jsonnet prometheus prometheus-alertmanager).
set -eu
cd "$(dirname "$0")/../.."

find deploy/mixin -name '*.libsonnet' -exec jsonnetfmt --test {} +
deploy/mixin/render.sh --check

promtool check config deploy/prometheus/prometheus.yml
promtool test rules deploy/prometheus/tests/*.yaml

# Each alert has a runbook, and each runbook an alert.
alerts=$(sed -n 's/^  - alert: "\(.*\)"$/\1/p' deploy/prometheus/alerts.yaml | sort -u)
runbooks=$(find deploy/runbooks -name '*.md' -exec basename {} .md \; | sort)
if [ "$alerts" != "$runbooks" ]; then
    printf 'the alerts are\n%s\nand the runbooks\n%s\n' "$alerts" "$runbooks" >&2
    exit 1
fi

# Each alert has a case in which it fires and one in which it does not. One always fires.
for alert in $alerts; do
    cases=$(sed -n "/alertname: $alert\$/{n;p;}" deploy/prometheus/tests/*.yaml)
    echo "$cases" | grep -q 'exp_alerts:$' || { echo "no test lets $alert fire" >&2; exit 1; }
    [ "$alert" = DialwatchPrometheusWatchdog ] || echo "$cases" | grep -q 'exp_alerts: \[\]' || {
        echo "no test has $alert at rest" >&2
        exit 1
    }
done

amtool check-config deploy/alertmanager/alertmanager.yml
# routed RECEIVER LABEL…: who is told of an alert with these labels.
routed() {
    receiver=$1
    shift
    amtool config routes test --config.file=deploy/alertmanager/alertmanager.yml --verify.receivers="$receiver" "$@" 2> /dev/null || {
        echo "an alert with $* is to reach $receiver" >&2
        exit 1
    }
}
routed dead-mans-switch alertname=DialwatchWatchdog rule=watchdog severity=none
routed dead-mans-switch alertname=DialwatchPrometheusWatchdog severity=none
routed on-call alertname=DialwatchBusinessMismatch rule=business_mismatch severity=severe app_id=1400300716
routed on-call alertname=DialwatchCheckpointOld severity=critical job=dialwatch
routed anti-abuse alertname=DialwatchBlindDialing rule=blind_dialing severity=major app_id=1400300716
routed compliance alertname=DialwatchRestTime rule=rest_time severity=violation app_id=1400300716
routed compliance alertname=DialwatchAbnormalRate rule=abnormal_rate severity=notice app_id=1400300716
routed operations alertname=DialwatchLagHigh severity=warning job=dialwatch
routed operations alertname=DialwatchShadowRuleWouldFire severity=info job=dialwatch
routed on-call alertname=SomethingElse
