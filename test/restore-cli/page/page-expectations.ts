// Properties that every HTML page must have.
import { createHash } from 'node:crypto'
import { expect } from 'vitest'

/** It loads nothing, forbids itself to, and admits its own style sheet alone. */
export function expectStandalone(page: string): void {
  const tags = page.match(/<[^>]*>/g)!.join('\n')
  expect(tags).not.toMatch(/<(link|iframe|object|embed|script|base|form)\b| style=| on[a-z]+=| (src|href)=/i)
  expect(page).not.toMatch(/@import|url\(/)
  const [, policy] = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(page)!
  const [, style] = /<style>([^]*?)<\/style>/.exec(page)!
  expect(page.match(/<style/g)).toHaveLength(1)
  const hash = createHash('sha256').update(style!).digest('base64')
  expect(policy).toBe(`default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`)
}

/** Every element that is opened is closed. */
export function expectWellFormed(page: string): void {
  const open: string[] = []
  for (const [, close, name, empty] of page.matchAll(/<(\/?)([a-z][a-z0-9]*)[^>]*?(\/?)>/g)) {
    if (['meta', 'br'].includes(name!) || empty === '/') continue
    if (close === '') open.push(name!)
    else expect(open.pop()).toBe(name)
  }
  expect(open).toEqual([])
}
