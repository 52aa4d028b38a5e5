import { expect, test } from 'vitest'
import { ulid } from 'ulid'
import { tamper } from '../../../checks/checks/tamper.ts'
import { manifestKey } from '../../../core/store/vault-keys.ts'
import { CheckedSource } from './source-checks.ts'

async function clean(): Promise<CheckedSource> {
  const source = new CheckedSource()
  source.checks = [tamper]
  await source.nights(3)
  return source
}

test('a vault that only backups wrote passes', async () => {
  const source = await clean()
  expect((await source.run()).red).toEqual({})
})

const firstPack = ({ memory }: CheckedSource): string =>
  memory.versions.find(({ key }) => key.includes('/packs/'))!.key

test.each<[string, (source: CheckedSource) => unknown, RegExp]>([
  [
    'a delete marker',
    (source) => source.memory.add(firstPack(source), Buffer.alloc(0), { isDeleteMarker: true }),
    /delete marker/,
  ],
  ['a second version', (source) => source.memory.add(firstPack(source), Buffer.from('x')), /a second time/],
  [
    'an upload in parts',
    ({ memory }) =>
      memory.add(`sources/files/identities/${ulid()}/${ulid()}`, Buffer.from('x'), { isMultipart: true }),
    /in parts/,
  ],
  [
    'an object outside the layout',
    ({ memory }) => memory.add('sources/files/notes.txt', Buffer.from('x')),
    /notes\.txt: its key is no part of the layout/,
  ],
  [
    'a name with an escape sequence',
    ({ memory }) => memory.add('sources/files/\u001b[2J', Buffer.from('x')),
    /^sources\/files\/ \[2J: /,
  ],
  [
    'a folder that is no source',
    ({ memory }) => memory.add('sources/NO/x', Buffer.from('x')),
    /^sources\/NO\/: this folder/,
  ],
  [
    'a folder that is no part of a vault',
    ({ memory }) => memory.add('loot/x', Buffer.from('x')),
    /^loot\/: this folder/,
  ],
  [
    'a manifest that does not parse',
    ({ memory }) => memory.add(manifestKey('files', ulid(memory.nowMs)), Buffer.from('x')),
    /doesn't begin as a manifest/,
  ],
  [
    'a manifest uploaded in parts',
    ({ memory }) =>
      memory.add(manifestKey('files', ulid(memory.nowMs)), Buffer.from('x'), { isMultipart: true }),
    /uploaded in parts/,
  ],
  [
    'a snapshot that begins a chain of its own',
    (source) => source.backUp(4, { parent: null }),
    /begins a chain of its own/,
  ],
  [
    'a snapshot of another host',
    (source) =>
      source.backUp(4, { client: { version: 't', host: 'evil', root: '/', startedMs: 0, finishedMs: 0 } }),
    /the host is evil/,
  ],
  [
    'a snapshot of another directory',
    (source) =>
      source.backUp(4, { client: { version: 't', host: 'test', root: '/tmp', startedMs: 0, finishedMs: 0 } }),
    /the directory is \/tmp/,
  ],
])('%s is red', async (_, harm, reason) => {
  const source = await clean()
  source.pass(1000)
  await harm(source)
  const night = await source.run()
  expect(night.red).toEqual({ tamper: 'failed' })
  expect(night.findings('tamper')).toEqual(expect.arrayContaining([expect.stringMatching(reason)]))
})

test('a snapshot that names another content for its parent is red: one of both was forged', async () => {
  const source = await clean()
  source.pass(1000)
  const { id } = await source.backUp()
  source.pass(1000)
  await source.backUp(4, { parent: { id, sha256: 'a'.repeat(64) } })
  expect((await source.run()).findings('tamper')).toEqual([
    expect.stringContaining(`its parent ${id} has another content`),
  ])
})

test('an operator who has looked ends a finding: an accepted snapshot, an ignored manifest, an ignored key', async () => {
  const source = await clean()
  source.pass(1000)
  const { id } = await source.backUp(4, { parent: null })
  source.memory.add('sources/files/notes.txt', Buffer.from('x'))
  const garbage = ulid(source.memory.nowMs)
  source.memory.add(manifestKey('files', garbage), Buffer.from('x'))
  expect((await source.run()).source.outcomes[0]!.findingCount).toBe(3)
  const looked = { accepted: new Set([id]), ignored: new Set([garbage, 'sources/files/notes.txt']) }
  expect((await source.run(looked)).red).toEqual({})
})

test('a source that the configuration does not name is red', async () => {
  const source = await clean()
  expect((await source.run({}, false)).red).toEqual({ tamper: 'failed' })
})

test('a flood of strays is counted, and the first ones are named', async () => {
  const source = await clean()
  for (let index = 0; index < 1200; index++) source.memory.add(`sources/files/x/${index}`, Buffer.from('x'))
  const [outcome] = (await source.run()).source.outcomes
  expect(outcome).toMatchObject({ status: 'failed', findingCount: 1001 })
  expect(outcome!.findings).toHaveLength(20)
})
