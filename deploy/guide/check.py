#!/usr/bin/env python3
"""Holds the guide against what it tells of: rules, limits and their defaults, links, metrics, alerts, figures.

    deploy/guide/check.py [--metrics FILE] [--program PATH] [--write]

`--metrics` names a file in which every metric is named, such as a scrape of /metrics. `--program` is a built dialwatch, which is
asked whether it takes the configurations and has the commands that are shown. Parts between `<!-- alert: … -->` or
`<!-- figures: … -->` and `<!-- end -->` are copies of an alert in tests/fixtures/rules and of rows of QUALITY.md: `--write`
copies them again, else one that differs is an error. Exits with 1 if anything is wrong, and says what.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

GUIDE = Path(__file__).resolve().parent
ROOT = GUIDE.parent.parent
RULE = re.compile(r'^    \w+::\w+ = "(\w+)",$', re.M)
FEATURE = re.compile(r'^    \w+ = "(\w+)",$', re.M)
METRIC = re.compile(r"\bdialwatch_[a-z0-9_]+\b")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
COPY = re.compile(r"<!-- (alert|figures): (\S+) -->\n.*?<!-- end -->", re.S)
# What every rule has, and is told of once.
COMMON = {"mode"}
# How an example begins that is another program's.
FOREIGN = "# of Alertmanager"


def limits():
    """The limits in deploy/dialwatch.yaml: {rule: {limit: default}}."""
    found, rule, limit, inside = {}, None, None, False
    for line in (ROOT / "deploy/dialwatch.yaml").read_text().splitlines():
        if re.match(r"\S", line) and not line.startswith("#"):
            inside = line == "rules:"
        if not inside or line.lstrip().startswith("#"):
            continue
        if section := re.match(r"  (\w+):$", line):
            rule = found.setdefault(section[1], {})
        elif field := re.match(r"    (\w+):\s*(.*)$", line):
            limit = field[1]
            rule[limit] = field[2].strip("'\"")
        elif item := re.match(r"    - (.+)$", line):
            rule[limit] = ", ".join(filter(None, [rule[limit], item[1]]))
    return found


def same(one, other):
    try:
        return float(one) == float(other)
    except ValueError:
        return one == other


def cells(row):
    return [cell.strip() for cell in row.strip().strip("|").split("|")]


def plain(number):
    return f"{number:.3f}".rstrip("0").rstrip(".")


def counted(count, noun):
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def alert(case):
    """The first message of a fixture in readable form."""
    file = ROOT / "tests/fixtures/rules" / case / "expected.jsonl"
    said = json.loads(file.read_text().splitlines()[0])
    table = ["| evidence | observed | bound | limit | counted | over |", "| --- | --- | --- | --- | --- | --- |"]
    for item in said["evidence"]:
        bound = plain(item["bound"]) if "bound" in item else ""
        count = f"{item['count']} of {item['of']}" if "of" in item else str(item["count"])
        row = [f"`{item['feature']}`", plain(item["observed"]), bound, plain(item["limit"]), count, item["over"]]
        table.append("| " + " | ".join(row) + " |")
    about = said["subject"]["kind"] + (f" {said['subject']['number']}" if "number" in said["subject"] else "")
    policy = said["policy"]
    return [
        f"> {said['summary']}",
        "",
        f"Severity `{said['severity']}`, about: {about}. Clause `{policy['clause']}` of `{policy['pack']}`, recommended action "
        f"`{said['recommended_action']}`, after {counted(said['calls_before_alert'], 'call')} to {counted(said['callees_before_alert'], 'callee')}.",
        "",
        *table,
    ]


def figures(rule):
    """The rows about a rule in QUALITY.md: what is found, and where it fails."""
    sections = {}
    for line in (ROOT / "QUALITY.md").read_text().splitlines():
        if line.startswith("## "):
            table = sections.setdefault(line[3:], [])
        elif line.startswith("|") and sections:
            table.append(line)
    found = sections.get("What is found", [])
    rows = [row for row in found if cells(row)[:2] == [f"**{rule}**", "all"]]
    if not rows:
        return ["No incident of this rule is in the worlds of QUALITY.md: only its false alarms are measured there."]
    failures = sections.get("Where it fails", [])
    failed = [row for row in failures if cells(row)[1] == rule]
    if not failed:
        return [*found[:2], *rows, "", "No family with a missed incident or a false alarm."]
    return [*found[:2], *rows, "", "Where it fails:", "", *failures[:2], *failed]


def copied(text, complain, where):
    """The text with its copies made anew."""

    def copy(match):
        try:
            lines = {"alert": alert, "figures": figures}[match[1]](match[2])
        except OSError as error:
            complain(where, f"{match[1]} {match[2]}: {error}")
            return match[0]
        return f"<!-- {match[1]}: {match[2]} -->\n" + "\n".join(lines) + "\n<!-- end -->"

    return COPY.sub(copy, text)


def slug(heading):
    return re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()).replace(" ", "-")


def check_links(file, text, complain):
    prose = re.sub(r"```.*?```", "", text, flags=re.S)
    for target in LINK.findall(prose):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        aim = (file.parent / path).resolve() if path else file
        if not aim.exists():
            complain(file, f"the link {target} leads nowhere")
        elif anchor and aim.suffix == ".md":
            headings = re.findall(r"^#+ (.+)$", aim.read_text(), re.M)
            if anchor not in map(slug, headings):
                complain(file, f"the link {target}: there is no such heading")


def check_limits(file, text, of_rule, complain):
    told = {}
    for row in re.findall(r"^\| `\w+` \| .+$", text.partition("## Limits")[2].partition("\n## ")[0], re.M):
        limit, default = (cell.strip("`") for cell in cells(row)[:2])
        told[limit] = default
    for limit, default in told.items():
        if limit not in of_rule:
            complain(file, f"`{limit}` is no limit of this rule in deploy/dialwatch.yaml")
        elif not same(default, of_rule[limit]):
            complain(file, f"`{limit}` is {default} here and {of_rule[limit]} in deploy/dialwatch.yaml")
    for limit in sorted(set(of_rule) - set(told) - COMMON):
        complain(file, f"`{limit}` is a limit of this rule and not told of")


def check_program(file, text, program, complain):
    def run(*words):
        return subprocess.run([program, *words], capture_output=True, text=True, check=False)

    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S)
    for kind, block in blocks:
        if kind != "yaml" or block.startswith(FOREIGN):
            continue
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as example:
            example.write(block)
            example.flush()
            said = run("check", "--no-environment", "-c", example.name)
        if said.returncode != 0:
            wrong = [line for line in said.stderr.splitlines() if line.startswith("error")]
            complain(file, f"an example is no configuration: {'; '.join(wrong) or said.stderr.strip()}")
    known = set(re.findall(r"^  ([a-z]+) ", run("--help").stdout, re.M))
    code = [block for _, block in blocks] + re.findall(r"`([^`\n]+)`", text)
    named = {name for part in code for name in re.findall(r"^\s*dialwatch ([a-z]+)\b", part, re.M)}
    for name in sorted(named - known):
        complain(file, f"there is no command `dialwatch {name}`")


def main():
    parser = argparse.ArgumentParser(description="Checks the guide.")
    parser.add_argument("--metrics", type=Path, metavar="FILE", help="a file that names every metric")
    parser.add_argument("--program", metavar="PATH", help="a built dialwatch")
    parser.add_argument("--write", action="store_true", help="copy alerts and figures again")
    args = parser.parse_args()
    problems = []

    def complain(file, what):
        problems.append(f"{Path(file).relative_to(ROOT)}: {what}")

    registry = RULE.findall((ROOT / "src/engine/detector/mod.rs").read_text())
    features = set(FEATURE.findall((ROOT / "src/engine/detector/finding.rs").read_text()))
    defaults = limits()
    if len(registry) < 2 or len(features) < 2 or set(registry) != set(defaults):
        complain(ROOT / "deploy/dialwatch.yaml", f"its rules {sorted(defaults)} are not those of the program {sorted(registry)}")

    pages = {page.stem: page for page in (GUIDE / "rules").glob("*.md")}
    for rule in sorted(set(registry) - set(pages)):
        complain(GUIDE / "rules", f"{rule}.md is missing")
    for page in sorted(set(pages) - set(registry)):
        complain(pages[page], "there is no such rule")

    metrics = set(METRIC.findall(args.metrics.read_text())) if args.metrics else None
    for file in sorted(GUIDE.rglob("*.md")):
        text = file.read_text()
        anew = copied(text, complain, file)
        if anew != text and args.write:
            file.write_text(anew)
        elif anew != text:
            complain(file, "an alert or figures here are not what they were copied from: run deploy/guide/check.py --write")
        text = anew
        check_links(file, text, complain)
        if args.program:
            check_program(file, text, args.program, complain)
        if metrics is not None:
            for name in sorted(set(METRIC.findall(text)) - metrics):
                if re.sub(r"_(bucket|sum|count)$", "", name) not in metrics:
                    complain(file, f"there is no metric {name}")
        if file.parent.name == "rules":
            check_limits(file, text, defaults.get(file.stem, {}), complain)
            copies = [(kind, name.partition("--")[0]) for kind, name in COPY.findall(text)]
            if sorted(set(copies)) != [("alert", file.stem), ("figures", file.stem)]:
                complain(file, "must have an alert and figures of its rule, and of no other")
            evidence = text.partition("## Evidence")[2].partition("\n## ")[0]
            for feature in re.findall(r"^\| `(\w+)`", evidence, re.M):
                if feature not in features:
                    complain(file, f"there is no evidence `{feature}`")

    for problem in problems:
        print(problem, file=sys.stderr)
    if not problems:
        print(f"the guide is right: {len(registry)} rules, {sum(map(len, defaults.values()))} limits"
              + (f", {len(metrics)} metrics" if metrics is not None else ""))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
