// A role for a coding agent, added to a stack that declares the roles of production, and the Recycle Bin for what
// it deletes.
import * as aws from '@pulumi/aws'
import { AgentRole, DelayedDeletion } from 'holdfast/pulumi'

const region = 'eu-central-1'
const shopAccountId = '222222222222'
const backupAccountId = '111111111111'

export default function program(): Record<string, unknown> {
  const provider = new aws.Provider('shop', { region, allowedAccountIds: [shopAccountId] })

  // The stack had this before: the role of the service that starts agents.
  const launcher = new aws.iam.Role(
    'launcher',
    {
      name: 'agent-launcher',
      path: '/workloads/',
      assumeRolePolicy: JSON.stringify({
        Version: '2012-10-17',
        Statement: [
          { Effect: 'Allow', Principal: { Service: 'ecs-tasks.amazonaws.com' }, Action: 'sts:AssumeRole' },
        ],
      }),
    },
    { provider },
  )

  const agent = new AgentRole(
    'staging',
    {
      agentName: 'staging',
      productionAccountId: shopAccountId,
      vaultAccountId: backupAccountId,
      region,
      environment: 'staging',
      // The boundary denies the destructive actions of ec2:*.
      may: ['ec2:*', 'logs:FilterLogEvents', 's3:PutObject'],
      launchers: [`arn:aws:iam::${shopAccountId}:role/workloads/agent-launcher`],
    },
    { provider, dependsOn: [launcher] },
  )

  const delays = new DelayedDeletion(
    'delays',
    { days: 14, unlockDelayDays: 7, regions: [region] },
    { provider },
  )

  return {
    agent: agent.role.arn,
    boundary: agent.boundary.arn,
    // The form that `holdfast blast-radius` reads from a file.
    brakes: { formatVersion: 1, brakes: delays.safeguards },
  }
}
