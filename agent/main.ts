#!/usr/bin/env node
import './heap.ts'
import { runCommand } from './cli.ts'

// Bundled as CommonJS, the kernel program lies beside it.
void main(__dirname)

async function main(folder: string): Promise<void> {
  // From a terminal both npm and this process get Ctrl-C, so a second signal is no order to hurry. One that comes too early waits.
  const order = Promise.withResolvers<void>()
  process.on('SIGTERM', () => order.resolve())
  process.on('SIGINT', () => order.resolve())
  const outcome = await runCommand({ argv: process.argv.slice(2), folder })
  if ('exitCode' in outcome) {
    process.exitCode = outcome.exitCode
    return
  }
  process.on('SIGHUP', () => outcome.reload())
  await Promise.race([order.promise, ...(outcome.ends ? [outcome.ends] : [])])
  await outcome.agent.stop()
  process.exit(0)
}
