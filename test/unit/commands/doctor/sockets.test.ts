import { once } from 'node:events'
import { linkSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer, Server } from 'node:net'
import { join } from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'
import { judgePorts } from '../../../../agent/commands/doctor/ports.ts'
import { freePorts } from '../../../harness/free-ports.ts'
import { temporaryDirectory } from '../../../harness/temporary.ts'
import { run } from '../../settings/settings.ts'

const judge = async (path: string, isAgentThere = false) => {
  const { settings } = run([`--listen-address=unix:${path}`])
  const [finding, ...others] = await judgePorts(settings, async () => isAgentThere)
  expect(others).toEqual([])
  return finding
}

async function listening(path: string) {
  const server = createServer().listen(path)
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return server
}

it('a socket that can be made is well, also where one is left of an agent that has ended', async () => {
  const path = join(temporaryDirectory(), 'a.sock')
  expect(await judge(path)).toMatchObject({ level: 'ok', what: `the socket ${path} can be made` })
  const server = await listening(`${path}.other`)
  linkSync(`${path}.other`, path)
  server.close()
  await once(server, 'close')
  expect(await judge(path)).toMatchObject({ level: 'ok', what: expect.stringContaining('was left by an agent that has ended') })
})

it('a socket that is in use is a fault, unless by an agent of these settings', async () => {
  const path = join(temporaryDirectory(), 'a.sock')
  await listening(path)
  expect(await judge(path)).toMatchObject({ level: 'fault', what: `another process listens on ${path}` })
  expect(await judge(path, true)).toMatchObject({ level: 'note', what: `${path} is in use, and an agent of these settings runs` })
})

it("each port is tried once, also where it is taken, and is an agent's only where all are", async () => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  onTestFinished(() => void taken.close())
  const { port } = taken.address() as AddressInfo
  const [free] = await freePorts(1)
  const told = async (port: number | undefined, healthPort: number | undefined) => {
    const { settings } = run(['--port', `${port}`, '--health-port', `${healthPort}`])
    const listen = vi.spyOn(Server.prototype, 'listen')
    const findings = await judgePorts(settings, async () => true)
    const tries = listen.mock.calls.length
    listen.mockRestore()
    return [tries, ...findings.map(({ level }) => level)]
  }
  expect(await told(port, free)).toEqual([2, 'fault', 'ok'])
  expect(await told(0, port)).toEqual([1, 'ok', 'note'])
  expect(await told(0, 0)).toEqual([0, 'ok', 'ok'])
})

it('a socket that cannot be made is a fault', async () => {
  const path = join(temporaryDirectory(), 'a.sock')
  writeFileSync(path, '')
  expect(await judge(path)).toMatchObject({ level: 'fault', what: `${path} is no socket` })
  expect(await judge('/no/folder/a.sock')).toMatchObject({ level: 'fault', what: expect.stringContaining('its folder does not exist') })
})
