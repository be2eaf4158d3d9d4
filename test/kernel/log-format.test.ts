import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { stripVTControlCharacters } from 'node:util'
import { beforeEach, describe, expect, it } from 'vitest'
import { bundle, searchPath } from '../harness/agent.ts'
import { requireBpf } from '../harness/listening.ts'
import { stage } from '../harness/stage.ts'
import { until } from '../harness/until.ts'

beforeEach(requireBpf)

/** Runs an agent by these words of a shell, in which `$AGENT` starts it, until all its logs say that it waits for a node. Returns what it wrote to that file. */
async function written(script: string, file: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
  const AGENT = `${bundle} --port 0 --health-port 0 --journal none --config none --bitcoind /nonexistent/bitcoind`
  const child = spawn('sh', ['-c', script], { env: { PATH: searchPath, TERM: 'xterm', AGENT, FILE: file, ...env }, stdio: 'ignore' })
  const text = (path = file) => (existsSync(path) ? readFileSync(path, 'utf8') : '')
  const logs = script.includes('$FILE.json') ? [file, `${file}.json`] : [file]
  await until(() => logs.every((path) => text(path).includes('/nonexistent/bitcoind does not exist')), 'the agent to wait')
  const pid = Number(/"?pid"?[=:](\d+)/.exec(text())?.[1])
  process.kill(pid, 'SIGTERM')
  await once(child, 'exit')
  return text()
}

describe('the log', { timeout: 30_000 }, () => {
  const inTerminal = 'exec script --quiet --flush --return --command "$AGENT" "$FILE"'
  const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ /

  it('in a terminal is text, with colours unless they are unwanted', async () => {
    const { path } = stage()
    const coloured = await written(inTerminal, path('coloured'))
    expect(stripVTControlCharacters(coloured)).toContain(' starting version=')
    expect(coloured).toContain('Z\u001b[22m starting\u001b[2m version=')
    const plain = await written(inTerminal, path('plain'), { NO_COLOR: '1' })
    expect(plain).not.toContain('\u001b')
    const lines = plain.split(/\r?\n/).filter((line) => line !== '' && !line.startsWith('Script '))
    for (const line of lines) expect(line).toMatch(TIME)
    expect(lines.at(0)?.replace(TIME, '')).toMatch(/^starting version=\S+ pid=\d+$/)
    expect(lines.at(-1)?.replace(TIME, '')).toBe('stopped')
  })

  it("in systemd's journal is text with priorities, and the log file JSON", async () => {
    const { path } = stage()
    const script = 'exec >"$FILE"; JOURNAL_STREAM=$(stat -c %d:%i "$FILE") exec $AGENT --log-file "$FILE.json"'
    const journal = await written(script, path('journal'))
    const lines = journal.trimEnd().split('\n')
    for (const line of lines) expect(line).toMatch(/^<[3-6]>[^<{]/)
    expect(lines.at(0)).toMatch(/^<6>starting version=/)
    const json = readFileSync(path('journal.json'), 'utf8').trimEnd().split('\n')
    expect(JSON.parse(json[0] ?? '')).toMatchObject({ level: 'info', msg: 'starting' })
  })

  it.for([
    ['auto', /^\{"level":"info","time":"[^"]+","version":/],
    ['text', /^\d{4}-\d\d-\d\dT\S+Z starting version=/],
    ['fibre_exporter', /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \[INFO\] fibre_exporter: starting version=/],
  ] as const)('in a file is as --log-format says: %s', async ([format, expected]) => {
    expect(await written(`exec $AGENT --log-format ${format} >"$FILE"`, stage().path('log'))).toMatch(expected)
  })
})
