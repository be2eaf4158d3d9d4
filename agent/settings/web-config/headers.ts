import { validateHeaderValue } from 'node:http'
import type { Field, Fields } from './fields.ts'

/** The headers that exporter-toolkit lets a file set, and the values of those that take no others. */
const SETTABLE: Readonly<Record<string, readonly string[]>> = {
  'Content-Security-Policy': [],
  'Strict-Transport-Security': [],
  'X-Content-Type-Options': ['nosniff'],
  'X-Frame-Options': ['deny', 'sameorigin'],
  'X-XSS-Protection': [],
}

/** Headers for every answer. One that is left blank is not sent. */
export function readHeaders(fields: Fields, section: Field | undefined): Readonly<Record<string, string>> {
  const headers = fields.texts(section, 'http_server_config.headers')
  for (const [name, { value, field }] of headers) {
    const values = Object.hasOwn(SETTABLE, name) ? SETTABLE[name] : undefined
    if (values === undefined) fields.fail(field, `this header cannot be set; those that can are ${Object.keys(SETTABLE).join(', ')}`)
    else if (values.length > 0 && !values.includes(value))
      fields.fail(field, `must be ${values.join(' or ')}, not ${JSON.stringify(value)}`)
    else if (!isHeaderValue(name, value)) fields.fail(field, 'must be text of one line, in ASCII')
  }
  return Object.fromEntries([...headers].flatMap(([name, { value }]) => (value === '' ? [] : [[name, value]])))
}

function isHeaderValue(name: string, value: string): boolean {
  try {
    validateHeaderValue(name, value)
    return true
  } catch {
    return false
  }
}
