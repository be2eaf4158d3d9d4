import type { LoadedSettings } from './load.ts'
import { type Key, keys, options } from './schema.ts'

/** The answer to --config.check: what the settings come to, and from where. */
export function summary({ settings, sources, warnings }: Omit<LoadedSettings, 'proxy'>): string {
  const rows = keys.map((key) => ({ key, value: shown(key, settings[key]), where: sources[key] }))
  const keyWidth = Math.max(...rows.map(({ key }) => key.length))
  const valueWidth = Math.max(...rows.map(({ value }) => value.length))
  return [
    'configuration is valid',
    ...rows.map(({ key, value, where }) => `  ${key.padEnd(keyWidth)}  ${value.padEnd(valueWidth)}  ${where}`.trimEnd()),
    ...warnings.map((warning) => `warning: ${warning}`),
  ].join('\n')
}

function shown(key: Key, value: unknown): string {
  if (value === undefined) return '-'
  if (options[key].secret === true) return '***'
  if (options[key].secret === 'partly') return withoutCredentials(String(value))
  if (Array.isArray(value)) return value.map((item) => (typeof item === 'string' ? item : `${item.name}=${item.path}`)).join(', ') || '-'
  if (typeof value === 'object' && value !== null)
    return Object.entries(value)
      .map(([unit, count]) => `${count} ${unit}`)
      .join(', ')
  return String(value)
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
