/** The caller of a request, as policies see it. */
export interface Principal {
  /**
   * `web-identity`: an unsigned request of the token service with a verified token; it holds no credentials.
   * `service`: AWS itself for an account (`ecs-tasks.amazonaws.com`); no request of the sandbox comes from
   * one.
   */
  kind: 'root' | 'role-session' | 'anonymous' | 'web-identity' | 'service'
  /** Null only for `anonymous` and `service`. */
  accountId: string | null
  /**
   * `arn:aws:iam::<id>:root`, `arn:aws:sts::<id>:assumed-role/<role>/<session>`, the ARN of an OIDC provider, a
   * service, or `*`.
   */
  arn: string
  /** Issuer-prefixed claims of a `web-identity` (`issuer:sub`, `issuer:aud`). */
  federated?: Record<string, string>
  /** Only for a role session. */
  session?: {
    roleArn: string
    sessionName: string
    sourceIdentity: string | null
    tags: Record<string, string>
    /** Keys of the tags that a role-chaining step passes on. */
    transitiveTagKeys?: string[]
    /** Session policies from the request that assumed the role. */
    policies: Record<string, unknown>[]
    issuedMs: number
    /** Number of roles assumed one from another; 1 for a role that root or a web identity assumed. */
    chainDepth: number
    multiFactor: { present: boolean; ageSeconds: number } | null
    /** Issuer-prefixed claims of a web identity (`issuer:sub`, `issuer:aud`), empty otherwise. */
    federated: Record<string, string>
  }
}
