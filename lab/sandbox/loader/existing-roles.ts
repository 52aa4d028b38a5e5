// Who was there before Holdfast: the workloads and people that its configuration names. The program declares none of them,
// but without them nobody could take the first step; the sandbox gives them what such roles have.
import type { DeclaredRole } from '../declaration.ts'

/** Roles named by ARN in the configuration (patterns are no roles), each with the right to assume others, and no more. */
export function existingRoles(
  config: Record<string, unknown>,
  declared: readonly DeclaredRole[],
): DeclaredRole[] {
  const declaredArns = new Set(declared.map(({ arn }) => arn))
  const people = [
    'restorers',
    'runners',
    'launchers',
    'breakGlass',
    'approvers',
    'administrators',
    'responders',
  ].flatMap((key) => textsOf(config[key]))
  const sources = Array.isArray(config['sources'])
    ? (config['sources'] as { trust?: { awsRoleArn?: unknown } }[])
    : []
  const workloads = sources.flatMap(({ trust }) => textsOf([trust?.awsRoleArn]))
  return [...new Set([...people, ...workloads])].filter((arn) => !declaredArns.has(arn)).flatMap(describeRole)
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : []
}

function describeRole(arn: string): DeclaredRole[] {
  const parts = /^arn:aws:iam::(\d{12}):role(\/(?:.*\/)?)([^/*]+)$/.exec(arn)
  if (parts === null) return []
  const [, accountId = '', path = '/', name = ''] = parts
  return [
    {
      accountId,
      arn,
      name,
      path,
      maxSessionSeconds: 3600,
      // From the account's own identity provider or compute; no principal of AWS assumes it by a call.
      trust: {
        Version: '2012-10-17',
        Statement: [
          {
            Sid: 'Compute',
            Effect: 'Allow',
            Principal: { Service: 'ecs-tasks.amazonaws.com' },
            Action: ['sts:AssumeRole'],
          },
        ],
      },
      policies: [
        {
          name: 'assume-roles',
          document: {
            Version: '2012-10-17',
            Statement: [
              {
                Sid: 'AssumeRoles',
                Effect: 'Allow',
                Action: ['sts:AssumeRole', 'sts:SetSourceIdentity', 'sts:TagSession'],
                Resource: ['*'],
              },
            ],
          },
        },
      ],
      boundary: null,
      tags: {},
    },
  ]
}
