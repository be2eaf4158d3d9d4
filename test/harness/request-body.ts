import type { IncomingMessage } from 'node:http'
import { buffer } from 'node:stream/consumers'

/** Reads what a client sends; `undefined` where the client is killed or gives up before the end: a listener that throws then ends the run. */
export async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  try {
    return await buffer(request)
  } catch {
    return undefined
  }
}
