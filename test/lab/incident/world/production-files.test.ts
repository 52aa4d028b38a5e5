import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { seedRandom } from '../../../../lab/incident/seeded-random.ts'
import { compareFiles, recordFiles } from '../../../../lab/incident/expected-state/files.ts'
import { Uploads } from '../../../../lab/incident/world/uploads.ts'

const directories: string[] = []
afterEach(() => directories.splice(0).forEach((directory) => rmSync(directory, { recursive: true })))

function invent(seed: number) {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'hf-uploads-'))
  directories.push(directory)
  const uploads = new Uploads(path.join(directory, 'uploads'), seedRandom(seed), null)
  for (let index = 0; index < 40; index++) uploads.add(1_700_000_000_000)
  for (let index = 0; index < 10; index++) uploads.change(1_700_000_100_000)
  for (let index = 0; index < 10; index++) uploads.remove()
  const state = recordFiles(uploads.directory)
  // The directories' own times are those of the machine.
  const files = Object.fromEntries(Object.entries(state).filter(([, { kind }]) => kind === 'file'))
  return { uploads, files }
}

test('the same seed invents the same uploads, to the last bit of mode and time', () => {
  const [first, second] = [invent(11), invent(11)]
  expect(Object.keys(first.files)).toHaveLength(30)
  expect(first.uploads.count).toBe(30)
  expect(compareFiles(first.files, second.files)).toEqual([])
})

test('another seed invents others', () => {
  const [first, second] = [invent(11), invent(12)]
  expect(compareFiles(first.files, second.files).length).toBeGreaterThan(10)
})
