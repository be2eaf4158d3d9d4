// Builds the real servers that the stack tests run: from the Go module proxy, into a cache, unless they are there already.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, renameSync, rmSync } from 'node:fs'
import { constants, setPriority } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type BuiltProgram, binaryFolder, type modules, stackBinary } from './binaries.ts'
import { findGo, goEnvironment } from './go.ts'

const PROGRESS_MS = 30_000

interface Source {
  readonly module: (typeof modules)[number]
  readonly package: string
  readonly tags?: string
  readonly title: string
}

const sources: Readonly<Record<BuiltProgram, Source>> = {
  otelcol: { module: 'collector', package: '.', title: 'OpenTelemetry Collector 0.160.0' },
  victorialogs: {
    module: 'victorialogs',
    package: 'github.com/VictoriaMetrics/VictoriaLogs/app/victoria-logs',
    title: 'VictoriaLogs 1.52.1',
  },
  // Without its service discoveries: they are the clients of every cloud there is.
  prometheus: {
    module: 'prometheus',
    package: 'github.com/prometheus/prometheus/cmd/prometheus',
    tags: 'remove_all_sd',
    title: 'Prometheus 3.16.0',
  },
  promtool: {
    module: 'prometheus',
    package: 'github.com/prometheus/prometheus/cmd/promtool',
    tags: 'remove_all_sd',
    title: 'promtool 3.16.0',
  },
}

// Only an orderly exit ends Go and takes away what it has not finished.
process.on('SIGINT', () => process.exit(130))
process.on('SIGTERM', () => process.exit(143))

try {
  await main()
} catch (error) {
  say(`Cannot build the servers: ${(error as Error).message}`)
  process.exitCode = 1
}

async function main(): Promise<void> {
  const missing = (Object.keys(sources) as BuiltProgram[]).filter((name) => stackBinary(name) === undefined)
  if (missing.length === 0) return
  setPriority(constants.priority.PRIORITY_BELOW_NORMAL) // tests run beside it, and some of them look at the clock
  const go = findGo()
  const folder = binaryFolder()
  mkdirSync(folder, { recursive: true })
  say(`Building ${missing.join(', ')} with Go ${go.version} into ${folder}.`)
  say('The first time it takes some minutes, and some GB for caches of Go.')
  for (const name of missing) await build(name, go.path, folder)
}

/** Under another name first: what has the right one is whole, whoever else builds or is interrupted. */
async function build(name: BuiltProgram, go: string, folder: string): Promise<void> {
  const { module, package: target, tags = '', title } = sources[name]
  const unfinished = join(folder, `.${name}.${process.pid}`)
  process.once('exit', () => rmSync(unfinished, { force: true }))
  const elapsed = stopwatch()
  say(`${title} ...`)
  const flags = ['-trimpath', '-buildvcs=false', '-gcflags=all=-dwarf=false', '-ldflags=-s -w', `-tags=${tags}`, '-o', unfinished]
  await run(go, ['build', ...flags, target], join(import.meta.dirname, module), (downloads) =>
    say(`  ${elapsed()} so far${downloads > 0 ? `, ${downloads} modules downloaded` : ''}`),
  )
  renameSync(unfinished, join(folder, name))
  say(`  built in ${elapsed()}`)
}

/** Runs Go, with less collecting of garbage than by default, and tells now and then that it still does. Throws what it printed where it fails. */
async function run(go: string, args: readonly string[], cwd: string, progress: (downloads: number) => void): Promise<void> {
  const child = spawn(go, args, { cwd, env: { ...goEnvironment, GOGC: '400' }, stdio: ['ignore', 'ignore', 'pipe'] })
  process.once('exit', () => child.kill())
  await once(child, 'spawn')
  const printed: string[] = []
  let downloads = 0
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (line.startsWith('go: downloading ')) downloads++
    else printed.push(line)
  })
  const timer = setInterval(() => progress(downloads), PROGRESS_MS)
  const [code, signal] = await once(child, 'close')
  clearInterval(timer)
  if (code !== 0) throw new Error(`${go} ${args.join(' ')} ended with ${signal ?? code}:\n${printed.slice(-40).join('\n')}`)
}

/** Minutes and seconds since now. */
function stopwatch(): () => string {
  const start = performance.now()
  return () => {
    const seconds = Math.round((performance.now() - start) / 1000)
    return `${Math.trunc(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
  }
}

function say(text: string): void {
  console.error(text)
}
