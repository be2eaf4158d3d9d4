import { readSettingsFile } from './files.ts'
import { type Key, keys, options, withoutUse } from './schema.ts'
import { Source } from './source.ts'
import { didYouMean } from './suggest.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** What the environment says. An empty variable counts as not set; of several names for one setting the agent's own comes first. */
export function readEnvironment(env: Environment): Source {
  const source = new Source()
  const own = withoutServiceLinks(env, source.warnings)
  for (const key of keys) {
    const variable = variables(key).find(({ name }) => own[name])
    const raw = variable && own[variable.name]
    if (raw) source.give(key, options[key].many ? splitAtCommas(raw) : raw, variable.name, variable.type)
  }
  for (const [reason, variable] of Object.entries(withoutUse))
    if (own[variable.env]) source.warnings.push(`${variable.env}: has no effect: ${reason}`)
  source.warnings.push(...Object.keys(own).filter(isUnknown).map(unknownVariable))
  return source
}

/** Which standard variable, if any, takes a setting back. */
export function switchedOffBy(key: Key, env: Environment): string | undefined {
  const off = Object.entries(options[key].switchedOffBy ?? {}).find(([name, value]) => env[name]?.trim().toLowerCase() === value)
  return off?.join('=')
}

/** The OTLP exporter reads these by itself, and where a file is missing it pushes without a word to the wrong trust or none. */
export function missingPushFiles(env: Environment): readonly string[] {
  return ['CERTIFICATE', 'CLIENT_CERTIFICATE', 'CLIENT_KEY']
    .flatMap((file) => [`OTEL_EXPORTER_OTLP_METRICS_${file}`, `OTEL_EXPORTER_OTLP_${file}`])
    .flatMap((name) => {
      const file = env[name] ? readSettingsFile(env[name]) : { content: '' }
      return 'problem' in file ? [`${name}: ${file.problem}`] : []
    })
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
  const { env, alsoEnv = [], type } = options[key]
  return [{ name: env, type }, ...alsoEnv.map((variable) => ({ type, ...variable }))]
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
  return `${name}: there is no such setting, it is ignored${didYouMean(name.replace('FIBRE_', ''), ({ env }) => env)}`
}
