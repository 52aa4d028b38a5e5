import type { CredentialKind } from './credential-kind.ts'

export const awsKinds = {
  'aws-key': {
    title: 'AWS access key',
    lives: 'for ever',
    couldDestroy:
      "what its user's policies allow: ask with `holdfast blast-radius --role arn:aws:iam::ACCOUNT:user/NAME`",
    safeguard: null,
    remedy: 'delete the key, and let its workload assume a role (`holdfast agent-session`)',
    words: ['aws'],
  },
  'aws-session': {
    title: 'AWS session',
    lives: 'session',
    couldDestroy: 'what its role allows, until it ends: ask with `holdfast blast-radius --role`',
    safeguard: 'it ends by itself',
    remedy: 'end it with `holdfast agent-session revoke`, or a deny on aws:TokenIssueTime',
    words: [],
  },
  'aws-sso': {
    title: 'AWS sign-in (IAM Identity Center, `aws login`)',
    lives: 'session',
    couldDestroy: 'what every permission set of its human allows, in every account of theirs',
    safeguard: 'it ends by itself',
    remedy: 'sign out (`aws sso logout`, `aws logout`); agents need an identity of their own',
    words: [],
  },
} as const satisfies Record<string, CredentialKind>
