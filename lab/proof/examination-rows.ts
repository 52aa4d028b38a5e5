// What examinations stand on: schedules start their machines, these start their own tasks with two roles, and of the file systems
// between the tasks, whoever has no role may read one half and write the other.
import {
  checkClusterArn,
  checkClusterName,
  checkGroupArn,
  checkQueueArn,
  checkRoleArn,
  duties,
  dutyRoleArn,
  restoreTestGroupArn,
  restoreTestLogGroupName,
  restoreTestMachineArn,
  restoreTestMachineRoleName,
  restoreTestStarterRoleName,
  schedulerRoleName,
  taskExecutionRoleName,
} from '../../guardrails/names.ts'
import type { HoldfastConfig } from '../../infra/config.ts'
import { stateOf } from '../../infra/recorded-state.ts'
import type { RecordedResource } from '../../infra/recording.ts'
import type { Principal } from '../sandbox/identity/principal.ts'
import type { Subject } from './principals.ts'
import type { ProofRow } from './proof-row.ts'
import { resourcePoliciesOf } from './resource-policies.ts'

type Asked = (
  subject: { name: string; principal: Principal },
  action: string,
  resource: string,
  isRight: boolean,
  context?: ProofRow['context'],
  circumstance?: string,
) => ProofRow

export function examinationRows(
  config: HoldfastConfig,
  resources: readonly RecordedResource[],
  cast: readonly Subject[],
): ProofRow[] {
  const accountId = config.vaultAccountId
  const role = (name: string) => cast.find(({ role: each }) => each?.arn === checkRoleArn(accountId, name))
  const [machine, starter] = [role(restoreTestMachineRoleName), role(restoreTestStarterRoleName)]
  if (machine === undefined || starter === undefined) return []
  const row: Asked = (subject, action, resource, isRight, context = {}, circumstance = '') => ({
    group: isRight ? 'duty' : action === 'sts:AssumeRole' ? 'ways-in' : 'weakening',
    who: subject.name,
    principal: subject.principal,
    actions: [action],
    resource,
    resourceAccountId: accountId,
    context,
    circumstance,
    expected: isRight ? 'allowed' : 'denied',
  })
  const others = [role(schedulerRoleName)!, role(taskExecutionRoleName)!]
  return [
    ...trustRows(config, row, machine, starter),
    ...machineRows(config, row, machine),
    ...starterRows(config, row, starter, others),
    ...handOverRows(config, row, resources, cast),
  ]
}

function trustRows(
  { vaultAccountId: accountId, region }: HoldfastConfig,
  row: Asked,
  machine: Subject,
  starter: Subject,
): ProofRow[] {
  const place = { accountId, region }
  const become = (
    name: string,
    by: string,
    whose: Subject,
    account: string,
    source: string,
    isRight: boolean,
  ) =>
    row(
      { name, principal: { kind: 'service', accountId: null, arn: `${by}.amazonaws.com` } },
      'sts:AssumeRole',
      whose.role!.arn,
      isRight,
      { 'aws:SourceAccount': account, 'aws:SourceArn': source },
      `of ${source} for ${account}`,
    )
  const named = restoreTestMachineArn(place, 'some')
  return [
    become('state machine', 'states', machine, accountId, named, true),
    become('state machine', 'states', machine, accountId, named.replace('holdfast-', 'another-'), false),
    become('state machine', 'states', machine, '999999999999', named, false),
    become('schedule', 'scheduler', starter, accountId, restoreTestGroupArn(place), true),
    become('schedule', 'scheduler', starter, accountId, checkGroupArn(place), false),
    become('schedule', 'scheduler', starter, '999999999999', restoreTestGroupArn(place), false),
  ]
}

function machineRows(
  { vaultAccountId: accountId, region }: HoldfastConfig,
  row: Asked,
  machine: Subject,
): ProofRow[] {
  const inVault = (service: string, rest: string) => `arn:aws:${service}:${region}:${accountId}:${rest}`
  const task = (family: string) => inVault('ecs', `task-definition/${family}:1`)
  const inCluster = (arn: string) => ({ 'ecs:cluster': arn })
  const own = inCluster(checkClusterArn({ accountId, region }))
  const ended = inVault('events', 'rule/StepFunctionsGetEventsForECSTaskRule')
  const passable = [checkRoleArn(accountId, taskExecutionRoleName), dutyRoleArn(accountId, 'drill')]
  return [
    row(machine, 'ecs:RunTask', task('holdfast-examination-examine-some'), true, own, 'in its cluster'),
    row(
      machine,
      'ecs:RunTask',
      task('holdfast-examination-examine-some'),
      false,
      inCluster(inVault('ecs', 'cluster/another')),
      'in another cluster',
    ),
    row(machine, 'ecs:RunTask', task('holdfast-check-verify-some'), false, own, 'another task'),
    row(machine, 'ecs:RegisterTaskDefinition', task('holdfast-examination-examine-some'), false),
    ...['ecs:DescribeTasks', 'ecs:StopTask'].flatMap((action) => [
      row(machine, action, inVault('ecs', `task/${checkClusterName}/some`), true),
      row(machine, action, inVault('ecs', 'task/another/some'), false),
    ]),
    ...['events:DescribeRule', 'events:PutRule', 'events:PutTargets'].flatMap((action) => [
      row(machine, action, ended, true),
      row(machine, action, inVault('events', 'rule/holdfast-check-failed'), false),
    ]),
    row(machine, 'events:DeleteRule', ended, false),
    ...[passable[0]!, ...duties.map((duty) => dutyRoleArn(accountId, duty))].flatMap((arn) => [
      row(
        machine,
        'iam:PassRole',
        arn,
        passable.includes(arn),
        { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' },
        'to a task',
      ),
      row(
        machine,
        'iam:PassRole',
        arn,
        false,
        { 'iam:PassedToService': 'lambda.amazonaws.com' },
        'to something else',
      ),
    ]),
  ]
}

function starterRows(
  { vaultAccountId: accountId, region }: HoldfastConfig,
  row: Asked,
  starter: Subject,
  [scheduler, execution]: Subject[],
): ProofRow[] {
  const named = restoreTestMachineArn({ accountId, region }, 'some')
  const stream = `arn:aws:logs:${region}:${accountId}:log-group:${restoreTestLogGroupName}:log-stream:x`
  return [
    row(starter, 'states:StartExecution', named, true),
    row(
      starter,
      'states:StartExecution',
      named.replace('holdfast-', 'another-'),
      false,
      {},
      'another machine',
    ),
    row(starter, 'states:UpdateStateMachine', named, false),
    row(starter, 'sqs:SendMessage', checkQueueArn({ accountId, region }), true),
    row(scheduler!, 'states:StartExecution', named, false),
    row(
      scheduler!,
      'ecs:RunTask',
      `arn:aws:ecs:${region}:${accountId}:task-definition/holdfast-examination-restore-some:1`,
      false,
      { 'ecs:cluster': checkClusterArn({ accountId, region }) },
      'a step of an examination',
    ),
    row(execution!, 'logs:PutLogEvents', stream, true),
  ]
}

const mount = 'elasticfilesystem:ClientMount'
const write = 'elasticfilesystem:ClientWrite'

/** By everybody in the vault's account and by whoever has no role, as whom the examined data act. */
function handOverRows(
  { vaultAccountId: accountId }: HoldfastConfig,
  row: Asked,
  resources: readonly RecordedResource[],
  cast: readonly Subject[],
): ProofRow[] {
  const drill = cast.find(({ role }) => role?.arn === dutyRoleArn(accountId, 'drill'))!
  const nobody = cast.find(({ kind }) => kind === 'anonymous')!
  // An owner of the account may do there what it likes; the others are strangers to it, but for the network.
  const others = cast.filter(
    ({ account, kind, name }) =>
      account === 'vault' && !['root', 'owner'].includes(kind) && name !== drill.name,
  )
  const points = resources.filter(({ type }) => type === 'aws:efs/accessPoint:AccessPoint')
  return resourcePoliciesOf(resources)
    .filter(({ label }) => label.startsWith('hand-over'))
    .flatMap(({ resource, document, name }) => {
      const point = (what: string) =>
        points
          .filter((each) => each.name === `${name}-${what}`)
          .map((each) => String(stateOf(each.type, each.name, accountId, each.inputs).state['arn']))[0]!
      const ask = (
        subject: Subject,
        action: string,
        accessPoint: string,
        isRight: boolean,
        more: ProofRow['context'] = {},
        circumstance = '',
      ) => ({
        ...row(
          subject,
          action,
          resource,
          isRight,
          {
            'elasticfilesystem:AccessedViaMountTarget': 'true',
            'elasticfilesystem:AccessPointArn': accessPoint,
            'aws:SecureTransport': 'true',
            ...more,
          },
          `through ${accessPoint.split('/').at(-1)!}${circumstance}`,
        ),
        resourcePolicy: document,
      })
      const [data, answer, another] = [
        point('data'),
        point('answer'),
        'arn:aws:elasticfilesystem:recorded:000000000000:access-point/fsap-another',
      ]
      return [
        ...[mount, write].flatMap((action) => [
          ask(drill, action, data, true),
          ask(nobody, action, answer, true),
          ...[drill, nobody].flatMap((subject) => [
            ask(subject, action, another, false),
            ...[data, answer].flatMap((at) => [
              ask(subject, action, at, false, { 'aws:SecureTransport': 'false' }, ', in plain'),
              ask(
                subject,
                action,
                at,
                false,
                { 'elasticfilesystem:AccessedViaMountTarget': 'false' },
                ', around the network',
              ),
            ]),
          ]),
        ]),
        ask(nobody, mount, data, true),
        ...[nobody, ...others].map((subject) => ask(subject, write, data, false)),
        ...[drill, nobody].flatMap((subject) =>
          [data, answer].map((at) => ask(subject, 'elasticfilesystem:ClientRootAccess', at, false)),
        ),
      ]
    })
}
