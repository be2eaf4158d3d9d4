import { beforeAll, expect, it } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import { need } from '../harness/needs.ts'
import { files, makePackages } from '../package/packages.ts'
import { chosenOf, debianArch, installed } from './machines.ts'
import { runMachine } from './run-machine.ts'
import { OLDER, writeRoot } from './systemd/root.ts'

const TIMEOUT_MS = 1_500_000

const chosen = chosenOf(installed)
beforeAll(() => {
  if (chosen.length > 0) makePackages(...new Set(chosen.map(({ arch }) => `--arch=${debianArch[arch]}`)))
})
if (chosen.length === 0) it.skip('a machine with systemd: MACHINES names none')

it.for(chosen)(
  '$name: apt installs the package, systemd runs it beside another user’s bitcoind, and it is upgraded and purged',
  { timeout: TIMEOUT_MS + 600_000 },
  async (machine, context) => {
    need(context, process.getuid?.() === 0, 'debootstrap takes root')
    const { said, end } = await runMachine(machine, context, {
      writeInitramfs: (path) => writeRoot(machine, files.deb(debianArch[machine.arch]), path),
      append: 'rdinit=/sbin/init',
      memoryMb: 3072,
      timeoutMs: TIMEOUT_MS,
    })
    expect(said, end).toMatchObject(expectedOf(machine.suite === 'bookworm' ? byPerfEvents : byOneLink))
  },
)

/** What differs from kernel to kernel. */
interface Kernel {
  readonly release: RegExp
  readonly form: string
  /** Capabilities of the unit, and the drop-in that they come from. */
  readonly capabilities: readonly string[]
  readonly dropIn: string
  /** Outcome of `doctor` with CAP_BPF and CAP_PERFMON alone, where kernel.perf_event_paranoid is 3. */
  readonly withLess: { readonly code: number; readonly faults: readonly unknown[]; readonly warnings: readonly unknown[] }
}

const byPerfEvents: Kernel = {
  release: /^6\.1\./,
  form: 'uprobes by perf events',
  capabilities: ['SYS_ADMIN', 'PERFMON', 'BPF'],
  dropIn: '/run/systemd/generator/fibre-agent.service.d/50-perf-events.conf',
  withLess: {
    code: 2,
    faults: [
      expect.stringMatching(
        /cannot be attached: Linux 6\.1\.\S* attaches through perf events, which also take CAP_SYS_ADMIN .* where kernel.perf_event_paranoid is 3\): give the process CAP_SYS_ADMIN, run as root/,
      ),
    ],
    warnings: [expect.stringMatching(/^kernel.perf_event_paranoid is 3: /)],
  },
}

const byOneLink: Kernel = {
  release: /^6\.12\./,
  form: 'one link for many uprobes',
  capabilities: ['PERFMON', 'BPF'],
  dropIn: '',
  withLess: { code: 0, faults: [], warnings: [] },
}

/** Files that a purge leaves: what the operator wrote, and the journals with the names of nodes in them. */
const stays = [
  ...['fibre-agent.service.d', 'fibre-agent@second.service.d'].map((folder) => [`/etc/systemd/system/${folder}`, 'override.conf']),
  ...['fibre-agent', 'fibre-agent-second'].map((folder) => [`/var/lib/${folder}`, 'blocks.ndjson', 'blocks.node-names']),
]
  .flatMap(([folder = '', ...names]) => [folder, ...names.map((name) => `${folder}/${name}`)])
  .sort()

/** What a machine says of each step of systemd/guest.ts. */
function expectedOf({ release, form, capabilities, dropIn, withLess }: Kernel): readonly object[] {
  const well = { code: 0, output: 'OK\n' }
  const exactly = (connected: number) => ({ connected, lost: 0, fieldErrors: 0 })
  const running = (user: string) => ({ active: 'active', enabled: 'enabled', user, capabilities })
  const edited = (unit: string) => `/etc/systemd/system/${unit}.d/override.conf`
  const unreadable = 'run the agent as the user of bitcoind or as root, or leave this one out with --users'
  return [
    { step: 'booted', release: expect.stringMatching(release), paranoid: '3' },
    {
      step: 'installed',
      version: OLDER,
      libbpf: expect.stringMatching(/^1:1\./),
      ...running('fibre-agent'),
      status: '0 nodes, 0 blocks; 1 fault: no bitcoind is running; waiting for one',
      dropIns: dropIn,
    },
    {
      step: 'bitcoind of another user',
      status: expect.stringMatching(`^0 nodes, 0 blocks; 1 fault: cannot read /proc/\\d+/exe \\(EACCES\\): ${unreadable}$`),
      health: well,
      ready: { code: 1, output: expect.stringMatching(`^cannot read /proc/\\d+/exe \\(EACCES\\): ${unreadable}\n$`) },
    },
    {
      step: 'user of bitcoind',
      ...exactly(20),
      ...running('bitcoin'),
      dropIns: [dropIn, edited('fibre-agent.service')].filter(Boolean).join(' '),
      shown: 'Status: "1 node, 20 blocks; no faults"',
      health: well,
      ready: well,
      journal: 20,
    },
    {
      step: 'doctor',
      asUnit: { code: 0, faults: [], warnings: [], kernel: expect.stringContaining(`takes the program: ring buffer, ${form}, sleepable`) },
      withLess,
    },
    { step: 'reload', isSameProcess: true, active: 'active' },
    {
      step: 'processes of every user',
      ...exactly(5),
      ...running('fibre-agent'),
      capabilities: ['SYS_PTRACE', ...capabilities],
      journal: 25,
    },
    { step: 'stopped by a signal', restarts: '1', ...exactly(3), log: [expect.stringContaining('Watchdog timeout')] },
    {
      step: 'upgraded',
      version: manifest.version,
      ...exactly(4),
      ...running('bitcoin'),
      journal: 32,
      config: 'metrics_port: 9999',
    },
    { step: 'security', isLow: true },
    { step: 'a second agent', ...exactly(2), ...running('bitcoin'), journal: 2 },
    { step: 'wrong settings', code: 0, active: 'activating', log: [expect.stringContaining('nonsense')] },
    {
      step: 'removed',
      units: ['inactive', 'inactive'],
      processes: '',
      kept: ['/etc/fibre-agent/config.yaml', '/etc/fibre-agent/second.yaml', '/var/lib/fibre-agent/blocks.ndjson'],
    },
    { step: 'purged', left: stays, user: 1 },
  ]
}
