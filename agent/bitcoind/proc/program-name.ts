import { basename } from 'node:path'
import { readExecutable } from './proc.ts'
import { ifReadable, readStart } from './read.ts'

const MOST_WORDS = 4096
const MOST_CHARACTERS = 40
const interpreters = /^(python|perl|ruby|node|bash|sh)[\d.]*$/

/** A process in words: its program, the script that an interpreter runs, and the pid. Nothing else of its command line, which may hold secrets. */
export function programOf(pid: number): string {
  const program = basename(ifReadable(() => readExecutable(`/proc/${pid}`)) ?? 'a program')
  const words = ifReadable(() => readStart(`/proc/${pid}/cmdline`, MOST_WORDS))?.split('\0') ?? []
  const script = interpreters.test(program) ? words.slice(1).find((word) => !word.startsWith('-')) : undefined
  return `${[program, script && basename(script)].filter(Boolean).join(' ').slice(0, MOST_CHARACTERS)} (pid ${pid})`
}
