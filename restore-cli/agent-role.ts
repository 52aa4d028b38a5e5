// Which role an agent's name stands for: as the production layer's stack says, or as its naming rule makes it.
import { z } from 'zod'
import { HoldfastError } from '../core/errors.ts'
import { agentRoleArn } from '../guardrails/names.ts'
import { parseJsonFile } from './blast-radius/json-file.ts'

export interface AgentRoleFlags {
  roleArn?: string
  account?: string
  config?: string
}

const schema = z.object({
  formatVersion: z.literal(1),
  layer: z.literal('production'),
  agents: z.record(z.string(), z.object({ roleArn: z.string() })),
})

/** @throws `invalid-input` for a name that no agent can have, or without a way to its role; `not-found` for an agent that isn't declared. */
export function resolveAgentRole(name: string, flags: AgentRoleFlags): string {
  if (!/^[a-z0-9](?:[a-z0-9-]{0,46}[a-z0-9])?$/.test(name)) {
    throw new HoldfastError('invalid-input', `${JSON.stringify(name.slice(0, 60))} is not the name of an agent`, { hint: 'use the name that `holdfast:agents` declares, e.g. `staging`' })
  }
  if (flags.roleArn) return flags.roleArn
  if (flags.config) return roleInConfiguration(name, flags.config)
  if (flags.account) {
    if (/^\d{12}$/.test(flags.account)) return agentRoleArn(flags.account, name)
    throw new HoldfastError('invalid-input', 'the account is not twelve digits', { hint: 'pass the id of the production account' })
  }
  throw new HoldfastError('invalid-input', `where the role of ${name} is, is not said`, {
    hint: 'pass --config FILE with what `pulumi stack output --json` prints in the production layer\'s stack, --account ID, or --role-arn',
  })
}

function roleInConfiguration(name: string, file: string): string {
  const parsed = schema.safeParse(parseJsonFile(file, 'the configuration'))
  if (!parsed.success) {
    throw new HoldfastError('invalid-input', `${file} is not what the production layer's stack puts out`, {
      hint: 'write it with `pulumi stack output --json > FILE` in the production layer\'s stack',
    })
  }
  const { agents } = parsed.data
  if (Object.hasOwn(agents, name)) return agents[name]!.roleArn
  throw new HoldfastError('not-found', `no agent ${name} is declared`, { hint: `declared are: ${Object.keys(agents).join(', ') || 'none'}` })
}
