// Debian's Chromium, for pictures of the pages and for tests that look at them.
import { existsSync } from 'node:fs'
import { chromium } from 'playwright-core'
import type { Browser, Page } from 'playwright-core'

/** A busy machine is slow, and a browser that hangs is noticed all the same. */
const patienceMs = 240_000

const programs = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** @throws without a browser, with the command that installs it. */
export async function startBrowser(): Promise<Browser> {
  const executablePath = process.env['CHROMIUM'] ?? programs.find((file) => existsSync(file))
  if (executablePath === undefined)
    throw new Error('no Chromium found: run `apt-get install chromium`, or name its program in CHROMIUM')
  return chromium.launch({
    executablePath,
    timeout: patienceMs,
    // A container has no namespaces for its sandbox, and the pages are ours.
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--hide-scrollbars'],
  })
}

export interface View {
  width: number
  height?: number
  colorScheme?: 'dark' | 'light'
}

/** Requests and complaints of a page while it was shown. */
export interface PageTroubles {
  requests: string[]
  messages: string[]
}

/** Shows `html` as a file would be shown, and closes it again. */
export async function withPage<Result>(
  browser: Browser,
  html: string,
  { width, height = 900, colorScheme = 'light' }: View,
  use: (page: Page, troubles: PageTroubles) => Promise<Result>,
): Promise<Result> {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme, offline: true })
  try {
    context.setDefaultTimeout(patienceMs)
    const page = await context.newPage()
    const troubles: PageTroubles = { requests: [], messages: [] }
    page.on('request', (request) => troubles.requests.push(request.url()))
    page.on('console', (message) => troubles.messages.push(message.text()))
    page.on('pageerror', (error) => troubles.messages.push(error.message))
    await page.setContent(html, { waitUntil: 'load' })
    return await use(page, troubles)
  } finally {
    await context.close()
  }
}
