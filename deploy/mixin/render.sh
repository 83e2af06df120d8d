#!/bin/sh
# Renders the mixin into the files that are committed:
#   deploy/prometheus/rules.yaml, deploy/prometheus/alerts.yaml, grafana/dashboards/*.json, grafana/internal.json
# With --check it writes nothing, and fails with a diff where a committed file is another.
# Needs jsonnet (Debian: apt-get install jsonnet).
set -eu

usage() {
    echo "usage: $0 [--check]" >&2
    exit 2
}

check=no
case "$#:${1-}" in
    0:) ;;
    1:--check) check=yes ;;
    *) usage ;;
esac

cd "$(dirname "$0")/../.."
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
mkdir -p "$fresh/deploy/prometheus" "$fresh/grafana/dashboards"

# rules FIELD FILE: the groups of a field of the mixin, as YAML.
rules() {
    {
        echo "# Generated from deploy/mixin by deploy/mixin/render.sh: change that, and render again."
        jsonnet -S -e "std.manifestYamlDoc((import 'deploy/mixin/mixin.libsonnet').$1, quote_keys=false)"
    } > "$fresh/$2"
}

rules prometheusRules deploy/prometheus/rules.yaml
rules prometheusAlerts deploy/prometheus/alerts.yaml
jsonnet -m "$fresh/grafana/dashboards" -e "(import 'deploy/mixin/mixin.libsonnet').grafanaDashboards" > /dev/null
jsonnet -o "$fresh/grafana/internal.json" deploy/mixin/dashboards/internal.libsonnet

if [ "$check" = no ]; then
    cp "$fresh"/deploy/prometheus/*.yaml deploy/prometheus/
    mkdir -p grafana/dashboards
    rm -f grafana/dashboards/*.json
    cp "$fresh"/grafana/dashboards/*.json grafana/dashboards/
    cp "$fresh/grafana/internal.json" grafana/
    exit 0
fi

same=yes
for file in deploy/prometheus/rules.yaml deploy/prometheus/alerts.yaml grafana/internal.json; do
    diff -u "$file" "$fresh/$file" || same=no
done
diff -ru grafana/dashboards "$fresh/grafana/dashboards" || same=no
if [ "$same" = no ]; then
    echo "the committed files are not what deploy/mixin renders: run deploy/mixin/render.sh" >&2
    exit 1
fi
