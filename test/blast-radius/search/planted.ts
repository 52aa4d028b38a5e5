// Credentials of every kind, made up at run time, so that no file of this repository looks like one.
import { createHash } from 'node:crypto'

/** Letters, digits and what else `alphabet` has, the same for each `name`. */
export function invent(
  name: string,
  length: number,
  alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789',
): string {
  let text = ''
  for (let round = 0; text.length < length; round++) {
    for (const byte of createHash('sha256').update(`${name} ${round}`).digest())
      text += alphabet[byte % alphabet.length]!
  }
  return text.slice(0, length)
}

export function inventUuid(name: string): string {
  const hex = invent(name, 32, '0123456789abcdef')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`
}

export interface Planted {
  file: string
  text: string
  /** No output may show these values. */
  values: string[]
  kind: string
  line: number
  owner: string | null
}

const keyId = ['AK', 'IARZPUZDIKGB2VALC4'].join('')
const sessionId = ['AS', 'IAY34FZKBOKMUTVV7A'].join('')

/** One file for each credential; `line` is the line of the value. */
export function plantCredentials(): Planted[] {
  const secret = invent('aws', 40)
  const session = invent('aws session', 40)
  const uuid = inventUuid('railway')
  const header = inventUuid('railway header')
  const github = `${['gh', 'p_'].join('')}${invent('github', 36)}`
  const pulumi = `${['pu', 'l-'].join('')}${invent('pulumi', 40, '0123456789abcdef')}`
  const client = invent('kubernetes', 400)
  const password = invent('database', 20)
  const odd = `p@ss:w/${invent('odd', 12)}`
  const pgpass = invent('pgpass', 18)
  const sso = invent('sso', 300)
  const refresh = invent('sso refresh', 300)
  const docker = Buffer.from(`robot:${invent('docker', 20)}`).toString('base64')
  const login = invent('netrc', 20)
  const stripe = invent('named', 24)
  const project = inventUuid('railway project')
  const signedIn = invent('railway login', 60)
  const fineGrained = `${['github', '_pat_'].join('')}${invent('pat', 22)}_${invent('pat secret', 59)}`
  const [keyword, connection, escaped] = ['keyword', 'connection', 'escaped'].map((name) =>
    invent(name, 18),
  ) as [string, string, string]
  const pem = [1, 2, 3].map((part) => invent(`pem ${part}`, 64))
  return [
    {
      file: 'credentials',
      kind: 'aws-key',
      line: 4,
      owner: 'account 123456789012, profile deploy',
      values: [secret, keyId],
      text: `# keys\n[deploy]\naws_access_key_id = ${keyId}\naws_secret_access_key = ${secret}\n`,
    },
    {
      file: 'cli-cache.json',
      kind: 'aws-session',
      line: 1,
      owner: 'account 609629065308',
      values: [session, sessionId],
      text: JSON.stringify({
        Credentials: { AccessKeyId: sessionId, SecretAccessKey: session, Expiration: '2020-01-01T00:00:00Z' },
      }),
    },
    {
      file: '.env',
      kind: 'railway',
      line: 2,
      owner: null,
      values: [uuid],
      text: `PORT=1\nRAILWAY_TOKEN=${uuid}\n`,
    },
    {
      file: 'domains.sh',
      kind: 'railway',
      line: 3,
      owner: 'backboard.railway.app',
      values: [header],
      text: `#!/bin/sh\ncurl https://backboard.railway.app/graphql/v2 \\\n  -H "Authorization: Bearer ${header}"\n`,
    },
    {
      file: 'project.sh',
      kind: 'railway',
      line: 1,
      owner: null,
      values: [project],
      text: `curl -H "Project-Access-Token: ${project}" https://backboard.railway.com/graphql/v2\n`,
    },
    {
      file: '.railway/config.json',
      kind: 'railway',
      line: 1,
      owner: null,
      values: [signedIn],
      text: JSON.stringify({ projects: {}, user: { token: signedIn } }),
    },
    {
      file: 'deploy.yml',
      kind: 'github',
      line: 2,
      owner: null,
      values: [fineGrained],
      text: `env:\n  BOT: ${fineGrained}\n`,
    },
    {
      file: 'dsn.py',
      kind: 'database',
      line: 1,
      owner: 'bob@db.example.com',
      values: [keyword],
      text: `connect("host=db.example.com dbname=app user=bob password=${keyword}")\n`,
    },
    {
      file: 'app.json',
      kind: 'database',
      line: 1,
      owner: 'sa@sql.example.com',
      values: [connection],
      text: JSON.stringify({
        Default: `Server=sql.example.com;Database=app;User Id=sa;Password=${connection};`,
      }),
    },
    {
      file: 'pgpass.conf',
      kind: 'database',
      line: 1,
      owner: 'bob@fe80::1/app',
      values: [escaped],
      text: `fe80\\:\\:1:5432:app:bob:se\\:${escaped}\n`,
    },
    {
      file: 'notes.md',
      kind: 'github',
      line: 1,
      owner: null,
      values: [github],
      text: `use ${github} for the bot\n`,
    },
    {
      file: 'pulumi.json',
      kind: 'pulumi',
      line: 1,
      owner: null,
      values: [pulumi],
      text: JSON.stringify({ accessTokens: { 'https://api.pulumi.com': pulumi } }),
    },
    {
      file: 'kubeconfig',
      kind: 'kubernetes',
      line: 8,
      owner: '10.0.0.1:6443',
      values: [client],
      text: `apiVersion: v1\nclusters:\n- cluster:\n    server: https://10.0.0.1:6443\nusers:\n- name: admin\n  user:\n    client-key-data: ${client}\n`,
    },
    {
      file: 'settings.py',
      kind: 'database',
      line: 1,
      owner: 'bob@db.example.com:5432/app',
      values: [password],
      text: `URL = "postgres://bob:${password}@db.example.com:5432/app"\n`,
    },
    {
      file: 'odd.py',
      kind: 'database',
      line: 1,
      owner: 'bob@db.example.com/app',
      values: [odd, odd.slice(7)],
      text: `URL = "mysql://bob:${odd}@db.example.com/app"\n`,
    },
    {
      file: '.pgpass',
      kind: 'database',
      line: 2,
      owner: 'app@db/main',
      values: [pgpass],
      text: `# comment\ndb:5432:main:app:${pgpass}\n`,
    },
    {
      file: 'sso.json',
      kind: 'aws-sso',
      line: 1,
      owner: 'start.awsapps.com',
      values: [sso, refresh],
      text: JSON.stringify({
        startUrl: 'https://start.awsapps.com/start',
        accessToken: sso,
        expiresAt: '2099-01-01T00:00:00Z',
        refreshToken: refresh,
      }),
    },
    {
      file: 'docker.json',
      kind: 'registry',
      line: 1,
      owner: 'ghcr.io',
      values: [docker],
      text: JSON.stringify({ auths: { 'ghcr.io': { auth: docker } } }),
    },
    {
      file: '.netrc',
      kind: 'web-login',
      line: 1,
      owner: 'api.example.com',
      values: [login],
      text: `machine api.example.com login me password ${login}\n`,
    },
    {
      file: 'app.env',
      kind: 'unknown',
      line: 1,
      owner: null,
      values: [stripe],
      text: `PAYMENT_SECRET="${stripe}"\n`,
    },
    {
      file: 'id_rsa',
      kind: 'private-key',
      line: 1,
      owner: null,
      values: pem,
      text: `-----BEGIN RSA PRIVATE KEY-----\n${pem.join('\n')}\n-----END RSA PRIVATE KEY-----\n`,
    },
  ]
}
