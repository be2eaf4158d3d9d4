/** Shorter runs occur by chance when numbers are read as text. */
const SHORTEST_RUN = 4

/** The bytes of a coinbase's script (hex), decoded as UTF-8. */
export function coinbaseBytes(scriptSig: string): string {
  return Buffer.from(scriptSig, 'hex').toString('utf8')
}

/** The readable part of a coinbase's script (hex): runs of printable characters, separated by blanks. `undefined` if there is none. */
export function coinbaseText(scriptSig: string | undefined): string | undefined {
  if (scriptSig === undefined) return undefined
  const runs = coinbaseBytes(scriptSig).split(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]+|\uFFFD+/u)
  const readable = runs.map((run) => run.trim()).filter((run) => run.length >= SHORTEST_RUN)
  return readable.length > 0 ? readable.join(' ') : undefined
}
