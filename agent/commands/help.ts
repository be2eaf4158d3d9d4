import { type CommandName, commandNames, defineCommand, didYouMeanCommand, isCommandName, misuse } from './command.ts'

/** `fibre-agent help [COMMAND]`: prints the help of a command, or of the agent. */
export const help = defineCommand({
  flags: {},
  settings: [],
  help: {
    usage: ['fibre-agent help [COMMAND]'],
    parts: [
      `Prints the help of a command (${commandNames.join(', ')}), or of the agent.`,
      { title: 'Flags', flags: ['help', 'version'] },
      'Exit status: 0, or 2 when the command line is wrong.',
    ],
  },
  problemOfWord(word, before) {
    if (before.length > 0) return 'name one command only'
    return isCommandName(word) ? undefined : `${JSON.stringify(word)}: there is no such command${didYouMeanCommand(word)}`
  },
  async run({ words: [name], problems }, { printHelp }) {
    if (problems.length > 0) throw misuse('help', this.help, problems)
    await printHelp(name === undefined ? undefined : (name as CommandName))
    return { exitCode: 0 }
  },
})
