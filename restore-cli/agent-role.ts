// Which role an agent's name stands for: as the production layer's stack says, or as its naming rule makes it.
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
  /** As the stack's configuration says; null where nobody said. */
  sessionSeconds: number | null
}

/** @throws `invalid-input` for a name that no agent can have, or without a way to its role; `not-found` for an agent that isn't declared. */
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
      hint: 'pass the id of the production account',
    })
  }
  throw new HoldfastError('invalid-input', `where the role of ${name} is, is not said`, {
    hint: "pass --config FILE with what `pulumi stack output --json` prints in the production layer's stack, --account ID, or --role-arn",
  })
}

function roleInConfiguration(name: string, file: string): AgentRole {
  const { agents } = readProductionConfiguration(file)
  if (Object.hasOwn(agents, name))
    return { roleArn: agents[name]!.roleArn, sessionSeconds: agents[name]!.sessionSeconds ?? null }
  throw new HoldfastError('not-found', `no agent ${name} is declared`, {
    hint: `declared are: ${Object.keys(agents).join(', ') || 'none'}`,
  })
}
