import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Options } from '../../../../agent/bitcoind/proc/options.ts'
import { judgeClock } from '../../../../agent/commands/doctor/clock.ts'
import { explainConnection } from '../../../../agent/commands/doctor/connection-errors.ts'
import { judgeOptions } from '../../../../agent/commands/doctor/debug-log.ts'
import { exitCodeOf, type Finding } from '../../../../agent/commands/doctor/finding.ts'
import { judgeKernel } from '../../../../agent/commands/doctor/kernel.ts'
import { judgeProbes } from '../../../../agent/commands/doctor/nodes.ts'
import { judgeHidden } from '../../../../agent/commands/doctor/processes.ts'
import { judgeAnswer } from '../../../../agent/commands/doctor/receivers.ts'
import { reportLines } from '../../../../agent/commands/doctor/report.ts'
import { showsFibre, versionIn } from '../../../../agent/commands/doctor/version.ts'
import type { KernelFacts } from '../../../../agent/sources/ebpf/program/kernel-facts.ts'
import type { ProbeState } from '../../../../agent/sources/source.ts'
import { requiredProbes, tracepoints } from '../../../../agent/tracepoints/index.ts'
import { temporaryDirectory } from '../../../harness/temporary.ts'

const bpfAndPerfmon = (1n << 38n) | (1n << 39n)
const facts: KernelFacts = {
  release: '6.12.0',
  capabilities: bpfAndPerfmon,
  hasSeccompFilter: false,
  isInUserNamespace: false,
  perfEventParanoid: 2,
  lockdown: 'none',
  securityLabel: undefined,
  maxOpenFiles: '1024',
  missingOptions: [],
}
const sysctls = { unprivilegedBpfDisabled: 2, bpfJit: 1 }
const best = { multi: true, sleepable: true }
const told = (findings: readonly Finding[]) => findings.filter(({ level }) => level !== 'ok').map(({ level, what }) => `${level}: ${what}`)

describe('the kernel is judged', () => {
  it('as well where nothing is missing', () => {
    expect(told(judgeKernel(facts, sysctls, best))).toEqual([])
  })

  it.each<[string, Partial<KernelFacts>, string]>([
    ['no CAP_PERFMON', { capabilities: 1n << 39n }, 'fault: missing capabilities: CAP_PERFMON'],
    ['options missing', { missingOptions: ['CONFIG_UPROBES'] }, 'fault: the kernel was built without CONFIG_UPROBES'],
    ['confidentiality', { lockdown: 'confidentiality' }, 'fault: the kernel is locked down (confidentiality)'],
    ['a user namespace', { isInUserNamespace: true }, 'fault: this process is in a user namespace'],
    [
      'AppArmor',
      { securityLabel: 'docker-default (enforce)' },
      'note: a security module confines this process as docker-default (enforce)',
    ],
    ['a seccomp filter', { hasSeccompFilter: true }, 'note: a seccomp filter looks at the system calls of this process'],
  ])('by facts: %s', (_case, fact, expected) => {
    expect(told(judgeKernel({ ...facts, ...fact }, sysctls, best))).toEqual([expected])
  })

  it('by perf_event_paranoid 3, which matters only without links to many uprobes (judgment alone: the sysctl is not changed)', () => {
    const paranoid = { ...facts, perfEventParanoid: 3 }
    expect(told(judgeKernel(paranoid, sysctls, best))).toEqual([])
    expect(told(judgeKernel(paranoid, sysctls, { multi: false, sleepable: true }))).toContain('warning: kernel.perf_event_paranoid is 3')
  })

  it('by sysctls', () => {
    expect(told(judgeKernel(facts, { unprivilegedBpfDisabled: undefined, bpfJit: 0 }, best))).toEqual([
      'note: kernel.unprivileged_bpf_disabled could not be read',
      'warning: net.core.bpf_jit_enable is 0',
    ])
  })
})

describe('a node is judged', () => {
  /** The tracepoints of a binary that has these. */
  const binaryOf = (states: readonly ProbeState[]) => new Set(states.flatMap(({ probe, offered }) => (offered ? [probe] : [])))

  it('by what --tracepoints names of all that its binary has', () => {
    const stateOf = (probe: string, offered: boolean) => ({ probe, offered, attached: offered })
    const binary = new Set(['validation:block_connected', 'net:inbound_message', 'mempool:added', 'demo:unknown'])
    const connected = stateOf('validation:block_connected', true)
    expect(judgeProbes('alpha', [connected], binary)[0]?.what).toBe(
      'alpha: its binary has 4 tracepoints, of which the agent uses 3, and --tracepoints names 1 of them',
    )
    const none = [stateOf('udp:block_race_time', false)]
    expect(told(judgeProbes('alpha', none, binary))).toEqual([
      'fault: alpha: its binary has none of the tracepoints that --tracepoints names',
    ])
    expect(told(judgeProbes('alpha', none, new Set(['demo:unknown'])))).toEqual(['fault: alpha: its binary has none of the tracepoints'])
  })

  it('by required tracepoints that its binary lacks, and by those that the kernel refuses', () => {
    const states = [
      { probe: 'udp:block_reconstructed', offered: true, attached: true, missingFields: ['peer'] },
      ...[...requiredProbes].slice(1, -1).map((probe) => ({ probe, offered: true, attached: true })),
      { probe: 'validation:block_connected', offered: false, attached: false },
      { probe: 'udp:block_coinbase', offered: false, attached: false },
      { probe: 'net:inbound_message', offered: false, attached: false },
      { probe: 'net:outbound_message', offered: false, attached: false },
      { probe: 'udp:block_header_chunk', offered: true, attached: false, reason: 'another tracer holds it' },
    ]
    expect(told(judgeProbes('alpha', states, binaryOf(states)))).toEqual([
      'warning: alpha: its binary lacks validation:block_connected',
      'note: alpha: this build does not have udp:block_coinbase, net:*',
      'warning: alpha: udp:block_header_chunk cannot be attached',
      'note: alpha: udp:block_reconstructed does not pass peer',
    ])
  })

  it('as a stock node where its binary has none of the tracepoints of FIBRE', () => {
    const states = tracepoints.map(({ probe, group }) => ({ probe, offered: group !== 'fibre', attached: group !== 'fibre' }))
    expect(told(judgeProbes('alpha', states, binaryOf(states)))).toEqual([
      'note: alpha: measured as a stock node, without FIBRE',
      'note: alpha: this build does not have udp:*',
    ])
  })

  it('by nothing that is only proposed, in no release of Bitcoin Core', () => {
    const states = tracepoints.map(({ probe, proposedIn }) => ({ probe, offered: !proposedIn, attached: !proposedIn }))
    const { length } = states.filter(({ offered }) => offered)
    expect(length).toBe(states.length - 2)
    expect(judgeProbes('alpha', states, binaryOf(states)).map(({ what }) => what)).toEqual([
      `alpha: its binary has ${length} tracepoints, of which the agent uses ${length}`,
      `alpha: ${length} of ${length} tracepoints can be attached`,
    ])
  })

  it.each([
    [[], ['debug=bench', 'debug=cmpctblock', 'debug=udpnet', 'logtimemicros=1']],
    [['-debug=bench', '-debug=cmpctblock', '-debug=udpnet', '-logtimemicros=1'], []],
    [['-debug=net', '-debug', '-logtimemicros'], []],
    [['-debug=1', '-debugexclude=bench', '-logtimemicros=1'], ['debug=bench']],
    [
      ['-debug=bench', '-debug=none', '-debug=udpnet', '-logtimemicros=1'],
      ['debug=bench', 'debug=cmpctblock'],
    ],
    [
      ['-debug=1', '-nodebug', '-debug=bench', '-logtimemicros=1'],
      ['debug=cmpctblock', 'debug=udpnet'],
    ],
  ])('by its options for debug.log: %j', (words, missing) => {
    const findings = told(judgeOptions(1, Options.ofCommandLine(words), 'kernel', true))
    expect(findings).toEqual(missing.map((setting) => `note: pid 1: ${setting} is not set`))
  })

  it.each([
    ['-nodebuglogfile', 'note: pid 1: no debug.log is written'],
    ['-shrinkdebugfile=1', 'note: pid 1: shrinkdebugfile=1 is set'],
  ])('by %s', (word, expected) => {
    expect(told(judgeOptions(1, Options.ofCommandLine(['-debug', '-logtimemicros', word]), 'kernel', true))).toEqual([expected])
  })

  it.each(['kernel', 'log'] as const)('by categories that Bitcoin Core has, where it is without FIBRE: --source %s', (source) => {
    const findings = judgeOptions(1, Options.ofCommandLine(['-logtimemicros']), source, false)
    expect(findings.map(({ todo }) => todo)).toEqual(
      ['bench', 'cmpctblock', ...(source === 'log' ? ['net'] : [])].map((name) => `debug=${name} in bitcoin.conf`),
    )
    expect(findings.map(({ why }) => why).join('\n')).not.toMatch(/FIBRE|race|udp/)
  })

  it('as one with FIBRE where its options name a category of FIBRE', () => {
    const words = ['-debug=udpnet', '-debugexclude=udpnet', '-debug=bench', '-debug=cmpctblock', '-logtimemicros']
    expect(told(judgeOptions(1, Options.ofCommandLine(words), 'kernel', false))).toEqual(['note: pid 1: debug=udpnet is not set'])
  })

  it('by them for an agent that measures by debug.log', () => {
    const findings = judgeOptions(1, Options.ofCommandLine(['-debug=bench', '-debug=udpnet']), 'log', true)
    expect(findings.map(({ what, why }) => [what, why])).toEqual([
      ['pid 1: debug=bench, udpnet', undefined],
      [
        'pid 1: debug=cmpctblock is not set',
        expect.stringMatching(/^without it debug.log does not tell which blocks came as compact blocks/),
      ],
      ['pid 1: debug=net is not set', expect.stringMatching(/^without it debug.log does not tell which blocks came whole/)],
      ['pid 1: logtimemicros=1 is not set', expect.stringMatching(/^events have the time at which the agent read their lines/)],
    ])
  })
})

it('says which processes cannot be looked at, and what would let this command', () => {
  const ptrace = 1n << 19n
  const judge = (isRoot: boolean, capabilities: bigint) => judgeHidden(['pid 1 (init)'], isRoot, capabilities)[0]
  expect(judge(true, ptrace)).toEqual({
    area: 'nodes',
    level: 'note',
    what: 'one process cannot be looked at: pid 1 (init)',
    why: expect.stringMatching(/; this command has CAP_SYS_PTRACE, but the kernel or a security module protects them$/),
  })
  expect(judge(true, 0n)?.todo).toBe('give this command CAP_SYS_PTRACE to see all')
  expect(judge(false, 0n)?.todo).toBe('run this command as root to see all')
  expect(judgeHidden(['a', 'b', 'c', 'd', 'e'], true, 0n)[0]?.what).toBe('5 processes cannot be looked at: a, b, c, d and 1 more')
  expect(judgeHidden([], false, 0n)).toEqual([])
})

it('sees lines of FIBRE in a debug.log, whatever fields they begin with', () => {
  const logs = 'test/fixtures/logs'
  expect(showsFibre(`${logs}/source-locations.log`)).toBe(true)
  expect(showsFibre(`${logs}/nowhere.log`)).toBe(false)
  const path = join(temporaryDirectory(), 'debug.log')
  const isFibreLog = (line: string) => {
    writeFileSync(path, `2026-01-01T00:00:00Z Bitcoin Core version v30.0.0 (release build)\n${line}\n`)
    return showsFibre(path)
  }
  expect(isFibreLog('2026-01-01T00:00:01.5Z [udpread] UDP: Got disconnect message from 127.0.0.1:18901')).toBe(true)
  expect(isFibreLog('2026-01-01T00:00:01Z [net] peer says UDP: nothing')).toBe(false)
})

it('reads the version of the last start from debug.log', () => {
  const log = [
    '2026-01-01T00:00:00Z Bitcoin Core version v29.0.0 (release build)',
    '2026-02-01T00:00:00.123456Z [init] Bitcoin Core version v30.0.0 (release build)',
    '2026-02-01T00:00:01Z UpdateTip: new best=00 height=1 version=0x20000000',
  ]
  expect(versionIn(log.join('\n'))).toBe('Bitcoin Core version v30.0.0')
  expect(versionIn(log.slice(2).join('\n'))).toBeUndefined()
})

it('tells whether the clock is synchronized, how far it may be off, and that it cannot be asked', () => {
  const judge = (isSynchronized: boolean, errorSeconds: number) => judgeClock(() => ({ isSynchronized, errorSeconds }))
  expect(judge(true, 0.01)).toMatchObject({ level: 'ok', what: 'the clock is synchronized: it may be off by up to 0.010 s' })
  expect(judge(true, 16)).toMatchObject({ level: 'note', what: 'the clock is synchronized, but it may be off by up to 16 s' })
  expect(judge(false, 0.01)).toMatchObject({ level: 'note', todo: expect.stringContaining('chrony') })
  const refuse = () => {
    throw new Error('EPERM')
  }
  expect(judgeClock(refuse)).toMatchObject({ level: 'note', what: 'the state of the clock could not be read (EPERM)' })
})

it.each([
  [204, true, 'ok', 'it takes metrics'],
  [200, false, 'warning', 'it answers, but not as a receiver of OTLP'],
  [415, true, 'warning', 'it does not take this encoding: it answers 415'],
  [302, false, 'warning', 'it answers 302'],
])('judges the answer of a Collector: %i', (status, isOtlp, level, what) => {
  expect(judgeAnswer('it', { status, isOtlp })).toMatchObject({ level, what })
})

it('explains why a connection failed, without what a message may repeat', () => {
  const error = Object.assign(new Error('getaddrinfo ENOTFOUND secret.example.org'), { code: 'ENOTFOUND' })
  expect(explainConnection(error)).toBe('its name is not known to DNS (ENOTFOUND)')
  expect(explainConnection(Object.assign(new Error('secret'), { code: 'EOTHER' }))).toBe('EOTHER')
  expect(explainConnection(new Error('secret'))).toBe('the reason is not known')
})

describe('findings', () => {
  const note: Finding = { area: 'clock', level: 'note', what: 'far off', why: 'times differ', todo: 'run chrony' }
  const warning: Finding = { area: 'ports', level: 'warning', what: 'odd' }
  const fault: Finding = { area: 'ports', level: 'fault', what: 'taken' }

  it('come to an exit code', () => {
    expect([[note], [note, warning], [warning, fault]].map(exitCodeOf)).toEqual([0, 1, 2])
  })

  it('are laid out by area, with colour only where it is wanted', () => {
    expect([...reportLines([note, warning, fault], false)].join('')).toBe(
      [
        'clock',
        '  note     far off',
        '           why: times differ',
        '           do:  run chrony',
        '',
        'ports',
        '  warning  odd',
        '  FAULT    taken',
        '',
        'The agent cannot measure with these settings: 1 fault, 1 warning.',
        '',
      ].join('\n'),
    )
    expect([...reportLines([fault], true)].join('')).toContain('\u001b[31mFAULT    \u001b[0mtaken')
  })
})
