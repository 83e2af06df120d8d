"""Dashboards held against the JSON Schema made from Grafana's own types."""

import json
from pathlib import Path

SCHEMA = json.loads((Path(__file__).parent / "schema/dashboards.json").read_text())
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "number": (int, float), "null": type(None)}
KEYWORDS = {"$ref", "type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf"}


def is_type(value, name):
    return isinstance(value, TYPES[name]) and (name == "boolean" or not isinstance(value, bool))


def problems(value, schema, at):
    """What is wrong with `value`. A keyword that is not known is an error: it would go unchecked."""
    unknown = set(schema) - KEYWORDS
    if unknown:
        raise NotImplementedError(f"schema keywords {unknown} at {at}")
    if "$ref" in schema:
        yield from problems(value, SCHEMA["definitions"][schema["$ref"].removeprefix("#/definitions/")], at)
    if "anyOf" in schema:
        tried = [list(problems(value, each, at)) for each in schema["anyOf"]]
        if all(tried):
            yield from min(tried, key=len)
    if "const" in schema and value != schema["const"]:
        yield f"{at}: {value!r} is not {schema['const']!r}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at}: {value!r} is none of {schema['enum']}"
    names = schema.get("type", [])
    names = names if isinstance(names, list) else [names]
    if names and not any(is_type(value, name) for name in names):
        yield f"{at}: {value!r} is no {' or '.join(names)}"
        return
    if isinstance(value, dict):
        fields = schema.get("properties", {})
        for name in schema.get("required", []):
            if name not in value:
                yield f"{at}: {name} is missing"
        for name, each in value.items():
            if name in fields:
                yield from problems(each, fields[name], f"{at}.{name}")
            elif schema.get("additionalProperties") is False:
                yield f"{at}: Grafana knows no {name} here"
            elif isinstance(schema.get("additionalProperties"), dict):
                yield from problems(each, schema["additionalProperties"], f"{at}.{name}")
    if isinstance(value, list) and "items" in schema:
        for i, each in enumerate(value):
            yield from problems(each, schema["items"], f"{at}[{i}]")


def resolved(schema):
    return resolved(SCHEMA["definitions"][schema["$ref"].removeprefix("#/definitions/")]) if "$ref" in schema else schema


def overrides(panel, schema, at):
    """The value of an override is of the type of the field it overrides."""
    fields = resolved(resolved(schema["properties"]["fieldConfig"])["properties"]["defaults"])["properties"]
    for override in panel.get("fieldConfig", {}).get("overrides", []):
        for each in override["properties"]:
            name = each["id"].removeprefix("custom.")
            of = resolved(fields["custom"]).get("properties", {}) if name != each["id"] else fields
            where = f"{at}.overrides.{each['id']}"
            if name not in of:
                yield f"{where}: Grafana knows no such field"
            else:
                yield from problems(each.get("value"), of[name], where)


def check(name, dashboard):
    yield from problems(dashboard, SCHEMA["definitions"]["Dashboard"], name)
    for panel in dashboard["panels"]:
        at = f"{name}: {panel.get('title')}"
        schema = SCHEMA["definitions"].get(panel["type"])
        if schema is None:
            yield f"{at}: no schema of a panel of type {panel['type']} (see schema/types.ts)"
            continue
        yield from problems(panel, schema, at)
        if panel["type"] != "row":
            yield from overrides(panel, schema, at)
