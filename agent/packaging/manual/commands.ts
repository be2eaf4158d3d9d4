import { loadCommand } from '../../cli.ts'
import { type Command, commandNames } from '../../commands/command.ts'

/** A command with its name; the one that measures has none. */
export interface DocumentedCommand {
  readonly name: string
  readonly command: Command
}

/** All commands, the one that measures first. */
export async function documentedCommands(): Promise<readonly [DocumentedCommand, ...DocumentedCommand[]]> {
  const others = await Promise.all(commandNames.map(async (name) => ({ name, command: await loadCommand(name) })))
  return [{ name: '', command: await loadCommand(undefined) }, ...others]
}
