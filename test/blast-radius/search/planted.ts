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
  /** What must never be shown. */
  values: string[]
  kind: string
  line: number
  owner: string | null
}

const keyId = ['AK', 'IARZPUZDIKGB2VALC4'].join('')
const sessionId = ['AS', 'IAY34FZKBOKMUTVV7A'].join('')

function plant(
  file: string,
  kind: string,
  line: number,
  owner: string | null,
  values: string[],
  text: string,
): Planted {
  return { file, kind, line, owner, values, text }
}

/** One file each; `line` is that of the value. */
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
    plant(
      'credentials',
      'aws-key',
      4,
      'account 123456789012, profile deploy',
      [secret, keyId],
      `# keys\n[deploy]\naws_access_key_id = ${keyId}\naws_secret_access_key = ${secret}\n`,
    ),
    plant(
      'cli-cache.json',
      'aws-session',
      1,
      'account 609629065308',
      [session, sessionId],
      JSON.stringify({
        Credentials: { AccessKeyId: sessionId, SecretAccessKey: session, Expiration: '2020-01-01T00:00:00Z' },
      }),
    ),
    plant('.env', 'railway', 2, null, [uuid], `PORT=1\nRAILWAY_TOKEN=${uuid}\n`),
    plant(
      'domains.sh',
      'railway',
      3,
      'backboard.railway.app',
      [header],
      `#!/bin/sh\ncurl https://backboard.railway.app/graphql/v2 \\\n  -H "Authorization: Bearer ${header}"\n`,
    ),
    plant(
      'project.sh',
      'railway',
      1,
      null,
      [project],
      `curl -H "Project-Access-Token: ${project}" https://backboard.railway.com/graphql/v2\n`,
    ),
    plant(
      '.railway/config.json',
      'railway',
      1,
      null,
      [signedIn],
      JSON.stringify({ projects: {}, user: { token: signedIn } }),
    ),
    plant('deploy.yml', 'github', 2, null, [fineGrained], `env:\n  BOT: ${fineGrained}\n`),
    plant(
      'dsn.py',
      'database',
      1,
      'bob@db.example.com',
      [keyword],
      `connect("host=db.example.com dbname=app user=bob password=${keyword}")\n`,
    ),
    plant(
      'app.json',
      'database',
      1,
      'sa@sql.example.com',
      [connection],
      JSON.stringify({ Default: `Server=sql.example.com;Database=app;User Id=sa;Password=${connection};` }),
    ),
    plant(
      'pgpass.conf',
      'database',
      1,
      'bob@fe80::1/app',
      [escaped],
      `fe80\\:\\:1:5432:app:bob:se\\:${escaped}\n`,
    ),
    plant('notes.md', 'github', 1, null, [github], `use ${github} for the bot\n`),
    plant(
      'pulumi.json',
      'pulumi',
      1,
      null,
      [pulumi],
      JSON.stringify({ accessTokens: { 'https://api.pulumi.com': pulumi } }),
    ),
    plant(
      'kubeconfig',
      'kubernetes',
      8,
      '10.0.0.1:6443',
      [client],
      `apiVersion: v1\nclusters:\n- cluster:\n    server: https://10.0.0.1:6443\nusers:\n- name: admin\n  user:\n    client-key-data: ${client}\n`,
    ),
    plant(
      'settings.py',
      'database',
      1,
      'bob@db.example.com:5432/app',
      [password],
      `URL = "postgres://bob:${password}@db.example.com:5432/app"\n`,
    ),
    plant(
      'odd.py',
      'database',
      1,
      'bob@db.example.com/app',
      [odd, odd.slice(7)],
      `URL = "mysql://bob:${odd}@db.example.com/app"\n`,
    ),
    plant('.pgpass', 'database', 2, 'app@db/main', [pgpass], `# comment\ndb:5432:main:app:${pgpass}\n`),
    plant(
      'sso.json',
      'aws-sso',
      1,
      'start.awsapps.com',
      [sso, refresh],
      JSON.stringify({
        startUrl: 'https://start.awsapps.com/start',
        accessToken: sso,
        expiresAt: '2099-01-01T00:00:00Z',
        refreshToken: refresh,
      }),
    ),
    plant(
      'docker.json',
      'registry',
      1,
      'ghcr.io',
      [docker],
      JSON.stringify({ auths: { 'ghcr.io': { auth: docker } } }),
    ),
    plant(
      '.netrc',
      'web-login',
      1,
      'api.example.com',
      [login],
      `machine api.example.com login me password ${login}\n`,
    ),
    plant('app.env', 'unknown', 1, null, [stripe], `PAYMENT_SECRET="${stripe}"\n`),
    plant(
      'id_rsa',
      'private-key',
      1,
      null,
      pem,
      `-----BEGIN RSA PRIVATE KEY-----\n${pem.join('\n')}\n-----END RSA PRIVATE KEY-----\n`,
    ),
  ]
}
