// Roles that existed before Holdfast: the workloads and people in its configuration. The program doesn't
// declare them, but without them no caller could assume a first role, so the sandbox adds them.
import type { DeclaredRole } from '../declaration.ts'

/**
 * The roles that the configuration names by ARN (a pattern is not a role), each with the right to assume
 * other roles and nothing else.
 */
export function existingRoles(
  config: Record<string, unknown>,
  declared: readonly DeclaredRole[],
): DeclaredRole[] {
  const declaredArns = new Set(declared.map(({ arn }) => arn))
  const people = [
    'restorers',
    'runners',
    'deployers',
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
      // Trusts only a compute service, because the account's own identity provider or compute issues these
      // sessions, without an AssumeRole call.
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
