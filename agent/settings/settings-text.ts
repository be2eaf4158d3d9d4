import { stringify } from 'yaml'
import type { LoadedSettings } from './load.ts'
import { type Key, keys, options } from './schema.ts'

/**
 * The answer to --config.check: a configuration file of what the settings come to, with the source of each. What is secret or not set is a
 * comment.
 */
export function settingsText(loaded: Omit<LoadedSettings, 'proxy'>): string {
  const named = keys.filter((key) => options[key].yaml.length > 0)
  const entries = named.map((key) => ({ entry: entryOf(key, loaded), where: loaded.sources[key].replaceAll('\n', ' ') }))
  const width = Math.min(MOST_COLUMNS, Math.max(...entries.map(({ entry }) => entry.length)))
  return [
    '# configuration is valid',
    ...loaded.warnings.map((warning) => `# warning: ${warning.replaceAll('\n', ' ')}`),
    ...entries.map(({ entry, where }) => `${entry.padEnd(width)}  # ${where}`),
  ].join('\n')
}

/** Sources stand in a column, but for values that are longer. */
const MOST_COLUMNS = 60

function entryOf(key: Key, { settings, written }: Omit<LoadedSettings, 'proxy'>): string {
  const name = options[key].yaml[0]
  const text = written[key]
  if (text === undefined) return settings[key] === undefined ? `#${name}:` : `#${name}: ***` // out of a file that another setting names
  const shown = options[key].secret === 'partly' ? withoutCredentials(String(text)) : text
  if (options[key].secret === true || shown !== text) return `#${name}: ${options[key].secret === true ? '***' : shown}`
  return `${name}: ${yamlOf(key === 'nodes' ? Object.fromEntries(settings.nodes.map(({ name, path }) => [name, path])) : text)}`
}

/** A value in one line, as the agent reads it: text, whatever it looks like. */
function yamlOf(value: unknown): string {
  const isTaken = typeof value === 'string' && /^(|~|null)$|[\r\n]/.test(value)
  const style = { schema: 'failsafe', lineWidth: 0, collectionStyle: 'flow' } as const
  return stringify(value, { ...style, defaultStringType: isTaken ? 'QUOTE_DOUBLE' : 'PLAIN' }).trimEnd()
}
/** Says nothing that is secret: the path that metrics are posted to where there is no other. */
const METRICS_PATH = '/v1/metrics'

/** An address without the parts of it that may be secret. Some receivers have a token in the path. */
export function withoutCredentials(address: string): string {
  const parts = /^(.*?:\/\/)([^/?#]*@)?([^/?#]*)([^?#]*)(.*)$/s.exec(address)
  if (!parts) return address // no address at all: a user name
  const [, scheme, credentials = '', host, path = '', rest = ''] = parts
  const end = path.endsWith(METRICS_PATH) ? METRICS_PATH : ''
  const isBare = ['', '/'].includes(path.slice(0, path.length - end.length))
  return `${scheme}${credentials && '***@'}${host}${isBare ? path : `/***${end}`}${rest && `${rest.slice(0, 1)}***`}`
}
