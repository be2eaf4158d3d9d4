import { existsSync } from 'node:fs'
import { readExecutable, readStatus } from '../bitcoind/proc/proc.ts'
import { ifReadable } from '../bitcoind/proc/read.ts'
import { nameOfUser } from '../bitcoind/proc/users.ts'
import { Search } from '../bitcoind/search.ts'
import { offersTracepoints } from '../sources/ebpf/binary/executable.ts'
import { tracepoints as known } from '../tracepoints/index.ts'
import { defineCommand, misuse } from './command.ts'
import { print } from './print.ts'
import { type BinaryTracepoints, readBinary } from './tracepoints/binary.ts'
import { binaryLines, knownLines } from './tracepoints/lines.ts'

const introduction = `Lists the tracepoints of an executable, or of the one that a process runs: their arguments with type, size and place, \
which of them the agent uses, and what for. Without PATH or PID, lists those of each bitcoind that runs.`

const exitStatus =
  'Exit status: 0 if each has all tracepoints that every node of its kind has (stock, or with FIBRE), 1 if one is missing or it cannot be read, 2 when the command line is wrong.'

/** `fibre-agent tracepoints [PATH|PID]`: lists what a binary offers. */
export const tracepoints = defineCommand({
  flags: {
    json: {
      help: 'Print JSON: binaries, each with its tracepoints and those that are missing, and used, the tracepoints that the agent uses.',
    },
  },
  settings: [],
  help: {
    usage: ['fibre-agent tracepoints [--json] [PATH|PID]'],
    parts: [introduction, { title: 'Flags', flags: ['json', 'help', 'version'] }, exitStatus],
  },
  problemOfWord: (_word, before) => (before.length === 0 ? undefined : 'name one executable or process only'),
  async run({ words: [place], values, problems }, { stdout, stderr }) {
    if (problems.length > 0) throw misuse('tracepoints', this.help, problems)
    const { binaries, faults } = place === undefined ? readRunning() : { binaries: [read(place)], faults: [] }
    for (const fault of faults) stderr.write(`fibre-agent: tracepoints: ${fault}\n`)
    await print(values.json ? json(binaries) : lines(binaries), stdout)
    return { exitCode: faults.length > 0 || binaries.some(({ missing }) => missing.length > 0) ? 1 : 0 }
  },
})

const read = (place: string) => (/^\d+$/.test(place) ? readProcess(Number(place)) : readBinary(place, { executable: place }))

function readProcess(pid: number): BinaryTracepoints {
  const directory = `/proc/${pid}`
  if (!existsSync(directory)) throw new Error(`there is no process ${pid}`)
  const uid = ifReadable(() => readStatus(directory)?.uid)
  const executable = ifReadable(() => readExecutable(directory)) ?? `${directory}/exe`
  return readBinary(`${directory}/exe`, { executable, pid, ...(uid !== undefined && { user: nameOfUser(uid) }) })
}

/** Every bitcoind that runs. One that cannot be read costs itself alone. */
function readRunning() {
  const search = new Search({ nodes: [], nodeName: '' }, '/proc', (path) => offersTracepoints(path, known))
  const binaries: BinaryTracepoints[] = []
  const faults: string[] = []
  for (const { pid } of search.find({ known: [], isNodeMissing: true, isFull: true }))
    try {
      binaries.push(readProcess(pid))
    } catch (error) {
      faults.push((error as Error).message)
    }
  return { binaries, faults: [...faults, ...search.unreadable.map(({ text }) => text)] }
}

function* lines(binaries: readonly BinaryTracepoints[]): Generator<string> {
  if (binaries.length === 0) {
    yield 'No bitcoind runs that could be looked at. The agent uses these tracepoints:\n'
    yield* knownLines()
  }
  for (const [index, binary] of binaries.entries()) {
    if (index > 0) yield '\n'
    yield* binaryLines(binary)
  }
}

function json(binaries: readonly BinaryTracepoints[]): readonly string[] {
  const used = known.map(({ probe, group, required, description, args }) => ({ probe, group, required, description, arguments: args }))
  return [`${JSON.stringify({ binaries, used }, null, 2)}\n`]
}
