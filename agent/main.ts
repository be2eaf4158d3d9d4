import { runCommand } from './cli.ts'
import { isWaitingForFile, prepareForFiles } from './files/threads.ts'
import { exitNow } from './native/libc.ts'

// Bundled as CommonJS, the kernel program lies beside it.
void main(__dirname)

async function main(folder: string): Promise<void> {
  prepareForFiles()
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major < 22 || (major === 22 && minor < 15)) {
    process.stderr.write(`fibre-agent: takes Node.js 22.15 or newer, not ${process.version}; in a checkout, npm start brings its own\n`)
    process.exitCode = 1
    return
  }
  // From a terminal both npm and this process get Ctrl-C, so a second signal is no order to hurry. One that comes too early waits.
  const order = Promise.withResolvers<void>()
  process.on('SIGTERM', () => order.resolve())
  process.on('SIGINT', () => order.resolve())
  let reload: (() => void) | undefined
  let isReloadDue = false
  process.on('SIGHUP', () => {
    isReloadDue = true
    reload?.()
  })
  // With a listener, Node.js opens no debugger, even if it was started without --disable-sigusr1.
  process.on('SIGUSR1', () => {})
  const outcome = await runCommand({ argv: process.argv.slice(2), folder })
  if ('exitCode' in outcome) {
    process.exitCode = outcome.exitCode
    if (isWaitingForFile()) exitNow(outcome.exitCode)
    return
  }
  reload = () => outcome.reload()
  if (isReloadDue) reload()
  await Promise.race([order.promise, ...(outcome.ends ? [outcome.ends] : [])])
  await outcome.agent.stop()
  if (isWaitingForFile()) exitNow(0) // process.exit waits for all threads
  process.exit(0)
}
