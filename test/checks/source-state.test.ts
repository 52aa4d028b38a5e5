import { chmodSync, linkSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ContentSample } from '../../checks/behaviour/content-sample.ts'
import { SourceState, StateDirectory, versionName } from '../../checks/source-state.ts'
import { HoldfastError } from '../../core/errors.ts'
import { makeFolder } from '../restore-cli/command-line.ts'

const id = '01KR5PJ0ZBFTW9W5W4FKB1NGJZ'
const sha256 = 'a'.repeat(64)
const key = `sources/files/packs/20260401T000000Z-compliance-40d/${id}-${sha256}`

function filled(timeMs = 5): SourceState {
  const state = new SourceState()
  state.mark = { id, versionId: 'v', timeMs }
  state.serverMs = 7
  state.readDay = 3
  state.fullListingMs = 6
  state.folders.set('sources/files/manifests/', { versions: 2, bytes: 9 })
  state.uploads.set(20_545, { puts: 2, bytes: 9 })
  state.content = new ContentSample(Buffer.from('0123456789abcdef', 'hex'))
  state.content.add(Buffer.from(sha256, 'hex'), 0, 20_545)
  const manifest = {
    sha256,
    complete: true,
    files: 1,
    bytes: 2,
    parent: null,
    supersedes: [],
    host: 'host\nwith a line',
    root: '/',
    guaranteedUntilMs: 9,
    figures: { neededBytes: 3, packs: 1, newBytes: null, incompressibleBytes: null, leftOut: 0 },
  }
  state.manifests.set(versionName({ key: `sources/files/manifests/${id}`, versionId: 'v' }), {
    id,
    versionId: 'v',
    timeMs,
    manifest,
    reason: null,
    isAttested: true,
    flags: ['other-parent'],
  })
  const object = {
    key,
    versionId: 'p',
    sha256,
    bytes: 4,
    neededBy: id,
    neededUntilMs: 9,
    lockedUntilMs: null,
    isCorrupt: false,
  }
  state.objects.set(versionName(object), object)
  return state
}

function refusal(work: () => unknown): HoldfastError {
  try {
    work()
  } catch (error) {
    if (error instanceof HoldfastError) return error
    throw error
  }
  throw new Error('it was accepted')
}

const fileIn = (folder: string): string => join(folder, readdirSync(folder)[0]!)

test('what was saved is loaded, and nothing else lies beside it', () => {
  const folder = makeFolder()
  const directory = new StateDirectory(folder, 'vault')
  expect(directory.load('files')).toEqual({ state: null, lost: 'there is no state of an earlier run' })
  directory.save('files', filled())
  expect(directory.load('files')).toEqual({ state: filled(), lost: null })
  expect(readdirSync(folder)).toHaveLength(1)
})

test('each byte that is changed, and each end that is cut off, is noticed', () => {
  const folder = makeFolder()
  const directory = new StateDirectory(folder, 'vault')
  directory.save('files', filled())
  const bytes = readFileSync(fileIn(folder))
  for (let offset = 0; offset < bytes.length; offset++) {
    const changed = Buffer.from(bytes)
    changed[offset]! ^= 1
    for (const corrupt of [changed, bytes.subarray(0, offset)]) {
      writeFileSync(fileIn(folder), corrupt)
      expect(directory.load('files').lost).toMatch(/^the state of the earlier run can't be used/)
    }
  }
})

test('the state of another vault or source is not used', () => {
  const folder = makeFolder()
  new StateDirectory(folder, 'vault').save('files', filled())
  const bytes = readFileSync(fileIn(folder))
  for (const [vault, source] of [
    ['other', 'files'],
    ['vault', 'others'],
  ] as const) {
    const directory = new StateDirectory(makeFolder(), vault)
    directory.save(source, filled())
    writeFileSync(fileIn(directory['directory']), bytes)
    expect(directory.load(source).lost).toMatch(/another vault or source/)
  }
})

test('of two runs at once, the mark of the one that saw more stays', () => {
  const directory = new StateDirectory(makeFolder(), 'vault')
  directory.save('files', filled(9))
  directory.save('files', filled(5))
  expect(directory.load('files').state!.mark!.timeMs).toBe(9)
})

test('a directory that others may write to, a link and a second name are refused', () => {
  const open = makeFolder()
  chmodSync(open, 0o777)
  expect(refusal(() => new StateDirectory(open, 'vault'))).toMatchObject({
    code: 'invalid-input',
    message: expect.stringMatching(/^the state of the checks can't be trusted/) as string,
  })
  for (const plant of [symlinkSync, linkSync]) {
    const folder = makeFolder()
    const directory = new StateDirectory(folder, 'vault')
    directory.save('files', filled())
    const target = join(makeFolder(), 'target')
    writeFileSync(target, 'precious')
    const file = fileIn(folder)
    writeFileSync(`${file}.away`, '')
    plant(target, `${file}.planted`)
    const second = new StateDirectory(folder, 'vault')
    second['fileOf'] = () => `${file}.planted`
    expect(refusal(() => second.load('files')).code).toBe('invalid-input')
    expect(readFileSync(target, 'utf8')).toBe('precious')
  }
})
