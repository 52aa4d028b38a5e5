// Who asks for what: the types that the services, the token service and the authorizer share.

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

/** Condition keys and their values, spelled as in AWS's service reference (`s3:if-none-match`). */
export type ConditionContext = Record<string, string | string[]>

/** A request as IAM sees it. */
export interface AccessRequest {
  principal: Principal
  /** `s3:PutObject`. */
  action: string
  /** ARN of the resource, `*` where the action has none. */
  resource: string
  /** The account that owns the resource. */
  resourceAccountId: string
  /** The resource's own policy (bucket policy, trust policy, key policy), null if it has none. */
  resourcePolicy: Record<string, unknown> | null
  context: ConditionContext
}

export interface AccessDecision {
  allowed: boolean
  /** `explicit-deny`, `implicit-deny` or `allowed`, and in which kind of policy: for the log, never for the caller. */
  result: string
  /** The deciding statement: policy's name and `Sid` (or its index); null if nothing matched. */
  statement: { policy: string; sid: string } | null
}

export interface Authorizer {
  /** Rejects if the evaluator dropped a context key that the request carries: never an `allowed` by omission. */
  authorize(request: AccessRequest): Promise<AccessDecision>
}

export interface Credentials {
  accessKeyId: string
  secretAccessKey: string
  /** Null for the long-lived root keys of an account, which exist only in the sandbox. */
  sessionToken: string | null
  /** By the sandbox's clock, milliseconds since the epoch; null for root keys. */
  expiresMs: number | null
}

/** Every credential that the sandbox has handed out. */
export interface CredentialRegistry {
  issue(principal: Principal, expiresMs: number | null): Credentials
  find(accessKeyId: string): { credentials: Credentials; principal: Principal } | null
}
