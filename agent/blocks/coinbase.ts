/** Shorter runs occur by chance when numbers are read as text. */
const SHORTEST_RUN = 4
/** Few coinbases have such; splitting the others takes a fifth of the time. U+FFFD stands for bytes that are no UTF-8. */
const BEYOND_ASCII = /[^\0-\x7F\uFFFD]/

/** Returns the bytes of a coinbase's script (hex), decoded as UTF-8. */
export function decodeCoinbase(scriptSig: string | undefined): string | undefined {
  return scriptSig === undefined ? undefined : Buffer.from(scriptSig, 'hex').toString('utf8')
}

/** Returns the readable part of a decoded coinbase: runs of printable characters, separated by blanks. `undefined` if there is none. */
export function coinbaseText(text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  const runs = text.split(BEYOND_ASCII.test(text) ? /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]+|\uFFFD+/u : /[^ -~]+/)
  const readable = runs.map((run) => run.trim()).filter((run) => run.length >= SHORTEST_RUN)
  return readable.length > 0 ? readable.join(' ') : undefined
}
