import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { patternIncludes } from '../../../guardrails/catalogue/action-pattern.ts'
import {
  examinedServices,
  expandTier,
  isExamined,
  judgeAction,
  rowsOf,
} from '../../../guardrails/catalogue/judgements.ts'
import knownActions from '../../../guardrails/catalogue/known-actions.json' with { type: 'json' }
import { conditionKeysOf, readReference } from './reference.ts'
import type { ActionJudgement } from '../../../guardrails/catalogue/judgements.ts'

const reference = await readReference()
const namesOf = (service: string) =>
  reference.filter((action) => action.service === service).map(({ name }) => name)

/** A judgement in one or two words, as known-actions.json has it. */
function describeJudgement(judgement: ActionJudgement): string {
  return judgement.verdict === 'destructive' ? `${judgement.tier} ${judgement.loss}` : judgement.verdict
}

/**
 * AWS calls these reads. They hand out credentials, run something as another role, or change where a log or a
 * transaction goes.
 */
const destructiveReads =
  /^(acm:(ExportCertificate|GetAcmeExternalAccountBindingCredentials)|bedrock:Invoke(Agent|Flow|InlineAgent|Tool)|bedrock-agentcore:(CompleteResourceTokenAuth|ConnectBrowser(Automation|LiveView)Stream|GetResource(ApiKey|Oauth2Token|PaymentToken))|cloud9:CreateEnvironmentToken|cloudwatch:GetSpaceCredentials(ForOrganization)?|codepipeline:Get(ThirdParty)?JobDetails|cognito-identity:Get(CredentialsForIdentity|OpenIdToken(ForDeveloperIdentity)?)|connect:GetFederationToken|datazone:Get(DomainExecutionRole|Environment)Credentials|ec2:GetPasswordData|(emr-serverless|glue):GetSessionEndpoint|finspace:GetKxConnectionString|gamelift:(Get(ComputeAccess|ComputeAuthToken|InstanceAccess)|RequestUploadCredentials)|iotanalytics:RunPipelineActivity|lakeformation:GetTemporaryGlue(Partition|Table)Credentials|managedblockchain:InvokeRpc\w+|quicksight:GetSessionEmbedUrl|redshift(-serverless)?:GetIdentityCenterAuthToken|s3:(AllowVendedLogDeliveryForResource|GetDataAccess)|secretsmanager:(BatchGet|Get)SecretValue|signin:(Authenticate|AuthorizeOAuth2Access|CreateOAuth2Token)|securityhub:Send(Finding|Insight)Events|ssm:(GetAccessToken|PutConfigurePackageResult)|sts:Get(ServiceBearer|Session)Token|workspaces:DirectoryAccessManagement)$/

describe('the judgements', () => {
  it('are of 190 services and more', () => {
    expect(examinedServices.length).toBeGreaterThanOrEqual(190)
    expect(isExamined('EC2')).toBe(true)
    expect(isExamined('constructor')).toBe(false)
  })

  it('have no service twice, of which JSON would keep one', () => {
    const text = readFileSync(
      new URL('../../../guardrails/catalogue/judgements.json', import.meta.url),
      'utf8',
    )
    expect([...text.matchAll(/^ {2}"([^"]+)": \[$/gm)].map((match) => match[1])).toEqual(examinedServices)
  })

  // With a newer reference: judge each by a row of judgements.json, then write known-actions.json anew with `vitest
  // -u`.
  it('leave no action of an examined service unjudged: a new one has to be looked at by name', () => {
    const judged = new Set(
      Object.entries(knownActions).flatMap(([service, names]) =>
        Object.keys(names).map((name) => `${service}:${name}`),
      ),
    )
    const unjudged = reference
      .map(({ service, name }) => `${service}:${name}`)
      .filter((action) => !judged.has(action) || judgeAction(action).verdict === 'unexamined')
    expect(unjudged).toEqual([])
  })

  it('say of each action what known-actions.json says, which shows what a changed pattern changes', async () => {
    const judged = Object.fromEntries(
      examinedServices.map((service) => [
        service,
        Object.fromEntries(
          namesOf(service)
            .sort()
            .map((name) => [name, describeJudgement(judgeAction(`${service}:${name}`))]),
        ),
      ]),
    )
    await expect(`${JSON.stringify(judged, null, 1)}\n`).toMatchFileSnapshot(
      '../../../guardrails/catalogue/known-actions.json',
    )
  })

  it('have no pattern that decides about no action', () => {
    const idle = examinedServices.flatMap((service) => {
      const decisive = new Set(
        namesOf(service).map((name) => {
          const judgement = judgeAction(`${service}:${name}`)
          return judgement.verdict === 'unexamined' ? '' : judgement.pattern
        }),
      )
      const { destructive, exempt, reads } = rowsOf(service)
      const patterns = [
        ...destructive.flatMap(({ actions }) => actions),
        ...exempt.flatMap((row) => row.exempt),
        ...reads,
      ]
      return patterns.filter((pattern) => !decisive.has(pattern)).map((pattern) => `${service}:${pattern}`)
    })
    expect(idle).toEqual([])
  })

  it('call no write a read, and call no read destructive but those listed', () => {
    const wrong = reference.filter(({ service, name, isRead }) => {
      const { verdict } = judgeAction(`${service}:${name}`)
      if (!isRead) return verdict === 'read'
      return verdict === 'destructive' && !destructiveReads.test(`${service}:${name}`)
    })
    expect(wrong).toEqual([])
  })

  it('name condition keys that a request for each action of the row can carry', async () => {
    const wrong: string[] = []
    for (const service of examinedServices) {
      for (const row of rowsOf(service).destructive) {
        if (row.conditionKeys.length === 0) continue
        for (const name of namesOf(service)) {
          const judgement = judgeAction(`${service}:${name}`)
          if (judgement.verdict !== 'destructive' || !row.actions.includes(judgement.pattern)) continue
          const keys = await conditionKeysOf(service, name)
          for (const key of row.conditionKeys) if (!keys.has(key)) wrong.push(`${service}:${name} ${key}`)
        }
      }
    }
    expect(wrong).toEqual([])
  })

  it('exempt few actions that AWS says manage permissions, or that change a policy', () => {
    const exempted = reference
      .filter(
        ({ name, isRead, managesPermissions }) =>
          managesPermissions || (!isRead && /Policy|Permission/.test(name)),
      )
      .map(({ service, name }) => `${service}:${name}`)
      .filter((action) => judgeAction(action).verdict === 'exempt')
    expect(exempted).toMatchSnapshot()
  })

  it.each([
    ['ec2:CreateReplaceRootVolumeTask', '1 data'],
    ['ec2:DeleteVolume', '1 data'],
    ['EC2:deletevolume', '1 data'],
    ['rds:DeleteGlobalCluster', '1 data'],
    ['s3:CreateJob', '1 data'],
    ['logs:PutLogGroupDeletionProtection', '1 evidence'],
    ['states:UpdateStateMachine', '2 execution'],
    ['ssm:SendCommand', '2 execution'],
    ['lambda:UpdateFunctionCode', '2 execution'],
    ['ecs:ExecuteCommand', '2 execution'],
    ['codebuild:StartBuild', '2 execution'],
    ['cloudformation:UpdateStack', '2 data'],
    ['cloudformation:UpdateTerminationProtection', '1 protection'],
    ['bedrock-agentcore:InvokeAgentRuntimeCommandShell', '2 execution'],
    ['kms:ScheduleKeyDeletion', '1 readability'],
    ['cognito-identity:SetIdentityPoolRoles', '1 identity'],
    ['iam:PassRole', '1 identity'],
    ['s3:PutObject', '2 data'],
    ['ec2:StartInstances', 'exempt'],
    ['logs:PutLogEvents', 'exempt'],
    ['ec2:DescribeVolumes', 'read'],
    ['robomaker:CreateRobot', 'unexamined'],
    ['constructor:name', 'unexamined'],
    ['ec2:', 'unexamined'],
    ['ec2', 'unexamined'],
    ['ec2:Delete*', 'unexamined'],
    ['*', 'unexamined'],
    ['ec2:DescribeVolumes ', 'unexamined'],
    [`ec2:${'a'.repeat(10_000)}`, 'unexamined'],
  ])('%s: %s', (action, expected) => {
    expect(describeJudgement(judgeAction(action))).toBe(expected)
  })
})

describe('the patterns of a tier', () => {
  it('match the actions of the tier, of no weaker judgement, and all of them', () => {
    const wrong: string[] = []
    for (const { service, name } of reference) {
      const action = `${service}:${name}`
      const judgement = judgeAction(action)
      const tier = judgement.verdict === 'destructive' ? judgement.tier : null
      const matched = ([1, 2] as const).filter((candidate) =>
        expandTier(service, candidate).some((pattern) => patternIncludes(pattern, action)),
      )
      // A pattern of tier 2 may match an action of tier 1, which is denied in any case.
      if ((matched[0] ?? null) !== tier) wrong.push(action)
    }
    expect(wrong).toEqual([])
  })

  it('have the prefix of their service, and none includes another', () => {
    expect(expandTier('rbin', 1)).toEqual(['rbin:DeleteRule', 'rbin:UnlockRule', 'rbin:UpdateRule'])
    expect(expandTier('ec2', 2)).toContain('ec2:Delete*')
    expect(expandTier('robomaker', 1)).toEqual([])
  })
})
