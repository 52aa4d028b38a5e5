// Platforms that run software and keep its data: their tokens delete both.
import { rotate } from './credential-kind.ts'
import type { CredentialKind } from './credential-kind.ts'

export const platformKinds = {
  railway: {
    title: 'Railway token',
    lives: 'for ever',
    couldDestroy:
      'every volume with its backups, every database, service and environment that it reaches, with one call: it has no scopes, only a project token is limited (to one environment)',
    safeguard: null,
    remedy: "delete it in the account's settings; give a task a project token of a staging environment",
    words: ['railway'],
  },
  render: {
    title: 'Render API key',
    lives: 'for ever',
    couldDestroy:
      'every service, disk and database of every workspace that its user belongs to: it has no scopes',
    safeguard: null,
    remedy: "revoke it in the account's settings; a deploy hook is enough to deploy",
    words: ['render'],
  },
  fly: {
    title: 'Fly.io token',
    lives: 'for ever',
    couldDestroy:
      'apps, machines and volumes: those of one app with a deploy token, of the whole organization with an org or login token',
    safeguard: null,
    remedy: 'revoke it (`fly tokens revoke`), and make a deploy token for one app with an expiry',
    words: ['fly', 'flyio', 'flyctl'],
  },
  supabase: {
    title: 'Supabase key',
    lives: 'for ever',
    couldDestroy:
      'a service role or secret key: every row and stored file, past row level security; a personal token: whole projects with their backups',
    safeguard: null,
    remedy:
      'roll it in the project settings; give agents the publishable key and a database role of their own',
    words: ['supabase'],
  },
  neon: {
    title: 'Neon API key',
    lives: 'for ever',
    couldDestroy:
      'every project, branch and database that it reaches; a project-scoped key reaches one project',
    safeguard: null,
    remedy: 'revoke it, and make a project-scoped key; protect the production branch',
    words: ['neon'],
  },
  planetscale: {
    title: 'PlanetScale credential',
    lives: 'for ever',
    couldDestroy:
      'a service token: databases and branches as its grants allow; a password: every row of its branch',
    safeguard: null,
    remedy: 'delete it, and make one with the grants that its task needs; keep production branches protected',
    words: ['planetscale', 'pscale'],
  },
  vercel: {
    title: 'Vercel token',
    lives: 'for ever',
    couldDestroy: 'projects, deployments, domains, environment variables and stores of its user or team',
    safeguard: null,
    remedy: 'delete it, and make one for one team that expires',
    words: ['vercel'],
  },
  netlify: {
    title: 'Netlify token',
    lives: 'for ever',
    couldDestroy: 'sites, deploys, DNS zones and forms of every team of its user: it has no scopes',
    safeguard: null,
    remedy: 'delete it, and make one that expires; a build hook is enough to deploy',
    words: ['netlify'],
  },
  heroku: {
    title: 'Heroku token',
    lives: 'for ever',
    couldDestroy: 'apps, add-ons and their databases that its user or scopes reach',
    safeguard: null,
    remedy: rotate,
    words: ['heroku'],
  },
  digitalocean: {
    title: 'DigitalOcean token',
    lives: 'for ever',
    couldDestroy:
      'droplets, volumes, snapshots, databases and buckets of its team, as far as its scopes allow',
    safeguard: null,
    remedy: 'revoke it, and make one with custom scopes that expires',
    words: ['digitalocean', 'doctl', 'droplet'],
  },
  hetzner: {
    title: 'Hetzner Cloud token',
    lives: 'for ever',
    couldDestroy: 'servers, volumes, snapshots and networks of its project, if it may write',
    safeguard: 'delete protection, on the resources that have it',
    remedy: 'delete it, and make a read-only one; set delete protection',
    words: ['hcloud', 'hetzner'],
  },
  linode: {
    title: 'Akamai (Linode) token',
    lives: 'for ever',
    couldDestroy: 'instances, volumes, backups and buckets that its scopes reach',
    safeguard: null,
    remedy: rotate,
    words: ['linode'],
  },
  cloudflare: {
    title: 'Cloudflare token',
    lives: 'for ever',
    couldDestroy:
      'zones, workers, buckets and databases that its permissions reach; a global key reaches all of them',
    safeguard: null,
    remedy: 'roll it, and make one with the permissions of its task that expires',
    words: ['cloudflare', 'cf', 'wrangler'],
  },
  azure: {
    title: 'Azure credential',
    lives: 'for ever',
    couldDestroy:
      "an account key: every blob, file and queue of its storage account; a client's secret: what its role assignments allow",
    safeguard: 'soft delete and immutability policies, where they are set',
    remedy: 'regenerate it, and use a managed identity or a workload identity',
    words: ['azure', 'arm', 'servicebus', 'cosmos'],
  },
  google: {
    title: 'Google credential',
    lives: 'for ever',
    couldDestroy: 'what the roles of its user or service account allow, in every project',
    safeguard: null,
    remedy: 'delete the key, and use workload identity federation',
    words: ['gcp', 'google', 'gcloud', 'firebase', 'gemini'],
  },
  'cloud-account': {
    title: "cloud provider's credential",
    lives: 'for ever',
    couldDestroy: 'what its account may delete there',
    safeguard: null,
    remedy: rotate,
    words:
      `alibaba aliyun civo exoscale ibm infomaniak ovh scaleway scw scalingo tencent upcloud vultr yandex b2
       backblaze wasabi minio databricks snowflake confluent aiven elastic`.split(/\s+/),
  },
} as const satisfies Record<string, CredentialKind>
