import { expect, it } from 'vitest'
import { readCommandLine } from '../../../agent/commands/command-line.ts'
import { replay } from '../../../agent/commands/replay.ts'
import { command } from './run-command.ts'

it.each([
  [['events.jsonl'], 'events.jsonl', {}],
  [['events.jsonl', '--speed', '10', '--exit'], 'events.jsonl', { speed: 10, exit: true }],
  [['--exit', '--speed', '10', 'events.jsonl'], 'events.jsonl', { speed: 10, exit: true }],
  [['events.jsonl', '--speed=0.5'], 'events.jsonl', { speed: 0.5 }],
  [['events.jsonl', '--sp=2', '--ex'], 'events.jsonl', { speed: 2, exit: true }],
  [['events.jsonl', '--speed', 'max'], 'events.jsonl', { speed: Number.POSITIVE_INFINITY }],
  [['--', '-events.jsonl'], '-events.jsonl', {}],
])('%j replays %s with %j', (argv, file, values) => {
  expect(readCommandLine(argv, replay)).toMatchObject({ words: [file], values, problems: [] })
})

it('takes settings among its words, and their beginnings as the agent does', () => {
  const { words, values, settings } = readCommandLine(['--port', '0', 'e', '--s', '60', '--speed=2', '--verb'], replay)
  expect({ words, values }).toEqual({ words: ['e'], values: { speed: 2 } })
  expect([...settings.given].map(([key, { value }]) => [key, value])).toEqual([
    ['port', 0],
    ['slowThresholdMs', 60],
    ['verbose', true],
  ])
})

it.each([
  [[], 'name the recording'],
  [['--port', '0'], 'name the recording'],
  [['a', 'b'], 'name one recording only'],
  [['e', '--speed'], '--speed: needs a value'],
  [['e', '--speed', 'fast'], '--speed: must be a number from 0.001 to 1000000 (1 is real time, 10 ten times as fast), or max, not "fast"'],
  [['e', '--speed=0'], '--speed: must be a number'],
  [['e', '--speed=-1'], '--speed: must be a number'],
  [['e', '--speed=1e9'], '--speed: must be a number'],
  [['e', '--speed', 'Infinity'], '--speed: must be a number'],
  [['e', '--sped', '2'], '--sped: there is no such flag; did you mean --speed?'],
  [['e', '--prot', '2'], '--prot: there is no such flag; did you mean --port?'],
  [['e', '--record', './e'], '--record names the file that is replayed'],
])('%j is refused, with the way out: %s', async (argv, problem) => {
  const { code, out, err } = await command(['replay', ...argv])
  expect({ code, out }).toEqual({ code: 2, out: '' })
  expect(err).toContain(`fibre-agent: replay: ${problem}`)
  expect(err).toContain('\nUsage: fibre-agent replay FILE [--speed N|max] [--exit] [settings]; all flags: fibre-agent replay --help\n')
})

it('names a recording that cannot be read, and what it takes', async () => {
  expect(await command(['replay', '/nowhere/events'])).toEqual({
    code: 1,
    out: '',
    err: 'fibre-agent: the recording "/nowhere/events" does not exist; name a file that --record wrote\n',
  })
})
