import manifest from '../package.json' with { type: 'json' }
import { type Command, type CommandName, type Context, commandNames, isCommandName, type Outcome, UsageError } from './commands/command.ts'
import { allFlags, readCommandLine } from './commands/command-line.ts'
import { explain } from './commands/explain.ts'
import type { Flags } from './commands/flags.ts'
import { columnsOf, print } from './commands/print.ts'
import { tokenize } from './commands/tokens.ts'
import { homepage } from './homepage.ts'
import type { Output } from './nodes/output.ts'
import { type Environment, SettingsError } from './settings/load.ts'

export interface CommandOptions {
  /** Words of the command line, after the program's name. */
  readonly argv: readonly string[]
  /** Folder of the compiled kernel program, `usdt.bpf.o`. */
  readonly folder: string
  /** Told of events and blocks after the agent's own outputs. */
  readonly outputs?: readonly Output[]
  readonly stdout?: Context['stdout']
  readonly stderr?: Context['stderr']
  /** That of this process by default. */
  readonly env?: Environment
}

/** Commands are loaded when they are needed: what only a table takes costs the agent no time, and the agent's parts cost a table none. */
const commands: Readonly<Record<CommandName, () => Promise<Command>>> = {
  blocks: async () => (await import('./commands/blocks/blocks.ts')).blocks,
  replay: async () => (await import('./commands/replay.ts')).replay,
  doctor: async () => (await import('./commands/doctor.ts')).doctor,
  tracepoints: async () => (await import('./commands/tracepoints.ts')).tracepoints,
  health: async () => (await import('./commands/health.ts')).health,
  help: async () => (await import('./commands/help.ts')).help,
  version: async () => (await import('./commands/version.ts')).version,
}

/** Loads a command; the one that measures has no name. */
export const loadCommand = async (name: CommandName | undefined): Promise<Command> =>
  name === undefined ? (await import('./commands/run.ts')).run : commands[name]()

/** Does what the command line says. Text goes to standard output, faults to standard error. */
export async function runCommand(options: CommandOptions): Promise<Outcome> {
  const { argv, stdout = process.stdout, stderr = process.stderr } = options
  const context: Context = { ...options, version: manifest.version, stdout, stderr, printHelp, printVersion }
  try {
    const { name, words } = await findCommand(argv)
    const command = await loadCommand(name)
    const line = readCommandLine(words, command)
    if (line.values.help) await printHelp(name)
    else if (line.values.version) await printVersion()
    else return await command.run(line, context)
    return { exitCode: 0 }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') return { exitCode: 0 } // `| head` has seen enough
    stderr.write(`fibre-agent: ${explain(error)}\n`)
    return { exitCode: error instanceof SettingsError || error instanceof UsageError ? error.exitCode : 1 }
  }

  async function printHelp(name: CommandName | undefined): Promise<void> {
    const [command, { helpText }] = await Promise.all([loadCommand(name), import('./commands/help-text.ts')])
    const address = homepage === undefined ? '' : `\nDocumentation: ${homepage}\n`
    await print([`${helpText(command.help, command, columnsOf(stdout, options.env))}\n${address}`], stdout)
  }

  async function printVersion(): Promise<void> {
    await print([`fibre-agent ${manifest.version}\n`], stdout)
  }
}

/** The command is the first word that names one and is no flag's value: flags may stand before it. */
async function findCommand(
  argv: readonly string[],
): Promise<{ readonly name: CommandName | undefined; readonly words: readonly string[] }> {
  const [first = ''] = argv
  if (isCommandName(first)) return { name: first, words: argv.slice(1) }
  const places = argv.keys().filter((index) => isCommandName(argv[index] ?? ''))
  const flags = argv.some(isCommandName) ? await flagsOfAllCommands() : {}
  const at = places.find((index) => {
    const tokens = [...tokenize(argv.slice(0, index + 1), flags, () => '')]
    return tokens.filter(({ kind }) => kind === 'word').length === 1 && tokens.at(-1)?.kind === 'word'
  })
  return at === undefined ? { name: undefined, words: argv } : { name: argv[at] as CommandName, words: argv.toSpliced(at, 1) }
}

async function flagsOfAllCommands(): Promise<Flags> {
  const all = await Promise.all([undefined, ...commandNames].map(loadCommand))
  return Object.assign({}, ...all.map(allFlags))
}
