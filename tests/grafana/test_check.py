#!/usr/bin/env python3
"""Each check can fail: a dashboard that is spoilt in one way is told of. python3 tests/grafana/test_check.py"""

import json
import tempfile
import unittest
from pathlib import Path

import check
import lint
import shape
from promql import selectors

FILES = {path.name: json.loads(path.read_text()) for path in (check.RENDERED / "dashboards").glob("*.json")}
UIDS = [dashboard["uid"] for dashboard in FILES.values()]


def spoilt(change):
    dashboard = json.loads(json.dumps(FILES["overview.json"]))
    change(dashboard)
    return dashboard


def panel(dashboard, title="Lag"):
    return next(each for each in dashboard["panels"] if each["title"] == title)


def replace(old, new):
    def change(dashboard):
        target = panel(dashboard, "Records by result")["targets"][0]
        assert old in target["expr"]
        target["expr"] = target["expr"].replace(old, new)

    return change


# What is done to a dashboard, and what is said of it.
SHAPES = {
    "Grafana knows no colour here": lambda d: panel(d)["options"].update(colour="red"),
    "is none of": lambda d: panel(d)["options"].update(colorMode="rainbow"),
    "is no number": lambda d: panel(d)["gridPos"].update(w="4"),
    "is missing": lambda d: panel(d)["targets"][0].pop("expr"),
    "Grafana knows no such field": lambda d: panel(d)["fieldConfig"]["overrides"].append(
        {"matcher": {"id": "byName", "options": "x"}, "properties": [{"id": "custom.glow", "value": 1}]}
    ),
    "no schema of a panel": lambda d: panel(d).update(type="clock"),
    "is no boolean": lambda d: d.update(editable="no"),
}
CONVENTIONS = {
    "id must be": lambda d: d.update(id=7),
    "editable must be": lambda d: d.update(editable=True),
    "schemaVersion": lambda d: d.update(schemaVersion=42),
    "__inputs": lambda d: d.update(__inputs=[]),
    "a link to the other dashboards": lambda d: d.update(links=[]),
    "which is no dashboard": lambda d: panel(d).update(description="See /d/dialwatch-none."),
    "one data source variable": lambda d: d["templating"]["list"].pop(0),
    "variable instance: query": lambda d: d["templating"]["list"][2].update(query="label_values(up, instance)"),
    "variable job: allValue": lambda d: d["templating"]["list"][1].update(allValue=".*"),
    "asked again": lambda d: d["templating"]["list"][1].update(refresh=1),
    "is no variable": lambda d: panel(d).update(description="Of $nobody."),
    "a title and a description": lambda d: panel(d).update(description=""),
    "unit": lambda d: panel(d)["fieldConfig"]["defaults"].pop("unit"),
    "its data source is not": lambda d: panel(d).update(datasource={"type": "prometheus", "uid": "abc"}),
    "it asks for nothing": lambda d: panel(d).update(targets=[]),
    "it lies on": lambda d: panel(d)["gridPos"].update(x=4),
    "right of the grid": lambda d: panel(d)["gridPos"].update(w=25),
    "its id is that of another": lambda d: panel(d).update(id=1),
    "another of this title": lambda d: panel(d).update(title="Sinks"),
    'must match job=~"$job"': replace('job=~"$job"', 'job="dialwatch"'),
    'must match instance=~"$instance"': replace(', instance=~"$instance"', ""),
    "a counter must be within": replace("rate(", "deriv("),
    "its window must be": replace("$__rate_interval", "5m"),
    "no }": replace("}", ""),
    "cannot read": replace("sum", "sum ?"),
    "is not a metric of dialwatch": replace("dialwatch_records_total", "up"),
}
SCRAPE = "# TYPE dialwatch_a_total counter\n# TYPE dialwatch_b_seconds histogram\n# TYPE dialwatch_c gauge\n"


def showing(*expressions):
    panels = [{"title": expr, "targets": [{"expr": expr}]} for expr in expressions]
    return {"x.json": {"panels": panels, "annotations": {"list": []}, "templating": {"list": []}}}


class Check(unittest.TestCase):
    def test_the_dashboards_are_sound(self):
        for name, dashboard in FILES.items():
            self.assertEqual([*shape.check(name, dashboard), *lint.check(name, dashboard, UIDS)], [])

    def test_a_wrong_shape_is_told_of(self):
        for said, change in SHAPES.items():
            with self.subTest(said):
                self.assertIn(said, "\n".join(shape.check("x", spoilt(change))))

    def test_a_broken_convention_is_told_of(self):
        for said, change in CONVENTIONS.items():
            with self.subTest(said):
                self.assertIn(said, "\n".join(lint.check("x", spoilt(change), UIDS)))

    def test_an_unknown_keyword_of_a_schema_is_not_passed_over(self):
        with self.assertRaises(NotImplementedError):
            list(shape.problems(1, {"type": "number", "maximum": 0}, "x"))

    def test_selectors_are_found_wherever_they_are(self):
        expr = 'sum by (le) (rate(a_bucket{x=~"}", y!="b"}[5m] offset 1d)) / on (z) group_left () (b > bool 0) and time() - c'
        found = [(s.metric, s.matchers, s.window, s.function) for s in selectors(expr)]
        self.assertEqual(found, [("a_bucket", {"x": '=~"}"', "y": '!="b"'}, "5m", "rate"), ("b", {}, "", ""), ("c", {}, "", "")])

    def test_metrics_are_held_against_a_scrape_both_ways(self):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "scrape"
            file.write_text(SCRAPE)
            said = lambda shown, internal, complete=False: list(check.metrics(file, showing(*shown), internal, complete))
            all_shown = ["dialwatch_a_total", "dialwatch_b_seconds_bucket"]
            self.assertEqual(said(all_shown, {"dialwatch_c": "because"}), [])
            self.assertIn("dialwatch_c is in no dashboard", said(all_shown, {})[0])
            self.assertIn("without a reason", said(all_shown, {"dialwatch_c": ""})[0])
            self.assertIn("internal and in a dashboard", said([*all_shown, "dialwatch_c"], {"dialwatch_c": "because"})[0])
            self.assertIn("dialwatch_d is internal and not in", said([*all_shown, "dialwatch_c"], {"dialwatch_d": "because"})[0])
            self.assertIn("is in a dashboard and not in", said([*all_shown, "dialwatch_c", "dialwatch_d"], {})[0])
            sink = [*all_shown, "dialwatch_c", "dialwatch_sink_failures_total"]
            self.assertEqual(said(sink, {}), [])
            self.assertIn("is in a dashboard and not in", said(sink, {}, complete=True)[0])


if __name__ == "__main__":
    unittest.main()
