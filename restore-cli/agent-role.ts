// Finds the role of an agent: in the production layer's outputs, or by its naming rule.
import { HoldfastError } from '../core/errors.ts'
import { agentRoleArn } from '../guardrails/names.ts'
import { readProductionConfiguration } from './production-configuration.ts'

export interface AgentRoleFlags {
  roleArn?: string
  account?: string
  config?: string
}

export interface AgentRole {
  roleArn: string
  /** The configuration's length of a session; null without one. */
  sessionSeconds: number | null
}

/**
 * @throws `invalid-input` for an invalid name, or without a flag that leads to the role; `not-found` for an agent
 * that isn't declared.
 */
export function resolveAgentRole(name: string, flags: AgentRoleFlags): AgentRole {
  if (!/^[a-z0-9](?:[a-z0-9-]{0,46}[a-z0-9])?$/.test(name)) {
    throw new HoldfastError(
      'invalid-input',
      `${JSON.stringify(name.slice(0, 60))} is not the name of an agent`,
      { hint: 'use the name that `holdfast:agents` declares, e.g. `staging`' },
    )
  }
  if (flags.roleArn) return { roleArn: flags.roleArn, sessionSeconds: null }
  if (flags.config) return roleInConfiguration(name, flags.config)
  if (flags.account) {
    if (/^\d{12}$/.test(flags.account))
      return { roleArn: agentRoleArn(flags.account, name), sessionSeconds: null }
    throw new HoldfastError('invalid-input', 'the account is not twelve digits', {
      hint: 'pass the id of the production account with --account',
    })
  }
  throw new HoldfastError(
    'invalid-input',
    `no role given for ${name}: pass --config, --account or --role-arn`,
    {
      hint: "pass --config FILE with the output of `pulumi stack output --json` in the production layer's stack, --account ID, or --role-arn ARN",
    },
  )
}

function roleInConfiguration(name: string, file: string): AgentRole {
  const { agents } = readProductionConfiguration(file)
  if (Object.hasOwn(agents, name))
    return { roleArn: agents[name]!.roleArn, sessionSeconds: agents[name]!.sessionSeconds ?? null }
  throw new HoldfastError('not-found', `the configuration declares no agent ${name}`, {
    hint: `it declares: ${Object.keys(agents).join(', ') || 'none'}`,
  })
}
