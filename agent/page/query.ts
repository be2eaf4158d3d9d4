import type { PageRequest, PageRoute } from './answer.ts'

const LONGEST_NAME = 40

/** A query that cannot be answered; its message says why. */
class QueryError extends Error {}

/** Reads a request's query. Parameters that are not among `names`, or come twice, are refused. */
export function readParameters<const Name extends string>(request: PageRequest, names: readonly Name[]): Partial<Record<Name, string>> {
  const { searchParams } = new URL(request.url ?? '', 'http://localhost')
  const query: Partial<Record<string, string>> = {}
  for (const [name, value] of searchParams) {
    if (!names.some((known) => known === name))
      throw new QueryError(`There is no parameter ${quoted(name)}; there are${names.length === 0 ? ' none' : `: ${names.join(', ')}`}.`)
    if (Object.hasOwn(query, name)) throw new QueryError(`${name} is there twice.`)
    query[name] = value
  }
  return query as Partial<Record<Name, string>>
}

/** Foreign text: what acts instead of being shown is escaped, and much of it is cut. */
function quoted(name: string): string {
  return JSON.stringify(name.length <= LONGEST_NAME ? name : `${name.slice(0, LONGEST_NAME)}…`)
}

export function readWholeNumber(name: string, text: string, least: number, most: number): number {
  const value = Number(text)
  if (!/^\d{1,9}$/.test(text) || value < least || value > most)
    throw new QueryError(`${name} has to be a whole number from ${least} to ${most}.`)
  return value
}

/** Reads a block's hash; returns it in lower case. */
export function readBlockHash(name: string, text: string): string {
  if (!/^[0-9a-f]{64}$/i.test(text)) throw new QueryError(`${name} has to be the hash of a block: 64 hex digits.`)
  return text.toLowerCase()
}

/** Makes a route answer 400, with the reason, to a query that it cannot answer. */
export function refusingBadQueries(route: PageRoute): PageRoute {
  return async (request) => {
    try {
      return await route(request)
    } catch (error) {
      if (error instanceof QueryError) return { status: 400, body: `${error.message}\n` }
      throw error
    }
  }
}
