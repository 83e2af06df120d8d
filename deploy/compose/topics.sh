#!/bin/sh
# Creates the topics of compose/dialwatch.yaml that are not there. One broker, so one copy of each.
set -eu

servers=${BOOTSTRAP_SERVERS:-kafka:9092}
# As many processes of dialwatch can share the work.
partitions=${PARTITIONS:-8}
bin=${KAFKA_BIN:-/opt/kafka/bin}

create() {
    topic=$1
    shift
    "$bin/kafka-topics.sh" --bootstrap-server "$servers" --create --if-not-exists \
        --topic "$topic" --partitions "$partitions" --replication-factor 1 "$@"
}

create calls
# With as many partitions as the calls.
create feedback
create registry --config cleanup.policy=compact
# Compacted alone, with as many partitions as the calls, and soon, so that a restore reads little.
create dialwatch-state --config cleanup.policy=compact --config segment.ms=600000
create dialwatch-alerts
create dialwatch-dead-letters
