import type { Writable } from 'node:stream'

/** A document, JSON or text. Answers and routes have the shape that the server's have; neither folder imports the other. */
export interface PageAnswer {
  readonly status: number
  readonly body: string
  /** Plain text when absent. */
  readonly type?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** An answer without an end: `stream` gets the client and writes to it until one of the two closes. */
export interface PageStream {
  readonly type: string
  readonly stream: (client: Writable) => void
}

export interface PageRequest {
  readonly url?: string | undefined
}

export type PageRoute = (request: PageRequest) => PageAnswer | PageStream | Promise<PageAnswer | PageStream>
