import { type FieldKind, logs, streamLabels } from '../../dashboards/log-fields.ts'
import { groupNames } from './regex.ts'

interface Operator {
  readonly type: string
  readonly if?: string
  readonly regex?: string
  readonly field?: string
  readonly to?: string
  readonly value?: string
}

interface Receiver {
  readonly include_file_name?: boolean
  readonly operators?: readonly Operator[]
}

export interface CollectorConfiguration {
  readonly receivers: Readonly<Record<string, Receiver | undefined>>
  readonly processors: Readonly<Record<string, { readonly log_statements?: readonly string[] } | undefined>>
  readonly exporters: Readonly<Record<string, { readonly headers?: Readonly<Record<string, string>> } | null | undefined>>
  readonly service: {
    readonly pipelines: Readonly<Record<string, { readonly receivers: readonly string[]; readonly processors: readonly string[] }>>
  }
}

export interface LokiConfiguration {
  readonly limits_config: {
    readonly otlp_config: {
      readonly resource_attributes: {
        readonly attributes_config: readonly { readonly action: string; readonly attributes: readonly string[] }[]
      }
    }
  }
}

/** In what the list of fields and the configurations differ. */
export function differencesOf(collector: CollectorConfiguration, loki: LokiConfiguration): readonly string[] {
  const indexed = loki.limits_config.otlp_config.resource_attributes.attributes_config.flatMap(({ action, attributes }) =>
    action === 'index_label' ? attributes.map(labelName) : [],
  )
  const forVictoriaLogs = Object.values(collector.exporters).flatMap((exporter) => exporter?.headers?.['VL-Stream-Fields'] ?? [])
  return [
    ...differences('the labels of streams', new Set(streamLabels), new Set(indexed)),
    ...forVictoriaLogs.flatMap((fields) =>
      differences("VictoriaLogs' stream fields", new Set(streamLabels), new Set(fields.split(',').map(labelName))),
    ),
    ...Object.values(collector.service.pipelines).flatMap(({ receivers, processors }) => {
      const lines = collector.receivers[receivers[0] ?? '']
      if (!receivers[0]?.startsWith('file_log/')) return []
      const resource = resourceOf(processors.flatMap((name) => collector.processors[name]?.log_statements ?? []))
      const job = resource.get('job') ?? ''
      const log = Object.entries(logs).find(([name]) => name === job)?.[1]
      if (log === undefined) return [`${receivers[0]} yields a job that is not listed: ${job}`]
      if (resource.get('service.name') !== log.service) return [`${job} comes from ${resource.get('service.name')}, not ${log.service}`]
      return differences(`the fields of ${job}`, entriesOf(log.fields), entriesOf(fieldsOf(lines ?? {}, log.fields)))
    }),
  ]
}

/** Fields that its operators add beside a line. For lines of JSON, whose fields are in the line, the list itself is believed. */
function fieldsOf({ include_file_name = true, operators = [] }: Receiver, listed: Readonly<Record<string, FieldKind>>) {
  const isJson = operators.some(({ type }) => type === 'json_parser')
  const fields = new Map<string, FieldKind>(isJson ? Object.entries(listed).filter(([name]) => name !== 'log_file_name') : [])
  for (const { type, regex, field = '', to = '', value = '', if: condition } of operators) {
    if (type === 'regex_parser') for (const name of groupNames(regex ?? '')) fields.set(name, fields.get(name) ?? 'text')
    if (type === 'add') fields.set(attribute(field), /^EXPR\((?:int|float)\(/.test(value) ? 'number' : 'text')
    if ((type === 'copy' || type === 'move') && to.startsWith('attributes.')) fields.set(attribute(to), 'text')
    // Removed from every line, not only where it says nothing.
    if (type === 'remove' && (condition === undefined || condition === `"${attribute(field)}" in attributes`))
      fields.delete(attribute(field))
  }
  if (include_file_name) fields.set('log_file_name', 'text')
  return Object.fromEntries(fields)
}

const attribute = (field: string) => field.replace(/^attributes\./, '')
/** Loki's name of an attribute. */
const labelName = (name: string) => name.replaceAll('.', '_')

const resourceOf = (statements: readonly string[]): ReadonlyMap<string, string> =>
  new Map(
    statements.flatMap((text) => {
      const [, name, value] = /^set\(resource\.attributes\["([^"]+)"\], "([^"]+)"\)/.exec(text) ?? []
      return name && value ? [[name, value] as const] : []
    }),
  )

const entriesOf = (fields: Readonly<Record<string, FieldKind>>) =>
  new Set(Object.entries(fields).map(([name, kind]) => `${name} (${kind})`))

const differences = (of: string, listed: ReadonlySet<string>, yielded: ReadonlySet<string>): readonly string[] => [
  ...[...listed.difference(yielded)].map((name) => `${of}: ${name} is listed, but not yielded`),
  ...[...yielded.difference(listed)].map((name) => `${of}: ${name} is yielded, but not listed`),
]
