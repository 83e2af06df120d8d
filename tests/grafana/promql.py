"""What is asked of an expression without a server: the selectors in it, and what is around them."""

import re
from typing import NamedTuple

TOKEN = re.compile(
    r"""\s+ | (?P<string>"(?:\\.|[^"\\])*") | (?P<variable>\$\{?\w+(?::\w+)?\}?)
      | (?P<number>\d[\w.]*) | (?P<name>[A-Za-z_:][\w:]*) | (?P<sign>=~|!~|!=|==|>=|<=|[-+*/%^=<>(){}\[\],@])""",
    re.VERBOSE,
)
WORDS = {"by", "without", "on", "ignoring", "group_left", "group_right", "offset", "bool", "and", "or", "unless"}
LISTS = {"by", "without", "on", "ignoring", "group_left", "group_right"}


class Selector(NamedTuple):
    metric: str
    matchers: dict  # label -> operator and value, as written
    window: str  # of `[...]`, or nothing
    function: str  # the function it is the first argument of, or nothing


def tokens(expr):
    at, found = 0, []
    while at < len(expr):
        match = TOKEN.match(expr, at)
        if not match:
            raise ValueError(f"cannot read {expr[at:at + 20]!r}")
        if match.lastgroup:
            found.append(match[0])
        at = match.end()
    return found


def closing(words, at, sign):
    if sign not in words[at:]:
        raise ValueError(f"no {sign} after {words[at]}")
    return words.index(sign, at)


def selectors(expr):
    words, found, at = tokens(expr), [], 0
    follows = lambda i: words[i] if i < len(words) else ""
    while at < len(words):
        word, start = words[at], at
        at += 1
        if word in LISTS and follows(at) == "(":
            at = closing(words, at, ")") + 1
            continue
        is_name = re.fullmatch(r"[A-Za-z_:][\w:]*", word) and word not in WORDS
        if not is_name or follows(at) == "(" or (follows(at) in LISTS):
            continue
        matchers, window = {}, ""
        if follows(at) == "{":
            end = closing(words, at, "}")
            inner = [w for w in words[at + 1 : end] if w != ","]
            matchers = {inner[i]: inner[i + 1] + inner[i + 2] for i in range(0, len(inner), 3)}
            at = end + 1
        if follows(at) == "[":
            end = closing(words, at, "]")
            window = "".join(words[at + 1 : end])
            at = end + 1
        called = start >= 2 and words[start - 1] == "(" and words[start - 2].isidentifier()
        found.append(Selector(word, matchers, window, words[start - 2] if called else ""))
    return found


def family(metric, known):
    """The metric that a series of a histogram belongs to."""
    for end in ("_bucket", "_sum", "_count"):
        if metric not in known and metric.removesuffix(end) in known:
            return metric.removesuffix(end)
    return metric
