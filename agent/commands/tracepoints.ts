import { readNotes, type Site } from '../sources/ebpf/binary/notes.ts'
import { tracepoints as known, requiredProbes } from '../tracepoints/index.ts'
import { defineCommand, misuse } from './command.ts'
import { print } from './print.ts'

const introduction = `Lists the tracepoints of an executable, or of the one that a process runs, with the places of their arguments, \
and which of them the agent uses. Without PATH or PID, lists those that the agent knows.`

const exitStatus =
  'Exit status: 0 if it has all tracepoints that every FIBRE node has, 1 if one is missing or it cannot be read, 2 when the command line is wrong.'

/** `fibre-agent tracepoints [PATH|PID]`: lists what a binary offers. */
export const tracepoints = defineCommand({
  flags: {},
  settings: [],
  help: {
    usage: ['fibre-agent tracepoints [PATH|PID]'],
    parts: [introduction, { title: 'Flags', flags: ['help', 'version'] }, exitStatus],
  },
  problemOfWord: (_word, before) => (before.length === 0 ? undefined : 'name one executable or process only'),
  async run({ words: [place], problems }, { stdout }) {
    if (problems.length > 0) throw misuse('tracepoints', this.help, problems)
    if (place === undefined) {
      const lines = known.map(({ probe, args, required }) => `${probe}(${Object.keys(args).join(', ')})${required ? '  required' : ''}\n`)
      await print(lines, stdout)
      return { exitCode: 0 }
    }
    const { sites } = readNotes(/^\d+$/.test(place) ? `/proc/${place}/exe` : place)
    const missing = [...requiredProbes].filter((probe) => !sites.some((site) => probeOf(site) === probe))
    await print([...offered(sites), ...missing.map((probe) => `${probe}  required, and missing\n`)], stdout)
    return { exitCode: missing.length > 0 ? 1 : 0 }
  },
})

const probeOf = ({ provider, name }: Site) => `${provider}:${name}`

/** A line for each tracepoint, with the arguments as its first place has them. */
function offered(sites: readonly Site[]): readonly string[] {
  return [...Map.groupBy(sites, probeOf)]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([probe, [first, ...others]]) => {
      const names = Object.keys(known.find((tracepoint) => tracepoint.probe === probe)?.args ?? {})
      const args = first?.arguments.map(({ text }, i) => (names[i] === undefined ? text : `${names[i]} ${text}`)) ?? []
      const places = others.length > 0 ? `  ${others.length + 1} places` : ''
      return `${probe}(${args.join(', ')})${places}${names.length > 0 ? '  used' : ''}\n`
    })
}
