import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { recordProgram } from '../../infra/recording.ts'
import type { Recording } from '../../infra/recording.ts'
import { readTarball } from '../../infra/toolkit.ts'
import { exampleConfig } from '../../lab/sandbox/loader/example-config.ts'
import { parseConfiguration } from '../../restore-cli/configuration.ts'

const bucket = 'holdfast-toolkit-111111111111-eu-central-1'
const bytes = gzipSync('a tarball')
const sha256 = (value: Buffer | string) => createHash('sha256').update(value).digest('hex')

let directory: string
let vault: Recording
const file = (name: string, content: Buffer | string) => {
  writeFileSync(path.join(directory, name), content)
  return path.join(directory, name)
}
beforeAll(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'holdfast-toolkit-'))
  vault = await recordProgram({
    ...exampleConfig,
    layer: 'vault',
    toolkit: file('holdfast-0.1.0.tgz', bytes),
  })
})
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const objects = (recording: Recording) =>
  recording.resources.filter(({ type }) => type === 'aws:s3/bucketObjectv2:BucketObjectv2')
const objectNamed = (name: string) => objects(vault).find((object) => object.name === name)!.inputs

describe("the toolkit in the vault's account", () => {
  it('is the tarball, the configuration and the runbook, each under a key that holds its SHA-256', () => {
    expect(objects(vault).map(({ name }) => name)).toEqual([
      'toolkit-configuration',
      'toolkit-runbook',
      'toolkit-tarball',
    ])
    expect(objectNamed('toolkit-tarball')).toMatchObject({
      bucket,
      key: `toolkit/0.1.0/${sha256(bytes)}/holdfast-0.1.0.tgz`,
      checksumAlgorithm: 'SHA256',
    })
    for (const name of ['toolkit-configuration', 'toolkit-runbook'])
      expect(objectNamed(name)['key']).toContain(`/${sha256(String(objectNamed(name)['content']))}/`)
  })

  it("sets no lock of its own, brings no key, and forces nothing: the bucket's default holds", () => {
    expect(JSON.stringify(objects(vault))).not.toMatch(/objectLock|forceDestroy|kms/)
    const lock = vault.resources.find(
      ({ type, name }) => type.endsWith(':BucketObjectLockConfiguration') && name === 'toolkit',
    )!
    expect(lock.inputs['rule']).toEqual({ defaultRetention: { mode: 'COMPLIANCE', days: 40 } })
  })

  it('leaves what was there when its content changes: another key, and nothing deleted', async () => {
    const next = await recordProgram({
      ...exampleConfig,
      layer: 'vault',
      toolkit: file('holdfast-0.1.1.tgz', gzipSync('another')),
    })
    const keys = (recording: Recording) => objects(recording).map(({ inputs }) => inputs['key'])
    expect(keys(next).filter((key) => keys(vault).includes(key))).toEqual([])
    for (const { retainOnDelete, protect } of objects(vault))
      expect({ retainOnDelete, protect }).toEqual({ retainOnDelete: true, protect: false })
  })

  it('has a configuration that the tool takes', () => {
    expect(
      parseConfiguration(String(objectNamed('toolkit-configuration')['content']), 'vault.json'),
    ).toMatchObject({ vaultBucket: exampleConfig.vaultBucket })
  })

  it('has a runbook that names the buckets, the region and every source', () => {
    const runbook = String(objectNamed('toolkit-runbook')['content'])
    for (const text of [
      bucket,
      exampleConfig.vaultBucket,
      'eu-central-1',
      'holdfast-restorer',
      ...exampleConfig.sources.map(({ name }) => name),
    ])
      expect(runbook).toContain(text)
  })

  it('says in the outputs under which keys', () => {
    expect(vault.outputs['toolkit']).toMatchObject({
      bucket,
      files: { tarball: `toolkit/0.1.0/${sha256(bytes)}/holdfast-0.1.0.tgz` },
    })
  })

  it('is a bucket without files until a tarball is named', async () => {
    const without = await recordProgram({ ...exampleConfig, layer: 'vault' })
    expect(objects(without)).toEqual([])
    expect(without.outputs['toolkit']).toEqual({ bucket, files: {} })
  })
})

describe('a tarball is refused, before anything is declared,', () => {
  it.each<[string, () => string, string]>([
    ['that is not there', () => path.join(directory, 'holdfast-9.9.9.tgz'), "can't be read: ENOENT"],
    ['that is a directory', () => directory, 'is not a name that `npm pack` gives'],
    ['by another name', () => file('tool.tgz', bytes), 'is not a name that `npm pack` gives'],
    [
      'of a version that climbs',
      () => path.join(directory, 'holdfast-1.0.0-..%2f.tgz'),
      'is not a name that `npm pack` gives',
    ],
    ["that isn't one", () => file('holdfast-1.0.0.tgz', 'text'), 'is not a tarball of at most 64 MiB'],
    ['that is empty', () => file('holdfast-1.0.1.tgz', ''), 'is not a tarball'],
  ])('%s', async (_, name, message) => {
    const toolkit = name()
    expect(() => readTarball(toolkit)).toThrow(
      expect.objectContaining({
        code: 'invalid-input',
        message: expect.stringContaining(`holdfast:toolkit: `) as string,
      }) as Error,
    )
    await expect(recordProgram({ ...exampleConfig, layer: 'vault', toolkit })).rejects.toThrow(message)
  })
})
