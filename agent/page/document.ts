import { hash } from 'node:crypto'
import type { WholeAnswer } from '../http/answer.ts'
import { type Html, html } from './html.ts'
import { pageScript } from './page-script.ts'
import { pageStyle } from './page-style.ts'
import { nothing } from './words.ts'

const sourceOf = ({ markup }: Html) => `'sha256-${hash('sha256', markup, 'base64')}'`
const HEADERS = {
  'Content-Security-Policy': `default-src 'none'; style-src ${sourceOf(pageStyle)}; script-src ${sourceOf(pageScript)}; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  'Referrer-Policy': 'no-referrer',
}

/** A page that needs nothing but itself; with a version it is kept up to date by its script. */
export function documentAnswer(title: string, body: Html, head: Html = nothing, version?: string): WholeAnswer {
  const script = version === undefined ? nothing : html`<script data-version="${version}">${pageScript}</script>`
  const { markup } = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
${head}
<style>${pageStyle}</style>
</head>
<body>
${body}
${script}
</body>
</html>
`
  return { status: 200, type: 'text/html; charset=utf-8', headers: HEADERS, body: markup }
}
