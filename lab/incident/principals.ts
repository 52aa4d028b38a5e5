// The drill's own people and programs, as data: the role that each assumes, and the facts that its session carries.
import { reasonTag } from '../../guardrails/names.ts'
import type { CloudDeclaration, DeclaredRole } from '../sandbox/declaration.ts'

export interface DrillPrincipal {
  /** Name of the role that is assumed. */
  role: string
  /** Name of the calling role; null: a workload outside AWS, with a token of its platform. */
  by: string | null
  externalId?: string
  sourceIdentity?: string
  secondFactor?: true
  tags?: Readonly<Record<string, string>>
}

const writer = (source: string): DrillPrincipal => ({
  role: `holdfast-writer-${source}`,
  by: source,
  externalId: `holdfast/${source}`,
})
const runner = (duty: string): DrillPrincipal => ({
  role: `holdfast-${duty}`,
  by: 'check-runner',
  sourceIdentity: 'nightly-checks',
})
const agent = (name: string): DrillPrincipal => ({
  role: `holdfast-agent-${name}`,
  by: 'agent-launcher',
  sourceIdentity: 'developer',
})

export const drillPrincipals: readonly DrillPrincipal[] = [
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

/** The session that opens the role: of the drill's own list, or of a user's own writer or agent. */
export function principalOf(role: string): DrillPrincipal | undefined {
  const match = /^holdfast-(writer|agent)-(.+)$/.exec(role)
  return (
    drillPrincipals.find((principal) => principal.role === role) ??
    (match === null ? undefined : match[1] === 'agent' ? agent(match[2]!) : writer(match[2]!))
  )
}

/** Claims in the tokens of the platform outside AWS, as the program's configuration requires them. */
export const platform = {
  issuer: 'https://oidc.platform.example',
  audience: 'holdfast',
  subject: 'project:rental:service:site',
} as const

/** The role of this name, in any account. */
export function roleNamed({ roles }: CloudDeclaration, name: string): DeclaredRole {
  const [role, ...namesakes] = roles.filter((candidate) => candidate.name === name)
  if (role === undefined) throw new Error(`the program declares no role ${name}`)
  if (namesakes.length > 0) throw new Error(`the program declares several roles ${name}`)
  return role
}
