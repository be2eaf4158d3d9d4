import { expect, it } from 'vitest'
import { statusPage } from '../../../agent/http/page.ts'
import type { Status, TargetStatus } from '../../../agent/http/status.ts'
import { serve } from './serve.ts'

const target: TargetStatus = {
  node: 'node-a',
  pid: 4242,
  executable: '/usr/local/bin/bitcoind',
  up: true,
  probes: [
    { probe: 'udp:block_reconstructed', attached: true },
    { probe: 'udp:block_race_time', attached: false, reason: 'not in this binary' },
  ],
  blocks: 1425,
  fibreWins: 913,
  compactWins: 406,
  otherWins: 2,
  lastHeight: 912_345,
  lastBlockAt: new Date(Date.now() - 200_000),
  eventsLost: 12,
}
const quiet: Status = { version: '1.2.3', startedAt: new Date(), health: { ready: true, reasons: [] }, targets: [target] }

async function fetchPage(status: Status) {
  const { url } = await serve({ routes: { '/': statusPage(() => status) } })
  const response = await fetch(url)
  const markup = await response.text()
  // As it reads: with neither style nor tags.
  const words = markup
    .replace(/<style>.*<\/style>|<wbr>/gs, '')
    .replace(/<[^>]+>/g, ' ')
    .replace(/\s+/g, ' ')
  return { response, markup, words }
}

it('shows of each node the last block, the win rate with what it counts, and what was lost', async () => {
  const { words } = await fetchPage(quiet)
  expect(words).toContain('Ready')
  expect(words).toContain('node-a running Process 4242, /usr/local/bin/bitcoind')
  expect(words).toContain('Last block 912,345 3 min ago')
  expect(words).toContain('FIBRE win rate 69% 913 of 1,321 races')
  expect(words).toContain('Won by FIBRE 913 Won by compact block 406 2 by neither')
  expect(words).toContain('Blocks 1,425 1,321 with a race')
  expect(words).toContain('Events lost 12')
  expect(words).toContain('Version 1.2.3')
})

it('shows which tracepoints are attached, and why others are not', async () => {
  const { words } = await fetchPage(quiet)
  expect(words).toContain('1 of 2 tracepoints attached')
  expect(words).toContain('udp:block_reconstructed attached')
  expect(words).toContain('udp:block_race_time missing: not in this binary')
})

it('does not make up figures before the first block', async () => {
  const fresh = {
    ...target,
    blocks: 0,
    fibreWins: 0,
    compactWins: 0,
    otherWins: 0,
    lastHeight: undefined,
    lastBlockAt: undefined,
    eventsLost: 0,
  }
  const { words } = await fetchPage({ ...quiet, targets: [fresh] })
  expect(words).toContain('Last block none yet')
  expect(words).toContain('FIBRE win rate no race yet')
  expect(words).not.toMatch(/NaN|undefined|ago/)
})

it('says first what is wrong', async () => {
  const reasons = ['no bitcoind is running; waiting for one']
  const { markup, words } = await fetchPage({ ...quiet, health: { ready: false, reasons }, targets: [], pushing: 'http://collector:4318' })
  expect(markup).toContain('<title>Not ready: FIBRE agent</title>')
  expect(words).toContain('Not ready no bitcoind is running; waiting for one')
  expect(words).toContain('also pushed to http://collector:4318')
})

it('lets no value become markup', async () => {
  const evil = `"'><script>alert(1)</script>&`
  const { markup } = await fetchPage({
    version: evil,
    startedAt: new Date(),
    health: { ready: false, reasons: [evil] },
    targets: [{ ...target, node: evil, executable: evil, probes: [{ probe: evil, attached: false, reason: evil }] }],
    pushing: evil,
  })
  expect(markup).not.toContain('<script')
  expect(markup.match(/&#34;&#39;&#62;&#60;script&#62;alert\(1\)&#60;\/script&#62;&#38;/g)).toHaveLength(7)
})

it('needs nothing but itself, and says so to the browser', async () => {
  const { response, markup } = await fetchPage({ ...quiet, targets: Array.from({ length: 5 }, () => target) })
  expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
  expect(response.headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'unsafe-inline'/)
  expect(markup).not.toMatch(/<script|<img|<link|url\(|src=/)
  expect(markup.match(/href="[^"]*"/g)).toEqual(['href="metrics"'])
  expect(markup.length).toBeLessThan(20_000)
})
