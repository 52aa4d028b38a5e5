// The duties among the attacks, as data: requests that an identity may make. The cloud must refuse all others.
import { principalOf } from '../principals.ts'
import { ec2Attacks } from './ec2-attacks.ts'

export interface Duty {
  /** Name of the role, or of the credential. */
  who: RegExp
  attacks: readonly string[]
  /** The only target; absent: any target. */
  target?: string
  why: string
}

export const ownSource = 'the vault, own source'
export const otherSource = 'the vault, another source'
export const anySource = 'the vault'

const names = ec2Attacks.map(({ name }) => name)
const deletions = names.filter((name) => name.startsWith('delete-'))

export const duties: readonly Duty[] = [
  {
    who: /^holdfast-writer-/,
    attacks: ['read-lock-default'],
    why: 'a writer sees whether the bucket locks what it sends',
  },
  {
    who: /^holdfast-writer-/,
    attacks: ['add-conditionally', 'add-many'],
    target: ownSource,
    why: 'a writer adds below its own source, as often as it likes',
  },
  {
    who: /^production's root|^holdfast-administrator$/,
    attacks: names,
    why: "production is its administrator's to destroy: the incident",
  },
  {
    who: /^holdfast-break-glass$/,
    attacks: deletions,
    why: 'break-glass destroys in production, for an hour',
  },
  {
    who: /^vault's root/,
    attacks: [
      'list-objects',
      'list-uploads',
      'head-bucket',
      'read-tags',
      'read-retention',
      'read-legal-hold',
      'read-lock-default',
      'read-versioning',
      'read-bucket-acl',
      'read-bucket-policy',
    ],
    why: "the vault account sees its own bucket's settings and names",
  },
  {
    who: /^vault's root/,
    attacks: ['add-conditionally', 'add-many', 'tag-object', 'untag-object'],
    why: 'the vault account may add, and tag; readers go by neither',
  },
]

export interface Attempted {
  /** The last assumed role, or the name of the credential. */
  who: string
  attack: string
  target: string
  /** For attacks that assume a role: the role, and the caller. */
  assumes?: { role: string | null; by: string; hasFactor: boolean }
}

/** The reason why the identity may make the request; null if it may not. */
export function findDuty({ who: attackerName, attack, target, assumes }: Attempted): string | null {
  if (assumes !== undefined) {
    const part = principalOf(assumes.role ?? '')
    const isDue = part?.by === assumes.by && (part.secondFactor !== true || assumes.hasFactor)
    return isDue ? `${part.role} is there for ${assumes.by}` : null
  }
  const duty = duties.find(
    (candidate) =>
      candidate.who.test(attackerName) &&
      candidate.attacks.includes(attack) &&
      (candidate.target ?? target) === target,
  )
  return duty?.why ?? null
}
