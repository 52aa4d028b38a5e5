// The memory of a search: as bounded for a tree with large logs, lock files and settings as for a small one.
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { mkdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { measure } from '../../../lab/bench/measured-process.ts'
import { makeTree } from '../../../lab/bench/search/tree.ts'
import { makeTemporaryDirectory } from '../../fixtures/temporary-directory.ts'

const main = resolve(import.meta.dirname, '../../../restore-cli/main.ts')
/** Measured: 128 MiB, and 232 MiB when large texts were read as a whole and each colon made an object. */
const maxMiB = 176
/** 10,000 files. The whole tree, with 100,000, must be searched within 256 MiB. */
const scale = 0.1

test(`a search of a tree with logs, lock files and code holds less than ${maxMiB} MiB`, async () => {
  const root = makeTemporaryDirectory(tmpdir())
  const directory = join(root, 'tree')
  mkdirSync(directory)
  const { credentials } = makeTree(directory, scale)
  const { cost, output } = await measure(
    {
      program: process.execPath,
      args: [
        ...['--max-semi-space-size=2', '--disable-warning=ExperimentalWarning', main],
        ...['blast-radius', '--directory', directory, '--fail-on', 'never', '--json'],
      ],
      // As bin/holdfast starts it.
      env: { MALLOC_ARENA_MAX: '2' },
      directory: root,
    },
    root,
  )
  const peakMiB = Math.round(cost.peakBytes / 1024 ** 2)
  process.stdout.write(`a search of ${scale} of the tree: ${peakMiB} MiB at most\n`)
  expect(output).toContain(`"credentials":${credentials},`)
  expect(peakMiB).toBeLessThan(maxMiB)
})
