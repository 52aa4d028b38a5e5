export interface CredentialKind {
  /** Its name in a report, in a few words. */
  title: string
  /** `for ever`: until someone revokes it. `session`: it ends by itself. */
  lives: 'for ever' | 'session'
  /** The loss that its holder could cause, as far as the kind tells. */
  couldDestroy: string
  /** The safeguard that stands in the way, or brings the loss back; null if the kind tells of none. */
  safeguard: string | null
  /** How to get rid of it, or make it harmless. */
  remedy: string
  /** Words in a setting's name, and first words of a published rule's id, by which the kind is known. */
  words: readonly string[]
}

export const rotate = 'revoke it where it was made, and keep a short-lived one outside the file system'
