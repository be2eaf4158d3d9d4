import { expect, it } from 'vitest'
import { parseReplay } from '../../../agent/sources/replay/replay-command.ts'

it.each([
  [['events.jsonl'], { file: 'events.jsonl', speed: 1, exit: false, rest: [] }],
  [['events.jsonl', '--speed', '10', '--exit'], { file: 'events.jsonl', speed: 10, exit: true, rest: [] }],
  [['events.jsonl', '--speed=0.5'], { file: 'events.jsonl', speed: 0.5, exit: false, rest: [] }],
  [['events.jsonl', '--speed', 'max'], { file: 'events.jsonl', speed: Number.POSITIVE_INFINITY, exit: false, rest: [] }],
  [['e', '--port', '0', '--speed=2', '--verbose'], { file: 'e', speed: 2, exit: false, rest: ['--port', '0', '--verbose'] }],
  [['--help'], { file: '', speed: 1, exit: false, rest: ['--help'] }],
  [['e', '--version'], { file: '', speed: 1, exit: false, rest: ['--version'] }],
])('%j asks for %j', (words, expected) => {
  expect(parseReplay(words)).toEqual(expected)
})

it.each([
  [[], 'name the recording'],
  [['--port', '0', 'events.jsonl'], 'name the recording first, before --port'],
  [['--metrics-auth-password=secret', 'events.jsonl'], 'name the recording first, before --metrics-auth-password\n'],
  [['e', '--speed'], '--speed takes a number'],
  [['e', '--speed', 'fast'], '--speed takes a number'],
  [['e', '--speed=0'], '--speed takes a number'],
  [['e', '--speed=-1'], '--speed takes a number'],
  [['e', '--speed=1e9'], '--speed takes a number'],
  [['e', '--speed', 'Infinity'], '--speed takes a number'],
])('%j is refused, with the way out: %s', (words, problem) => {
  expect(() => parseReplay(words)).toThrow(problem)
  expect(() => parseReplay(words)).toThrow('Usage: fibre-agent replay FILE [--speed N|max] [--exit] [settings]')
})
