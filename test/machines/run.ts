import { type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'

/** Runs a program to its end and returns what it printed. Throws what it complained of where it fails. */
export async function runProgram(program: string, args: readonly string[], options: SpawnOptions = {}): Promise<string> {
  const child = spawn(program, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  let printed = ''
  let complaints = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    printed += text
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaints += text
  })
  const [code, signal] = await once(child, 'close')
  if (code !== 0) throw new Error(`${program} ${args.slice(0, 3).join(' ')} ended with ${signal ?? code}: ${complaints.trim()}`)
  return printed
}

/** Something that comes over the network and did not. */
export class Unavailable extends Error {}

/** Runs a program that downloads. */
export function runDownload(program: string, args: readonly string[], options: SpawnOptions): Promise<string> {
  return runProgram(program, args, options).catch((cause: Error) => {
    throw new Unavailable(`cannot download what the machine is made of: ${cause.message}`, { cause })
  })
}
