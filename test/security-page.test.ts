// SECURITY.md promises only what a reader can run or set today.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { configKeys } from '../infra/config.ts'

const read = (file: string) => readFileSync(new URL(`../${file}`, import.meta.url), 'utf8')
const page = read('SECURITY.md')
const namesOf = (pattern: RegExp, text = page) => [...text.matchAll(pattern)].map(([, name]) => name!)

test('SECURITY.md names options and commands that docs/cli.md has, which its own test holds to the program', () => {
  const cli = read('docs/cli.md')
  const options = [...namesOf(/(--[a-z][a-z-]+)/g), ...namesOf(/`(?:holdfast|restore) ([a-z][a-z-]+)/g)]
  expect(options.filter((name) => !cli.includes(name))).toEqual([])
})

test('SECURITY.md names keys that the configuration has', () => {
  const keys: readonly string[] = configKeys
  expect(namesOf(/holdfast:(\w+)/g).filter((name) => !keys.includes(name))).toEqual([])
})

test('SECURITY.md names paths that lead around the walls only where docs/guardrails.md closes or names them', () => {
  expect(page).toContain('docs/guardrails.md#which-paths-lead-around-the-walls')
})
