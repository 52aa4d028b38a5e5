// Snapshots made to take a reader's memory or to write where they may not, each read by a process of its own
// that has little memory: it ends with a refusal, or with what could be restored, inside the target.
import { execFile } from 'node:child_process'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { constants, zstdCompressSync } from 'node:zlib'
import { afterAll, expect, test } from 'vitest'
import type { HostileAnswer, HostileTask } from '../../fixtures/hostile-process.ts'
import { makeTemporaryDirectory } from '../../fixtures/temporary-directory.ts'

const script = fileURLToPath(new URL('../../fixtures/hostile-process.ts', import.meta.url))
/** The program itself takes some 110 MiB with a thread. */
const maxMiB = 256
const bombMiB = 1024
const root = makeTemporaryDirectory(undefined, afterAll)
const bomb = join(root, 'bomb')
writeFileSync(
  bomb,
  zstdCompressSync(Buffer.alloc(bombMiB * 1024 * 1024), {
    params: { [constants.ZSTD_c_compressionLevel]: 1 },
  }),
)

test.each([
  ['a file that is a bomb', 'done, 1 damaged', 'done, 1 damaged', ['good']],
  ['a root that is a bomb', 'damaged', 'damaged', []],
  ['an index that is a bomb', 'done', 'done, 1 damaged', ['good']],
  ['a node that names one child a thousand times', 'damaged', 'damaged', []],
  ['nodes that double at each of forty levels', 'damaged', 'damaged', []],
  ['a node that says it is higher than the one above', 'damaged', 'damaged', []],
  ['a file of a thousand million bytes that are one', 'done, 1 damaged', 'done, 1 damaged', []],
  ['a directory of two thousand levels', 'done', 'done, 1 damaged', ['d']],
  ['paths that lead out', 'damaged', 'damaged', []],
  ['a name twice', 'damaged', 'damaged', []],
])(
  '%s: restore ends with `%s`, verify with `%s`, in little memory',
  async (scenario, restored, verified, names) => {
    const place = join(root, scenario.replaceAll(' ', '-'))
    mkdirSync(place)
    const task: HostileTask = { scenario, target: join(place, 'target'), bomb }
    const { stdout } = await promisify(execFile)(process.execPath, [
      '--disable-warning=ExperimentalWarning',
      '--max-old-space-size=128',
      script,
      JSON.stringify(task),
    ])
    const answer = JSON.parse(stdout) as HostileAnswer
    expect(answer).toMatchObject({ restored, verified })
    expect(answer.maxRssMiB).toBeLessThan(maxMiB)
    const entries = readdirSync(place)
    expect(entries.filter((name) => name !== 'target')).toEqual([])
    expect(entries.length === 0 ? [] : readdirSync(task.target)).toEqual(names)
  },
)
