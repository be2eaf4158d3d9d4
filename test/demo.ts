// `npm run demo`: the agent on a demo node, with the blocks as they come.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Block } from '../agent/blocks/blocks.ts'
import { runCommand } from '../agent/cli.ts'
import { startDemoNode } from './demo-node.ts'

const milliseconds = (seconds: number) => `${(seconds * 1e3).toFixed(1)} ms`
const line = (...cells: readonly string[]) =>
  cells
    .map((cell, i) => cell.padEnd([9, 15, 22, 16, 12][i] ?? 0))
    .join(' ')
    .trimEnd()
const head = line('height', 'winner', 'started first, by', 'reconstructed in', 'chunks used')
const dist = join(import.meta.dirname, '../dist')
const dataDirectory = mkdtempSync(join(tmpdir(), 'fibre-demo-'))
const args = ['--bitcoind', join(dist, 'demo-node'), '--node-name', 'demo', '--log-level', 'WARNING', ...process.argv.slice(2)]

const outcome = await runCommand({ argv: args, folder: dist, onBlock: (kind, block) => kind === 'closed' && console.log(row(block)) })
if ('agent' in outcome) {
  const { urls } = outcome.agent
  const node = await startDemoNode({ args: ['--datadir', dataDirectory] })
  console.log(`A demo node (pid ${node.pid}) relays an invented block every 2 s; the agent measures it.

  metrics  ${urls.metrics}/metrics
  page     ${urls.metrics}/
  health   ${urls.health}/ready
  log      ${dataDirectory}/debug.log

Ctrl-C ends both.

${head}`)
  const ended = Promise.withResolvers<string>()
  process.on('SIGINT', () => ended.resolve('stopped'))
  process.on('SIGTERM', () => ended.resolve('stopped'))
  node.exited.then(({ code, signal, stderr }) => ended.resolve(`the demo node ended (${signal ?? code}) ${stderr}`))
  const reason = await ended.promise
  await outcome.agent.stop()
  await node[Symbol.asyncDispose]()
  console.log(reason)
} else process.exitCode = outcome.exitCode
rmSync(dataDirectory, { recursive: true })

function row({ height, winner, race, reconstruction }: Block): string {
  const name = { fibre_udp: 'FIBRE', bip152_cmpct: 'compact block', other: 'other' }
  const started = { fibre_udp: 'FIBRE', bip152_cmpct: 'compact' }
  const bound = race?.coverage === 'both' ? '' : '≥ '
  return line(
    String(height ?? '?'),
    winner ? name[winner] : 'no race',
    race ? `${started[race.first]} ${bound}${milliseconds(race.headStartSeconds)}` : '–',
    reconstruction?.seconds === undefined ? '–' : milliseconds(reconstruction.seconds),
    reconstruction ? `${reconstruction.chunksUsed} of ${reconstruction.chunksReceived}` : '–',
  )
}
