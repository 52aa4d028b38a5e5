// Backups of AWS Backup: what each layer declares for them, and the events that raise or count.
import { beforeAll, describe, expect, it } from 'vitest'
import { alarmPatterns } from '../../guardrails/alarm-patterns.ts'
import { nativeCopies } from '../../guardrails/native-copies.ts'
import { recordProgram } from '../../infra/recording.ts'
import type { Recording } from '../../infra/recording.ts'
import { exampleConfig } from '../../lab/sandbox/loader/example-config.ts'
import { matchesPattern } from '../guardrails/event-pattern.ts'

const [vaultId, productionId] = ['111111111111', '222222222222']
const config = {
  ...exampleConfig,
  image: '',
  examine: false,
  regions: ['eu-west-1'],
  native: [{ tag: 'backup=daily', schedule: 'daily', retentionDays: 35 }],
}

let vault: Recording
let production: Recording
let organization: Recording
beforeAll(async () => {
  vault = await recordProgram({ ...config, layer: 'vault' })
  production = await recordProgram({ ...config, layer: 'production' })
  organization = await recordProgram({ ...config, layer: 'organization' })
})

const backups = ({ resources }: Recording) => resources.filter(({ type }) => type.startsWith('aws:backup/'))
const inputsOf = (recording: Recording, shortType: string) =>
  recording.resources.filter(({ type }) => type.endsWith(`:${shortType}`)).map(({ inputs }) => inputs)
const backupRole = `arn:aws:iam::${productionId}:role/holdfast-production/holdfast-native-backup`
const destination = (region: string) => `arn:aws:backup:${region}:${vaultId}:backup-vault:holdfast-native`

describe('AWS Backup', () => {
  it('is protected in every part, in all layers', () => {
    const parts = [vault, production, organization].flatMap(backups)
    expect(parts.length).toBeGreaterThan(20)
    expect(parts.filter(({ protect, retainOnDelete }) => !protect || !retainOnDelete)).toEqual([])
  })

  it('has an air-gapped vault in each region, with bounds that no configuration changes', () => {
    expect(inputsOf(vault, 'LogicallyAirGappedVault')).toEqual(
      Array.from({ length: 2 }, () => ({
        name: 'holdfast-native',
        minRetentionDays: 7,
        maxRetentionDays: 3650,
      })),
    )
  })

  it("copies each recovery point into the same region's vault, for the days of the entry", () => {
    const rules = inputsOf(production, 'Plan').map(({ region, rules, tags }) => ({ region, rules, tags }))
    expect(rules).toEqual(
      ['eu-central-1', 'eu-west-1'].map((region) => ({
        region,
        tags: { 'holdfast-native': 'kept' },
        rules: [
          {
            ruleName: 'copy-to-the-vault',
            targetVaultName: 'holdfast-native-backup-daily',
            schedule: 'cron(0 3 * * ? *)',
            startWindow: 60,
            lifecycle: { deleteAfter: 7 },
            copyActions: [{ destinationVaultArn: destination(region), lifecycle: { deleteAfter: 35 } }],
          },
        ],
      })),
    )
    for (const { selectionTags, iamRoleArn } of inputsOf(production, 'Selection')) {
      expect(selectionTags).toEqual([{ type: 'STRINGEQUALS', key: 'backup', value: 'daily' }])
      expect(iamRoleArn).toBe(backupRole)
    }
  })

  it('restores the newest copies of each region, each week, with a role of its own', () => {
    const plans = inputsOf(vault, 'RestoreTestingPlan')
    expect(
      plans.map(
        ({ recoveryPointSelection }) => (recoveryPointSelection as { includeVaults: string[] }).includeVaults,
      ),
    ).toEqual([[destination('eu-central-1')], [destination('eu-west-1')]])
    const selections = inputsOf(vault, 'RestoreTestingSelection')
    expect([...new Set(selections.map(({ protectedResourceType }) => protectedResourceType))].sort()).toEqual(
      ['Aurora', 'DynamoDB', 'EBS', 'EFS', 'RDS'],
    )
    expect(new Set(selections.map(({ iamRoleArn }) => iamRoleArn))).toEqual(
      new Set([`arn:aws:iam::${vaultId}:role/holdfast-checks/holdfast-native-restore`]),
    )
    expect(inputsOf(vault, 'Role').filter(({ name }) => name === 'holdfast-native-restore')).toHaveLength(1)
  })

  it('lets the organization copy between accounts', () => {
    expect(inputsOf(organization, 'GlobalSettings')).toEqual([
      { globalSettings: { isCrossAccountBackupEnabled: 'true' } },
    ])
  })

  it("counts copies in the vault's account: an alarm fires if none comes for a day and a half", () => {
    const alarms = inputsOf(vault, 'MetricAlarm').filter(({ namespace }) => namespace === 'Holdfast/Native')
    expect(alarms.map(({ name }) => name)).toEqual([
      'holdfast-native-backup-daily-eu-central-1-missing',
      'holdfast-native-backup-daily-eu-west-1-missing',
    ])
    for (const alarm of alarms)
      expect(alarm).toMatchObject({
        period: 3600,
        evaluationPeriods: 36,
        datapointsToAlarm: 36,
        comparisonOperator: 'LessThanThreshold',
        treatMissingData: 'breaching',
      })
    const rule = inputsOf(vault, 'EventRule').find(({ name }) => name === 'holdfast-native-copies')!
    expect(rule['eventBusName']).toBe('holdfast-alarms')
    const forwarded = inputsOf(production, 'EventRule').filter(
      ({ name }) => name === 'holdfast-native-copies',
    )
    expect(forwarded.map(({ region, eventPattern }) => [region, eventPattern])).toEqual(
      ['eu-central-1', 'eu-west-1', 'us-east-1'].map((region) => [region, rule['eventPattern']]),
    )
  })

  it('pages on-call for no completed copy, and for no configuration without it', async () => {
    const targets = inputsOf(vault, 'EventTarget').filter(({ rule }) => rule === 'holdfast-native-copies')
    expect(targets.map(({ targetId }) => targetId)).toEqual(['log'])
    const without = await recordProgram({ ...config, native: [], layer: 'vault' })
    expect(without.resources.filter(({ name }) => name.includes('native'))).toEqual([])
  })
})

describe('the events of AWS Backup', () => {
  // https://docs.aws.amazon.com/aws-backup/latest/devguide/eventbridge.html
  const event = (detailType: string, detail: Record<string, unknown>) => ({
    version: '0',
    source: 'aws.backup',
    account: productionId,
    region: 'eu-central-1',
    'detail-type': detailType,
    detail: { iamRoleArn: backupRole, ...detail },
  })
  const alarm = alarmPatterns({
    vault: { accountId: vaultId, region: 'eu-central-1' },
    productionAccountId: productionId,
    agentServices: [],
    native: [{ tag: 'backup=daily', schedule: 'daily', retentionDays: 35 }],
  }).find(({ name }) => name === 'native-failed')!.pattern
  const restoreRole = `arn:aws:iam::${vaultId}:role/holdfast-checks/holdfast-native-restore`

  it.each([
    ['a failed backup', event('Backup Job State Change', { state: 'FAILED' }), true],
    ['an expired backup', event('Backup Job State Change', { state: 'EXPIRED' }), true],
    ['a failed copy', event('Copy Job State Change', { state: 'FAILED' }), true],
    [
      'a failed restore test',
      event('Restore Job State Change', { status: 'FAILED', iamRoleArn: restoreRole }),
      true,
    ],
    ['a completed backup', event('Backup Job State Change', { state: 'COMPLETED' }), false],
    [
      "a failed backup of a team's own plan",
      event('Backup Job State Change', { state: 'FAILED', iamRoleArn: 'arn:aws:iam::222222222222:role/own' }),
      false,
    ],
    [
      'a made-up failure',
      { ...event('Backup Job State Change', { state: 'FAILED' }), source: 'my.backup' },
      false,
    ],
  ])('page on-call for %s as they should', (_, recorded, pages) => {
    expect(matchesPattern(alarm, recorded)).toBe(pages)
  })

  it('count a completed copy into our vault, and no other', () => {
    const pattern = nativeCopies([{ accountId: vaultId, region: 'eu-central-1' }])
    const copy = (state: string, arn: string) =>
      event('Copy Job State Change', { state, destinationBackupVaultArn: arn })
    expect(matchesPattern(pattern, copy('COMPLETED', destination('eu-central-1')))).toBe(true)
    expect(matchesPattern(pattern, copy('RUNNING', destination('eu-central-1')))).toBe(false)
    expect(
      matchesPattern(pattern, copy('COMPLETED', destination('eu-central-1').replace(vaultId, productionId))),
    ).toBe(false)
  })
})
