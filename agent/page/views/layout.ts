import { hash } from 'node:crypto'
import type { WholeAnswer } from '../../http/answer.ts'
import { clientScript, clientStyle } from '../client.ts'
import { nothing } from './format.ts'
import { type Html, html } from './html.ts'

const sourceOf = ({ markup }: Html) => `'sha256-${hash('sha256', markup, 'base64')}'`
const HEADERS = {
  'Content-Security-Policy': `default-src 'none'; style-src ${sourceOf(clientStyle)}; script-src ${sourceOf(clientScript)}; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  'Referrer-Policy': 'no-referrer',
}

export interface Document {
  readonly title: string
  readonly head?: Html
  readonly body: Html
  /** Given to the script that keeps the page up to date; without it the page has no script. */
  readonly script?: { readonly version: string; readonly blocks: number }
}

/** A page that needs nothing but itself. */
export function documentAnswer({ title, head = nothing, body, script }: Document): WholeAnswer {
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
  return { status: 200, type: 'text/html; charset=utf-8', headers: HEADERS, body: markup }
}
