#!/usr/bin/env python3
"""Writes prefixes.txt beside this file: which province of China the numbers under a prefix belong to.

Source: the geocoding data of libphonenumber (Apache-2.0), as the package `phonenumbers` of PyPI ships it. `make regions`
installs the newest one into a folder of its own and runs this; what changed is in the diff, one line a change.

Each line says that national numbers whose first seven digits are this or more, up to the next line, belong to the province
(ISO 3166-2:CN); `--` belongs to none, or to one that the source does not know.
"""

import pathlib
import sys

from phonenumbers.geodata import GEOCODE_DATA

PROVINCES = {
    "北京": "BJ", "天津": "TJ", "河北": "HE", "山西": "SX", "内蒙古": "NM", "辽宁": "LN", "吉林": "JL", "黑龙江": "HL",
    "上海": "SH", "江苏": "JS", "浙江": "ZJ", "安徽": "AH", "福建": "FJ", "江西": "JX", "山东": "SD", "河南": "HA",
    "湖北": "HB", "湖南": "HN", "广东": "GD", "广西": "GX", "海南": "HI", "重庆": "CQ", "四川": "SC", "贵州": "GZ",
    "云南": "YN", "西藏": "XZ", "陕西": "SN", "甘肃": "GS", "青海": "QH", "宁夏": "NX", "新疆": "XJ",
}
# A few places have an English name only.
ENGLISH = {"Yunnan": "YN"}
DIGITS = 7


def province(names):
    chinese, english = names.get("zh"), names.get("en", "")
    if chinese:
        return next(code for name, code in PROVINCES.items() if chinese.startswith(name))
    return next(code for name, code in ENGLISH.items() if english.endswith(name))


def main():
    # By the prefix of seven digits; a longer prefix overrides the shorter one that it lies in.
    home = {}
    for prefix in sorted((key[2:] for key in GEOCODE_DATA if key.startswith("86")), key=len):
        if len(prefix) > DIGITS:
            sys.exit(f"{prefix} has more than {DIGITS} digits: the layout of the table no longer suffices")
        code = province(GEOCODE_DATA["86" + prefix])
        first = int(prefix.ljust(DIGITS, "0"))
        home.update(dict.fromkeys(range(first, first + 10 ** (DIGITS - len(prefix))), code))
    lines, before, expected = [], "--", 10 ** (DIGITS - 1)
    for prefix in sorted(home):
        if prefix != expected and before != "--":
            lines.append(f"{expected} --\n")
            before = "--"
        if home[prefix] != before:
            lines.append(f"{prefix} {home[prefix]}\n")
            before = home[prefix]
        expected = prefix + 1
    if expected < 10**DIGITS:
        lines.append(f"{expected} --\n")
    table = pathlib.Path(__file__).with_name("prefixes.txt")
    table.write_text("".join(lines), encoding="ascii", newline="\n")
    print(f"{table}: {len(lines)} lines, {len(home)} prefixes of {DIGITS} digits")


main()
