import type { ServerResponse } from 'node:http'

/** Most memory of answers that clients have not read yet. */
const MOST_BYTES = 64 * 1024 * 1024

/** Counts the bytes of answers being sent. When there are too many, the oldest answer gives way: its client reads slowest. */
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
