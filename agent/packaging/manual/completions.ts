import { allFlags } from '../../commands/command-line.ts'
import type { Flag } from '../../commands/flags.ts'
import { type DocumentedCommand, documentedCommands } from './commands.ts'

/** What shells complete: for each command the words that begin with `-`. */
interface Completed {
  /** Empty for the command that measures. */
  readonly name: string
  readonly flags: readonly CompletedFlag[]
}

interface CompletedFlag {
  /** With its hyphens. */
  readonly words: readonly string[]
  readonly takesValue: boolean
  /** Whether the value is the path of a file or folder. */
  readonly takesPath: boolean
  readonly summary: string
}

/** Returns completions for bash, zsh and fish, from the same definitions as `--help`. */
export async function completions(): Promise<{ readonly bash: string; readonly zsh: string; readonly fish: string }> {
  const all = (await documentedCommands()).map(completedOf)
  return { bash: bash(all), zsh: zsh(all), fish: fish(all) }
}

function completedOf({ name, command }: DocumentedCommand): Completed {
  return { name, flags: Object.entries(allFlags(command)).map(([flag, definition]) => completedFlag(flag, definition)) }
}

function completedFlag(name: string, { short, placeholder, isNegatable, help }: Flag): CompletedFlag {
  return {
    words: [`--${name}`, ...(isNegatable ? [`--no-${name}`] : []), ...(short ? [`-${short}`] : [])],
    takesValue: placeholder !== undefined,
    takesPath: placeholder === 'PATH',
    summary: help.split(/[.;:](?:\s|$)/, 1)[0] ?? help,
  }
}

const namesOf = (all: readonly Completed[]) => all.map(({ name }) => name).filter((name) => name !== '')

function bash(all: readonly Completed[]): string {
  const cases = all.map(({ name, flags }) => `    ${name === '' ? '*' : name}) flags='${flags.flatMap(({ words }) => words).join(' ')}' ;;`)
  const [measuring = '', ...others] = cases
  const valued = all.flatMap(({ flags }) => flags).filter(({ takesValue }) => takesValue)
  const wordsOf = (flags: readonly CompletedFlag[]) => [...new Set(flags.flatMap(({ words }) => words))].sort().join('|')
  return `# bash completion of fibre-agent
_fibre_agent() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]} command='' flags word
  local -r commands='${namesOf(all).join(' ')}'
  COMPREPLY=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    [[ " $commands " == *" $word "* ]] && { command=$word; break; }
  done
  case $previous in
    ${wordsOf(valued.filter(({ takesPath }) => takesPath))})
      mapfile -t COMPREPLY < <(compgen -f -- "$current")
      compopt -o filenames
      return ;;
    ${wordsOf(valued.filter(({ takesPath }) => !takesPath))}) return ;;
  esac
  case $command in
${[...others, measuring].join('\n')}
  esac
  if [[ $current == -* ]]; then mapfile -t COMPREPLY < <(compgen -W "$flags" -- "$current")
  elif [[ -z $command || $command == help ]]; then mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$current")
  else mapfile -t COMPREPLY < <(compgen -f -- "$current"); compopt -o filenames
  fi
}
complete -F _fibre_agent fibre-agent
`
}

function zsh(all: readonly Completed[]): string {
  const specs = ({ flags }: Completed) =>
    flags.flatMap(({ words, summary, takesValue, takesPath }) =>
      words.map((word) =>
        zshQuoted(`${word}[${summary.replace(/[[\]:]/g, '\\$&')}]${takesValue ? `:value:${takesPath ? '_files' : ''}` : ''}`),
      ),
    )
  const cases = all.map(
    (completed) => `    ${completed.name || '*'}) _arguments \\\n      ${[...specs(completed), "'*:file:_files'"].join(' \\\n      ')} ;;`,
  )
  const [measuring = '', ...others] = cases
  return `#compdef fibre-agent
_fibre_agent() {
  local -a commands=(${namesOf(all).join(' ')})
  local command=\${words[(r)(\${(j:|:)~commands})]}
  if [[ -z $command && $PREFIX != -* ]]; then compadd -a commands; return; fi
  case $command in
${[...others, measuring].join('\n')}
  esac
}
_fibre_agent "$@"
`
}

function fish(all: readonly Completed[]): string {
  const names = namesOf(all).join(' ')
  const lines = all.flatMap(({ name, flags }) => {
    const when = name === '' ? `not __fish_seen_subcommand_from ${names}` : `__fish_seen_subcommand_from ${name}`
    return flags.flatMap(({ words, summary, takesValue, takesPath }) =>
      words.map((word) => {
        const spelled = word.startsWith('--') ? `-l ${word.slice(2)}` : `-s ${word.slice(1)}`
        const value = takesPath ? ' -rF' : takesValue ? ' -x' : ''
        return `complete -c fibre-agent -n ${fishQuoted(when)} ${spelled}${value} -d ${fishQuoted(summary)}`
      }),
    )
  })
  return `# fish completion of fibre-agent
complete -c fibre-agent -n ${fishQuoted(`not __fish_seen_subcommand_from ${names}`)} -a ${fishQuoted(names)}
${lines.join('\n')}
`
}

const zshQuoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`
const fishQuoted = (text: string) => `'${text.replace(/[\\']/g, '\\$&')}'`
