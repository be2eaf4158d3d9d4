import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it, onTestFinished } from 'vitest'
import { openConnection } from '../../harness/connections.ts'
import { readBody } from '../../harness/request-body.ts'

it('reads a body that is whole, and nothing of one whose sender is gone', async () => {
  const bodies: Promise<Buffer | undefined>[] = []
  const server = createServer((request) => void bodies.push(readBody(request)))
  onTestFinished(() => void server.close().closeAllConnections())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  for (const sent of ['whole', 'cut']) {
    const socket = await openConnection((server.address() as AddressInfo).port)
    socket.write(`POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 5\r\n\r\n${sent}`)
    await once(server, 'request')
    socket.destroy()
  }
  expect(await Promise.all(bodies)).toEqual([Buffer.from('whole'), undefined])
})
