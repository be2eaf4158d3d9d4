import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import manifest from '../../../package.json' with { type: 'json' }
import { bundle, searchPath } from '../../harness/agent.ts'
import { blockAt, blocks, journalWith, ndjson } from '../journal/blocks-journal.ts'
import { command, type RunOptions } from './run-command.ts'

const NAMES = ['blocks', 'replay', 'health', 'help', 'version'] as const
const helpOf = async (...argv: readonly string[]) => (await command(argv)).out

describe('help', () => {
  it.each(NAMES)('of %s is its own, in each of the ways to ask for it', async (name) => {
    const { code, out, err } = await command(['help', name])
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toMatch(new RegExp(`^Usage: fibre-agent ${name}\\b`))
    expect(out).toContain('  -h, --help\n')
    for (const argv of [
      [name, '--help'],
      [name, '-h'],
      [name, '--frobnicate', '--help'],
      ['--help', name],
      [name, '--hel'],
    ])
      expect(await helpOf(...argv)).toBe(out)
  })

  it('of the agent names all commands', async () => {
    const { code, out } = await command(['help'])
    expect(code).toBe(0)
    for (const name of NAMES) expect(out).toContain(`       fibre-agent ${name} `)
    for (const argv of [['--help'], ['-h'], ['--port', 'x', '--help'], ['--journal', '--help']]) expect(await helpOf(...argv)).toBe(out)
  })

  it.each([
    [undefined, 80],
    [200, 100],
    [90, 90],
    [60, 60],
    [20, 40],
  ])('in a terminal of %s columns has lines of up to %s', async (columns, width) => {
    for (const name of NAMES) {
      const { out } = await command(['help', name], columns === undefined ? {} : { columns })
      const text = out.split('\n').filter((line) => !/^( {2}\S| {7}fibre|Usage)/.test(line)) // flags, examples and usage are not broken
      for (const line of text) expect(line.length, line).toBeLessThanOrEqual(width)
    }
    const { out } = await command(['--help'], columns === undefined ? {} : { columns })
    expect(Math.max(...out.split('\n').map((line) => (line.startsWith('      ') ? line.length : 0)))).toBeGreaterThan(width - 12)
  })
})

it.each([
  ['60', 60],
  ['0', 80],
  ['many', 80],
])('in a terminal that does not know its columns, COLUMNS=%s means %i', async (COLUMNS, width) => {
  const help = async (options: RunOptions) => (await command(['--help'], options)).out
  expect(await help({ columns: 0, env: { COLUMNS } })).toBe(await help({ columns: width }))
  expect(await help({ columns: 90, env: { COLUMNS } })).toBe(await help({ columns: 90 }))
})

it.each([[['version']], [['--version']], ...NAMES.map((name) => [[name, '--version']]), [['--version', 'blocks']], [['--vers']]])(
  '%j prints the version',
  async (argv) => {
    expect(await command(argv)).toEqual({ code: 0, out: `fibre-agent ${manifest.version}\n`, err: '' })
  },
)

describe('a wrong command line ends with 2 and a suggestion', () => {
  it.each([
    [['blokcs'], '"blokcs": there is no such command; did you mean blocks?'],
    [['help', 'blok'], '"blok": there is no such command; did you mean blocks?'],
    [['help', 'blocks', 'health'], 'name one command only'],
    [['blocks', '--lsat=1'], '--lsat: there is no such flag; did you mean --last?'],
    [['replay', 'file', '--sped', '1'], '--sped: there is no such flag; did you mean --speed?'],
    [['health', '--raedy'], '--raedy: there is no such flag; did you mean --ready?'],
    [['health', '--metrics-prot', '1'], '--metrics-prot: there is no such flag; did you mean --port?'],
    [['health', 'now'], '"now": is no flag'],
    [['version', '--versoin'], '--versoin: there is no such flag; did you mean --version?'],
    [['version', 'now'], '"now": is no flag'],
    [['help', '--port', '1'], '--port: there is no such flag'],
    [['-port', '1'], '-port: there is no such flag; did you mean --port?'],
  ])('%j', async (argv, problem) => {
    const { code, out, err } = await command(argv)
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain(`${problem}\n`)
    expect(err).toMatch(/fibre-agent( \w+)?( --)?help\n$/)
  })

  it('without repeating what may be a secret', async () => {
    for (const argv of [
      ['-Psecret'],
      ['--pasword=secret'],
      ['--pasword', 'secret'],
      ['-metrics-auth-password=secret'],
      ['-port=secret'],
      ['-port', 'secret'],
    ])
      for (const name of ['health', 'replay', undefined]) expect((await command(name ? [name, ...argv] : argv)).err).not.toContain('secret')
  })
})

describe('flags before the command', () => {
  it.each([
    [['--last', '1', '--format=ndjson', 'blocks']],
    [['--format', 'ndjson', 'blocks', '--last=1']],
    [['--for', 'ndjson', '--la=1', 'blocks']],
    [['blocks', '--last', '1', '--format', 'ndjson']],
  ])('count as if they stood behind it: %j', async (argv) => {
    const { code, out } = await command(argv, { env: { FIBRE_JOURNAL: journalWith(ndjson(blocks(3))) } })
    expect(code).toBe(0)
    expect(JSON.parse(out)).toEqual(blockAt(2))
  })

  it('may have the name of a command as their value', async () => {
    expect((await command(['--node-name', 'blocks', '--config.check'])).out).toMatch(/^node_name: blocks /m)
    expect((await command(['--config.check', '-n', 'health'])).out).toMatch(/^node_name: health /m)
  })
})

it('the configuration file of the command line counts in each command', async () => {
  for (const argv of [
    ['--config', '/nowhere.yaml', 'health'],
    ['blocks', '-c', '/nowhere.yaml'],
    ['blocks', '--conf=/nowhere.yaml'],
  ]) {
    const { code, err } = await command(argv)
    expect(code).toBe(2)
    expect(err).toContain('--config: the configuration file "/nowhere.yaml" does not exist')
  }
})

it('an installation without the kernel program is told in words', async () => {
  expect(await command([])).toEqual({
    code: 1,
    out: '',
    err: 'fibre-agent: the kernel program "/nowhere/usdt.bpf.o" does not exist; it belongs beside the agent: install both anew\n',
  })
})

it.each(['help', 'version', '--config.check'])('a reader that goes away is no fault: %s | true', { timeout: 30_000 }, (word) => {
  const env = { ...process.env, PATH: searchPath }
  const { status, stderr } = spawnSync('bash', ['-c', `"$0" ${word} | true; exit \${PIPESTATUS[0]}`, bundle], { env, encoding: 'utf8' })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
})
