import type { ServerResponse } from 'node:http'

/** What answers that were not yet read may hold in memory. */
const MOST_BYTES = 64 * 1024 * 1024

/** The bytes of answers that are being sent. Where there are too many, the oldest answer gives way: its client has read slowest. */
export class InFlight {
  readonly #answers = new Map<ServerResponse, number>()
  #bytes = 0

  add(response: ServerResponse, bytes: number): void {
    this.#answers.set(response, bytes)
    this.#bytes += bytes
    response.once('close', () => this.#remove(response))
    for (const [oldest] of this.#answers) {
      if (this.#bytes <= MOST_BYTES || oldest === response) return
      this.#remove(oldest)
      oldest.destroy()
    }
  }

  #remove(response: ServerResponse): void {
    this.#bytes -= this.#answers.get(response) ?? 0
    this.#answers.delete(response)
  }
}
