// Hosts of code, registries, secret stores and tools of infrastructure: their tokens reach what they deploy.
import { rotate } from './credential-kind.ts'
import type { CredentialKind } from './credential-kind.ts'

export const deliveryKinds = {
  github: {
    title: 'GitHub token',
    lives: 'for ever',
    couldDestroy:
      'repositories, branches, releases and packages that its scopes reach, and what their workflows deploy',
    safeguard: null,
    remedy:
      'revoke it; workflows can have OIDC, and agents a fine-grained token for one repository that expires',
    words: ['github', 'gh'],
  },
  gitlab: {
    title: 'GitLab token',
    lives: 'for ever',
    couldDestroy: 'projects, branches and packages that its scopes reach, and what their pipelines deploy',
    safeguard: null,
    remedy: rotate,
    words: ['gitlab'],
  },
  bitbucket: {
    title: 'Bitbucket token',
    lives: 'for ever',
    couldDestroy: 'repositories and branches that its scopes reach, and what their pipelines deploy',
    safeguard: null,
    remedy: rotate,
    words: ['bitbucket'],
  },
  atlassian: {
    title: 'Atlassian API token',
    lives: 'for ever',
    couldDestroy:
      "every issue, page and project that its user may delete: a classic token has all of its user's rights",
    safeguard: null,
    remedy: 'revoke it, and make one with scopes that expires',
    words: ['atlassian', 'jira', 'confluence'],
  },
  ci: {
    title: "build service's token",
    lives: 'for ever',
    couldDestroy: 'pipelines and their history, and what they deploy with the secrets that they hold',
    safeguard: null,
    remedy: rotate,
    words: [
      'circleci',
      'buildkite',
      'travis',
      'travisci',
      'droneci',
      'bitrise',
      'harness',
      'octopus',
      'codecov',
    ],
  },
  pulumi: {
    title: 'Pulumi access token',
    lives: 'for ever',
    couldDestroy: 'stacks and their state, and what their deployments can reach',
    safeguard: null,
    remedy: rotate,
    words: ['pulumi'],
  },
  'pulumi-passphrase': {
    title: 'Pulumi passphrase',
    lives: 'for ever',
    couldDestroy: "nothing by itself: it opens every secret in a stack's configuration",
    safeguard: null,
    remedy: "use a key of KMS for the stack's secrets",
    words: [],
  },
  terraform: {
    title: 'Terraform token',
    lives: 'for ever',
    couldDestroy: 'workspaces and their state, and what their runs can reach',
    safeguard: null,
    remedy: rotate,
    words: ['terraform', 'tfe', 'hashicorp', 'scalr'],
  },
  vault: {
    title: 'HashiCorp Vault token',
    lives: 'for ever',
    couldDestroy: 'the secrets that its policies may delete, and what those secrets open',
    safeguard: 'deleted versions of a secret can be restored, unless they are destroyed',
    remedy: 'revoke it (`vault token revoke`), and use a login method with short leases',
    words: ['vault'],
  },
  doppler: {
    title: 'Doppler token',
    lives: 'for ever',
    couldDestroy: 'secrets, configs and projects that it may write, and what their secrets open',
    safeguard: null,
    remedy: 'revoke it, and make a service token for one config that expires',
    words: ['doppler'],
  },
  'secret-store': {
    title: "secret store's token",
    lives: 'for ever',
    couldDestroy: 'the secrets that it may delete, and what those secrets open',
    safeguard: null,
    remedy: rotate,
    words: ['1password', 'infisical', 'bitwarden', 'akeyless'],
  },
  kubernetes: {
    title: 'Kubernetes credential',
    lives: 'for ever',
    couldDestroy: 'namespaces, workloads and volumes that its user or service account may delete',
    safeguard: null,
    remedy: 'let kubeconfig call a credential plugin (`exec:`) that hands out short-lived tokens',
    words: ['kubernetes', 'kube', 'k8s', 'openshift'],
  },
  registry: {
    title: "package registry's token",
    lives: 'for ever',
    couldDestroy: 'packages and images that it may publish or delete, and the systems that install them',
    safeguard: null,
    remedy: rotate,
    words:
      `npm pypi rubygems nuget crates cargo clojars docker dockerhub quay jfrog artifactory nexus cloudsmith
       packagist thunderstore`.split(/\s+/),
  },
} as const satisfies Record<string, CredentialKind>
