import { readFileSync } from 'node:fs'
import pino from 'pino'
import { ifReadable } from '../bitcoind/proc/read.ts'
import { clockErrorSeconds } from '../native/libc.ts'
import { isColourUnwanted, type LoadedSettings, loadSettings, type Settings } from '../settings/load.ts'
import { type EbpfSource, openEbpf } from '../sources/ebpf/ebpf.ts'
import { readKernelFacts } from '../sources/ebpf/program/kernel-facts.ts'
import { tracepointsOf } from '../tracepoints/index.ts'
import { type Context, defineCommand, misuse } from './command.ts'
import { judgeClock } from './doctor/clock.ts'
import { judgeDebugLog } from './doctor/debug-log.ts'
import { exitCodeOf, type Finding } from './doctor/finding.ts'
import { judgeJournal } from './doctor/journal.ts'
import { judgeKernel } from './doctor/kernel.ts'
import { judgePorts, judgeReceivers } from './doctor/network.ts'
import { findNodes, tryNodes } from './doctor/nodes.ts'
import { reportLines } from './doctor/report.ts'
import { isAgentAt } from './health.ts'
import { print } from './print.ts'

const introduction = `Says whether the agent could measure with these settings (flags, environment, configuration file), what would be missing, and what to do. \
Loads the kernel program and attaches it for a moment, and changes nothing else. Takes all settings of the agent: fibre-agent --help lists them.`

const exitStatus = 'Exit status: 0 if all is well, 1 if there are warnings, 2 if the agent cannot measure or a setting is wrong.'

/** `fibre-agent doctor`: says what is missing and how to mend it. */
export const doctor = defineCommand({
  flags: { json: { help: 'Print the findings as JSON.' } },
  help: {
    usage: ['fibre-agent doctor [--json] [settings]'],
    parts: [introduction, { title: 'Flags', flags: ['json', 'config', 'help', 'version'] }, exitStatus],
  },
  problemOfWord: (word) => `${JSON.stringify(word.split('=', 1)[0])}: is no flag`,
  async run({ settings: commandLine, values, problems }, context) {
    if (problems.length > 0) throw misuse('doctor', this.help, problems)
    const loaded = loadSettings(commandLine, context.env)
    const { settings, warnings } = loaded
    const findings: readonly Finding[] = [
      ...(await lookAtMachine(loaded, context)),
      judgeClock(clockErrorSeconds),
      ...(await judgePorts(settings, () => isAgentAt(settings))),
      ...judgeJournal(settings.journal),
      ...(await judgeReceivers(loaded)),
      ...warnings.map((what): Finding => ({ area: 'settings', level: 'warning', what })),
    ]
    const exitCode = exitCodeOf(findings)
    const isColoured = Boolean(context.stdout.isTTY) && !isColourUnwanted(context.env)
    await print(
      values.json ? [`${JSON.stringify({ exit_code: exitCode, findings }, null, 2)}\n`] : reportLines(findings, isColoured),
      context.stdout,
    )
    return { exitCode }
  },
})

/** What takes the kernel program: it is loaded, attached to each node, and closed again. */
async function lookAtMachine(loaded: LoadedSettings, { folder }: Context): Promise<readonly Finding[]> {
  const { settings } = loaded
  const opened = open(settings, folder)
  const source = 'fault' in opened ? undefined : opened
  try {
    const { found, findings } = findNodes(loaded)
    return [
      ...judgeKernel(readKernelFacts(), readSysctls(), source?.form),
      'fault' in opened
        ? { area: 'libraries', level: 'fault', what: 'the kernel program cannot be loaded', why: opened.fault }
        : { area: 'libraries', level: 'ok', what: 'koffi and libbpf work, and the kernel program was loaded' },
      ...(await tryNodes(found, settings, source)),
      ...findings,
      ...found.flatMap(judgeDebugLog),
    ]
  } finally {
    source?.close()
  }
}

function open({ ringSize, tracepoints }: Settings, folder: string): EbpfSource | { readonly fault: string } {
  try {
    const image = readFileSync(`${folder}/usdt.bpf.o`)
    const source = openEbpf({ image, ringSize, tracepoints: tracepointsOf(tracepoints), log: pino({ enabled: false }) })
    source.start({ event() {}, lost() {}, error() {} })
    return source
  } catch (error) {
    return { fault: (error as Error).message }
  }
}

function readSysctls() {
  const read = (name: string) => ifReadable(() => Number(readFileSync(`/proc/sys/${name}`, 'utf8')))
  return { unprivilegedBpfDisabled: read('kernel/unprivileged_bpf_disabled'), bpfJit: read('net/core/bpf_jit_enable') }
}
