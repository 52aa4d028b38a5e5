// The kinds of credential that a search tells apart, and what each is worth to whoever finds it.

export interface CredentialKind {
  /** What it is, in a few words. */
  title: string
  /** `for ever`: until someone revokes it. `session`: it ends by itself. */
  lives: 'for ever' | 'session'
  /** What its holder could destroy, as far as the kind tells. */
  couldDestroy: string
  /** What stands in the way, or brings it back; null if nothing that the kind tells of. */
  brake: string | null
  /** What to do about it. */
  remedy: string
}

const database = 'every row that its user may write, and every table that it owns'
const rotate = 'revoke it where it was made, and keep a short-lived one outside the file system'

export const credentialKinds = {
  'aws-key': {
    title: 'AWS access key',
    lives: 'for ever',
    couldDestroy: "what its user's policies allow: ask with `holdfast blast-radius --role` or IAM",
    brake: null,
    remedy: 'delete the key, and let its workload assume a role (`holdfast agent-session`)',
  },
  'aws-session': {
    title: 'AWS session',
    lives: 'session',
    couldDestroy: 'what its role allows, until it ends: ask with `holdfast blast-radius --role`',
    brake: 'it ends by itself',
    remedy: 'end it with `holdfast agent-session revoke`, or a deny on aws:TokenIssueTime',
  },
  'aws-sso': {
    title: 'AWS sign-in (IAM Identity Center)',
    lives: 'session',
    couldDestroy: 'what every permission set of its human allows, in every account of theirs',
    brake: 'it ends by itself',
    remedy: 'sign out (`aws sso logout`); agents need an identity of their own',
  },
  railway: {
    title: 'Railway token',
    lives: 'for ever',
    couldDestroy:
      'volumes, databases, services and environments of its account, project or workspace, with one call',
    brake: null,
    remedy: "delete it in the account's settings; a project token is limited to one environment",
  },
  github: {
    title: 'GitHub token',
    lives: 'for ever',
    couldDestroy:
      'repositories, branches, releases and packages that its scopes reach, and what their workflows deploy',
    brake: null,
    remedy:
      'revoke it; workflows can have OIDC, and agents a fine-grained token for one repository that expires',
  },
  gitlab: {
    title: 'GitLab token',
    lives: 'for ever',
    couldDestroy: 'projects, branches and packages that its scopes reach, and what their pipelines deploy',
    brake: null,
    remedy: rotate,
  },
  pulumi: {
    title: 'Pulumi access token',
    lives: 'for ever',
    couldDestroy: 'stacks and their state, and what their deployments can reach',
    brake: null,
    remedy: rotate,
  },
  'pulumi-passphrase': {
    title: 'Pulumi passphrase',
    lives: 'for ever',
    couldDestroy: "nothing by itself: it opens every secret in a stack's configuration",
    brake: null,
    remedy: "use a key of KMS for the stack's secrets",
  },
  terraform: {
    title: 'Terraform token',
    lives: 'for ever',
    couldDestroy: 'workspaces and their state, and what their runs can reach',
    brake: null,
    remedy: rotate,
  },
  kubernetes: {
    title: 'Kubernetes credential',
    lives: 'for ever',
    couldDestroy: 'namespaces, workloads and volumes that its user or service account may delete',
    brake: null,
    remedy: 'let kubeconfig call a credential plugin (`exec:`) that hands out short-lived tokens',
  },
  database: {
    title: 'database password',
    lives: 'for ever',
    couldDestroy: database,
    brake: null,
    remedy: 'give agents a read-only user, or a token that ends (IAM authentication)',
  },
  'cloud-account': {
    title: "cloud provider's credential",
    lives: 'for ever',
    couldDestroy: 'what its account may delete there',
    brake: null,
    remedy: rotate,
  },
  'private-key': {
    title: 'private key',
    lives: 'for ever',
    couldDestroy: 'whatever trusts its public half',
    brake: null,
    remedy: rotate,
  },
  registry: {
    title: "package registry's token",
    lives: 'for ever',
    couldDestroy: 'packages and images that it may publish or delete, and whoever installs them',
    brake: null,
    remedy: rotate,
  },
  'web-login': {
    title: 'login in a URL or .netrc',
    lives: 'for ever',
    couldDestroy: 'what its user may delete there',
    brake: null,
    remedy: rotate,
  },
  service: {
    title: "service's token",
    lives: 'for ever',
    couldDestroy: 'what its service lets it: not known from its kind',
    brake: null,
    remedy: rotate,
  },
  unknown: {
    title: 'secret',
    lives: 'for ever',
    couldDestroy: 'not known: it is named like a secret',
    brake: null,
    remedy: rotate,
  },
} as const satisfies Record<string, CredentialKind>

export type KindName = keyof typeof credentialKinds
