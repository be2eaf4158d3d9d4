// Runs on the machine, as root, as a service: installs the package and does with it what an operator does. Says what came of each step as a
// line of JSON.
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { release, uptime } from 'node:os'
import type { Finding } from '../../../agent/commands/doctor/finding.ts'
import type { DemoNode } from '../../demo-node/demo-node.ts'
import { until } from '../measure.ts'
import { credentials, logOf, run, succeed, unit } from './machine.ts'
import { measureBlocks, startBitcoind } from './node.ts'

const AGENT = 'fibre-agent.service'
const SECOND = 'fibre-agent@second.service'
const CONFIG = '/etc/fibre-agent/config.yaml'
const JOURNAL = '/var/lib/fibre-agent/blocks.ndjson'

let bitcoind: DemoNode

const install = (deb: string) => succeed('apt-get', 'install', '--yes', '--quiet', '--no-install-recommends', deb)
const version = (name: string) => /^Version: (.*)$/m.exec(succeed('dpkg', '--status', name))?.[1]

/** Lines of a journal once there are so many: the record of a block is written a little after it was counted. */
const journalLines = (least: number, path = JOURNAL) =>
  until(
    () => {
      const count = readFileSync(path, 'utf8').split('\n').length - 1
      return count >= least && count
    },
    () => `${least} lines in ${path}`,
  )

/** Files, but for those of other packages and what apt, dpkg and useradd keep for themselves. */
const filesOf = () =>
  succeed('find', ...['/etc', '/usr', '/var', '/run/systemd/generator'].filter((path) => existsSync(path)), '-xdev')
    .split('\n')
    .filter(
      (path) =>
        !/^\/var\/(cache|tmp|log\/(apt|dpkg|alternatives|journal)|lib\/(dpkg|apt|bitcoind))|^\/etc\/(ld\.so\.cache|.*-$)/.test(path),
    )

/** State of a unit, and of the process that it runs. */
function state(name = AGENT) {
  const { ActiveState, UnitFileState, MainPID, StatusText, DropInPaths } = unit(name)
  const process = MainPID === '0' ? {} : credentials(MainPID)
  return { active: ActiveState, enabled: UnitFileState, ...process, status: StatusText, dropIns: DropInPaths }
}

/** Writes a drop-in, as `systemctl edit` does. */
function edit(name: string, ...lines: readonly string[]): void {
  const folder = `/etc/systemd/system/${name}.d`
  mkdirSync(folder, { recursive: true })
  writeFileSync(`${folder}/override.conf`, `[Service]\n${lines.join('\n')}\n`)
  succeed('systemctl', 'daemon-reload')
}

const statusSays = (pattern: RegExp, name = AGENT) =>
  until(
    () => {
      const { StatusText } = unit(name)
      return pattern.test(StatusText) && StatusText
    },
    () => `a status that matches ${pattern}`,
  )

function doctor(...command: readonly string[]) {
  const [program = '', ...words] = [...command, 'fibre-agent', 'doctor', '--json']
  const { code, output } = run(program, ...words)
  if (!output.startsWith('{')) throw new Error(output)
  const { findings } = JSON.parse(output) as { readonly findings: readonly Finding[] }
  const told = (level: string) => findings.filter((finding) => finding.level === level).map(({ what, why }) => `${what}: ${why}`)
  return { code, faults: told('fault'), warnings: told('warning'), kernel: findings.find(({ what }) => what.startsWith('Linux '))?.what }
}

/** As a service of a user with these capabilities, apart from what else its unit says. */
const asService = (user: string, capabilities: string) =>
  ['systemd-run', '--pipe', '--wait', '--quiet', ...propertiesOf(user, capabilities)] as const

const propertiesOf = (user: string, capabilities: string) =>
  [`User=${user}`, 'SupplementaryGroups=fibre-agent', `AmbientCapabilities=${capabilities}`].map((property) => `--property=${property}`)

let before: readonly string[]

const steps: Readonly<Record<string, () => object | Promise<object>>> = {
  booted() {
    before = filesOf()
    return {
      release: release(),
      systemd: succeed('systemctl', '--version').split('\n')[0],
      paranoid: readFileSync('/proc/sys/kernel/perf_event_paranoid', 'utf8').trim(),
    }
  },

  installed() {
    succeed('apt-get', 'update', '--quiet')
    install('/srv/test/older.deb')
    return { version: version('fibre-agent'), libbpf: version('libbpf1'), ...state() }
  },

  async 'bitcoind of another user'() {
    bitcoind = await startBitcoind()
    const status = await statusSays(/cannot/)
    return { status, health: run('fibre-agent', 'health'), ready: run('fibre-agent', 'health', '--ready') }
  },

  async 'user of bitcoind'() {
    edit(AGENT, 'User=bitcoin')
    succeed('systemctl', 'restart', AGENT)
    const counted = await measureBlocks(bitcoind, 20)
    await statusSays(/20 blocks/)
    return {
      ...counted,
      ...state(),
      shown: /^ *Status: .*$/m.exec(run('systemctl', 'status', '--no-pager', AGENT).output)?.[0].trim(),
      health: run('fibre-agent', 'health'),
      ready: run('fibre-agent', 'health', '--ready'),
      journal: await journalLines(20),
    }
  },

  doctor: () => ({
    asUnit: doctor(...asService('bitcoin', unit(AGENT).AmbientCapabilities)),
    withLess: doctor(...asService('bitcoin', 'CAP_BPF CAP_PERFMON')),
  }),

  reload() {
    const { MainPID } = unit(AGENT)
    const lines = logOf(AGENT).length
    succeed('systemctl', 'reload', AGENT)
    return { isSameProcess: unit(AGENT).MainPID === MainPID, active: unit(AGENT).ActiveState, logged: logOf(AGENT).slice(lines) }
  },

  async 'processes of every user'() {
    edit(AGENT, 'AmbientCapabilities=CAP_SYS_PTRACE', 'CapabilityBoundingSet=CAP_SYS_PTRACE', 'WatchdogSec=10')
    succeed('systemctl', 'restart', AGENT)
    return { ...(await measureBlocks(bitcoind, 5)), ...state(), journal: await journalLines(25) }
  },

  async 'stopped by a signal'() {
    const { MainPID } = unit(AGENT)
    process.kill(Number(MainPID), 'SIGSTOP')
    await until(
      () => !['0', MainPID].includes(unit(AGENT).MainPID),
      () => 'another process',
    )
    await statusSays(/1 node/)
    return {
      restarts: unit(AGENT).NRestarts,
      ...(await measureBlocks(bitcoind, 3)),
      log: logOf(AGENT).filter((line) => line.includes('Watchdog timeout')),
    }
  },

  async upgraded() {
    edit(AGENT, 'User=bitcoin')
    appendFileSync(CONFIG, 'metrics_port: 9999\n')
    install('/srv/test/newer.deb')
    const counted = await measureBlocks(bitcoind, 4, 9999)
    return {
      version: version('fibre-agent'),
      ...counted,
      ...state(),
      journal: await journalLines(32),
      config: readFileSync(CONFIG, 'utf8').trimEnd().split('\n').at(-1),
    }
  },

  security() {
    const exposure = [AGENT, SECOND].map(exposureOf)
    return { exposure, isLow: exposure.every((score) => score <= 2.5) }
  },

  async 'a second agent'() {
    writeFileSync('/etc/fibre-agent/second.yaml', 'metrics_port: 9445\nhealth_port: 9446\n')
    edit(SECOND, 'User=bitcoin')
    succeed('systemctl', 'enable', '--now', SECOND)
    await statusSays(/1 node/, SECOND)
    return {
      ...(await measureBlocks(bitcoind, 2, 9445)),
      ...state(SECOND),
      journal: await journalLines(2, '/var/lib/fibre-agent-second/blocks.ndjson'),
    }
  },

  'wrong settings'() {
    appendFileSync(CONFIG, 'nonsense: 1\n')
    const { code, output } = run(
      'env',
      'DPKG_MAINTSCRIPT_PACKAGE=fibre-agent',
      '/var/lib/dpkg/info/fibre-agent.postinst',
      'configure',
      '0.0.1',
    )
    return {
      code,
      output,
      active: unit(AGENT).ActiveState,
      log: logOf(AGENT)
        .filter((line) => line.includes('nonsense'))
        .slice(0, 1),
    }
  },

  removed() {
    succeed('apt-get', 'remove', '--yes', '--quiet', 'fibre-agent')
    return {
      units: [AGENT, SECOND].map((name) => unit(name).ActiveState),
      processes: run('pidof', '/usr/lib/fibre-agent/node').output,
      kept: ['/etc/fibre-agent/config.yaml', '/etc/fibre-agent/second.yaml', JOURNAL].filter((path) => existsSync(path)),
    }
  },

  purged() {
    succeed('apt-get', 'purge', '--yes', '--quiet', 'fibre-agent', 'libbpf1', '^libelf1')
    return {
      left: filesOf()
        .filter((path) => !before.includes(path))
        .sort(),
      user: run('id', 'fibre-agent').code,
    }
  },
}

/** The score that systemd gives a unit, from 0 to 10. */
function exposureOf(name: string): number {
  return Number(/Overall exposure level for \S+: ([\d.]+)/.exec(run('systemd-analyze', 'security', '--no-pager', name).output)?.[1])
}

const say = (line: object) => console.log(`\n${JSON.stringify(line)}`)

for (const [step, take] of Object.entries(steps)) {
  try {
    say({ step, ...(await take()), uptime: Math.round(uptime()) })
  } catch (error) {
    say({ step, error: (error as Error).message, log: run('journalctl', '-n', '25', '--no-pager', '--output', 'cat').output.split('\n') })
    break
  }
}
process.exit()
