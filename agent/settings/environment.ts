import { readSettingsFile } from './files.ts'
import { type Key, keys, options, withoutUse } from './schema.ts'
import { Source } from './source.ts'
import { didYouMean } from './suggest.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** What the environment says. An empty variable counts as not set; of several names for one setting the agent's own comes first. */
export function readEnvironment(env: Environment): Source {
  const source = new Source()
  for (const key of keys) {
    const variable = variables(key).find(({ name }) => env[name])
    const raw = variable && env[variable.name]
    if (raw) source.give(key, options[key].many ? splitAtCommas(raw) : raw, variable.name, variable.type)
  }
  for (const [reason, variable] of Object.entries(withoutUse))
    if (env[variable.env]) source.warnings.push(`${variable.env}: has no effect: ${reason}`)
  source.warnings.push(...Object.keys(env).filter(isUnknown).map(unknownVariable))
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
