import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import type { Snapshot } from '../../agent/nodes/snapshot.ts'
import { hashOf } from '../unit/blocks/events.ts'
import { node, quiet, recordOfWin } from '../unit/page/records.ts'
import { serveLive } from '../unit/page/serve-live.ts'
import { openInBrowser, useChromium, type View } from './chromium.ts'

const chromium = useChromium()
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const range = (count: number) => Array.from({ length: count }, (_, i) => i + 1)

/** Two nodes; one is gone, and blocks came in every way. */
const records = range(120).map((number) =>
  recordOfWin(number, {
    node: number % 2 ? 'node-a' : 'node-b',
    path: (['fibre_udp', 'bip152_cmpct', 'other', 'no_race', 'unknown'] as const)[number % 5] ?? 'unknown',
    reconstruction_ms: number,
    head_start_is_lower_bound: number % 3 === 0,
  }),
)
const gone = { ...node, node: 'node-b', isUp: false, probes: node.probes.map((probe) => ({ ...probe, attached: false, reason: 'gone' })) }
const troubled: Snapshot = { ...quiet, readiness: { ready: false, reasons: ['node-b: bitcoind is not running'] }, nodes: [node, gone] }

const stockNode: Snapshot = { ...quiet, nodes: [{ ...node, hasFibre: false }] }
const stockRecords = range(10).map((number) =>
  recordOfWin(number, {
    path: (['compact_block', 'compact_block_round_trip', 'full_block'] as const)[number % 3] ?? 'unknown',
    announced_by: 'peer=12',
    requested_transactions: number,
    first_sign_to_connected_ms: number * 30,
  }),
)

async function show(served: Awaited<ReturnType<typeof serveLive>>, view: View = {}) {
  return openInBrowser(chromium(), served.server.url, view)
}

const row = (page: Page, number: number) => page.locator('#blocks tbody tr', { has: page.getByText(`…${hashOf(number).slice(-10)}`) })
const link = (page: Page, number: number) => row(page, number).getByRole('link')

it.each([
  ['with FIBRE', quiet, ['Head start', 'Reconstruction', 'Chunks', 'Missing tx', 'To connected']],
  ['without FIBRE', stockNode, ['Announced by', 'Requested tx', 'To connected']],
  [
    'of both kinds',
    { ...quiet, nodes: [...quiet.nodes, ...stockNode.nodes.map((one) => ({ ...one, node: 'node-c' }))] },
    ['Head start', 'Reconstruction', 'Chunks', 'Missing tx', 'Announced by', 'Requested tx', 'To connected'],
  ],
] as const)('the table of nodes %s has the columns that they fill', async (_, status, own) => {
  const page = await show(await serveLive(stockRecords, status))
  const names = await page.locator('#blocks thead th:visible').allTextContents()
  expect(names).toEqual(['Height', 'Time', 'Node', 'Hash', 'Path', ...own, 'Connect', 'Pool'])
  expect(await page.locator('#blocks tbody tr').first().locator('th:visible, td:visible').count()).toBe(names.length)
})

describe('accessibility', () => {
  const states: readonly [string, Snapshot, typeof records][] = [
    ['all well', quiet, records.slice(-10)],
    ['trouble', troubled, records.slice(-10)],
    ['no FIBRE', stockNode, stockRecords],
    ['nothing yet', { ...quiet, nodes: [] }, []],
    ['losses', { ...quiet, nodes: [{ ...node, lost: new Map([['block_connected', 7]]) }] }, records.slice(0, 1)],
  ]
  const views: readonly View[] = [
    { width: 1280, colorScheme: 'light' },
    { width: 1280, colorScheme: 'dark' },
    { width: 390, colorScheme: 'light' },
    { width: 390, colorScheme: 'dark' },
  ]
  const cases = states.flatMap(([name, status, held]) => views.map((view) => ({ name, status, held, view, ...view })))

  it.each(cases)('axe finds nothing with $name, $width wide, $colorScheme', async ({ status, held, view }) => {
    const page = await show(await serveLive(held, status), view)
    if (held.length > 0) {
      await page.locator('#blocks tbody a').first().click()
      await page.locator('.detail dl').waitFor()
    }
    await page.evaluate(axe)
    const { violations } = await page.evaluate<{ violations: { id: string; nodes: { html: string }[] }[] }>('axe.run()')
    expect(violations.map(({ id, nodes }) => [id, nodes[0]?.html])).toEqual([])
  })

  it.each(views)('nothing is wider than the screen at $width, $colorScheme', async (view) => {
    const page = await show(await serveLive(records, troubled), view)
    await page.locator('#blocks tbody a').first().click()
    await page.locator('.detail dl').waitFor()
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(view.width)
  })

  it('nothing of a block is wider than its place on a narrow screen', async () => {
    const page = await show(await serveLive(stockRecords, stockNode), { width: 390 })
    const cells = await page
      .locator('#blocks tbody td:visible')
      .evaluateAll((all) => all.map((cell) => ({ text: cell.textContent, isTooWide: cell.scrollWidth > cell.clientWidth })))
    expect(cells.length).toBeGreaterThan(0)
    expect(cells.filter(({ isTooWide }) => isTooWide)).toEqual([])
  })

  it('the names below the bars of a chart leave room between each other', async () => {
    const page = await show(await serveLive(stockRecords, stockNode), { width: 1300 })
    const names = await page.locator('svg.chart text', { hasText: /[<–≥]/ }).evaluateAll((all) => {
      return all
        .map((name) => ({ text: name.textContent, box: name.getBoundingClientRect() }))
        .map(({ text, box: { left, right } }) => ({ text, left, right }))
    })
    expect(names.map(({ text }) => text)).toContain('1–2.5 s')
    for (const [i, { text, left }] of names.entries())
      if (i > 0) expect(left - Number(names[i - 1]?.right), String(text)).toBeGreaterThan(3)
  })

  it('opens and closes the detail of a block by keyboard, and names the block', async () => {
    const page = await show(await serveLive([recordOfWin(1), recordOfWin(2)]))
    await page.locator('summary').focus()
    await page.keyboard.press('Tab')
    expect(await page.evaluate('document.activeElement.textContent')).toBe('900,002')
    expect(await link(page, 2).getAttribute('aria-expanded')).toBe('false')
    await page.keyboard.press('Enter')
    const detail = page.getByRole('region', { name: 'Block 900,002 on node-a' })
    await detail.getByText('reconstruction_peer').waitFor()
    expect(await link(page, 2).getAttribute('aria-expanded')).toBe('true')
    await page.keyboard.press('Enter')
    await detail.waitFor({ state: 'detached' })
    expect(await link(page, 2).getAttribute('aria-expanded')).toBe('false')
  })
})

describe('without JavaScript', () => {
  it('shows state, figures and blocks, and the detail behind a link', async () => {
    const page = await show(await serveLive(records, troubled), { javaScriptEnabled: false })
    const text = (await page.locator('body').textContent()) ?? ''
    for (const words of ['Not ready', 'node-b: bitcoind is not running', 'FIBRE win rate', 'Refreshes itself every 10 seconds'])
      expect(text).toContain(words)
    expect(await page.locator('#blocks tbody tr').count()).toBe(100)
    await link(page, 120).click()
    await page.getByText('reconstruction_peer').waitFor()
    expect(page.url()).toContain(`/block?hash=${hashOf(120)}`)
  })
})

describe('live', () => {
  it('puts new blocks where they belong, replaces what changed, and keeps 100', async () => {
    const served = await serveLive(range(100).map((number) => recordOfWin(number)))
    const page = await show(served)
    served.live.update(recordOfWin(102, { path: 'unknown' }), false)
    await row(page, 102).waitFor()
    expect(await row(page, 102).textContent()).toContain('…')
    served.live.update(recordOfWin(102), true)
    served.live.update(recordOfWin(101), true)
    await row(page, 101).waitFor()
    await row(page, 102).getByText('Foundry USA').waitFor()
    const heights = await page.locator('#blocks tbody th').allTextContents()
    expect(heights).toEqual(
      range(102)
        .slice(2)
        .reverse()
        .map((number) => (900_000 + number).toLocaleString('en-US')),
    )
  })

  it('keeps focus, open details and scroll while things change', async () => {
    const served = await serveLive(range(50).map((number) => recordOfWin(number)))
    const page = await show(served)
    await page.locator('summary').click()
    await link(page, 40).click()
    await page.locator('.detail dl').waitFor()
    await link(page, 38).focus()
    const scrolled = await page.evaluate<number>('scrollY')
    served.live.update(recordOfWin(38, { pool: 'other' }), true)
    served.live.update(recordOfWin(40, { pool: 'another' }), true)
    await row(page, 38).getByText('other').waitFor()
    await page.locator('.detail').getByText('another').waitFor()
    expect(await page.evaluate('document.activeElement.textContent')).toBe('900,038')
    expect(await page.locator('details[open]').count()).toBe(1)
    expect(await link(page, 40).getAttribute('aria-expanded')).toBe('true')
    expect(await page.evaluate('scrollY')).toBe(scrolled)
  })

  it('announces the state again only when it has changed', async () => {
    const served = await serveLive(records)
    const page = await show(served)
    expect(await page.locator('[aria-live] #banner').textContent()).toContain('All is well')
    served.state.now = troubled
    served.live.changed()
    await page.locator('[aria-live] #banner', { hasText: 'node-b: bitcoind is not running' }).waitFor()
    await page.getByRole('heading', { name: 'node-b' }).getByText('gone').waitFor()
    expect(await page.title()).toBe('Not ready: FIBRE agent')
  })

  it('shows nothing as good once its connection is lost', async () => {
    const served = await serveLive(records)
    const page = await show(served)
    expect(await page.locator('#lost').isVisible()).toBe(false)
    expect(await page.getByText('All is well').isVisible()).toBe(true)
    served.live.close()
    await served.server.close()
    await page.locator('#lost', { hasText: /What is shown was so \d+ s ago/ }).waitFor()
    expect(await page.getByText('All is well').isVisible()).toBe(false)
    expect(await page.title()).toBe('Connection lost: FIBRE agent')
    const colourOf = (selector: string) => page.locator(selector).first().evaluate('(e) => getComputedStyle(e).color')
    expect(await colourOf('.pill.good')).toBe(await colourOf('.quiet'))
  })

  it("shows ages by the agent's clock", async () => {
    const time = `${new Date(Date.now() - 190_000).toISOString().slice(0, -1)}000Z`
    const served = await serveLive([recordOfWin(1, { time })])
    const page = await openInBrowser(chromium(), served.server.url, { setUp: (page) => page.clock.setSystemTime(Date.now() + 3_600_000) })
    await row(page, 1).getByText('3 min ago', { exact: true }).waitFor()
  })
})

describe('hostile strings', () => {
  it('are text, on the page, in what is sent to it and in a detail', async () => {
    const evil = `<img src=x onerror="document.title='hacked'"><b id=banner>\u202egpj.\u001b[31m`
    const shown = '<img src=x onerror="document.title=\'hacked\'"><b id=banner>⟨U+202E⟩gpj.⟨U+001B⟩[31m'
    const served = await serveLive([], { ...quiet, nodes: [{ ...node, node: evil }] })
    const page = await show(served, { width: 390 })
    served.live.update(recordOfWin(1, { node: evil, winner_peer: evil, pool: 'x'.repeat(10_000), coinbase_text: 'é'.repeat(10_000) }), true)
    await link(page, 1).click()
    await page.locator('.detail').getByText(shown).first().waitFor()
    expect(await page.getByRole('heading', { name: 'running' }).textContent()).toBe(`${shown} running`)
    expect(
      await page.evaluate('document.querySelectorAll("img").length + "," + document.title + "," + document.documentElement.scrollWidth'),
    ).toBe('0,FIBRE agent,390')
  })
})
