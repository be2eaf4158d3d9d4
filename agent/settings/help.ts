import { actions, groups, keys, type Option, options } from './schema.ts'

const WIDTH = 80

const introduction = `Watches bitcoind through its tracepoints and serves what it says of each block to Prometheus. \
The command line counts over the environment, the environment over the configuration file, and that over the defaults. \
An empty variable counts as not set. The beginning of a flag is enough where it is unambiguous.`

const standardVariables = `Pushing also follows OpenTelemetry's OTEL_EXPORTER_OTLP_HEADERS, _COMPRESSION, \
_CERTIFICATE, _CLIENT_CERTIFICATE and _CLIENT_KEY, and the same names with _METRICS after OTLP.`

const exitStatus = 'Exit status: 0 after a clean end, 2 when the command line is wrong, 1 for any other reason.'

/** What --help prints. */
export function helpText(): string {
  return [
    [
      'Usage: fibre-agent [--FLAG [VALUE]]...         measure',
      '       fibre-agent blocks [--help | QUERY]     what the journal says of blocks',
      '       fibre-agent replay FILE [--speed N]     measure a recording of --record',
      '       fibre-agent health [--ready]            ask the agent that runs how it is',
    ].join('\n'),
    wrap(introduction, ''),
    ...groups.map((group) => [group, ...entries(group)].join('\n')),
    wrap(standardVariables, ''),
    wrap(exitStatus, ''),
  ].join('\n\n')
}

function entries(group: Option['group']): readonly string[] {
  const described = keys.map((key) => options[key]).filter((option) => option.group === group)
  return [...described.map(optionEntry), ...(group === 'General' ? Object.values(actions).map(actionEntry) : [])]
}

function optionEntry(option: Option): string {
  return [`  ${flagColumn(option)}`, wrap(option.help, '      '), wrap(`[${otherWays(option)}]`, '      ')].join('\n')
}

function actionEntry(action: { flag: string; short?: string; help: string }): string {
  return [`  ${action.short ? `-${action.short}, ` : ''}--${action.flag}`, wrap(action.help, '      ')].join('\n')
}

function flagColumn({ flag, short, placeholder }: Option): string {
  return `${short ? `-${short}, ` : ''}${placeholder ? `--${flag} ${placeholder}` : `--[no-]${flag}`}`
}

function otherWays({ default: value = '', env, alsoEnv = [], yaml }: Option): string {
  return [
    ...(value.length > 0 ? [`default ${value}`] : []),
    `environment ${[env, ...alsoEnv.map(({ name }) => name)].join(', ')}`,
    ...(yaml.length > 0 ? [`file ${yaml.join(', ')}`] : []),
  ].join('; ')
}

/** Breaks a text between words so that it fits a terminal. */
export function wrap(text: string, indent: string): string {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const line = lines.at(-1)
    if (line !== undefined && `${line} ${word}`.length <= WIDTH) lines[lines.length - 1] = `${line} ${word}`
    else lines.push(indent + word)
  }
  return lines.join('\n')
}
