import { isIP } from 'node:net'
import { hostname } from 'node:os'
import type { HttpAnswer } from '../answer.ts'

/**
 * Makes a check of Host headers. A web page that is open in an operator's browser can point a name of its own at 127.0.0.1 (DNS
 * rebinding) and read what is served there; the browser then sends that name. An address is nobody's name, and a client
 * that sends no header is no browser.
 */
export function hostCheck(allowed: readonly string[]): (header: string | undefined) => boolean {
  if (allowed.includes('*')) return () => true
  const names = new Set(['', 'localhost', hostname(), ...allowed].map(normalize))
  return (header = '') => {
    const host = header.trim().replace(/:\d*$/, '')
    return isIP(host.replace(/^\[(.*)\]$/, '$1')) !== 0 || names.has(normalize(host))
  }
}

/** Names are equal in any case, with and without the dot of the root. */
function normalize(name: string): string {
  return name.toLowerCase().replace(/\.$/, '')
}

export const misdirected: HttpAnswer = {
  status: 421,
  body: 'This agent does not go by the name in the Host header. If it should: --allowed-hosts NAME, see its README.\n',
}
