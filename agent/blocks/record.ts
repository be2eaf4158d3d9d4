import type { Block } from './block.ts'
import { factsOf } from './facts.ts'
import type { RecordField } from './record-field.ts'
import { recordFields } from './record-fields.ts'

type Fields = typeof recordFields
export type RecordFieldName = keyof Fields
type ValueOf<Name extends RecordFieldName> = ReturnType<Fields[Name]['read']>
type Optional = { [Name in RecordFieldName]: undefined extends ValueOf<Name> ? Name : never }[RecordFieldName]
type Required = Exclude<RecordFieldName, Optional>

/** The joined events of one block. A field that is not known is `undefined`, and absent in JSON. */
export type BlockRecord = { readonly [Name in Required]: ValueOf<Name> } & {
  readonly [Name in Optional]?: Exclude<ValueOf<Name>, undefined>
}

const names = Object.keys(recordFields) as RecordFieldName[]
const fields: readonly RecordField<unknown>[] = Object.values(recordFields)

/** An empty record. Its copies share its hidden class; objects that grow field by field would each have their own. */
const nothing = Object.fromEntries(names.map((name) => [name, undefined]))

/** Returns the record of a block, as far as it is known. */
export function recordOf(block: Block): BlockRecord {
  const facts = factsOf(block)
  const record: Partial<Record<RecordFieldName, unknown>> = { ...nothing }
  for (let i = 0; i < names.length; i++) record[names[i] as RecordFieldName] = (fields[i] as RecordField<unknown>).read(facts)
  return record as BlockRecord
}

const required: readonly Required[] = ['schema', 'time', 'node', 'block_hash', 'path']

/** Reports whether a value is a record of this schema. Fields that this version does not know are allowed. */
export function isBlockRecord(value: unknown): value is BlockRecord {
  if (typeof value !== 'object' || value === null) return false
  const record = value as Readonly<Partial<Record<string, unknown>>>
  return (
    record.schema === 1 && required.every((name) => name in record) && names.every((name) => fits[recordFields[name].kind](record[name]))
  )
}

const orAbsent = (type: 'string' | 'number' | 'boolean') => (value: unknown) => value === undefined || typeof value === type

const fits: Readonly<Record<RecordField<unknown>['kind'], (value: unknown) => boolean>> = {
  text: orAbsent('string'),
  time: (value) => value === undefined || (typeof value === 'string' && !Number.isNaN(Date.parse(value))),
  integer: orAbsent('number'),
  decimal: orAbsent('number'),
  boolean: orAbsent('boolean'),
}
