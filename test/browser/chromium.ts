import { existsSync } from 'node:fs'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, onTestFinished } from 'vitest'

const programs = ['/usr/bin/chromium-headless-shell', '/usr/bin/chromium']

/** Without these it looks for its maker's servers at every start. */
const quietly = ['--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run', '--disable-quic']

/** One Chromium for the tests of a file. */
export function useChromium(): () => Browser {
  let browser: Browser | undefined
  beforeAll(async () => {
    browser = await startChromium()
  })
  afterAll(() => browser?.close())
  return () => browser as Browser
}

async function startChromium(): Promise<Browser> {
  const executablePath = programs.find((program) => existsSync(program))
  if (!executablePath) throw new Error('there is no Chromium: apt-get install -y --no-install-recommends chromium-headless-shell')
  // Its sandbox is not to be had by root.
  return chromium.launch({ executablePath, args: [...quietly, '--disable-gpu'], chromiumSandbox: process.getuid?.() !== 0 })
}

export interface View {
  readonly width?: number
  readonly colorScheme?: 'light' | 'dark'
  readonly javaScriptEnabled?: boolean
  /** Called before the page is loaded. */
  readonly setUp?: (page: Page) => Promise<unknown>
}

/** Opens a page until the test is finished, with nothing shared with others, and waits until it is live. Errors in it, and what its policy refuses, fail the test. */
export async function openInBrowser(browser: Browser, url: string, { width = 1280, setUp, ...view }: View = {}): Promise<Page> {
  const context = await browser.newContext({ viewport: { width, height: 900 }, ...view })
  const page = await context.newPage()
  const faults: string[] = []
  page.on('pageerror', ({ message }) => faults.push(message))
  page.on('console', (message) => message.type() === 'error' && !/ERR_|Failed to load/.test(message.text()) && faults.push(message.text()))
  onTestFinished(async () => {
    await context.close()
    if (faults.length > 0) throw new Error(`the page had errors: ${faults.join('\n')}`)
  })
  await setUp?.(page)
  await page.goto(url)
  if (view.javaScriptEnabled !== false) await page.locator('#connection', { hasText: 'Live' }).waitFor()
  return page
}
