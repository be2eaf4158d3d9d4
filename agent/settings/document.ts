import wrapAnsi from 'wrap-ansi'
import { groups, keys, type Option, options } from './schema.ts'

const WIDTH = 80

/** The settings as a Markdown table, for the README. */
export function settingsTable(): string {
  const rows = keys.map((key) => [code([key]), ...columns(options[key])])
  return [['Setting', 'Flag', 'Environment', 'YAML', 'Default', 'Meaning'], ['---', '---', '---', '---', '---', '---'], ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n')
}

function columns({ flag, short, placeholder, env, alsoEnv = [], yaml, default: value = '', help }: Option): readonly string[] {
  const flags = placeholder ? [`--${flag}`] : [`--${flag}`, `--no-${flag}`]
  return [
    code(short ? [...flags, `-${short}`] : flags),
    code([env, ...alsoEnv.map(({ name }) => name)]),
    code(yaml),
    code(value.length > 0 ? [String(value)] : []),
    help.replaceAll('|', '\\|'),
  ]
}

function code(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(', ')
}

/** A configuration file that sets nothing yet: every setting with its meaning and its default or an example, commented out. */
export function exampleYaml(): string {
  const sections = groups.map((group) => {
    const described = keys.map((key) => options[key]).filter((option) => option.group === group && option.yaml.length > 0)
    return described.map(
      (option) => `${wrapAnsi(option.help, WIDTH - 2).replace(/^/gm, '# ')}\n#${option.yaml[0]}: ${option.example ?? option.default}\n`,
    )
  })
  return ['# Settings of fibre-agent. Take the # from those you want to change.\n', ...sections.flat()].join('\n')
}
