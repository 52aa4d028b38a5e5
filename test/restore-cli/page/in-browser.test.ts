// The pages in Debian's Chromium: on a phone and on paper, in dark and light, and for readers who don't see them.
import axe from 'axe-core'
import type { AxeResults } from 'axe-core'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { renderHtmlReport } from '../../../lab/incident/report/html-report.ts'
import { renderHtml } from '../../../lab/proof/report/html.ts'
import { startBrowser, withPage } from '../../../lab/report/browser.ts'
import { morningPageOf } from '../../../lab/report/sample-page.ts'
import { sampleReports } from '../../../lab/report/sample-reports.ts'
import { sampleDrill } from '../../lab/incident/report/sample-drill.ts'
import { sampleProof } from '../../lab/proof/report/sample-proof.ts'

let browser: Browser

beforeAll(async () => {
  browser = await startBrowser()
})
afterAll(() => browser?.close())

const pages = {
  'the morning page': await morningPageOf(sampleReports()),
  'the morning page without a report': await morningPageOf([]),
  "the incident drill's page": renderHtmlReport(sampleDrill),
  "the proof's page": renderHtml(sampleProof),
}

/** For the browser: elements that reach beyond the right edge of the screen, or whose content is cut. */
const cutElements = `(() => {
  const edge = document.documentElement.clientWidth
  return [...document.body.querySelectorAll('*')]
    .filter((element) => !element.closest('.unseen, thead, svg'))
    .filter((element) => {
      const { right } = element.getBoundingClientRect()
      const isCut = getComputedStyle(element).display !== 'inline' && element.scrollWidth > element.clientWidth + 1
      return right > edge + 0.5 || isCut
    })
    .map((element) => element.tagName + ' ' + element.textContent.trim().slice(0, 40))
})()`

const backgroundOfBody = 'getComputedStyle(document.body).backgroundColor'

describe.each(Object.entries(pages))('%s', (_, html) => {
  test.each([320, 420, 860, 1280])(
    'fits a screen of %i pixels: nothing is cut, nothing scrolls sideways',
    async (width) => {
      await withPage(browser, html, { width }, async (page, troubles) => {
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width)
        expect(await page.evaluate(cutElements)).toEqual([])
        expect(troubles).toEqual({ requests: [], messages: [] })
      })
    },
  )

  test.each(['light', 'dark'] as const)('in %s is accessible, with enough contrast', async (colorScheme) => {
    await withPage(browser, html, { width: 420, colorScheme }, async (page) => {
      // Evaluated by the debugger, because the policy of the page forbids every script.
      await page.evaluate(axe.source)
      const { violations } = await page.evaluate<AxeResults>('axe.run()')
      const broken = violations.map(
        ({ id, nodes }) =>
          `${id}: ${nodes
            .slice(0, 3)
            .map(({ html: node }) => node)
            .join(' ')}`,
      )
      expect(broken).toEqual([])
    })
  })

  test('is printed on white paper without a cut', async () => {
    await withPage(browser, html, { width: 700, colorScheme: 'dark' }, async (page) => {
      await page.emulateMedia({ media: 'print' })
      expect(await page.evaluate(backgroundOfBody)).toBe('rgb(255, 255, 255)')
      expect(await page.evaluate(cutElements)).toEqual([])
    })
  })
})

test('a table becomes blocks on a phone, and each cell shows its heading', async () => {
  await withPage(browser, pages["the incident drill's page"], { width: 420 }, async (page) => {
    const cell = `document.querySelector('td[data-label="Examined"]')`
    expect(await page.evaluate(`getComputedStyle(${cell}, '::before').content`)).toBe('"Examined"')
    const right = await page.evaluate<number>(`${cell}.getBoundingClientRect().right`)
    expect(right).toBeLessThanOrEqual(420)
  })
})

test('an element that is cut is noticed', async () => {
  const html = pages["the proof's page"].replace(
    '<footer>',
    '<p>'.concat('<b class="badge">', 'x'.repeat(400), '</b></p><footer>'),
  )
  await withPage(browser, html, { width: 420 }, async (page) => {
    expect(await page.evaluate(cutElements)).not.toEqual([])
  })
})

test('a style or a script that a page should not have does nothing, and is reported', async () => {
  const html = pages["the proof's page"].replace(
    '<footer>',
    '<p id="p" style="color: red">x</p><script>document.title = "x"</script><footer>',
  )
  await withPage(browser, html, { width: 420 }, async (page, { messages }) => {
    expect(await page.evaluate(`getComputedStyle(document.getElementById('p')).color`)).not.toBe(
      'rgb(255, 0, 0)',
    )
    expect(await page.title()).not.toBe('x')
    expect(messages.join('\n')).toMatch(/Content Security Policy/)
  })
})
