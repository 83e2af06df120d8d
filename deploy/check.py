"""What deploy/check.sh asks that no tool answers: python check.py values | compose | versions | objects FILE OUT | json FILE.

Needs PyYAML and kubernetes-validate. Says what is wrong and exits 1.
"""

import json
import re
import sys
from pathlib import Path

import yaml

DEPLOY = Path(__file__).parent
CHART = DEPLOY / "helm/dialwatch"
# Kinds that a cluster knows only from an operator: deploy/check.mjs looks at them.
OPERATORS = {"PodMonitor", "PrometheusRule", "ScaledObject"}


class Strict(yaml.SafeLoader):
    """YAML in which no key stands twice: the second would win in silence."""


def mapping(loader, node):
    keys = [key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
    doubles = {key for key in keys if keys.count(key) > 1}
    if doubles:
        raise yaml.YAMLError(f"{node.start_mark}: twice: {', '.join(map(str, sorted(doubles)))}")
    loader.flatten_mapping(node)
    return loader.construct_mapping(node, deep=True)


Strict.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)


def comments(text):
    """The comment above each key of a YAML file, by the key's path."""
    found, path, comment = {}, [], []
    for line in text.splitlines():
        if line.strip().startswith("#"):
            comment.append(line.strip()[1:].strip())
            continue
        if key := re.match(r"( *)([\w.]+):", line):
            path = [(indent, name) for indent, name in path if indent < len(key[1])] + [(len(key[1]), key[2])]
            found[".".join(name for _, name in path)] = " ".join(comment)
        comment = []
    return found


def values():
    """Every value is told of, and the schema knows it and tells the same of it."""
    text = (CHART / "values.yaml").read_text()
    told = comments(text)
    schema = json.loads((CHART / "values.schema.json").read_text())

    def compare(values, schema, path):
        for name, value in values.items():
            at = f"{path}{name}"
            known = schema.get("properties", {}).get(name)
            if at.startswith("config.") and known is None:
                # dialwatch itself says what its configuration may be.
                continue
            if not told.get(at):
                yield f"values.yaml: {at} has no comment"
            elif known is None:
                if "properties" in schema:
                    yield f"values.schema.json: {at} is missing"
            elif known.get("description") != told[at]:
                yield f"values.schema.json: {at} is described otherwise than in values.yaml"
            if isinstance(value, dict):
                yield from compare(value, known or {}, f"{at}.")

    def closed(schema, path):
        for name, known in schema.get("properties", {}).items():
            if "description" not in known:
                yield f"values.schema.json: {path}{name} has no description"
            yield from closed(known, f"{path}{name}.")
        is_ours = not path.startswith("config.")
        if "properties" in schema and schema.get("additionalProperties", True) is True and is_ours:
            yield f"values.schema.json: {path or 'the top'} lets anything pass"

    yield from compare(load(CHART / "values.yaml"), schema, "")
    yield from closed(schema, "")


def load(file):
    return yaml.load(file.read_text(), Strict)


def compose():
    """What compose.yaml mounts is there, is reached from this machine alone, and goes by a version. What files that others
    wrote take for granted of it holds."""
    services = load(DEPLOY / "compose.yaml")["services"]
    for name, service in services.items():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith(".") and not (DEPLOY / source).exists():
                yield f"{name}: {source} is not there"
        for port in service.get("ports", []):
            if not port.startswith("127.0.0.1:"):
                yield f"{name}: {port} can be reached from elsewhere"
        if not re.search(r":v?\d+\.\d+\.\d+$", service["image"]):
            yield f"{name}: {service['image']} has no version"
    mounted = {volume.split(":")[1] for volume in services["grafana"]["volumes"]}
    grafana = DEPLOY.parent / "grafana/provisioning"
    for provider in load(grafana / "dashboards/dialwatch.yaml")["providers"]:
        if provider["options"]["path"] not in mounted:
            yield f"grafana: looks for dashboards in {provider['options']['path']}, where nothing is mounted"
    for source in load(grafana / "datasources/dialwatch.yaml")["datasources"]:
        if re.match(r"http://([^:/]+)", source["url"])[1] not in services:
            yield f"grafana: {source['url']} is no service"
    for line in (DEPLOY / "Dockerfile").read_text().splitlines():
        if line.startswith("FROM ") and not re.search(r"@sha256:[0-9a-f]{64}( AS \w+)?$", line):
            yield f"Dockerfile: {line} has no digest"


def versions():
    """The program's version is the same wherever it is written."""
    version = re.search(r'^version = "(.*)"$', (DEPLOY.parent / "Cargo.toml").read_text(), re.M)[1]
    written = {
        "deploy/compose.yaml": set(re.findall(r"image: dialwatch:(.*)", (DEPLOY / "compose.yaml").read_text())),
        "deploy/Dockerfile": set(re.findall(r"^ARG VERSION=(.*)$", (DEPLOY / "Dockerfile").read_text(), re.M)),
        "Chart.yaml": {str(load(CHART / "Chart.yaml")["appVersion"])},
    }
    for file, found in written.items():
        if found != {version}:
            yield f"{file}: {', '.join(sorted(found)) or 'nothing'} is not {version}, which Cargo.toml says"


def documents(file):
    return [document for document in yaml.load_all(Path(file).read_text(), Strict) if document]


def restricted(pod):
    """What the `restricted` Pod Security Standard asks of a pod."""
    context = pod.get("securityContext", {})
    if context.get("runAsNonRoot") is not True:
        yield "may run as root"
    if context.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        yield "may make any system call"
    if pod.get("automountServiceAccountToken") is not False:
        yield "has a token of the cluster"
    for container in pod["containers"]:
        context = container.get("securityContext", {})
        if context.get("allowPrivilegeEscalation") is not False:
            yield "may gain privileges"
        if context.get("capabilities", {}).get("drop") != ["ALL"]:
            yield "has capabilities"
        if context.get("readOnlyRootFilesystem") is not True:
            yield "may write to its image"


def references(items):
    """Whether objects find what they name: the pods, their ports, the Deployment, mounted volumes."""
    deployment = next(item for item in items if item["kind"] == "Deployment")
    template = deployment["spec"]["template"]
    labels = template["metadata"]["labels"]
    container = template["spec"]["containers"][0]
    ports = {port["name"] for port in container["ports"]}
    volumes = {volume["name"] for volume in template["spec"]["volumes"]}
    configs = {item["metadata"]["name"] for item in items if item["kind"] == "ConfigMap"}

    def find_pods(selector):
        return selector.items() <= labels.items() and len(selector) > 0

    for item in items:
        spec = item.get("spec", {})
        match item["kind"]:
            case "Deployment" | "PodDisruptionBudget":
                found = find_pods(spec["selector"]["matchLabels"])
            case "NetworkPolicy":
                found = find_pods(spec["podSelector"]["matchLabels"]) and ports == {
                    port["port"] for rule in spec["ingress"] for port in rule["ports"]
                }
            case "Service":
                found = find_pods(spec["selector"]) and ports == {port["targetPort"] for port in spec["ports"]}
            case "PodMonitor":
                endpoints = spec.get("podMetricsEndpoints", [])
                found = find_pods(spec["selector"]["matchLabels"]) and ports == {each["port"] for each in endpoints}
                found = found and labels[spec["jobLabel"]] == "dialwatch"
            case "ScaledObject":
                found = spec["scaleTargetRef"]["name"] == deployment["metadata"]["name"]
                # Or each upgrade would undo what KEDA did.
                found = found and "replicas" not in deployment["spec"]
            case "PrometheusRule":
                found = any(group["rules"] for group in spec.get("groups", []))
            case _:
                continue
        if not found:
            yield f"{item['kind']} {item['metadata']['name']}: does not find what it is for"
    for probe in ("livenessProbe", "readinessProbe"):
        if container[probe]["httpGet"]["port"] not in ports:
            yield f"{probe}: looks at no port of the pod"
    for mount in container["volumeMounts"]:
        if mount["name"] not in volumes:
            yield f"{mount['mountPath']}: no such volume"
    for volume in template["spec"]["volumes"]:
        if "configMap" in volume and volume["configMap"]["name"] not in configs:
            yield f"{volume['name']}: no such ConfigMap"


def objects(file, out):
    """What a chart made: objects that Kubernetes knows. Writes dialwatch's configuration to OUT."""
    import kubernetes_validate

    seen, configuration, items = set(), None, documents(file)
    yield from references(items)
    for item in items:
        kind, name = item["kind"], item["metadata"]["name"]
        if (kind, name) in seen:
            yield f"{kind} {name} is there twice"
        seen.add((kind, name))
        if kind not in OPERATORS:
            try:
                kubernetes_validate.validate(item, "1.37", strict=True)
            except Exception as problem:
                yield f"{kind} {name}: {str(problem).splitlines()[0]}"
        if kind == "Deployment":
            yield from (f"{kind} {name}: {problem}" for problem in restricted(item["spec"]["template"]["spec"]))
        if kind == "ConfigMap":
            configuration = item["data"].get("dialwatch.yaml", configuration)
    if configuration is None:
        yield "no ConfigMap has a dialwatch.yaml"
    Path(out).write_text(configuration or "")


def main():
    command, *rest = sys.argv[1:]
    if command == "json":
        json.dump(documents(*rest), sys.stdout)
        return
    problems = list({"values": values, "compose": compose, "versions": versions, "objects": objects}[command](*rest))
    print("\n".join(problems))
    sys.exit(1 if problems else 0)


main()
