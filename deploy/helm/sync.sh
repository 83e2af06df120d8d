#!/bin/sh
# Copies what the chart ships but does not own: Helm reads nothing outside a chart. With --check nothing is written, and
# what differs is an error.
set -eu
cd "$(dirname "$0")/../.."

files=deploy/helm/dialwatch/files

# Into the folder $1.
copy() {
    mkdir -p "$1/prometheus" "$1/dashboards"
    cp deploy/prometheus/*.yaml "$1/prometheus"
    cp grafana/dashboards/*.json "$1/dashboards"
}

case ${1-} in
'')
    rm -rf "$files"
    copy "$files"
    ;;
--check)
    fresh=$(mktemp -d)
    trap 'rm -rf "$fresh"' EXIT
    copy "$fresh"
    diff -r "$fresh" "$files" || {
        echo "$files is not what deploy/prometheus and grafana/dashboards say: run deploy/helm/sync.sh" >&2
        exit 1
    }
    ;;
*)
    echo "usage: $0 [--check]" >&2
    exit 2
    ;;
esac
