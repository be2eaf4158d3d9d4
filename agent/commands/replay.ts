import { resolve } from 'node:path'
import * as z from 'zod'
import { loadSettings } from '../settings/load.ts'
import { problemOfReading } from '../settings/secrets/files.ts'
import { defineCommand, misuse } from './command.ts'
import { checkFlag, exitStatus, measure, printSettings } from './run.ts'

const introduction = `Measures a recording that --record made, with the page and the metrics, but without bitcoind, eBPF or root. \
Takes all settings of the agent (fibre-agent --help lists them); journal, webhook, push and another recording take part only if they are \
named on the command line.`

// Slower than 0.001 a second of the recording takes more than a timer can wait.
const speedError = 'must be a number from 0.001 to 1000000 (1 is real time, 10 ten times as fast), or max'
const speed = z
  .string()
  .regex(/^(max|\d+(\.\d+)?)$/, speedError)
  .transform((text) => (text === 'max' ? Number.POSITIVE_INFINITY : Number(text)))
  .refine((times) => times === Number.POSITIVE_INFINITY || (times >= 0.001 && times <= 1e6), speedError)

/** A recording says nothing to others as if it happened now, unless the command line asks for it. */
const OUTWARD = ['journal', 'alertWebhookUrl', 'otlpEndpoint', 'record'] as const

/** `fibre-agent replay FILE`: measures a recording. */
export const replay = defineCommand({
  flags: {
    speed: {
      placeholder: 'N|max',
      help: 'How many times as fast as it was recorded; 1, which is real time, if nothing is said, and max for as fast as possible.',
      type: speed,
      yields: true, // --s is --slow-threshold-ms
    },
    exit: { help: 'End after the last event.' },
    ...checkFlag,
  },
  help: {
    usage: ['fibre-agent replay FILE [--speed N|max] [--exit] [settings]'],
    parts: [
      introduction,
      { title: 'Flags', flags: ['speed', 'exit', 'config', 'help', 'version', 'config.check'] },
      {
        title: 'Examples',
        examples: [
          { words: 'fibre-agent replay events.ndjson --speed 10', meaning: 'look at a recording on the page, ten times as fast' },
          { words: 'fibre-agent replay events.ndjson --speed max --exit --journal blocks.ndjson', meaning: 'make a journal of it' },
        ],
      },
      exitStatus,
    ],
  },
  problemOfWord: (_word, before) => (before.length === 0 ? undefined : 'name one recording only'),
  async run({ settings: commandLine, values, words: [file], problems }, context) {
    if (problems.length > 0) throw misuse('replay', this.help, problems)
    if (!file) throw misuse('replay', this.help, ['name the recording'])
    const loaded = loadSettings(commandLine, context.env)
    const withheld = OUTWARD.filter((key) => !loaded.sources[key].startsWith('--'))
    const settings = { ...loaded.settings, ...Object.fromEntries(withheld.map((key) => [key, undefined])) }
    if (settings.record !== undefined && resolve(settings.record) === resolve(file))
      throw misuse('replay', this.help, ['--record names the file that is replayed'])
    if (values['config.check']) return printSettings(loaded, context)
    const unreadable = problemOfReading(file)
    if (unreadable !== undefined) throw new Error(`the recording ${unreadable}; name a file that --record wrote`)

    const outcome = await measure({ ...loaded, settings }, { file, speed: values.speed ?? 1 }, commandLine, context)
    if (!('agent' in outcome) || !values.exit || !outcome.agent.replayed) return outcome
    return { ...outcome, ends: outcome.agent.replayed }
  },
})
