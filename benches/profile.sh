#!/bin/sh
# Where the instructions of a call go: a replay of simulated calls under callgrind, and what each function takes together with what
# it calls, the largest first. Instructions are not time, but the same on every machine. Needs valgrind.
#
# benches/profile.sh PROGRAM FOLDER [CALLS [APPS]]
set -eu

program=$1
folder=$2
calls=${3:-80000}
apps=${4:-300}

mkdir -p "$folder"
"$program" simulate --tenants "$apps" --days 1 --format tccc --out "$folder" >/dev/null
head -n "$calls" "$folder/calls.jsonl" >"$folder/first.jsonl"
valgrind --tool=callgrind --callgrind-out-file="$folder/callgrind.out" \
	"$program" replay --format tccc --shards 1 --alerts /dev/null "$folder/first.jsonl" >/dev/null 2>"$folder/valgrind.log"
callgrind_annotate --inclusive=yes --threshold=100 "$folder/callgrind.out" | grep '(' | cut -c 1-160 | head -n 150
