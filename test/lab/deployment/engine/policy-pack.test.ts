// The example's policy pack under Pulumi's own engine: it refuses a program that breaks a guardrail, in the preview.
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { policies } from '../../../../infra/policies.ts'
import type { EngineResult } from '../../../../lab/deployment/engine.ts'
import { repository, startEngineWorld } from '../../../../lab/deployment/engine-world.ts'
import type { EngineWorld } from '../../../../lab/deployment/engine-world.ts'
import { installBuiltPackage } from '../built-package.ts'

const vaultBucket = 'holdfast-vault-111111111111-eu-central-1-an'

let folder: string
let world: EngineWorld
beforeAll(async () => {
  folder = await installBuiltPackage()
  cpSync(join(repository, 'examples'), folder, { recursive: true })
  world = await startEngineWorld()
})
afterAll(() => {
  world.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** The example's pack, for a stack that has these vaults. */
function packFor(buckets: readonly string[]): string {
  const pack = join(folder, `policy-pack-${buckets.length}`)
  cpSync(join(folder, 'policy-pack'), pack, { recursive: true })
  const program = readFileSync(join(pack, 'pack.js'), 'utf8')
  expect(program).toContain('buckets: []')
  writeFileSync(join(pack, 'pack.js'), program.replace('buckets: []', `buckets: ${JSON.stringify(buckets)}`))
  return pack
}

/** Previews and deploys a program that declares a vault's bucket and what the guardrail is about. */
async function deploy(name: string, declaration: string, pack: string): Promise<EngineResult> {
  const project = join(folder, name)
  mkdirSync(project)
  for (const file of ['Pulumi.yaml', 'package.json'])
    cpSync(join(folder, 'vault-in-a-stack', file), join(project, file))
  writeFileSync(
    join(project, 'program.ts'),
    `import * as aws from '@pulumi/aws'
export default () => {
  const provider = new aws.Provider('p', { region: 'eu-central-1', allowedAccountIds: ['111111111111'] })
  ${declaration}
}
`,
  )
  return world.stack(name, project).run('up', {}, { policyPack: pack })
}

const violations: readonly { policy: string; declaration: string; hint: string }[] = [
  {
    policy: 'vault-kept',
    declaration: "new aws.s3.Bucket('v', { bucket: 'v', objectLockEnabled: true }, { provider })",
    hint: 'set `protect: true`',
  },
  {
    policy: 'vault-stays',
    declaration: `new aws.s3.Bucket('v', { bucket: '${vaultBucket}-2' }, { provider, protect: true })`,
    hint: `abandon or replace the bucket ${vaultBucket}`,
  },
  {
    policy: 'no-access-keys',
    declaration: "new aws.iam.AccessKey('k', { user: 'agent' }, { provider })",
    hint: 'give the workload a role',
  },
  {
    policy: 'agent-has-boundary',
    declaration:
      "new aws.iam.Role('a', { name: 'a', path: '/holdfast-agents/', assumeRolePolicy: '{}' }, { provider })",
    hint: 'declare it with AgentRole',
  },
  {
    policy: 'deletion-protection',
    declaration:
      "new aws.rds.Instance('d', { instanceClass: 'db.t4g.micro', finalSnapshotIdentifier: 'd' }, { provider })",
    hint: 'set `deletionProtection`',
  },
  {
    policy: 'no-forced-deletion',
    declaration: "new aws.s3.Bucket('b', { bucket: 'b', forceDestroy: true }, { provider })",
    hint: 'leave `forceDestroy` out',
  },
]

describe('the policy pack in a preview', () => {
  it('has a program for each of its policies', () => {
    expect(violations.map(({ policy }) => policy)).toEqual(policies.map(({ name }) => name))
  })

  it.each(violations)('refuses what $policy refuses, before anything is touched', async (violation) => {
    world.provider.calls.length = 0
    // The pack of every other program lists no vault.
    const buckets = violation.policy === 'vault-stays' ? [vaultBucket] : []
    const result = await deploy(violation.policy, violation.declaration, packFor(buckets))
    expect(result.error).not.toBe('')
    const mandatory = result.messages.filter(({ severity }) => severity === 'mandatory')
    expect(mandatory.map(({ text }) => text)).toEqual([
      expect.stringMatching(new RegExp(`^${violation.policy}: `)),
    ])
    expect(mandatory[0]!.text).toContain(violation.hint)
    expect(world.provider.calls).toEqual([])
  })

  it.each([
    ['vault-in-a-stack', [vaultBucket]],
    ['agent-beside-your-roles', []],
  ])('lets the example %s pass, and its deployment too', async (example, buckets) => {
    const stack = world.stack(example, join(folder, example))
    const result = await stack.run('up', {}, { policyPack: packFor(buckets) })
    expect(result.error).toBe('')
    expect(result.messages.filter(({ severity }) => severity === 'mandatory')).toEqual([])
    expect(world.provider.calls.length).toBeGreaterThan(5)
  })
})
