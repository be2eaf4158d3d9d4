#!/usr/bin/env node
import { runCommand } from './cli.ts'

// Bundled as CommonJS, the kernel program lies beside it.
void main(__dirname)

async function main(folder: string): Promise<void> {
  const outcome = await runCommand({ argv: process.argv.slice(2), folder })
  if ('exitCode' in outcome) {
    process.exitCode = outcome.exitCode
    return
  }
  // From a terminal both npm and this process get Ctrl-C, so a second signal is no order to hurry.
  let isStopping = false
  const stop = async () => {
    if (isStopping) return
    isStopping = true
    await outcome.agent.stop()
    process.exit(0)
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  process.on('SIGHUP', () => outcome.reload())
}
