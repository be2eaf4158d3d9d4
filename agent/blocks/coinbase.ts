/** Shorter runs are what numbers look like when they are read as text. */
const SHORTEST_RUN = 4

/** The bytes of a coinbase's script as text, whatever they are. */
export function coinbaseBytes(scriptSig: string): string {
  return Buffer.from(scriptSig, 'hex').toString('utf8')
}

/** What is readable in a coinbase's script (hex): runs of printable characters, with blanks between. `undefined` if nothing is. */
export function coinbaseText(scriptSig: string | undefined): string | undefined {
  if (scriptSig === undefined) return undefined
  const runs = coinbaseBytes(scriptSig).split(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]+|\uFFFD+/u)
  const readable = runs.map((run) => run.trim()).filter((run) => run.length >= SHORTEST_RUN)
  return readable.length > 0 ? readable.join(' ') : undefined
}
