// Databases, keys, logins, services, and what is only named like a secret.
import { rotate } from './credential-kind.ts'
import type { CredentialKind } from './credential-kind.ts'

export const dataKinds = {
  database: {
    title: 'database password',
    lives: 'for ever',
    couldDestroy: 'every row that its user may write, and every table that it owns',
    safeguard: null,
    remedy: 'give agents a read-only user, or a token that ends (IAM authentication)',
    words:
      `db database databases postgres postgresql pg psql mysql mariadb mssql sqlserver mongo mongodb redis
       valkey amqp rabbitmq clickhouse cassandra couchdb oracle datasource jdbc sql requirepass masterauth
       upstash turso influxdb cockroachlabs datastax neo4j elasticsearch opensearch memcached`.split(/\s+/),
  },
  backup: {
    title: 'password of a backup',
    lives: 'for ever',
    couldDestroy: 'nothing by itself: with the credential of its repository, every snapshot in it',
    safeguard: null,
    remedy:
      'read it from a secret store when the backup runs; keep the repository where no such credential may delete',
    words: ['restic', 'borg', 'rclone', 'kopia', 'duplicity', 'pgbackrest', 'walg'],
  },
  'encryption-key': {
    title: "application's key",
    lives: 'for ever',
    couldDestroy: 'nothing by itself: it reads what it encrypts, and makes sessions of any user',
    safeguard: null,
    remedy: 'replace it, and read it from a secret store when the application starts',
    words: [
      'rails',
      'laravel',
      'django',
      'jwt',
      'encryption',
      'encrypt',
      'hmac',
      'cookie',
      'session',
      'signing',
      'cipher',
    ],
  },
  'private-key': {
    title: 'private key',
    lives: 'for ever',
    couldDestroy: 'what every system allows that trusts its public key',
    safeguard: null,
    remedy: rotate,
    words: [],
  },
  'web-login': {
    title: 'login in a URL or .netrc',
    lives: 'for ever',
    couldDestroy: 'what its user may delete there',
    safeguard: null,
    remedy: rotate,
    words: [],
  },
  'web-token': {
    title: 'signed token (JWT)',
    lives: 'for ever',
    couldDestroy: 'what its issuer lets its subject delete',
    safeguard: null,
    remedy: 'let it end, or revoke the session that it belongs to',
    words: [],
  },
  ai: {
    title: "model provider's key",
    lives: 'for ever',
    couldDestroy: "files, fine-tuned models and assistants of its account, and the account's budget",
    safeguard: null,
    remedy: 'revoke it, and make one for one project with a limit',
    words: `anthropic claude openai openrouter xai grok groq replicate mistral huggingface hf cohere deepseek
       perplexity fireworks together togetherai langchain langsmith e2b tavily pinecone voyageai elevenlabs
       fal cerebras nvidia moonshot kimi zai ollama cursor devin stability assemblyai deepgram
       runpod`.split(/\s+/),
  },
  payment: {
    title: "payment provider's key",
    lives: 'for ever',
    couldDestroy: 'customers, subscriptions and products; it can pay out and refund money',
    safeguard: null,
    remedy: 'roll it, and make a restricted one for its task',
    words: [
      'stripe',
      'paypal',
      'square',
      'plaid',
      'adyen',
      'braintree',
      'paddle',
      'razorpay',
      'checkout',
      'polar',
      'coinbase',
    ],
  },
  service: {
    title: "service's token",
    lives: 'for ever',
    couldDestroy: 'what its service lets it: its kind does not tell',
    safeguard: null,
    remedy: rotate,
    words: `slack discord telegram twilio sendgrid mailgun mailchimp resend postmark sendinblue sentry datadog
       newrelic grafana snyk sonar algolia shopify airtable notion linear asana figma okta auth0 clerk
       workos mapbox zendesk intercom hubspot launchdarkly posthog segment contentful fastly ngrok tailscale
       pagerduty opsgenie honeycomb`.split(/\s+/),
  },
  unknown: {
    title: 'secret',
    lives: 'for ever',
    couldDestroy: 'unknown: it is named like a secret',
    safeguard: null,
    remedy: rotate,
    words: [],
  },
} as const satisfies Record<string, CredentialKind>
