import type { PageAnswer } from '../answer.ts'
import { clientScript, clientStyle } from '../client.ts'
import { type Html, html, nothing } from './html.ts'

const sourceOf = ({ markup }: Html) => `'sha256-${process.getBuiltinModule('node:crypto').hash('sha256', markup, 'base64')}'`
let headers: PageAnswer['headers']
/** Hashes what the page brings along when a page is first asked for. */
const pageHeaders = () => {
  headers ??= {
    'Content-Security-Policy': `default-src 'none'; style-src ${sourceOf(clientStyle)}; script-src ${sourceOf(clientScript)}; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    'Referrer-Policy': 'no-referrer',
  }
  return headers
}

interface PageDocument {
  readonly title: string
  readonly head?: Html
  readonly body: Html
  /** Given to client.js; without it the page has no script. */
  readonly script?: { readonly version: string; readonly blocks: number }
}

/** Renders a page that loads nothing else. */
export function documentAnswer({ title, head = nothing, body, script }: PageDocument): PageAnswer {
  const { markup } = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
${head}
<style>${clientStyle}</style>
</head>
<body>
${body}
${script ? html`<script data-version="${script.version}" data-blocks="${script.blocks}">${clientScript}</script>` : nothing}
</body>
</html>
`
  return { status: 200, type: 'text/html; charset=utf-8', headers: pageHeaders(), body: markup }
}
