/** Options that bitcoind wrote its log with, which a line by itself does not tell. */
export interface LogOptions {
  readonly timestamps: boolean
  readonly threadNames: boolean
  readonly sourceLocations: boolean
}

export interface ParsedEntry {
  /** `undefined` where the entry has no time. */
  readonly timeNs: bigint | undefined
  readonly fields: Readonly<Record<string, string | number>>
}

const levels = ['trace', 'debug', 'info', 'warning', 'error']

/** Reads an entry by plain string handling: a second opinion on the Collector's configuration. */
export function parseEntry(entry: string, { timestamps, threadNames, sourceLocations }: LogOptions): ParsedEntry {
  const fields: Record<string, string | number> = {}
  let rest = entry
  let timeNs: bigint | undefined
  if (rest.startsWith('[*] ')) {
    fields.suppressing = 'true'
    rest = rest.slice('[*] '.length)
  }
  if (timestamps) {
    timeNs = nanoseconds(rest.slice(0, rest.indexOf('Z')))
    rest = rest.slice(rest.indexOf('Z') + 2)
    if (rest.startsWith('(mocktime: ')) rest = rest.slice(rest.indexOf(') ') + 2)
  }
  const takeBracket = () => {
    const text = rest.slice(1, closingBracket(rest))
    rest = rest.slice(text.length + 3)
    return text
  }
  if (threadNames) fields.thread = takeBracket()
  if (sourceLocations) {
    fields.source = takeBracket()
    fields.function = takeBracket()
  }
  fields.level = 'info'
  if (rest.startsWith('[')) {
    const [category = '', level = 'debug'] = takeBracket().split(':')
    if (!levels.includes(category)) fields.category = category
    fields.level = levels.includes(category) ? category : level
  }
  return { timeNs, fields: { ...fields, ...blockOf(rest), ...transactionsOf(rest), ...raceOf(rest) } }
}

function nanoseconds(time: string): bigint {
  const [seconds = '', fraction = ''] = time.split('.')
  return BigInt(Date.parse(`${seconds}Z`)) * 1_000_000n + BigInt(fraction.padEnd(9, '0'))
}

function closingBracket(text: string): number {
  let depth = 0
  for (let index = 0; index < text.length; index++) {
    if (text[index] === '[') depth++
    if (text[index] === ']' && --depth === 0) return index
  }
  throw new Error(`a bracket stays open: ${text}`)
}

function blockOf(message: string) {
  const words = message.split(/[\s,]+/)
  const hash = words.find((word, index) => isBlockHash(word, words.slice(0, index).join(' ')))
  const height = words.find((word) => word.startsWith('height='))
  return {
    ...(hash && { block_hash: hash.slice(hash.indexOf('=') + 1) }),
    ...(height && { height: Number.parseInt(height.slice('height='.length), 10) }),
  }
}

function isBlockHash(word: string, before: string): boolean {
  const [name, value] = word.includes('=') ? word.split('=') : [undefined, word]
  if (value?.length !== 64 || !isHex(value)) return false
  return name === undefined
    ? /* cmpctblock too */ before.toLowerCase().endsWith('block') || before.endsWith('processing for')
    : ['block', 'hash', 'best'].includes(name)
}

function isHex(text: string): boolean {
  return [...text].every((digit) => '0123456789abcdef'.includes(digit))
}

function transactionsOf(message: string) {
  if (!message.startsWith('Successfully reconstructed block ')) return {}
  const words = message.replaceAll(/[(),]/g, '').split(' ')
  const numbersBefore = (word: string) => words.flatMap((each, index) => (each === word ? Number(words[index - 1]) : []))
  const transactions = numbersBefore('txn')
  const bytes = words.at(-2) === 'bytes' ? { requested_bytes: numbersBefore('bytes').at(-1) as number } : {}
  const extra = Number(words[words.indexOf('least') + 1])
  return {
    prefilled_transactions: transactions[0] as number,
    mempool_transactions: transactions[1] as number,
    extra_pool_transactions: extra,
    requested_transactions: transactions.at(-1) as number,
    ...bytes,
  }
}

function raceOf(message: string) {
  if (!message.startsWith('UDP: block=') || !message.includes(' winner=')) return {}
  const names = ['winner', 'winner_peer', 'udp', 'udp_peer', 'cmpct', 'cmpct_peer']
  const starts = [...names.map((name) => message.indexOf(` ${name}=`)), message.length]
  const values = names.map((name, index) => [name, message.slice((starts[index] ?? 0) + name.length + 2, starts[index + 1])] as const)
  return Object.fromEntries(
    values
      .filter(([, value]) => value !== 'n/a')
      .map(([name, value]) => (name === 'udp' || name === 'cmpct' ? [`${name}_ms`, Number.parseFloat(value)] : [name, value])),
  )
}
