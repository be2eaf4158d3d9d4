import { defineCommand, misuse } from './command.ts'

/** `fibre-agent version`: prints the version. */
export const version = defineCommand({
  flags: {},
  settings: [],
  help: {
    usage: ['fibre-agent version'],
    parts: [
      'Prints the version, as --version does.',
      { title: 'Flags', flags: ['help', 'version'] },
      'Exit status: 0, or 2 when the command line is wrong.',
    ],
  },
  problemOfWord: (word) => `${JSON.stringify(word)}: is no flag`,
  async run({ problems }, { printVersion }) {
    if (problems.length > 0) throw misuse('version', this.help, problems)
    await printVersion()
    return { exitCode: 0 }
  },
})
