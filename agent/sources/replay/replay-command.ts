/** What `fibre-agent replay` is asked for. */
export interface ReplayCommand {
  /** Empty if there is none because only help or the version is asked for. */
  readonly file: string
  /** 1 is real time, Infinity as fast as possible. */
  readonly speed: number
  /** Whether to end after the last event. */
  readonly exit: boolean
  /** The other words: settings. */
  readonly rest: readonly string[]
}

/** The words after `replay` ask for nothing that can be done. */
export class ReplayCommandError extends Error {
  override readonly name = 'ReplayCommandError'
  readonly exitCode = 2

  constructor(problem: string) {
    super(`replay: ${problem}\nUsage: fibre-agent replay FILE [--speed N|max] [--exit] [settings]; settings: fibre-agent --help`)
  }
}

const PRINTS = new Set(['--help', '-h', '--version'])

/** Reads the words after `replay`. */
export function parseReplay(words: readonly string[]): ReplayCommand {
  const [file = '', ...options] = words
  if (words.some((word) => PRINTS.has(word))) return { file: '', speed: 1, exit: false, rest: words.filter((word) => PRINTS.has(word)) }
  if (file === '') throw new ReplayCommandError('name the recording')
  if (file.startsWith('-')) throw new ReplayCommandError(`name the recording first, before ${file.replace(/=.*/s, '')}`)

  const rest: string[] = []
  let speed = 1
  let exit = false
  for (let i = 0; i < options.length; i++) {
    const word = options[i] as string
    if (word === '--exit') exit = true
    else if (word === '--speed') speed = speedOf(options[++i])
    else if (word.startsWith('--speed=')) speed = speedOf(word.slice('--speed='.length))
    else rest.push(word)
  }
  return { file, speed, exit, rest }
}

function speedOf(word: string | undefined): number {
  if (word === 'max') return Number.POSITIVE_INFINITY
  const speed = word !== undefined && /^\d+(\.\d+)?$/.test(word) ? Number(word) : Number.NaN
  // Slower than that a second of the recording takes more than a timer can wait.
  if (speed >= 0.001 && speed <= 1e6) return speed
  throw new ReplayCommandError(`--speed takes a number (1 is real time, 10 ten times as fast; from 0.001 to 1000000) or max`)
}
