// The port through which a blast radius is asked for: what may an identity do, on which resources, and under what conditions.

export interface Permission {
  /** `ec2:DeleteVolume`: one action, no pattern. */
  action: string
  allowed: boolean
  /** Of an allowed action: ARNs or patterns of what it is allowed on. */
  resources: string[]
  /** Of an allowed action: conditions that the request has to meet, in words; empty if it needs none. */
  conditions: string[]
  /** Of an allowed action: ARNs of the roles to be assumed first, one from another; empty or left out if none has to be. */
  through?: readonly string[]
  /** Of an allowed action: what else it is allowed on once other roles are assumed, as far as it was asked for. */
  furtherResources?: readonly string[]
  /** The policy and the statement that denies it, where one does so expressly. */
  deniedBy: string | null
}

export interface PermissionSource {
  /** Where the answers come from, for the report: `policies given`, `IAM's simulator`. */
  readonly basis: string
  /** Whose permissions they are. */
  readonly subject: string
  /** What these answers leave out, in words. */
  readonly caveats: readonly string[]
  decide(actions: readonly string[]): Promise<Permission[]>
}
