import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import type { SlowBlockPayload } from '../../agent/webhook/payload.ts'
import { readBody } from './request-body.ts'

export interface Received {
  readonly method: string | undefined
  readonly path: string | undefined
  readonly headers: IncomingHttpHeaders
  readonly payload: SlowBlockPayload
}

export type Answer = (response: ServerResponse, received: Received) => void

export const answers = (status: number, headers: Readonly<Record<string, string>> = {}) => {
  return (response: ServerResponse) => void response.writeHead(status, headers).end('heard')
}
export const hangs: Answer = () => {}

/** Takes posts and keeps them. How it answers can be changed at any time. */
export async function startReceiver(answer: Answer = answers(200), { port = 0 } = {}) {
  const receiver = { answer, received: [] as Received[] }
  const server = createServer(async (request, response) => {
    const body = await readBody(request)
    if (!body) return
    const payload = JSON.parse(body.toString())
    const received = { method: request.method, path: request.url, headers: request.headers, payload }
    receiver.received.push(received)
    receiver.answer(response, received)
  })
  const stop = () => void server.close().closeAllConnections()
  onTestFinished(stop)
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const bound = (server.address() as AddressInfo).port
  /** The last digits of the hashes received, in the order of their arrival. */
  const numbers = () => receiver.received.map(({ payload }) => Number.parseInt(payload.block_hash.slice(-8), 16))
  return Object.assign(receiver, { port: bound, url: `http://127.0.0.1:${bound}`, numbers, stop })
}
