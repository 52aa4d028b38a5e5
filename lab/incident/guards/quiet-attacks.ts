// Two attacks that send no request to the vault: by a delegated administrator of the organization, and on the alarms.
// The drill evaluates the loaded policies.
import { accountActions, delegatedActions } from '../../../guardrails/delegation-policies.ts'
import {
  frozenBucketActions,
  frozenCheckActions,
  frozenMeasureActions,
  frozenRoleActions,
  frozenTopicActions,
} from '../../../guardrails/frozen-actions.ts'
import {
  alarmBusArn,
  alarmTopicArn,
  checkClusterArn,
  checkLogGroupName,
  imageRepositoryName,
  vaultBucketName,
} from '../../../guardrails/names.ts'
import type { PolicyAuthorizer } from '../../sandbox/authorization/authorizer.ts'
import { evaluate } from '../../sandbox/authorization/evaluate.ts'
import { exampleResource } from '../attack/evaluated-attacks.ts'
import type { ClaimFindings } from '../claims.ts'
import type { Provisioned } from '../drill-context.ts'
import { makeExaminer } from './isolation.ts'
import { principalCalled } from './probe-principals.ts'

interface QuietAttack {
  caller: string
  action: string
  resource: string
}

/** The accounts by their names in the example, also where a guard was removed that keeps the vault apart. */
type Accounts = Pick<Provisioned, 'region'> & { vault: string; production: string }

/**
 * From production on other accounts, and in the vault's account as the roles that AWS's services make there.
 * @param provisioned with the roles of delegated administrators
 */
export async function examineDelegation(provisioned: Provisioned, place: Accounts): Promise<ClaimFindings> {
  const location = { accountId: place.vault, region: place.region }
  const fromProduction = await Promise.all(
    delegatedActions.map(async (action) => ({
      caller: 'administrator',
      action,
      // The service authorizes the call in the caller's own account, also if it acts on another one.
      resource: await exampleResource(action, place.production, place.region),
    })),
  )
  const onAccounts = accountActions.map((action) => ({
    caller: 'administrator',
    action,
    resource: `arn:aws:account::${place.production}:account/o-example0001/${place.vault}`,
  }))
  const bucket = `arn:aws:s3:::${vaultBucketName(location)}`
  const inVault = ['stack set', 'permission set'].flatMap((caller) => [
    ...frozenBucketActions.map((action) => ({ caller, action, resource: bucket })),
    ...frozenRoleActions.map((action) => ({
      caller,
      action,
      resource: `arn:aws:iam::${place.vault}:role/holdfast/holdfast-writer-rental-db`,
    })),
    { caller, action: 's3:ListBucket', resource: bucket },
    {
      caller,
      action: 'iam:CreateRole',
      resource: `arn:aws:iam::${place.vault}:role/holdfast/holdfast-other`,
    },
    {
      caller,
      action: 'ecs:RunTask',
      resource: `arn:aws:ecs:${place.region}:${place.vault}:task-definition/holdfast-check-verify-rental-db:1`,
    },
  ])
  return examine(provisioned, [...fromProduction, ...onAccounts, ...inVault])
}

/** The vault account's own root user, and production's administrator on its own alarms. */
export async function examineBlinding(provisioned: Provisioned, place: Accounts): Promise<ClaimFindings> {
  const location = { accountId: place.vault, region: place.region }
  const arn = (service: string, name: string) => `arn:aws:${service}:${place.region}:${place.vault}:${name}`
  const logGroup = arn('logs', `log-group:${checkLogGroupName}`)
  const alarm = arn('cloudwatch', 'alarm:holdfast-check-freshness-rental-db-missed')
  const targets: Readonly<Record<string, string>> = {
    cloudwatch: alarm,
    'cloudwatch:PutAlarmMuteRule': arn('cloudwatch', 'alarm-mute-rule:some'),
    'cloudwatch:PutMetricData': arn('cloudwatch', 'dataset/some'),
    ecr: arn('ecr', `repository/${imageRepositoryName}`),
    ecs: checkClusterArn(location),
    events: alarmBusArn(location),
    'events:PutPermission': '*',
    'events:RemovePermission': '*',
    logs: logGroup,
    'logs:DeleteLogStream': `${logGroup}:log-stream:x`,
    'logs:DeleteResourcePolicy': '*',
    'logs:PutAccountPolicy': '*',
    'logs:PutLogEvents': `${logGroup}:log-stream:x`,
    'logs:PutResourcePolicy': '*',
    sns: alarmTopicArn(location),
  }
  const actions = [...frozenTopicActions, ...frozenMeasureActions, ...frozenCheckActions, 'logs:PutLogEvents']
  return examine(
    provisioned,
    actions.map((action) => ({
      caller: 'vault-root',
      action,
      resource: targets[action] ?? targets[action.split(':')[0]!]!,
    })),
  )
}

async function examine(
  { declaration, sandbox }: Provisioned,
  attacks: readonly QuietAttack[],
): Promise<ClaimFindings> {
  const { authorizer } = await makeExaminer(declaration, sandbox.clock.nowMs())
  const findings: string[] = []
  for (const attack of attacks)
    if (await isAllowed(authorizer, attack))
      findings.push(`${attack.caller} may ${attack.action} on ${attack.resource}`)
  return { findings, evidence: `${attacks.length} requests evaluated` }
}

async function isAllowed(
  authorizer: PolicyAuthorizer,
  { caller, action, resource }: QuietAttack,
): Promise<boolean> {
  const principal = principalCalled(authorizer.declaration, caller, authorizer.nowMs())
  return (await evaluate(authorizer, { principal, action, resource })).allowed
}
