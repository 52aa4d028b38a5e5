// The port that decides on permissions: the actions that an identity may do, the resources and the conditions.

export interface Permission {
  /** `ec2:DeleteVolume`: one action, no pattern. */
  action: string
  allowed: boolean
  /** ARNs or patterns of the resources on which the action is allowed; empty if it is not. */
  resources: string[]
  /** Conditions that an allowed request must meet, in words; empty if it needs none. */
  conditions: string[]
  /** ARNs of the roles to assume first, one from another; empty or undefined if the identity needs none. */
  through?: readonly string[]
  /** Resources that the identity reaches only by assuming other roles, as far as they were simulated. */
  furtherResources?: readonly string[]
  /** The policy and the statement that denies it explicitly; null if there is none. */
  deniedBy: string | null
}

export interface PermissionSource {
  /** The origin of the decisions, for the report: `policies given`, `IAM's simulator`. */
  readonly basis: string
  /** The identity that has the permissions. */
  readonly subject: string
  /** The limits of these decisions, in words. */
  readonly caveats: readonly string[]
  decide(actions: readonly string[]): Promise<Permission[]>
}
