// The caller of a request, as policies see it.

/** Whoever signed a request. */
export interface Principal {
  /**
   * `web-identity`: an unsigned request of the token service, whose token was verified; it holds no credentials.
   * `service`: AWS itself, on behalf of an account (`ecs-tasks.amazonaws.com`); no request of the sandbox comes from one.
   */
  kind: 'root' | 'role-session' | 'anonymous' | 'web-identity' | 'service'
  /** Null only for `anonymous` and `service`. */
  accountId: string | null
  /** `arn:aws:iam::<id>:root`, `arn:aws:sts::<id>:assumed-role/<role>/<session>`, the ARN of an OIDC provider, a service, or `*`. */
  arn: string
  /** Issuer-prefixed claims of a `web-identity` (`issuer:sub`, `issuer:aud`). */
  federated?: Record<string, string>
  /** Of a role session. */
  session?: {
    roleArn: string
    sessionName: string
    sourceIdentity: string | null
    tags: Record<string, string>
    /** Keys of the tags that a chained session keeps. */
    transitiveTagKeys?: string[]
    /** Session policies given when the role was assumed. */
    policies: Record<string, unknown>[]
    issuedMs: number
    /** Number of roles assumed one from another; 1 for a session from root or web identity. */
    chainDepth: number
    multiFactor: { present: boolean; ageSeconds: number } | null
    /** Issuer-prefixed claims of a web identity (`issuer:sub`, `issuer:aud`), empty otherwise. */
    federated: Record<string, string>
  }
}
