// `npm run bench`: measures the figures that the project promises, and says of each whether it is reached.
import { parseArgs } from 'node:util'
import { cpu } from './cpu.ts'
import { delay } from './delay.ts'
import { type Figure, measure, type Result, verdictOf } from './figure.ts'
import { hitCounted } from './hit-counted.ts'
import { hitRecorded } from './hit-recorded.ts'
import { idle } from './idle.ts'
import { readMachine, warningOf } from './machine.ts'
import { memory } from './memory.ts'
import { rate } from './rate.ts'
import { asJson, asTable } from './report.ts'
import { scrape } from './scrape.ts'
import { start } from './start.ts'

const figures: readonly Figure[] = [start, memory, cpu, idle, rate, hitCounted, hitRecorded, delay, scrape]

const usage = `Usage: npm run bench -- [options]
Measures the agent on a demo node, as root, in about five minutes. The table goes to standard output, progress to standard error.

  --only NAME  measure this figure alone; may be repeated
  --json       print JSON instead of a table
  --check      exit with 1 unless every figure is reached
  --help       print this

Figures:
${figures.map(({ name, title }) => `  ${name.padEnd(13)} ${title}`).join('\n')}`

// Only an orderly exit ends the processes that were started.
process.on('SIGINT', () => process.exit(130))
process.on('SIGTERM', () => process.exit(143))

try {
  process.exitCode = await main()
} catch (error) {
  console.error(`bench: ${(error as Error).message}`)
  process.exitCode = 2
}

async function main(): Promise<number> {
  const boolean = { type: 'boolean', default: false } as const
  const { values } = parseArgs({ options: { only: { type: 'string', multiple: true }, json: boolean, check: boolean, help: boolean } })
  if (values.help) {
    console.log(usage)
    return 0
  }
  const chosen = choose(values.only)
  if (process.getuid?.() !== 0) throw new Error('only root may load eBPF programs')
  const machine = readMachine()
  const warning = warningOf(machine)
  if (warning) console.error(`warning: ${warning}`)
  const results: Result[] = []
  for (const figure of chosen) results.push(await measure(figure, console.error))
  console.log(values.json ? asJson(machine, results) : asTable(machine, results))
  return values.check && results.some((result) => verdictOf(result) !== 'reached') ? 1 : 0
}

function choose(names: readonly string[] = figures.map(({ name }) => name)): readonly Figure[] {
  return names.map((name) => {
    const figure = figures.find((figure) => figure.name === name)
    if (figure) return figure
    throw new Error(`there is no figure ${name}; there are ${figures.map(({ name }) => name).join(', ')}`)
  })
}
