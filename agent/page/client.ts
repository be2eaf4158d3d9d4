import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Html } from './views/html.ts'

declare global {
  // The bundle has no files beside it: setup.sh has esbuild put their text in place of these.
  var CLIENT_JS: string | undefined
  var CLIENT_CSS: string | undefined
}

/** Contents of the page's script and style elements. */
export const clientScript = new Html(globalThis.CLIENT_JS ?? readFileSync(join(import.meta.dirname, 'client.js'), 'utf8'))
export const clientStyle = new Html(globalThis.CLIENT_CSS ?? readFileSync(join(import.meta.dirname, 'client.css'), 'utf8'))
