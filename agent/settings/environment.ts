import { validateHeaderName, validateHeaderValue } from 'node:http'
import { type Key, keys, options, withoutUse } from './schema.ts'
import { readSettingsFile } from './secrets/files.ts'
import { settingNames } from './setting-names.ts'
import { Source } from './source.ts'
import { didYouMean } from './suggest.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** Reads settings from the environment. An empty variable counts as not set; among several names for one setting the agent's own comes first. */
export function readEnvironment(env: Environment): Source {
  const source = new Source()
  const own = withoutServiceLinks(env, source.warnings)
  for (const key of keys) {
    const variable = variables(key).find(({ name }) => own[name])
    const raw = variable && own[variable.name]
    if (raw) source.give(key, options[key].many ? splitAtCommas(raw) : raw, variable.name, variable.own)
  }
  for (const [reason, variable] of Object.entries(withoutUse))
    if (own[variable.env]) source.warnings.push(`${variable.env}: has no effect: ${reason}`)
  source.warnings.push(...Object.keys(own).filter(isUnknown).map(unknownVariable))
  return source
}

/** The standard variable, if any, that unsets a setting. */
export function switchedOffBy(key: Key, env: Environment): string | undefined {
  const off = Object.entries(options[key].switchedOffBy ?? {}).find(([name, value]) => env[name]?.trim().toLowerCase() === value)
  return off?.join('=')
}

/** Problems of the variables that the OTLP exporter reads itself, and of which it would silently ignore what it does not understand. */
export function problemsOfPushing(env: Environment): readonly string[] {
  const given = (ending: string) => [`OTEL_EXPORTER_OTLP_METRICS_${ending}`, `OTEL_EXPORTER_OTLP_${ending}`].filter((name) => env[name])
  const value = (name: string) => env[name] as string
  return [
    ...['CERTIFICATE', 'CLIENT_CERTIFICATE', 'CLIENT_KEY'].flatMap(given).flatMap((name) => {
      const file = readSettingsFile(value(name))
      return 'problem' in file ? [`${name}: ${file.problem}`] : []
    }),
    ...given('COMPRESSION').flatMap((name) => (/^\s*(gzip|none)\s*$/.test(value(name)) ? [] : [`${name}: must be gzip or none`])),
    ...given('HEADERS').flatMap((name) => {
      const wrong = value(name)
        .split(',')
        .findIndex((pair) => !isHeader(pair))
      return wrong === -1 ? [] : [`${name}: entry ${wrong + 1} is no header; write name=value, with commas between and other signs as %XX`]
    }),
  ]
}

/** Whether an entry of OTEL_EXPORTER_OTLP_HEADERS can be sent; an empty one says nothing. Values are not for printing. */
function isHeader(pair: string): boolean {
  if (pair.trim() === '') return true
  const [, name = '', value = ''] = /^\s*([^=\s]+)\s*=(.*)$/s.exec(pair) ?? []
  try {
    validateHeaderName(decodeURIComponent(name))
    validateHeaderValue(name, decodeURIComponent(value.trim()))
    return true
  } catch {
    return false
  }
}

/** The variables that name proxies, as curl and Go know them. */
export function proxyOf(env: Environment): Readonly<Record<string, string>> {
  const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'].flatMap((name) => [name, name.toLowerCase()])
  return Object.fromEntries(names.flatMap((name) => (env[name] ? [[name, env[name]]] : [])))
}

/** A Kubernetes Service called `fibre-metrics` puts `FIBRE_METRICS_PORT=tcp://10.96.0.12:9435` and more into every pod beside it. */
function withoutServiceLinks(env: Environment, warnings: string[]): Environment {
  const services = Object.keys(env)
    .filter((name) => name.startsWith('FIBRE_') && name.endsWith('_PORT') && /^(tcp|udp|sctp):\/\//.test(env[name] ?? ''))
    .map((name) => name.slice(0, -'_PORT'.length))
  for (const service of services)
    warnings.push(
      `${service}_PORT: Kubernetes set it for a Service of that name; passed over. enableServiceLinks: false keeps it out of the pod`,
    )
  const isLink = (name: string) =>
    services.some((service) => name.startsWith(`${service}_`) && /^_(SERVICE|PORT)(_|$)/.test(name.slice(service.length)))
  return services.length === 0 ? env : Object.fromEntries(Object.entries(env).filter(([name]) => !isLink(name)))
}

function variables(key: Key) {
  const { env, alsoEnv = [] } = options[key]
  return [{ name: env, own: undefined }, ...alsoEnv.map(({ name, own }) => ({ name, own }))]
}

function splitAtCommas(list: string): readonly string[] {
  return list
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean)
}

function isUnknown(name: string): boolean {
  const isKnown = keys.some((key) => variables(key).some((variable) => variable.name === name))
  return name.startsWith('FIBRE_') && !isKnown && !Object.values(withoutUse).some(({ env }) => env === name)
}

function unknownVariable(name: string): string {
  return `${name}: there is no such setting, it is ignored${didYouMean(
    name.replace('FIBRE_', ''),
    settingNames(({ env }) => env),
  )}`
}
