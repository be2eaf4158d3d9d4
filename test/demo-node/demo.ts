// `npm run demo`: the agent on a demo node, with the blocks as they come.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathStyles } from '../../agent/blocks/path-styles.ts'
import type { BlockRecord } from '../../agent/blocks/record.ts'
import { runCommand } from '../../agent/cli.ts'
import { readCommandLine } from '../../agent/commands/command-line.ts'
import { type Help, helpText } from '../../agent/commands/help-text.ts'
import { columnsOf } from '../../agent/commands/print.ts'
import { run } from '../../agent/commands/run.ts'
import { buildStockDemoNode } from './compile.ts'
import { startDemoNode } from './demo-node.ts'

const milliseconds = (ms: number) => `${ms.toFixed(1)} ms`
const line = (...cells: readonly string[]) =>
  cells
    .map((cell, i) => cell.padEnd([8, 28, 18, 18, 12][i] ?? 0))
    .join(' ')
    .trimEnd()
const head = line('height', 'how it came', 'started first, by', 'reconstructed in', 'chunks used')
const stockHead = line('height', 'how it came', 'connected after', 'requested', 'announced by')
const grammar = { ...run, flags: { ...run.flags, stock: { help: 'The node is one of Bitcoin Core, without FIBRE.' } } }
const help: Help = {
  usage: ['npm run demo [-- settings]'],
  parts: [
    `Runs the agent on a demo node, which relays an invented block every 2 s through real tracepoints, and prints each block. \
Takes the settings of the agent (npm start -- --help lists them), such as these:`,
    { title: 'Flags', flags: ['stock', 'port', 'health-port', 'otlp-endpoint', 'help'] },
    {
      title: 'Examples',
      examples: [
        { words: 'npm run demo -- --stock', meaning: 'Bitcoin Core, without FIBRE' },
        { words: 'npm run demo -- --port 19435 --health-port 19436', meaning: 'beside an agent that runs' },
      ],
    },
  ],
}
/** Hits a second besides blocks, as on a node with a few dozen peers. */
const load = ['--messages', '200', '--mempool', '20', '--utxo', '100']
const dist = join(import.meta.dirname, '../../dist')
const dataDirectory = mkdtempSync(join(tmpdir(), 'fibre-demo-'))
const words = process.argv.slice(2)
const isStock = words.includes('--stock')
const binary = join(dist, isStock ? 'demo-node-stock' : 'demo-node')
const args = [
  '--bitcoind',
  binary,
  '--node-name',
  'demo',
  '--log-level',
  'ERROR', // warnings are about running it for long
  '--tracepoints',
  'all',
  '--no-alerts', // they would stand between the blocks
  '--journal',
  join(dataDirectory, 'blocks.ndjson'),
  ...words.filter((word) => word !== '--stock'),
]

const { values } = readCommandLine(words, grammar)
const { settings } = readCommandLine(args, run)
if (values.help) console.log(helpText(help, grammar, columnsOf(process.stdout, process.env)))
else await demo()
rmSync(dataDirectory, { recursive: true })

async function demo(): Promise<void> {
  const ended = Promise.withResolvers<string>()
  const stopped = 'stopped'
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => ended.resolve(stopped)) // the last when its terminal is closed
  if (isStock) buildStockDemoNode(() => console.error('Building the demo node of Bitcoin Core ...'))
  await using node = await startDemoNode({ binary, args: ['--datadir', dataDirectory, ...load] }) // first, for --no-wait; its first block comes after 2 s
  const outcome = await runCommand({
    argv: args,
    folder: dist,
    outputs: [{ block: (milestone, _, record) => milestone === 'closed' && console.log(isStock ? stockRow(record()) : row(record())) }],
  })
  if (!('agent' in outcome)) {
    process.exitCode = outcome.exitCode
    return
  }
  const { urls } = outcome.agent
  const kind = isStock ? 'demo node of Bitcoin Core' : 'demo node'
  console.log(`A ${kind} (pid ${node.pid}) relays an invented block every 2 s; the agent measures it.

  metrics  ${urls.metrics}/metrics
  page     ${urls.metrics}/
  health   ${urls.health}/ready
  blocks   ${settings.given.get('journal')?.value ?? 'not kept'}
  log      ${dataDirectory}/debug.log

Ctrl-C ends both.

${isStock ? stockHead : head}`)
  node.exited.then(({ code, signal, stderr }) => ended.resolve(`the demo node ended (${signal ?? code}) ${stderr}`))
  const reason = await ended.promise
  await outcome.agent.stop()
  console.log(reason)
  if (reason !== stopped) process.exitCode = 1
}

function row(record: BlockRecord): string {
  const { height, path, first_started: first, head_start_ms: headStart, reconstruction_ms: reconstruction } = record
  const started = { fibre_udp: 'FIBRE', bip152_cmpct: 'compact' }
  const bound = record.head_start_is_lower_bound ? '≥ ' : ''
  return line(
    String(height ?? '?'),
    pathStyles[path].name,
    first && headStart !== undefined ? `${started[first]} ${bound}${milliseconds(headStart)}` : '–',
    reconstruction === undefined ? '–' : milliseconds(reconstruction),
    record.chunks_used === undefined ? '–' : `${record.chunks_used} of ${record.chunks_received}`,
  )
}

/** Of a node without FIBRE: how long after its first announcement it was connected, what was asked for, and how far the second peer lagged. */
function stockRow({ height, path, first_sign_to_connected_ms, requested_transactions, announcers, announced_later }: BlockRecord): string {
  const lag = announced_later === undefined ? '' : `, second ${milliseconds(Number(/ ([\d.]+)/.exec(announced_later)?.[1]))} later`
  return line(
    String(height ?? '?'),
    pathStyles[path].name,
    first_sign_to_connected_ms === undefined ? '–' : milliseconds(first_sign_to_connected_ms),
    requested_transactions === undefined ? '–' : `${requested_transactions} transactions`,
    announcers === undefined ? '–' : `${announcers} ${announcers === 1 ? 'peer' : 'peers'}${lag}`,
  )
}
