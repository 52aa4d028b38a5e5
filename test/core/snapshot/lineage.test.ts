import { hostname } from 'node:os'
import { join } from 'node:path'
import { renameSync } from 'node:fs'
import { expect, test } from 'vitest'
import { findLineageBreaks } from '../../../core/snapshot/lineage.ts'
import { listSnapshots } from '../../../core/snapshot/snapshot.ts'
import { readManifests } from '../../../core/snapshot/snapshot-manifests.ts'
import { HoldfastError } from '../../../core/errors.ts'
import { parseManifestKey } from '../../../core/store/vault-keys.ts'
import { write } from '../../fixtures/backup-steps.ts'
import { ProtectedSource } from '../../fixtures/protected-source.ts'

async function kindsListed(source: ProtectedSource): Promise<string[][]> {
  const refs = await listSnapshots(source.store, 'files')
  const kinds: string[][] = []
  for await (const { breaks } of readManifests(source.store, refs, new AbortController().signal))
    kinds.push(breaks.map(({ kind }) => kind))
  return kinds
}

test('two hosts under one source name are reported by each backup, and for each snapshot', async () => {
  const source = new ProtectedSource()
  write(source, 'a', 'a')
  const backUp = async (host: number): Promise<string[]> => {
    const { breaks } = await source.backup({ cacheDirectory: `${source.cacheDirectory}-${host}` })
    source.store.nowMs += 60_000
    return breaks.map(({ kind }) => kind)
  }
  expect([await backUp(1), await backUp(1), await backUp(2), await backUp(1), await backUp(1)]).toEqual([
    [],
    [],
    ['other-parent'],
    ['other-parent'],
    [],
  ])
  expect(await kindsListed(source)).toEqual([[], [], ['other-parent'], ['other-parent'], []])
})

test('another directory and another host are reported', async () => {
  const source = new ProtectedSource()
  write(source, 'a', 'a')
  await source.backup()
  source.store.nowMs += 60_000
  renameSync(source.directory, join(source.root, 'moved'))
  const { breaks } = await source.backup({ directory: join(source.root, 'moved') })
  expect(breaks).toEqual([
    {
      kind: 'other-root',
      detail: `the directory is ${join(source.root, 'moved')}, and was ${source.directory}`,
    },
  ])
  expect(await kindsListed(source)).toEqual([[], ['other-root']])
  const before = await source.snapshot()
  const { manifest } = before
  const client = { ...manifest.client, host: 'elsewhere' }
  const after = { id: 'next', manifest: { parent: before, supersedes: [], client } }
  expect(findLineageBreaks(after, before)).toEqual([
    { kind: 'other-host', detail: `the host is elsewhere, and was ${hostname()}` },
  ])
})

test('a manifest without a reply, and its successor, are no break', async () => {
  const source = new ProtectedSource()
  write(source, 'a', 'a')
  await source.backup()
  source.store.nowMs += 60_000
  let lost = 0
  source.store.afterPut = (key) => {
    if (parseManifestKey(key) !== null && lost++ === 0)
      throw new HoldfastError('unreachable', 'no reply', { retryable: true })
  }
  expect((await source.backup()).breaks).toEqual([])
  source.store.nowMs += 60_000
  expect((await source.backup()).breaks).toEqual([])
  expect(await kindsListed(source)).toEqual([[], [], [], []])
})

test('a role that may not list is denied once, and asks no more', async () => {
  const source = new ProtectedSource()
  source.store.deniesLooks = true
  write(source, 'a', 'a')
  for (let run = 0; run < 3; run++) expect((await source.backup()).breaks).toEqual([])
  expect(source.store.requests).toMatchObject({ list: 1, head: 1 })
})
