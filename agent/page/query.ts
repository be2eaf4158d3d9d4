import type { IncomingMessage } from 'node:http'
import type { Route } from '../http/answer.ts'

/** What was asked for is not what can be. */
export class QueryError extends Error {}

/** Reads a request's query. Parameters that are not among `names`, or come twice, are refused. */
export function readQuery<const Name extends string>(request: IncomingMessage, names: readonly Name[]): Partial<Record<Name, string>> {
  const { searchParams } = new URL(request.url ?? '', 'http://localhost')
  const query: Partial<Record<string, string>> = {}
  for (const [name, value] of searchParams) {
    if (!names.some((known) => known === name))
      throw new QueryError(`There is no such parameter; there are${names.length === 0 ? ' none' : `: ${names.join(', ')}`}.`)
    if (Object.hasOwn(query, name)) throw new QueryError(`${name} is there twice.`)
    query[name] = value
  }
  return query as Partial<Record<Name, string>>
}

export function wholeNumber(name: string, text: string, least: number, most: number): number {
  const value = Number(text)
  if (!/^\d{1,9}$/.test(text) || value < least || value > most)
    throw new QueryError(`${name} has to be a whole number from ${least} to ${most}.`)
  return value
}

/** A block's hash, in lower case. */
export function blockHash(name: string, text: string): string {
  if (!/^[0-9a-f]{64}$/i.test(text)) throw new QueryError(`${name} has to be the hash of a block: 64 hex digits.`)
  return text.toLowerCase()
}

/** A route that says in words what is wrong with a query. */
export function explaining(route: Route): Route {
  return async (request) => {
    try {
      return await route(request)
    } catch (error) {
      if (error instanceof QueryError) return { status: 400, body: `${error.message}\n` }
      throw error
    }
  }
}
