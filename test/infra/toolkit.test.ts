import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { create } from 'tar'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseExpectedState } from '../../checks/configuration/expected-state.ts'
import { recordProgram } from '../../infra/recording.ts'
import type { RecordedResource, Recording } from '../../infra/recording.ts'
import { readTarball } from '../../infra/toolkit.ts'
import { exampleConfig } from '../../lab/sandbox/loader/example-config.ts'
import { parseConfiguration } from '../../restore-cli/configuration.ts'

const bucket = 'holdfast-toolkit-111111111111-eu-central-1'
const sha256 = (value: Buffer | string) => createHash('sha256').update(value).digest('hex')

let directory: string
let bytes: Buffer
let vault: Recording
const file = (name: string, content: Buffer | string) => {
  writeFileSync(path.join(directory, name), content)
  return path.join(directory, name)
}
/** A package as `npm pack` makes it, that needs two others and brings these. */
const tarball = (name: string, bundled: readonly string[] = ['one', '@scope/two']): string => {
  const manifest = {
    name: 'holdfast',
    version: name,
    dependencies: { one: '^1.0.0', '@scope/two': '^2.0.0' },
  }
  const root = mkdtempSync(path.join(directory, 'package-'))
  const files = { 'package.json': JSON.stringify(manifest) }
  for (const dependency of bundled)
    Object.assign(files, { [`node_modules/${dependency}/package.json`]: '{}' })
  for (const [relative, content] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(root, 'package', relative)), { recursive: true })
    writeFileSync(path.join(root, 'package', relative), content)
  }
  const packed = path.join(directory, `holdfast-${name}.tgz`)
  create({ file: packed, cwd: root, gzip: true, sync: true }, ['package'])
  return packed
}
beforeAll(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'holdfast-toolkit-'))
  const toolkit = tarball('0.1.0')
  bytes = readFileSync(toolkit)
  vault = await recordProgram({ ...exampleConfig, layer: 'vault', toolkit })
})
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const objects = (recording: Recording) =>
  recording.resources.filter(({ type }) => type === 'aws:s3/bucketObjectv2:BucketObjectv2')
const objectNamed = (name: string) => objects(vault).find((object) => object.name === name)!.inputs

describe("the toolkit in the vault's account", () => {
  it('is the tool, its configuration, the runbook, the public keys and the expected state, under keys with their SHA-256', () => {
    expect(objects(vault).map(({ name }) => name)).toEqual([
      'toolkit-configuration',
      'toolkit-expected',
      'toolkit-notary-key',
      'toolkit-report-key',
      'toolkit-runbook',
      'toolkit-tarball',
    ])
    expect(objectNamed('toolkit-tarball')).toMatchObject({
      bucket,
      key: `toolkit/0.1.0/${sha256(bytes)}/holdfast-0.1.0.tgz`,
      checksumAlgorithm: 'SHA256',
    })
    for (const name of ['toolkit-configuration', 'toolkit-runbook', 'toolkit-notary-key', 'toolkit-expected'])
      expect(objectNamed(name)['key']).toContain(`/${sha256(String(objectNamed(name)['content']))}/`)
  })

  it("sets no lock of its own, brings no key, and forces nothing: the bucket's default holds", () => {
    const settings = objects(vault).map(({ inputs: { content: _, ...inputs } }) => inputs)
    expect(JSON.stringify(settings)).not.toMatch(/objectLock|forceDestroy|kms/)
    const lock = vault.resources.find(
      ({ type, name }) => type.endsWith(':BucketObjectLockConfiguration') && name === 'toolkit',
    )!
    expect(lock.inputs['rule']).toEqual({ defaultRetention: { mode: 'COMPLIANCE', days: 40 } })
  })

  it('leaves what was there when its content changes: another key, and nothing deleted', async () => {
    const next = await recordProgram({ ...exampleConfig, layer: 'vault', toolkit: tarball('0.1.1') })
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

  it('has the expected state of the bucket and of every role of the vault, as the program declares them', () => {
    const { buckets, roles } = parseExpectedState(String(objectNamed('toolkit-expected')['content']), 'x')
    const inputsOf = (type: string, name: string) =>
      vault.resources.find((resource) => resource.type.endsWith(`:${type}`) && resource.name === name)!.inputs
    const policyOf = (text: unknown) => JSON.parse(String(text)) as unknown
    expect(Object.keys(buckets)).toEqual([exampleConfig.vaultBucket])
    const { bucket: _, ...publicAccessBlock } = inputsOf('BucketPublicAccessBlock', 'vault')
    expect(buckets[exampleConfig.vaultBucket]).toMatchObject({
      policy: policyOf(inputsOf('BucketPolicy', 'vault')['policy']),
      objectLock: (inputsOf('BucketObjectLockConfiguration', 'vault')['rule'] as { defaultRetention: object })
        .defaultRetention,
      publicAccessBlock,
    })
    const declared = vault.resources.filter(
      ({ type, inputs }) =>
        type === 'aws:iam/role:Role' && ['/holdfast/', '/holdfast-checks/'].includes(String(inputs['path'])),
    )
    const arnOf = ({ inputs }: RecordedResource) =>
      `arn:aws:iam::111111111111:role${String(inputs['path'])}${String(inputs['name'])}`
    expect(Object.keys(roles).sort()).toEqual(declared.map(arnOf).sort())
    for (const resource of declared) {
      const { name, inputs } = resource
      const { trust, policies, source, ...none } = roles[arnOf(resource)]!
      expect(trust).toEqual(policyOf(inputs['assumeRolePolicy']))
      expect(policies).toEqual({ duty: policyOf(inputsOf('RolePolicy', name)['policy']) })
      const attached =
        name === 'native-restore'
          ? ['arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForRestores']
          : []
      expect(none).toEqual({ attached, boundary: null })
      expect(source).toBe(name.startsWith('writer-') ? name.replace('writer-', '') : null)
    }
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

  it("has a runbook that fetches the notary's public key, and gives it to the commands that read receipts", () => {
    const runbook = String(objectNamed('toolkit-runbook')['content'])
    expect(runbook).toMatch(/get-object .*\/notary\.pem --version-id ID notary\.pem$/m)
    const [before, after] = runbook.split('HOLDFAST_NOTARY_KEY=$PWD/notary.pem')
    expect(before).not.toMatch(/^holdfast (?:snapshots|restore)/m)
    expect(after!.match(/^holdfast (?:snapshots|find|ls|restore) /gm)!.length).toBeGreaterThanOrEqual(3)
  })

  it('has a runbook that becomes the restorer before it reads the toolkit, and is the page of the documentation', () => {
    const runbook = String(objectNamed('toolkit-runbook')['content'])
    const assumed = runbook.indexOf('aws sts assume-role --role-arn $HOLDFAST_ROLE_ARN')
    expect(assumed).toBeGreaterThan(0)
    expect(runbook.indexOf('aws s3api')).toBeGreaterThan(assumed)
    expect(runbook).toContain('export HOLDFAST_ROLE_ARN=arn:aws:iam::$VAULT:role/holdfast/holdfast-restorer')
    expect(runbook).toContain('export VAULT=111111111111 AWS_REGION=eu-central-1')
    // No other page is in the bucket.
    expect(runbook).not.toMatch(/\]\((?!https:|#)/)
    const page = readFileSync(path.join(import.meta.dirname, '../../docs/restore.md'), 'utf8')
    expect(runbook.split('\n')[0]).toBe(page.split('\n')[0])
    expect(runbook).toContain('## An alarm fired: what do I do?')
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
    ['that holds no package', () => file('holdfast-1.0.2.tgz', gzipSync('text')), 'holds no package'],
    [
      'that a restore could not install without a registry',
      () => tarball('1.0.3', ['one']),
      'lacks packages that the tool needs: @scope/two',
    ],
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
