// The buffers of a backup while the store is slow: as many as with a fast one, for uploads of any size.
import { execFile } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import type { SlowOutcome, SlowTask } from '../../fixtures/slow-store-process.ts'
import { randomBytes } from '../../fixtures/manual-clock.ts'
import { makeTemporaryDirectory } from '../../fixtures/temporary-directory.ts'

const script = fileURLToPath(new URL('../../fixtures/slow-store-process.ts', import.meta.url))
const mib = 1024 * 1024
const dataMiB = 640
/** The program itself, two threads with a batch and a pack each, and the packs that wait. */
const maxMiB = 448

test(`a backup of ${dataMiB} MiB to a store that takes its time holds less than ${maxMiB} MiB, as to one that takes none`, async () => {
  const root = makeTemporaryDirectory(tmpdir())
  const directory = join(root, 'source')
  mkdirSync(directory)
  for (let index = 0; index < 8; index++)
    writeFileSync(join(directory, `file-${index}`), randomBytes((dataMiB / 8) * mib, index))
  const answers: SlowOutcome[] = []
  for (const putMs of [0, 300]) {
    const task: SlowTask = { directory, cacheDirectory: join(root, `cache-${putMs}`), putMs }
    const { stdout } = await promisify(execFile)(process.execPath, [
      '--disable-warning=ExperimentalWarning',
      script,
      JSON.stringify(task),
    ])
    answers.push(JSON.parse(stdout) as SlowOutcome)
  }
  process.stdout.write(
    `${dataMiB} MiB: ${answers.map(({ maxRssMiB, atOnce }) => `${maxRssMiB} MiB at most, ${atOnce} PUTs at once`).join('; to a slow store ')}\n`,
  )
  for (const { maxRssMiB, bytesUploaded, atOnce } of answers) {
    expect(bytesUploaded).toBeGreaterThan(dataMiB * mib)
    expect(atOnce).toBeGreaterThan(1)
    expect(maxRssMiB).toBeLessThan(maxMiB)
  }
  // Had the packs been let wait, the slow store's share of them would have been all that was read before it
  // answered.
  expect(answers[1]!.maxRssMiB - answers[0]!.maxRssMiB).toBeLessThan(100)
}, 300_000)
