// `npm run bench`: measures the figures that the project promises, and says of each whether it is reached.
import { parseArgs } from 'node:util'
import { compare } from './against.ts'
import { burst } from './burst.ts'
import { busyDelay, busyLost } from './busy.ts'
import { buildCheckout, here } from './checkout.ts'
import { comparisonJson, comparisonTable } from './comparison-report.ts'
import { cpu } from './cpu.ts'
import { cpuCaughtUp } from './cpu-caught-up.ts'
import { cpuCounted } from './cpu-counted.ts'
import { delay } from './delay.ts'
import { eventCosts } from './event.ts'
import { type Figure, measure, type Result, verdictOf } from './figure.ts'
import { growthTable } from './growth/growth.ts'
import { growths } from './growth/growths.ts'
import { hitCounted } from './hit-counted.ts'
import { hitLabelled } from './hit-labelled.ts'
import { hitRecorded } from './hit-recorded.ts'
import { idle } from './idle.ts'
import { type MachineFacts, readMachine, warningOf } from './machine.ts'
import { memoryEvents, memoryIdle, memoryLoad } from './memory.ts'
import { pages } from './pages.ts'
import { rate } from './rate.ts'
import { aboutMachine, asJson, asTable } from './report.ts'
import { scrapeMedian, scrapeTail } from './scrape.ts'
import { start } from './start.ts'

const figures: readonly Figure[] = [
  start,
  memoryIdle,
  memoryEvents,
  memoryLoad,
  cpu,
  cpuCounted,
  cpuCaughtUp,
  ...eventCosts,
  idle,
  rate,
  burst,
  busyLost,
  hitCounted,
  hitLabelled,
  hitRecorded,
  delay,
  busyDelay,
  scrapeMedian,
  scrapeTail,
  pages,
]

/** Rounds of each checkout where two are compared. */
const ROUNDS_AGAINST = 3

const usage = `Usage: npm run bench -- [options]
Measures the agent on a demo node, as root, in about six minutes. The table goes to standard output, progress to standard error.

  --only NAME    measure this figure alone; may be repeated
  --rounds N     measure each figure in N rounds; with --against ${ROUNDS_AGAINST}, else as many as each figure needs
  --against REV  build that revision too, measure it and this checkout in turn, and print ratios
  --growth       measure against events, blocks, nodes, open pages and journal how the costs grow, instead (about three minutes)
  --json         print JSON instead of a table
  --check        exit with 1 unless every figure is reached
  --help         print this

Figures:
${figures.map(({ name, title }) => `  ${name.padEnd(13)} ${title}`).join('\n')}`

// Only an orderly exit ends the processes that were started. What a figure that failed has left open holds up none.
process.on('SIGINT', () => process.exit(130))
process.on('SIGTERM', () => process.exit(143))

try {
  process.exit(await main())
} catch (error) {
  const { message, code } = error as NodeJS.ErrnoException
  console.error(`bench: ${message}${code?.startsWith('ERR_PARSE_ARGS') ? '; all options: npm run bench -- --help' : ''}`)
  process.exit(2)
}

async function main(): Promise<number> {
  const string = { type: 'string' } as const
  const boolean = { type: 'boolean', default: false } as const
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true },
      rounds: string,
      against: string,
      json: boolean,
      growth: boolean,
      check: boolean,
      help: boolean,
    },
  })
  if (values.help) {
    console.log(usage)
    return 0
  }
  const chosen = choose(values.only)
  const rounds = values.rounds === undefined ? undefined : readRounds(values.rounds)
  if (process.getuid?.() !== 0) throw new Error('only root may load eBPF programs')
  const machine = readMachine()
  const warning = warningOf(machine)
  if (warning) console.error(`warning: ${warning}`)
  if (values.growth) {
    for (const growth of growths) console.log(`${await growthTable(growth, console.error)}\n`)
    console.log(aboutMachine(machine).join('\n'))
    return 0
  }
  const options = { rounds, json: values.json }
  const results =
    values.against === undefined ? await alone(machine, chosen, options) : await against(values.against, machine, chosen, options)
  return values.check && !results.every((result) => ['reached', 'measured'].includes(verdictOf(result))) ? 1 : 0
}

interface Options {
  readonly rounds: number | undefined
  readonly json: boolean
}

async function alone(machine: MachineFacts, chosen: readonly Figure[], { rounds, json }: Options): Promise<readonly Result[]> {
  const results: Result[] = []
  for (const figure of chosen) results.push(await measure(figure, console.error, rounds))
  console.log(json ? asJson(machine, results) : asTable(machine, results))
  return results
}

async function against(revision: string, machine: MachineFacts, chosen: readonly Figure[], options: Options): Promise<readonly Result[]> {
  console.error(`building ${revision}`)
  const base = await buildCheckout(revision)
  const { rounds = ROUNDS_AGAINST, json } = options
  const comparisons = []
  for (const figure of chosen) comparisons.push(await compare(figure, base, here, { rounds, tell: console.error }))
  console.log(json ? comparisonJson(machine, base, comparisons) : comparisonTable(machine, base, comparisons))
  return comparisons.map(({ here }) => here)
}

function readRounds(text: string): number {
  const rounds = Number(text)
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`--rounds takes a whole number from 1 on, not ${text}`)
  return rounds
}

function choose(names: readonly string[] = figures.map(({ name }) => name)): readonly Figure[] {
  return names.map((name) => {
    const figure = figures.find((figure) => figure.name === name)
    if (figure) return figure
    throw new Error(`there is no figure ${name}; there are ${figures.map(({ name }) => name).join(', ')}`)
  })
}
