// The examples as their readers run them: programs of their own, with the package's name, and no `holdfast:` key.
import { beforeAll, describe, expect, it } from 'vitest'
import agentBesideYourRoles from '../../examples/agent-beside-your-roles/program.ts'
import vaultInAStack from '../../examples/vault-in-a-stack/program.ts'
import { agentBoundary } from '../../guardrails/agent-policies.ts'
import { renderPolicy } from '../../guardrails/policy.ts'
import { vaultBucketPolicy } from '../../guardrails/vault-bucket-policy.ts'
import { policies } from '../../infra/policies.ts'
import { recordProgram } from '../../infra/recording.ts'
import type { RecordedResource, Recording } from '../../infra/recording.ts'
import { violationsOf } from '../infra/policy-run.ts'

let vault: Recording
let agent: Recording
beforeAll(async () => {
  vault = await recordProgram({}, vaultInAStack)
  agent = await recordProgram({}, agentBesideYourRoles)
})

const real = ({ resources }: Recording) => resources.filter(({ type }) => type.startsWith('aws:'))
const list = (recording: Recording) =>
  real(recording)
    .map(({ type, name }) => `${type.split(':').at(-1)} ${name}`)
    .sort()

function find(recording: Recording, shortType: string, name: string): RecordedResource {
  const resource = real(recording).find(
    (candidate) => candidate.type.endsWith(`:${shortType}`) && candidate.name === name,
  )
  if (resource === undefined) throw new Error(`the program declares no ${shortType} ${name}`)
  return resource
}

describe('a vault in a stack that has other resources', () => {
  it('declares these and nothing else, in the account of its provider', () => {
    expect(list(vault)).toMatchSnapshot()
    expect(new Set(real(vault).map(({ accountId }) => accountId))).toEqual(new Set(['111111111111']))
  })

  it('has the vault layer’s own bucket: locked from birth, frozen by its policy, protected in every part', () => {
    const bucket = find(vault, 'Bucket', 'vault')
    expect(bucket.inputs).toEqual({
      bucket: 'holdfast-vault-111111111111-eu-central-1-an',
      bucketNamespace: 'account-regional',
      objectLockEnabled: true,
    })
    expect(find(vault, 'BucketPolicy', 'vault').inputs['policy']).toBe(
      renderPolicy(
        vaultBucketPolicy({
          location: { accountId: '111111111111', region: 'eu-central-1', namespace: 'account-regional' },
          retentionCapDays: 400,
          detached: true,
          storageClasses: ['STANDARD'],
        }),
      ),
    )
    const parts = real(vault).filter(({ type }) => type.startsWith('aws:s3/'))
    expect(parts.length).toBeGreaterThan(10)
    expect(parts.filter(({ protect, retainOnDelete }) => !protect || !retainOnDelete)).toEqual([])
  })

  it('puts out what the tools need', () => {
    expect(vault.outputs).toMatchObject({
      vaultBucket: 'holdfast-vault-111111111111-eu-central-1-an',
      ordersWriter: 'arn:aws:iam::111111111111:role/holdfast/holdfast-writer-orders',
      holdfast: {
        formatVersion: 1,
        layer: 'vault',
        vaultBucket: 'holdfast-vault-111111111111-eu-central-1-an',
      },
    })
  })
})

describe("an agent's role beside the roles that a stack has", () => {
  it('declares these and nothing else', () => {
    expect(list(agent)).toMatchSnapshot()
  })

  it('gives the agent its boundary, its environment and an hour', () => {
    expect(find(agent, 'Role', 'agent-staging').inputs).toMatchObject({
      path: '/holdfast-agents/',
      permissionsBoundary: 'arn:aws:iam::222222222222:policy/holdfast-agent-boundary-staging',
      maxSessionDuration: 3600,
      tags: { 'holdfast-environment': 'staging' },
    })
    expect(find(agent, 'Policy', 'agent-boundary-staging')).toMatchObject({
      protect: true,
      retainOnDelete: true,
      inputs: {
        policy: renderPolicy(
          agentBoundary(
            { accountId: '111111111111', region: 'eu-central-1' },
            { may: ['ec2:*', 'logs:FilterLogEvents', 's3:PutObject'], environmentTag: 'environment' },
          ),
        ),
      },
    })
  })

  it("leaves the stack's own role as it was", () => {
    expect(find(agent, 'Role', 'launcher').inputs['path']).toBe('/workloads/')
  })
})

it('neither has a violation of the policy pack', async () => {
  for (const { resources } of [vault, agent]) expect(await violationsOf(policies, resources)).toEqual([])
})
