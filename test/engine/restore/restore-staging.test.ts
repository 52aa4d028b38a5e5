import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { anyCharacter } from '../../fixtures/any-character.ts'
import { isHoldfastError } from '../../../core/errors.ts'
import { RestoreStaging } from '../../../engine/restore/restore-staging.ts'
import { slowPropertyRuns } from '../../fixtures/property-runs.ts'
import { makeTemporaryDirectory } from '../../fixtures/temporary-directory.ts'

/** Files that were written and renamed, in order. */
const steps: string[] = []
vi.mock(import('node:fs'), async (original) => {
  const fs = await original()
  return {
    ...fs,
    writeFileSync: (file, data, options) => {
      fs.writeFileSync(file, data, options)
      if (typeof options === 'object' && options?.flush === true)
        steps.push(`flushed ${basename(file as string)}`)
    },
    renameSync: (from, to) => {
      fs.renameSync(from, to)
      steps.push(`${basename(from as string)} became ${basename(to as string)}`)
    },
  }
})

const request = {
  snapshot: '01KN35E000B6GR48QH7ECGPZ10',
  manifestSha256: 'ab'.repeat(32),
  paths: [],
  specialBits: false,
}

/** Near misses of a state, and anything at all. */
const states = fc.oneof(
  fc.json(),
  fc.string({ unit: anyCharacter }),
  fc
    .record(
      {
        snapshot: fc.constantFrom(request.snapshot, 'another', 7),
        manifestSha256: fc.constantFrom(request.manifestSha256, ''),
        paths: fc.constantFrom([], ['a'], null),
        specialBits: fc.boolean(),
        bootId: fc.string(),
        phase: fc.constantFrom('writing', 'publishing', 'done'),
        findings: fc.oneof(fc.constant(null), fc.anything()),
      },
      { requiredKeys: [] },
    )
    .map((state) => JSON.stringify(state)),
  // A state of the same restore, from before the machine started again.
  fc.string().map((bootId) => JSON.stringify({ ...request, bootId, phase: 'writing', findings: null })),
)

test("whatever a state says, no file of an earlier restore is taken for finished unless it is this system's and this restore's", () => {
  const root = makeTemporaryDirectory()
  fc.assert(
    fc.property(states, fc.boolean(), (state, isLast) => {
      const target = mkdtempSync(join(root, 'target-'))
      const folder = join(target, `.holdfast-restore-${request.snapshot}`)
      mkdirSync(join(folder, 'tree'), { recursive: true, mode: 0o700 })
      writeFileSync(join(folder, 'tree', 'file'), 'of an earlier restore')
      writeFileSync(isLast ? `${folder}.json` : join(folder, 'state.json'), state)
      let opened: RestoreStaging | null = null
      try {
        opened = RestoreStaging.open(target, request)
      } catch (error) {
        // A refused open must not remove files of another user.
        expect(isHoldfastError(error, 'target')).toBe(true)
        expect(readdirSync(join(folder, 'tree'))).toEqual(['file'])
      }
      if (opened?.phase === 'writing' && opened.isResumed) {
        // Its files are used only where their hashes prove them.
        expect(JSON.parse(state)).toMatchObject({ ...request, phase: 'writing' })
        expect(opened.isSameBoot).toBe(false)
      } else if (opened?.phase === 'writing') expect(readdirSync(opened.tree)).toEqual([])
      rmSync(target, { recursive: true })
    }),
    { numRuns: slowPropertyRuns },
  )
})

test('a state is on the disk before it takes its name: what it says is never half there', () => {
  const target = makeTemporaryDirectory()
  const write = ['flushed state.json.new', 'state.json.new became state.json']
  steps.length = 0
  const staging = RestoreStaging.open(target, request)
  staging.publish({ damaged: [], problems: [], problemCount: 0 })
  expect(steps).toEqual([...write, ...write])
})
