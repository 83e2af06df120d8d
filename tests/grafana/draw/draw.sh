#!/bin/sh
# Draws grafana/screenshots from a Prometheus that has scraped, every second, a demo of a day a minute:
#   dialwatch demo --day 60s --listen 127.0.0.1:9664
# for ten minutes at least:
#   draw.sh PROMETHEUS_URL APP_ID SCRATCH_FOLDER
# What is downloaded (0.7 GB) and built lies in the scratch folder. Needs node, npm, python3, chromium and pngquant.
set -eu
prometheus=$1 app=$2 scratch=$3
here=$(cd "$(dirname "$0")" && pwd)
grafana=$here/../../../grafana

mkdir -p "$scratch"
cp "$here"/package.json "$here"/index.html "$here"/*.js "$here"/*.jsx "$scratch"
cd "$scratch"
[ -d node_modules ] || npm install --no-audit --no-fund --legacy-peer-deps
rm -rf dist
node_modules/.bin/esbuild page.jsx --bundle --format=esm --splitting --jsx=automatic --minify --outdir=dist --log-level=error \
    --define:process.env.NODE_ENV='"production"' --define:process.env='{}' --define:global=globalThis \
    --loader:.ttf=empty --loader:.svg=dataurl
cp index.html dist
cp -r "$grafana/dashboards" dist
python3 -m http.server --bind 127.0.0.1 --directory dist 29080 > http.log 2>&1 &
server=$!
trap 'kill $server' EXIT
sleep 1

# picture DASHBOARD MINUTES PARAMETERS: as high as the dashboard is, by the grid that page.jsx draws.
picture() {
    rows=$(python3 -c "import json; print(max(p['gridPos']['y'] + p['gridPos']['h'] for p in json.load(open('dist/dashboards/$1.json'))['panels']))")
    chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
        --disable-component-update --disable-sync --hide-scrollbars --user-data-dir="$scratch/chromium" \
        --window-size="1600,$((rows * 38 + 64))" --virtual-time-budget=20000 --screenshot="$1.png" \
        "http://127.0.0.1:29080/?dashboard=$1&prometheus=$prometheus&minutes=$2&day=60s&$3" 2> chromium.log
    pngquant --force --speed 1 --output "$grafana/screenshots/$1.png" 64 "$1.png"
}
picture overview 10 ''
picture app 10 "app_id=$app"
