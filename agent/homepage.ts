import manifest from '../package.json' with { type: 'json' }

/** Address of this project, as package.json has it; undefined if that has none. */
export const homepage: string | undefined = (manifest as { readonly homepage?: string }).homepage

const INSTALLED = 'file:///usr/share/fibre-agent'

/** Address of a file of this repository that packages install as well: below the homepage, or on the machine if there is none. */
export function addressOf(path: string, home: string | undefined): string {
  if (home === undefined) return `${INSTALLED}/${path}`
  const base = home.replace(/\/?(#.*)?$/, '')
  return /^https:\/\/(github|gitlab)\.com\/[^/]+\/[^/]+$/.test(base) ? `${base}/blob/HEAD/${path}` : `${base}/${path}`
}
