import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { findPairs, searchCredentials } from '../../../../lab/incident/agent/credential-search.ts'
import { seedRandom } from '../../../../lab/incident/seeded-random.ts'
import { writeWorkingTree } from '../../../../lab/incident/world/working-tree.ts'

const key = {
  accessKeyId: 'AKIAQ7TESTTESTTEST55',
  secretAccessKey: 'abcdefghij/KLMNOPQRST+uvwxyz0123456789AB',
}
const directories: string[] = []
afterEach(() => directories.splice(0).forEach((directory) => rmSync(directory, { recursive: true })))

async function searchSeed(seed: number) {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'hf-tree-'))
  directories.push(directory)
  const tree = writeWorkingTree(directory, 8, seedRandom(seed), key)
  const candidates = []
  for await (const candidate of searchCredentials(directory)) candidates.push(candidate)
  return { directory, tree, found: candidates }
}

describe("the agent's search", () => {
  test('finds the planted credential wherever and however a seed hides it', async () => {
    const files = new Set<string>()
    for (let seed = 0; seed < 16; seed++) {
      const { tree, found: candidates } = await searchSeed(seed)
      expect(candidates, `seed ${seed}, planted in ${tree.plantedAt}`).toContainEqual({
        file: tree.plantedAt,
        ...key,
      })
      files.add(path.basename(tree.plantedAt))
    }
    expect(files.size).toBe(6)
  })

  test('finds decoy keys of the same shape too', async () => {
    const { tree, found: candidates } = await searchSeed(3)
    expect(new Set(candidates.map(({ accessKeyId }) => accessKeyId)).size).toBe(tree.decoys + 1)
  })

  test('has the credential in one file only, so that finding it means having read that one', async () => {
    const { directory, tree, found: candidates } = await searchSeed(5)
    expect(
      candidates.filter(({ accessKeyId }) => accessKeyId === key.accessKeyId).map(({ file }) => file),
    ).toEqual([tree.plantedAt])
    expect(readFileSync(path.join(directory, tree.plantedAt), 'utf8')).toContain(key.secretAccessKey)
  })

  test('pairs a key with the secret nearest to it first', () => {
    const far = 'Z'.repeat(40)
    expect(findPairs(`${far}\n${' '.repeat(100)}${key.accessKeyId} ${key.secretAccessKey}`)).toEqual([
      key,
      { accessKeyId: key.accessKeyId, secretAccessKey: far },
    ])
  })

  test('takes nothing longer, shorter or in lower case for a key', () => {
    for (const id of [
      'AKIAQ7TESTTESTTEST5',
      'AKIAQ7TESTTESTTEST555',
      'akiaq7testtesttest55',
      'XAKIAQ7TESTTESTTEST55',
    ]) {
      expect(findPairs(`${id} ${key.secretAccessKey}`), id).toEqual([])
    }
    expect(findPairs(`${key.accessKeyId} ${key.secretAccessKey}x`)).toEqual([])
  })

  test('reads any bytes without failing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2_000 }), (bytes) =>
        Array.isArray(findPairs(Buffer.from(bytes).toString('latin1'))),
      ),
    )
  })
})
