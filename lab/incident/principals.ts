// Who becomes which role, and with what: as data, for the drill's own people and programs.
import { reasonTag } from '../../guardrails/names.ts'
import type { CloudDeclaration, DeclaredRole } from '../sandbox/declaration.ts'

export interface Part {
  /** Name of the role that is assumed. */
  role: string
  /** Name of the role whose session asks for it; null: a workload outside AWS, with a token of its platform. */
  by: string | null
  externalId?: string
  sourceIdentity?: string
  secondFactor?: true
  tags?: Readonly<Record<string, string>>
}

const writer = (source: string): Part => ({
  role: `holdfast-writer-${source}`,
  by: source,
  externalId: `holdfast/${source}`,
})
const runner = (duty: string): Part => ({
  role: `holdfast-${duty}`,
  by: 'check-runner',
  sourceIdentity: 'nightly-checks',
})
const agent = (name: string): Part => ({
  role: `holdfast-agent-${name}`,
  by: 'agent-launcher',
  sourceIdentity: 'developer',
})

export const cast: readonly Part[] = [
  writer('rental-db'),
  writer('uploads'),
  { role: 'holdfast-writer-site', by: null },
  runner('notary'),
  runner('custodian'),
  runner('drill'),
  { role: 'holdfast-restorer', by: 'restore-operator', secondFactor: true },
  agent('staging'),
  agent('production'),
  {
    role: 'holdfast-break-glass',
    by: 'operator',
    secondFactor: true,
    sourceIdentity: 'operator',
    tags: { [reasonTag]: 'incident drill' },
  },
  { role: 'holdfast-administrator', by: 'operator', secondFactor: true },
  { role: 'holdfast-responder', by: 'operator', secondFactor: true, sourceIdentity: 'operator' },
]

/** What the platform of the source outside AWS says of its workload, as the program's configuration asks for it. */
export const platform = {
  issuer: 'https://oidc.platform.example',
  audience: 'holdfast',
  subject: 'project:rental:service:site',
} as const

/** By name, wherever the program puts it. */
export function roleNamed({ roles }: CloudDeclaration, name: string): DeclaredRole {
  const role = roles.find((candidate) => candidate.name === name)
  if (role === undefined) throw new Error(`the program declares no role ${name}`)
  return role
}
