// The weakenings of production's guards: alarms, quarantine, approvals, boundaries of agents, and delays of deletions.
import {
  frozenCheckActions,
  frozenMachineActions,
  frozenMeasureActions,
  frozenProviderActions,
  frozenRoleActions,
  frozenRuleActions,
  frozenTopicActions,
} from '../../guardrails/frozen-actions.ts'
import {
  administratorRoleName,
  agentBoundaryName,
  agentRoleArn,
  alarmBusArn,
  alarmTopicArn,
  approvalPolicyArn,
  approverRoleName,
  breakGlassRoleName,
  checkClusterArn,
  checkLogGroupName,
  forwarderRoleArn,
  imageRepositoryName,
  oidcProviderArn,
  quarantineExecutionArn,
  quarantineMachineArn,
  quarantineName,
  quarantineStarterName,
  responderRoleName,
  roleArn,
  rolePaths,
} from '../../guardrails/names.ts'
import type { VaultLocation } from '../../guardrails/names.ts'
import { forgedLogWeakenings } from './delegation-weakenings.ts'
import { lostWithoutOrganization, makeWeakeningsIn, ownersOf } from './weakening.ts'
import type { Weakening } from './weakening.ts'

/** A rule of production can be added, and not removed. */
export function productionAlarmWeakenings(place: VaultLocation, accountId: string): Weakening[] {
  const weaken = makeWeakeningsIn(accountId)
  const rule = `arn:aws:events:${place.region}:${accountId}:rule/holdfast-agent-data`
  return [
    ...[...frozenRuleActions, 'events:PutRule', 'events:PutTargets'].map((action) =>
      weaken('silences an alarm of production', action, rule, lostWithoutOrganization),
    ),
    ...frozenRoleActions.map((action) =>
      weaken('stops the forwarder of alarms', action, forwarderRoleArn(accountId), lostWithoutOrganization),
    ),
  ]
}

/** The alarms of the vault's account can't be changed at all. */
export function vaultAlarmWeakenings(place: VaultLocation): Weakening[] {
  const inVault = makeWeakeningsIn(place.accountId)
  const rule = `arn:aws:events:${place.region}:${place.accountId}:rule/holdfast-agent-data`
  const centralRule = `arn:aws:events:${place.region}:${place.accountId}:rule/holdfast-alarms/holdfast-agent-data`
  const alarm = `arn:aws:cloudwatch:${place.region}:${place.accountId}:alarm:holdfast-check-freshness-some-missed`
  const targets: Record<string, string> = {
    'cloudwatch:DeleteAlarms': alarm,
    'cloudwatch:DisableAlarmActions': alarm,
    'cloudwatch:SetAlarmState': alarm,
    'events:DeleteEventBus': alarmBusArn(place),
    'events:UpdateEventBus': alarmBusArn(place),
  }
  return [
    ...frozenTopicActions.map((action) =>
      inVault(
        'silences the alarms',
        action,
        targets[action] ?? alarmTopicArn(place),
        lostWithoutOrganization,
      ),
    ),
    ...blindingWeakenings(place),
    ...frozenRuleActions.flatMap((action) =>
      [rule, centralRule].map((arn) => inVault('silences an alarm', action, arn, lostWithoutOrganization)),
    ),
  ]
}

/**
 * The figures that alarms read, the logs that hold them, the image and the cluster of the checks, and the account's
 * contacts.
 */
function blindingWeakenings(place: VaultLocation): Weakening[] {
  const weaken = makeWeakeningsIn(place.accountId)
  const arn = (service: string, name: string) =>
    `arn:aws:${service}:${place.region}:${place.accountId}:${name}`
  const logGroup = arn('logs', `log-group:${checkLogGroupName}`)
  const checkTarget = (action: string) => {
    if (action.startsWith('ecr:')) return arn('ecr', `repository/${imageRepositoryName}`)
    if (action.startsWith('ecs:')) return checkClusterArn(place)
    return action === 'logs:DeleteLogStream' ? `${logGroup}:log-stream:x` : logGroup
  }
  const measureTarget = (action: string) =>
    action === 'cloudwatch:PutAlarmMuteRule'
      ? arn('cloudwatch', 'alarm-mute-rule:some')
      : action === 'cloudwatch:PutMetricData'
        ? arn('cloudwatch', 'dataset/some')
        : '*'
  const providerTarget = (action: string) => {
    if (action.includes('SAML')) return `arn:aws:iam::${place.accountId}:saml-provider/some`
    if (action.startsWith('iam:')) return oidcProviderArn(place.accountId, 'issuer.example')
    if (action.endsWith('Crl')) return '*'
    return arn('rolesanywhere', action.endsWith('TrustAnchor') ? 'trust-anchor/some' : 'profile/some')
  }
  return [
    ...frozenMeasureActions.map((action) =>
      weaken('blinds the alarms', action, measureTarget(action), lostWithoutOrganization),
    ),
    ...frozenCheckActions.map((action) =>
      weaken('stops the checks', action, checkTarget(action), lostWithoutOrganization),
    ),
    ...frozenProviderActions.map((action) =>
      weaken(
        'shuts a writer out, or lets another in',
        action,
        providerTarget(action),
        lostWithoutOrganization,
      ),
    ),
    ...['account:PutAlternateContact', 'account:PutContactInformation', 'account:DisableRegion'].map(
      (action) =>
        weaken(
          "takes over the vault account's contacts",
          action,
          `arn:aws:account::${place.accountId}:account`,
          lostWithoutOrganization,
        ),
    ),
    ...forgedLogWeakenings(place),
  ]
}

/** The quarantine that ends an agent's sessions, and the approval that break-glass needs. */
export function responseWeakenings(
  place: VaultLocation,
  accountId: string,
  agentNames: readonly string[],
): Weakening[] {
  const weaken = makeWeakeningsIn(accountId)
  const roleOf = (name: string) => roleArn(accountId, rolePaths.production, name)
  const owners = ownersOf('production')
  const machine = quarantineMachineArn(accountId, place.region)
  const run = quarantineExecutionArn(accountId).replace('*', place.region).replace('*', 'some')
  return [
    ...[quarantineName, quarantineStarterName].flatMap((name) =>
      frozenRoleActions.map((action) =>
        weaken('stops the quarantine', action, roleOf(name), lostWithoutOrganization),
      ),
    ),
    ...frozenMachineActions.map((action) =>
      weaken(
        'stops the quarantine',
        action,
        action === 'states:StopExecution' ? run : machine,
        lostWithoutOrganization,
      ),
    ),
    ...boundaryActions.map((action) =>
      weaken(
        'takes the approval off break-glass',
        action,
        roleOf(breakGlassRoleName),
        lostWithoutOrganization,
      ),
    ),
    ...[breakGlassRoleName, responderRoleName].map((name) =>
      weaken('deletes the way in for an incident', 'iam:DeleteRole', roleOf(name), lostWithoutOrganization),
    ),
    weaken('approves break-glass', 'iam:CreatePolicyVersion', approvalPolicyArn(accountId), {
      duty: ['approver', ...owners],
    }),
    weaken('starts a quarantine', 'states:StartExecution', machine, {
      duty: ['quarantine-starter', 'agent unbounded', ...owners],
    }),
    ...agentNames.map((name) =>
      weaken("writes a policy on an agent's role", 'iam:PutRolePolicy', agentRoleArn(accountId, name), {
        duty: ['quarantine', 'responder', ...owners],
      }),
    ),
    ...['quarantine', 'responder'].flatMap((only) => responderWeakenings(accountId, agentNames, only)),
  ]
}

/** The roles that may end an agent's sessions can do nothing else, and nothing to other roles. */
function responderWeakenings(accountId: string, agentNames: readonly string[], only: string): Weakening[] {
  const weaken = makeWeakeningsIn(accountId)
  const otherRoles = [
    administratorRoleName,
    approverRoleName,
    breakGlassRoleName,
    quarantineName,
    responderRoleName,
  ].map((name) => roleArn(accountId, rolePaths.production, name))
  return [
    ...otherRoles.map((arn) =>
      weaken("writes a policy on a role that is no agent's", 'iam:PutRolePolicy', arn, { only }),
    ),
    ...agentNames.slice(0, 1).flatMap((name) =>
      frozenRoleActions
        .filter((action) => action !== 'iam:PutRolePolicy')
        .map((action) =>
          weaken('does more to an agent than end its sessions', action, agentRoleArn(accountId, name), {
            only,
          }),
        ),
    ),
  ]
}

const boundaryActions = ['iam:DeleteRolePermissionsBoundary', 'iam:PutRolePermissionsBoundary']

/** Deletions in production that AWS can delay, tried with a short delay or with none. */
export function delayWeakenings(accountId: string, region: string): Weakening[] {
  const weaken = makeWeakeningsIn(accountId)
  const arn = (service: string, name: string) => `arn:aws:${service}:${region}:${accountId}:${name}`
  const secret = arn('secretsmanager', 'secret:some-AbCdEf')
  return [
    ...['rbin:DeleteRule', 'rbin:UnlockRule', 'rbin:UpdateRule'].map((action) =>
      weaken('empties the Recycle Bin', action, arn('rbin', 'rule/some'), lostWithoutOrganization),
    ),
    weaken('deletes a key within days', 'kms:ScheduleKeyDeletion', arn('kms', 'key/some'), {
      ...lostWithoutOrganization,
      context: { 'kms:ScheduleKeyDeletionPendingWindowInDays': '7' },
    }),
    ...['kms:DisableKey', 'kms:ScheduleKeyDeletion'].map((action) =>
      weaken('takes a key away that is in use', action, arn('kms', 'key/some'), {
        ...lostWithoutOrganization,
        context: { 'kms:TrailingDaysWithoutKeyUsage': '1' },
      }),
    ),
    weaken('deletes a secret within days', 'secretsmanager:DeleteSecret', secret, {
      ...lostWithoutOrganization,
      context: { 'secretsmanager:RecoveryWindowInDays': '7' },
    }),
    weaken('deletes a secret at once', 'secretsmanager:DeleteSecret', secret, {
      ...lostWithoutOrganization,
      context: { 'secretsmanager:ForceDeleteWithoutRecovery': 'true' },
    }),
  ]
}

export function agentBoundaryWeakenings(accountId: string, agentNames: readonly string[]): Weakening[] {
  const weaken = makeWeakeningsIn(accountId)
  const policyActions = [
    'iam:CreatePolicyVersion',
    'iam:DeletePolicy',
    'iam:DeletePolicyVersion',
    'iam:SetDefaultPolicyVersion',
  ]
  return [
    ...agentNames.flatMap((name) =>
      boundaryActions.map((action) =>
        weaken(
          "takes an agent's boundary off",
          action,
          agentRoleArn(accountId, name),
          lostWithoutOrganization,
        ),
      ),
    ),
    ...(agentNames.length === 0 ? [] : policyActions).map((action) =>
      weaken(
        'changes the boundary of agents',
        action,
        `arn:aws:iam::${accountId}:policy/${agentBoundaryName(agentNames[0]!)}`,
        lostWithoutOrganization,
      ),
    ),
  ]
}
