// The notary at work with its own role, on the vault that the program declares: receipts that an auditor verifies
// without Holdfast, feedback that the writer's backup follows, and a key that no other principal can use.
import { verify } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { KmsSigner } from '../../aws/kms-signer.ts'
import { openS3ObjectStore } from '../../aws/s3-object-store.ts'
import type { ObjectVersion } from '../../core/store/object-store.ts'
import { receiptPrefix } from '../../core/store/vault-keys.ts'
import { duties, dutyRoleName, notaryKeyAlias, writerRoleName } from '../../guardrails/names.ts'
import { exampleAccounts, exampleConfig } from '../../lab/sandbox/loader/example-config.ts'
import { evaluate } from '../../lab/sandbox/authorization/evaluate.ts'
import { createAuthorizer } from '../../lab/sandbox/authorization/authorizer.ts'
import type { Principal } from '../../lab/sandbox/identity/principal.ts'
import { loadProgram } from '../../lab/sandbox/loader/loader.ts'
import { startStsCloud } from '../lab/sandbox/sts/cloud.ts'
import { makeFolder, runCommand } from '../restore-cli/command-line.ts'
import type { Outcome } from '../restore-cli/command-line.ts'
import { sessionOf } from './container-task.ts'
import type { TaskWorld } from './container-task.ts'

const { region, vaultBucket } = exampleConfig
const source = 'rental-db'
const writer = writerRoleName(source)
const folder = makeFolder()
const home = makeFolder()
const pemFile = join(folder, 'notary.pem')
const vaultFlags = ['--bucket', vaultBucket, '--no-assume-role', '--source', source]
let world: TaskWorld

function credentialsOf(roleName: string) {
  const { AccessKeyId, SecretAccessKey, Token } = sessionOf(world, roleName)
  return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: Token }
}

function run(roleName: string, args: readonly string[]): Promise<Outcome> {
  const { accessKeyId, secretAccessKey, sessionToken } = credentialsOf(roleName)
  return runCommand(args, {
    env: {
      HOME: home,
      AWS_REGION: region,
      AWS_ENDPOINT_URL: world.cloud.sandbox.endpoint,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_SESSION_TOKEN: sessionToken,
    },
  })
}

function backUp(): Promise<Outcome> {
  return run(writer, [
    'backup',
    join(folder, 'data'),
    ...vaultFlags,
    '--cache-dir',
    join(home, 'cache'),
    '--json',
  ])
}

const notarize = (...args: string[]) =>
  run(dutyRoleName('notary'), ['notary', ...vaultFlags, '--json', ...args])

/** The actions of a role on resources with this text in their ARNs; each must have been allowed. */
function actionsOf(roleName: string, text = ''): string[] {
  const { entries } = world.cloud.sandbox.decisions
  const decided = entries.filter(
    ({ principalArn, resource }) => principalArn.includes(`/${roleName}/`) && resource.includes(text),
  )
  expect(decided.filter(({ allowed }) => !allowed)).toEqual([])
  return [...new Set(decided.map(({ action }) => action))].sort()
}

beforeAll(async () => {
  const program = await loadProgram({ layers: ['vault'] })
  world = { ...program, cloud: await startStsCloud(program.declaration) }
  mkdirSync(join(folder, 'data'))
  for (let index = 0; index < 20; index++)
    writeFileSync(join(folder, 'data', `file-${index}`), `content ${index}`.repeat(500))
})

afterAll(() => world.cloud.stop())

describe("the notary's role", () => {
  test('attests a backup, and needs exactly the permissions that it has', async () => {
    expect(await backUp()).toMatchObject({ status: 0 })
    const outcome = await notarize()
    expect(outcome).toMatchObject({ status: 0, stderr: '' })
    expect(outcome.records()).toMatchObject([
      { type: 'receipt', source, outcome: 'attested', flags: [], findingCount: 0 },
      { type: 'notary', source, ok: true, attested: 1, refused: 0, feedbackPacks: null },
    ])
    expect(actionsOf(dutyRoleName('notary'))).toEqual([
      'kms:GetPublicKey',
      'kms:Sign',
      's3:GetBucketObjectLockConfiguration',
      's3:GetObjectRetention',
      's3:GetObjectVersion',
      's3:ListBucketVersions',
      's3:PutObject',
    ])
  })

  test('signs so that an auditor can verify a receipt with the public key and nothing of Holdfast', async () => {
    const endpoint = world.cloud.sandbox.endpoint
    const settings = {
      region,
      endpoint,
      credentials: () => Promise.resolve(credentialsOf('holdfast-notary')),
    }
    const { publicKeyPem } = await KmsSigner.open(settings, notaryKeyAlias)
    writeFileSync(pemFile, publicKeyPem)
    const store = openS3ObjectStore({
      bucket: vaultBucket,
      region,
      endpoint,
      credentials: () => Promise.resolve(credentialsOf('holdfast-restorer')),
    })
    const versions: ObjectVersion[] = []
    for await (const version of store.listVersions(receiptPrefix(source))) versions.push(version)
    const [version] = versions as [ObjectVersion]
    const bytes = await store.getRange(version, 0, version.bytes)
    const state = await store.headVersion(version)
    store.close()
    expect(state.lock?.mode).toBe('COMPLIANCE')
    const envelope = JSON.parse(Buffer.from(bytes).toString()) as {
      payloadType: string
      payload: string
      signatures: { sig: string }[]
    }
    const payload = Buffer.from(envelope.payload, 'base64')
    const signed = Buffer.concat([
      Buffer.from(`DSSEv1 ${envelope.payloadType.length} ${envelope.payloadType} ${payload.length} `),
      payload,
    ])
    const signature = Buffer.from(envelope.signatures[0]!.sig, 'base64')
    expect(verify('sha256', signed, publicKeyPem, signature)).toBe(true)
    expect(JSON.parse(payload.toString())).toMatchObject({ kind: 'receipt', source, outcome: 'attested' })
  })

  test("reports to the restorer's commands what it attests", async () => {
    const key = ['--notary-key', pemFile]
    const restorer = dutyRoleName('restorer')
    const listed = await run(restorer, ['snapshots', ...vaultFlags, ...key])
    expect(listed.stdout).toContain('complete; attested')
    const verified = await run(restorer, ['verify', ...vaultFlags, ...key])
    expect(verified.stdout).toMatch(/notary +attested by the receipt/)
    // The newest one has no receipt yet.
    writeFileSync(join(folder, 'data', 'new'), 'new')
    await backUp()
    const target = join(folder, 'restored')
    const restored = await run(restorer, ['restore', ...vaultFlags, ...key, '--target', target, '--dry-run'])
    expect(restored.stdout + restored.stderr).toContain('the notary has not attested it')
    const unattested = await run(restorer, [
      ...['restore', ...vaultFlags, ...key, '--target', target, '--dry-run', '--allow-unattested'],
    ])
    expect(unattested.stdout + unattested.stderr).toContain('the notary has not attested the snapshot')
  })

  test('asks for packs whose locks are too short, and the next backup uploads them again', async () => {
    const refused = await notarize('--promise-days', '45', '--again')
    expect(refused.status).toBe(9)
    const [record] = refused.records().filter(({ type }) => type === 'notary')
    expect(record).toMatchObject({ ok: false, refused: 1, unlocked: 1 })
    expect(record!['feedbackPacks']).toBeGreaterThan(0)
    const again = await backUp()
    expect(again.status).toBe(0)
    const [backup] = again.records().filter(({ type }) => type === 'backup')
    expect(backup).toMatchObject({ packsForgotten: record!['feedbackPacks'], feedbackNote: null })
    expect(await notarize()).toMatchObject({ status: 0 })
    expect(actionsOf(writer, 'holdfast-feedback-')).toEqual(['s3:GetObject', 's3:ListBucket'])
  })
})

describe('the key of the notary', () => {
  test.each([...duties.filter((duty) => duty !== 'notary').map(dutyRoleName), writer])(
    'signs nothing for %s',
    async (roleName) => {
      const outcome = await run(roleName, ['notary', ...vaultFlags])
      expect(outcome.status).toBe(6)
      expect(outcome.stderr).toContain('GetPublicKey')
    },
  )

  test("signs nothing for the account's root user, who can't change its policy or grant its use either", async () => {
    const authorizer = await createAuthorizer(world.declaration, world.cloud.clock)
    const key = world.declaration.keys.find(({ aliases }) => aliases?.includes(notaryKeyAlias))
    const accountId = exampleAccounts.vault
    const principal: Principal = { kind: 'root', accountId, arn: `arn:aws:iam::${accountId}:root` }
    const decide = async (action: string) => {
      return (await evaluate(authorizer, { principal, action, resource: key!.arn })).allowed
    }
    expect(await decide('kms:DescribeKey')).toBe(true)
    for (const action of ['kms:Sign', 'kms:PutKeyPolicy', 'kms:CreateGrant', 'kms:ReplicateKey'])
      expect([action, await decide(action)]).toEqual([action, false])
  })
})
