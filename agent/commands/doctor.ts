import { readFileSync } from 'node:fs'
import pino from 'pino'
import { listenerOf } from '../bitcoind/proc/listeners.ts'
import { ifReadable } from '../bitcoind/proc/read.ts'
import { readClock } from '../native/libc.ts'
import { isColourUnwanted, type LoadedSettings, loadSettings, type Settings } from '../settings/load.ts'
import { type EbpfSource, openEbpf } from '../sources/ebpf/ebpf.ts'
import { readKernelFacts } from '../sources/ebpf/program/kernel-facts.ts'
import { tracepointsOf } from '../tracepoints/index.ts'
import { type Context, defineCommand, misuse } from './command.ts'
import { judgeClock } from './doctor/clock.ts'
import { judgeDebugLog } from './doctor/debug-log.ts'
import { exitCodeOf, type Finding } from './doctor/finding.ts'
import { judgeLog, judgeLogsOf } from './doctor/followed-logs.ts'
import { judgeJournal, readHolder } from './doctor/journal.ts'
import { judgeKernel } from './doctor/kernel.ts'
import { nameNodes } from './doctor/names.ts'
import { tryNodes } from './doctor/nodes.ts'
import { judgePorts } from './doctor/ports.ts'
import { findNodes } from './doctor/processes.ts'
import { judgeReceivers } from './doctor/receivers.ts'
import { reportLines } from './doctor/report.ts'
import { isAgentAt } from './health.ts'
import { print } from './print.ts'
import { readKernelProgram } from './run.ts'

const introduction = `Says whether the agent could measure with these settings (flags, environment, configuration file), what would be missing, and what to do. \
Loads the kernel program, attaches it for a moment, pushes an empty request to the Collector, and changes nothing. Takes all settings of the agent: fibre-agent --help lists them.`

const exitStatus = 'Exit status: 0 if all is well, 1 if there are warnings, 2 if the agent cannot measure or a setting is wrong.'

/** An agent that works answers at once. */
const AGENT_TIMEOUT_MS = 1_000

/** `fibre-agent doctor`: says what is missing and how to mend it. */
export const doctor = defineCommand({
  flags: { json: { help: 'Print JSON: exit_code, and findings, each with area, level (ok, note, warning or fault), what, why and todo.' } },
  help: {
    usage: ['fibre-agent doctor [--json] [settings]'],
    parts: [introduction, { title: 'Flags', flags: ['json', 'config', 'help', 'version'] }, exitStatus],
  },
  problemOfWord: (word) => `${JSON.stringify(word.split('=', 1)[0])}: is no flag`,
  async run({ settings: commandLine, values, problems }, context) {
    if (problems.length > 0) throw misuse('doctor', this.help, problems)
    const loaded = loadSettings(commandLine, context.env)
    const findings = await examine(loaded, context)
    const exitCode = exitCodeOf(findings)
    const isColoured = Boolean(context.stdout.isTTY) && !isColourUnwanted(context.env)
    await print(
      values.json ? [`${JSON.stringify({ exit_code: exitCode, findings }, null, 2)}\n`] : reportLines(findings, isColoured),
      context.stdout,
    )
    return { exitCode }
  },
})

/** Looks at everything, and what takes the network at once. */
async function examine(loaded: LoadedSettings, context: Context): Promise<readonly Finding[]> {
  const { settings, warnings } = loaded
  const isAgentThere = lazily(() => isAgentAt(settings, AGENT_TIMEOUT_MS))
  const runningAgent = async () => ((await isAgentThere()) ? findAgent(settings) : undefined)
  const ofMachine = await (settings.source === 'log' ? examineLogs(loaded) : examineMachine(loaded, context, runningAgent))
  const others = await Promise.all([
    look('clock', () => [judgeClock(readClock)]),
    look('ports', () => judgePorts(settings, isAgentThere)),
    look('journal', () => judgeJournal(settings.journal, isAgentThere)),
    look('receivers', () => judgeReceivers(loaded)),
    look('settings', () => warnings.map((what): Finding => ({ area: 'settings', level: 'warning', what }))),
  ])
  return [...ofMachine, ...others.flat()]
}

/** The process of the agent that answers, by its journal or its port; `undefined` where neither tells. */
async function findAgent({ journal, healthPort }: Settings): Promise<number | undefined> {
  const holder = journal === undefined ? undefined : await readHolder(journal)
  return holder ?? (healthPort === 0 ? undefined : ifReadable(() => listenerOf(healthPort)))
}

/** Loads the kernel program, attaches it to each node, and closes it again. */
async function examineMachine(
  loaded: LoadedSettings,
  { folder }: Context,
  runningAgent: () => Promise<number | undefined>,
): Promise<readonly Finding[]> {
  const { opened, fault } = open(loaded.settings, folder)
  try {
    const { targets, findings } = await findTargets(loaded)
    return [
      ...(await look('kernel', () => judgeKernel(readKernelFacts(), readSysctls(), opened?.form))),
      judgeLibraries(fault),
      ...(await look('nodes', () => tryNodes(targets, opened, runningAgent))),
      ...findings,
    ]
  } finally {
    opened?.close()
  }
}

/** What the log source needs: the debug.log of each node, and nothing of the kernel. */
async function examineLogs(loaded: LoadedSettings): Promise<readonly Finding[]> {
  const { debugLog, nodeName } = loaded.settings
  if (debugLog !== undefined) return [judgeLog(`node ${nodeName}`, () => debugLog)]
  const { targets, findings } = await findTargets(loaded)
  return [...(await look('nodes', () => judgeLogsOf(targets))), ...findings]
}

/** The processes that would be measured, and what there is to say of them and of others, whichever the source. */
async function findTargets(loaded: LoadedSettings) {
  const { found, findings } = await find('nodes', { found: [], findings: [] }, () => findNodes(loaded))
  const named = await find('nodes', { targets: [], findings: [] }, () => nameNodes(found, loaded.settings))
  const ofLogs = await look('debug log', () => found.flatMap((node) => judgeDebugLog(node, loaded.settings.source)))
  return { targets: named.targets, findings: [...named.findings, ...findings, ...ofLogs] }
}

/** Has a part of the examination done. One that fails costs itself alone. */
async function look(area: Finding['area'], judge: () => readonly Finding[] | Promise<readonly Finding[]>): Promise<readonly Finding[]> {
  return (await find(area, { findings: [] }, async () => ({ findings: await judge() }))).findings
}

async function find<T extends { readonly findings: readonly Finding[] }>(area: Finding['area'], nothing: T, find: () => T | Promise<T>) {
  try {
    return await find()
  } catch (error) {
    const what = `this could not be looked at: ${(error as Error).message}`
    return { ...nothing, findings: [{ area, level: 'warning', what } satisfies Finding] }
  }
}

function lazily<T>(ask: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | undefined
  return () => {
    answer ??= ask()
    return answer
  }
}

function judgeLibraries(fault: string | undefined): Finding {
  const area = 'libraries'
  if (fault !== undefined) return { area, level: 'fault', what: 'the kernel program cannot be loaded', why: fault }
  return { area, level: 'ok', what: 'koffi and libbpf work, and the kernel program was loaded' }
}

interface Source {
  readonly opened?: EbpfSource
  readonly fault?: string
}

function open({ ringSize, tracepoints }: Settings, folder: string): Source {
  try {
    const image = readKernelProgram(folder)
    const source = openEbpf({ image, ringSize, tracepoints: tracepointsOf(tracepoints), log: pino({ enabled: false }) })
    source.start({ event() {}, lost() {}, error() {} })
    return { opened: source }
  } catch (error) {
    return { fault: (error as Error).message }
  }
}

function readSysctls() {
  const read = (name: string) => ifReadable(() => Number(readFileSync(`/proc/sys/${name}`, 'utf8')))
  return { unprivilegedBpfDisabled: read('kernel/unprivileged_bpf_disabled'), bpfJit: read('net/core/bpf_jit_enable') }
}
