import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { BUILDER } from './binaries.ts'

/** Builds what is missing while tests run. They wait for the servers that they need. */
export default async function buildServers() {
  const builder = spawn(process.execPath, [join(import.meta.dirname, 'build.ts')], { stdio: ['ignore', 'inherit', 'inherit'] })
  await once(builder, 'spawn')
  process.env[BUILDER] = `${builder.pid}`
  const closed = once(builder, 'close')
  return async () => {
    builder.kill()
    const [code] = await closed
    if (code === 1) process.exitCode = 1
  }
}
