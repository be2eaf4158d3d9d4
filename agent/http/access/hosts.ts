import { isIP } from 'node:net'
import { hostname } from 'node:os'
import type { Answer } from '../answer.ts'

/**
 * Makes the check of a Host header. A web page that is open in an operator's browser can point a name of its own at 127.0.0.1 (DNS
 * rebinding) and read what is served there; the browser then sends that name. An address is nobody's name, and without a header
 * it is no browser.
 */
export function hostCheck(allowed: readonly string[]): (header: string | undefined) => boolean {
  if (allowed.includes('*')) return () => true
  const names = new Set(['', 'localhost', hostname(), ...allowed].map(withoutEnd))
  return (header = '') => {
    const host = header.trim().replace(/:\d*$/, '')
    return isIP(host.replace(/^\[(.*)\]$/, '$1')) !== 0 || names.has(withoutEnd(host))
  }
}

/** Names are the same in any case, and with the dot of the root. */
function withoutEnd(name: string): string {
  return name.toLowerCase().replace(/\.$/, '')
}

export const misdirected: Answer = {
  status: 421,
  body: 'This agent does not go by the name in the Host header. If it should: --allowed-hosts NAME, see its README.\n',
}
