import type { Agent } from '../agent.ts'
import type { Output } from '../nodes/output.ts'
import type { Environment } from '../settings/load.ts'
import { didYouMean } from '../settings/suggest.ts'
import type { CommandLine, Grammar } from './command-line.ts'
import type { Flags } from './flags.ts'
import type { Help } from './help-text.ts'

/** Words that name a command. Without one the agent runs. */
export const commandNames = ['blocks', 'replay', 'doctor', 'tracepoints', 'health', 'help', 'version'] as const

export type CommandName = (typeof commandNames)[number]

export function isCommandName(word: string): word is CommandName {
  return (commandNames as readonly string[]).includes(word)
}

/** A command: its flags, its help, and what it does. */
export interface Command<F extends Flags = Flags> extends Grammar<F> {
  readonly help: Help
  run(line: CommandLine<F>, context: Context): Promise<Outcome>
}

/** The surroundings of a command. */
export interface Context {
  readonly version: string
  /** Folder of the compiled kernel program, `usdt.bpf.o`. */
  readonly folder: string
  /** Told of events and blocks after the agent's own outputs. */
  readonly outputs?: readonly Output[]
  /** That of this process if there is none. */
  readonly env?: Environment
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number }
  readonly stderr: NodeJS.WritableStream
  /** Prints the help of a command, or of the agent. */
  printHelp(command: CommandName | undefined): Promise<void>
  printVersion(): Promise<void>
}

/** The outcome of a command: an end with an exit code, or an agent that runs. */
export type Outcome =
  | { readonly exitCode: number }
  | {
      readonly agent: Agent
      reload(): void
      /** Resolves when the agent is to end by itself. */
      readonly ends?: Promise<void>
    }

/** The command line asks for nothing that can be done; its message says what is wrong, and the way out. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
  readonly exitCode = 2
}

/** The error for a wrong command line of a command, with its usage. */
export function misuse(name: CommandName, { usage: [usage] }: Help, problems: readonly string[]): UsageError {
  return new UsageError(`${name}: ${problems.join('; ')}\nUsage: ${usage}; all flags: fibre-agent ${name} --help`)
}

/** Derives the types of a command's values from its flags. */
export function defineCommand<const F extends Flags>(command: Command<F>): Command<F> {
  return command
}

/** Ends a complaint about an unknown command with the one that was probably meant. */
export function didYouMeanCommand(word: string): string {
  return didYouMean(
    word,
    commandNames.map((name) => ({ spelling: name, shown: name })),
  )
}
