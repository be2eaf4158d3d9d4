import { readSettingsFile } from './files.ts'
import { type Key, keys, options } from './schema.ts'
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
  const { env, otel = [], type } = options[key]
  return [{ name: env, type }, ...otel.map((variable) => ({ type, ...variable }))]
}

function splitAtCommas(list: string): readonly string[] {
  return list
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean)
}

/** FIBRE_RECORDER_* belong to another program of the same operators. */
function isUnknown(name: string): boolean {
  return name.startsWith('FIBRE_') && !name.startsWith('FIBRE_RECORDER_') && !keys.some((key) => options[key].env === name)
}

function unknownVariable(name: string): string {
  return `${name}: there is no such setting, it is ignored${didYouMean(name.replace('FIBRE_', ''), ({ env }) => env)}`
}
