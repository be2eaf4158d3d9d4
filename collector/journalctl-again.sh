#!/bin/sh
# journalctl for from-journald.yaml, which asks for what comes after the record that it has noted last. It notes a record before it hands it on,
# so that a Collector that is killed between the two would lose it. This asks for that record too.
for word; do
  shift
  [ "$word" != --after-cursor ] || word=--cursor
  set -- "$@" "$word"
done
exec journalctl "$@"
