// Pictures of the pages for the documentation: `npm run pictures`, or with the page of a drill as its argument.
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Browser } from 'playwright-core'
import { startBrowser, withPage } from './browser.ts'
import type { View } from './browser.ts'
import { morningPageOf } from './sample-page.ts'
import { sampleReports } from './sample-reports.ts'

const folder = resolve(import.meta.dirname, '../../docs/pictures')

async function take(browser: Browser, name: string, html: string, view: View): Promise<void> {
  const file = join(folder, name)
  await withPage(browser, html, view, (page) => page.screenshot({ path: file }))
  process.stdout.write(`${file}\n`)
}

const browser = await startBrowser()
try {
  const morning = await morningPageOf(sampleReports())
  await take(browser, 'morning-light.png', morning, { width: 1100, height: 1150 })
  await take(browser, 'morning-dark-phone.png', morning, { width: 420, height: 1000, colorScheme: 'dark' })
  const [drillFile] = process.argv.slice(2)
  if (drillFile !== undefined)
    for (const width of [390, 1280])
      for (const colorScheme of ['light', 'dark'] as const) {
        const view = { width, height: width === 390 ? 1400 : 1000, colorScheme }
        await take(browser, `drill-${width}-${colorScheme}.png`, readFileSync(drillFile, 'utf8'), view)
      }
} finally {
  await browser.close()
}
