import { beforeAll, describe, expect, it } from 'vitest'
import { recordProgram } from '../../infra/recording.ts'
import type { RecordedResource, Recording } from '../../infra/recording.ts'
import { exampleConfig } from '../../lab/sandbox/loader/example-config.ts'
import { loadProgram } from '../../lab/sandbox/loader/loader.ts'

const vaultId = '111111111111'
const archive = {
  name: 'archive',
  region: 'eu-west-1',
  trust: { awsRoleArn: 'arn:aws:iam::222222222222:role/workloads/archive' },
}
const regions = { regions: ['eu-west-1'], sources: [...exampleConfig.sources, archive] }
const bucketsIn = (region: string) =>
  ['vault', 'feedback'].map((kind) => `holdfast-${kind}-${vaultId}-${region}`)

let vault: Recording
let plain: Recording
beforeAll(async () => {
  vault = await recordProgram({ ...exampleConfig, ...regions, layer: 'vault' })
  plain = await recordProgram({ ...exampleConfig, layer: 'vault' })
})

const ofType = (type: string, { resources }: Recording = vault) =>
  resources.filter((resource) => resource.type.endsWith(`:${type}`))
const named = (type: string, name: string): RecordedResource => {
  const match = ofType(type).find((resource) => resource.name === name)
  if (match === undefined) throw new Error(`there is no ${type} ${name}`)
  return match
}
const policyOf = (role: string) => String(named('RolePolicy', role).inputs['policy'])

describe('a further region', () => {
  it('has a vault bucket and a feedback bucket of its own, with every setting of the first', () => {
    const settings = (suffix: string) =>
      vault.resources
        .filter(({ name, type }) => name === `vault${suffix}` && type.startsWith('aws:s3/bucket'))
        .map(({ type }) => type)
    expect(ofType('Bucket').map(({ inputs }) => inputs['bucket'])).toEqual(
      expect.arrayContaining([...bucketsIn('eu-central-1'), ...bucketsIn('eu-west-1')]),
    )
    expect(settings('-eu-west-1')).toEqual(settings(''))
    expect(settings('').length).toBe(9)
    for (const { name, protect, retainOnDelete } of vault.resources.filter(
      (resource) => resource.name === 'vault-eu-west-1' && resource.type.startsWith('aws:s3/'),
    )) {
      expect({ name, protect, retainOnDelete }).toEqual({ name, protect: true, retainOnDelete: true })
    }
  })

  it('is locked by the same rule', () => {
    expect(named('BucketObjectLockConfiguration', 'vault-eu-west-1').inputs['rule']).toEqual(
      named('BucketObjectLockConfiguration', 'vault').inputs['rule'],
    )
  })

  it("is reached by a provider of the vault's account and that region", () => {
    expect(named('aws', 'vault-eu-west-1').inputs).toMatchObject({
      allowedAccountIds: `["${vaultId}"]`,
      region: 'eu-west-1',
    })
    expect(
      new Set(
        vault.resources.filter(({ type }) => type.startsWith('aws:')).map(({ accountId }) => accountId),
      ),
    ).toEqual(new Set([vaultId]))
  })

  it('has a topic, checks and their alarms for the sources whose backups lie there, and a custodian', () => {
    expect(named('BucketNotification', 'vault-eu-west-1').inputs).toMatchObject({
      bucket: bucketsIn('eu-west-1')[0],
    })
    for (const name of ['check-freshness-archive', 'check-notary-archive', 'check-custodian-eu-west-1'])
      expect(named('MetricAlarm', name).inputs).toMatchObject({
        alarmActions: [`arn:aws:sns:eu-west-1:${vaultId}:holdfast-alarms`],
      })
    const custodian = named('TaskDefinition', 'check-custodian-eu-west-1').inputs
    expect(custodian).toMatchObject({ taskRoleArn: expect.stringMatching(/holdfast-custodian$/) as string })
    expect(String(custodian['containerDefinitions'])).toContain(`"${bucketsIn('eu-west-1')[0]}"`)
    expect(named('TopicSubscription', 'alarms-eu-west-1-email-0').inputs).toMatchObject({
      topic: `arn:aws:sns:eu-west-1:${vaultId}:holdfast-alarms`,
    })
    const task = String(named('TaskDefinition', 'check-verify-archive').inputs['containerDefinitions'])
    expect(task).toContain(`"${bucketsIn('eu-west-1')[0]}"`)
    expect(task).toContain(`${vaultId}.dkr.ecr.eu-west-1.amazonaws.com/holdfast@sha256:`)
    expect(named('ReplicationConfiguration', 'checks').inputs).toMatchObject({
      replicationConfiguration: { rules: [{ destinations: [{ region: 'eu-west-1', registryId: vaultId }] }] },
    })
  })

  it('raises alarms: what CloudTrail records there is forwarded', () => {
    const rules = ofType('EventRule')
      .filter(({ name }) => name.startsWith('vault-forwarder-'))
      .map(({ inputs }) => inputs['region'])
    expect(new Set(rules)).toEqual(new Set(['eu-central-1', 'eu-west-1', 'us-east-1']))
  })
})

describe('the roles', () => {
  it('let each writer into the region of its source, and into no other', () => {
    expect(policyOf('writer-archive')).toContain(bucketsIn('eu-west-1')[0])
    expect(policyOf('writer-archive')).not.toContain('eu-central-1')
    expect(policyOf('writer-rental-db')).not.toContain('eu-west-1')
  })

  it("let every duty into each region's vault, by name", () => {
    for (const duty of ['notary', 'custodian', 'restorer', 'drill']) {
      for (const region of ['eu-central-1', 'eu-west-1'])
        expect(policyOf(duty)).toContain(`arn:aws:s3:::holdfast-vault-${vaultId}-${region}`)
      expect(policyOf(duty)).not.toContain(`holdfast-vault-${vaultId}-*`)
    }
  })

  it('let the scheduler and ECS work in each region', () => {
    for (const role of ['check-scheduler', 'task-execution'])
      expect(policyOf(role)).toMatch(/eu-central-1[\s\S]*eu-west-1/)
  })
})

describe('the outputs', () => {
  it('list each region with its buckets and its sources', () => {
    expect(vault.outputs['regions']).toMatchObject({
      'eu-central-1': {
        vaultBucket: bucketsIn('eu-central-1')[0],
        sources: ['rental-db', 'uploads', 'site'],
      },
      'eu-west-1': {
        vaultBucket: bucketsIn('eu-west-1')[0],
        feedbackBucket: bucketsIn('eu-west-1')[1],
        sources: ['archive'],
      },
    })
    expect(Object.keys(plain.outputs['regions'] as object)).toEqual(['eu-central-1'])
  })
})

describe('in the sandbox', () => {
  it('each bucket lies where it is declared, frozen by the organization like the first', async () => {
    const { declaration } = await loadProgram({ config: regions, layers: ['vault', 'organization'] })
    expect(declaration.buckets.find(({ name }) => name === bucketsIn('eu-west-1')[0])).toMatchObject({
      region: 'eu-west-1',
      objectLock: { default: { mode: 'COMPLIANCE', days: 40 } },
    })
    const scps = JSON.stringify(declaration.accounts.find(({ id }) => id === vaultId)!.scps)
    expect(scps).toContain(`arn:aws:s3:::holdfast-vault-${vaultId}-*`)
  })
})
