"""The conventions of Grafana's dashboard linter, and those of this project."""

import re
from typing import NamedTuple

from promql import selectors

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
UNITS = {"none", "short", "locale", "percentunit", "s", "cps", "cpm", "Bps"}
# Of Grafana itself: https://grafana.com/docs/grafana/latest/dashboards/variables/add-template-variables/
GLOBAL = {"__all", "__rate_interval", "__range", "__value", "__url_time_range"}
CHOSEN = {"job": '=~"$job"', "instance": '=~"$instance"'}
RATES = {"rate", "increase"}


class Asked(NamedTuple):
    where: str
    expr: str
    instant: bool = False


def expressions(dashboard):
    """Everything that is asked of Prometheus."""
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield Asked(f"panel {panel['title']}", target["expr"], target.get("instant", False))
    for annotation in dashboard["annotations"]["list"]:
        yield Asked(f"annotation {annotation['name']}", annotation["expr"])
    for variable, match, _ in label_values(dashboard):
        yield Asked(f"variable {variable}", match)


def label_values(dashboard):
    """(variable, selector, label) of the variables whose values are asked for."""
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["name"], *re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]).groups()


def variables(dashboard):
    by_name = {variable["name"]: variable for variable in dashboard["templating"]["list"]}
    sources = [v for v in by_name.values() if v["type"] == "datasource"]
    if [(v["name"], v["label"], v["query"]) for v in sources] != [("datasource", "Data source", "prometheus")]:
        yield "there must be one data source variable, `datasource`, labelled `Data source`"
    chain = {
        "job": "label_values(dialwatch_build_info, job)",
        "instance": 'label_values(dialwatch_build_info{job=~"$job"}, instance)',
    }
    for name, query in chain.items():
        variable = by_name.get(name, {})
        want = {"query": query, "label": name.capitalize(), "multi": True, "includeAll": True, "allValue": ".+"}
        for key, value in want.items():
            if variable.get(key) != value:
                yield f"variable {name}: {key} must be {value!r}, not {variable.get(key)!r}"
    for variable in by_name.values():
        if variable["type"] == "query":
            if variable["refresh"] != 2:
                yield f"variable {variable['name']}: it must be asked again when the time range changes (refresh: 2)"
            if variable["datasource"] != SOURCE:
                yield f"variable {variable['name']}: its data source is not ${{datasource}}"
    known = set(by_name) | GLOBAL
    for where, text in texts(dashboard):
        for name in re.findall(r"\$\{?(\w+)", text):
            if name not in known:
                yield f"{where}: ${name} is no variable"


def texts(value, at=""):
    if isinstance(value, str):
        yield at, value
    elif isinstance(value, (dict, list)):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from texts(each, f"{at}/{key}")


def whole(dashboard, uids):
    stands = {"id": None, "editable": False, "graphTooltip": 1, "tags": ["dialwatch"]}
    for key, value in stands.items():
        if dashboard.get(key, "absent") != value:
            yield f"{key} must be {value!r}"
    if not 39 <= dashboard["schemaVersion"] <= 41:
        yield "schemaVersion must be 39 to 41"
    for key in ("__inputs", "__requires", "__elements"):
        if key in dashboard:
            yield f"{key}: this is a dashboard that was exported for sharing; it must be a plain one"
    if not any(link["type"] == "dashboards" and link["includeVars"] and link["keepTime"] for link in dashboard["links"]):
        yield "a link to the other dashboards, with variables and time, is missing"
    for where, text in texts(dashboard):
        for uid in re.findall(r"/d/([\w-]+)", text):
            if uid not in uids:
                yield f"{where}: links to {uid}, which is no dashboard"


def panels(dashboard):
    titles, ids, taken = set(), set(), {}
    for panel in dashboard["panels"]:
        title, grid = panel["title"], panel["gridPos"]
        at = f"panel {title}"
        if panel["id"] in ids:
            yield f"{at}: its id is that of another"
        ids.add(panel["id"])
        for x in range(grid["x"], grid["x"] + grid["w"]):
            for y in range(grid["y"], grid["y"] + grid["h"]):
                if x >= 24:
                    yield f"{at}: it ends right of the grid"
                other = taken.setdefault((x, y), title)
                if other != title:
                    yield f"{at}: it lies on {other}"
        if panel["type"] == "row":
            continue
        if title in titles:
            yield f"{at}: there is another of this title"
        titles.add(title)
        if not title or not panel.get("description", "").endswith("."):
            yield f"{at}: it needs a title and a description in sentences"
        if panel["fieldConfig"]["defaults"].get("unit") not in UNITS:
            yield f"{at}: unit {panel['fieldConfig']['defaults'].get('unit')!r} is none of {sorted(UNITS)}"
        if panel.get("datasource") != SOURCE or any(t.get("datasource") != SOURCE for t in panel["targets"]):
            yield f"{at}: its data source is not ${{datasource}}"
        if not panel["targets"]:
            yield f"{at}: it asks for nothing"


def queries(dashboard):
    for where, expr, _ in expressions(dashboard):
        try:
            found = selectors(expr)
        except ValueError as error:
            yield f"{where}: {error}: {expr}"
            continue
        if not found:
            yield f"{where}: no metric in {expr}"
        for selector in found:
            what = f"{where}: {selector.metric}"
            # Series of Prometheus itself, without the labels of a process.
            if selector.metric == "ALERTS":
                continue
            if not selector.metric.startswith("dialwatch_"):
                yield f"{what} is not a metric of dialwatch"
            if not where.startswith("variable"):
                for label, matcher in CHOSEN.items():
                    if selector.matchers.get(label) != matcher:
                        yield f"{what}: it must match {label}{matcher}"
            counts = re.search(r"_(total|bucket|count|sum)$", selector.metric)
            if counts and selector.function not in RATES:
                yield f"{what}: a counter must be within {' or '.join(sorted(RATES))}"
            if selector.function in RATES and selector.window not in ("$__rate_interval", "$__range"):
                yield f"{what}: its window must be $__rate_interval"
            if selector.function == "rate" and selector.window != "$__rate_interval":
                yield f"{what}: a rate must be over $__rate_interval"


def check(name, dashboard, uids):
    for problem in [*whole(dashboard, uids), *variables(dashboard), *panels(dashboard), *queries(dashboard)]:
        yield f"{name}: {problem}"
