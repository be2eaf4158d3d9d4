#!/bin/sh
# journalctl for from-journald.yaml, which asks for records after the last one that it stored. It stores a record before it passes it on,
# so a Collector that is killed in between would lose it. This script asks for that record too.
for word; do
  shift
  [ "$word" != --after-cursor ] || word=--cursor
  set -- "$@" "$word"
done
exec journalctl "$@"
