// Names of settings, as words: which of them name a secret. `existingSecret`, `passwordFile` and `tokenTtl`
// name something else.

/**
 * `password`: any value is one, also a weak one. `token`: only a value that looks random. `key`: only one that surely
 * does, since most keys open nothing.
 */
export type NameStrength = 'password' | 'token' | 'key'

/**
 * Words of a name in lower case: `dbPassword`, `DB_PASSWORD`, `db-password` and `db.password` are the same.
 */
export function wordsOf(name: string): string[] {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '')
}

const passwordWords = new Set([
  'password',
  'passwd',
  'passwort',
  'pwd',
  'passphrase',
  'passcode',
  'requirepass',
  'masterauth',
  'masterpassword',
  'rootpassword',
  'userpassword',
  'dbpassword',
  'pgpassword',
  'pgpass',
  'dbpass',
  'dbpwd',
  'dbpasswd',
  'mysqlpassword',
  'adminpassword',
  'smtppassword',
  'storepass',
  'keypass',
])
const tokenWords = new Set([
  'secret',
  'secrets',
  'token',
  'tokens',
  'credential',
  'credentials',
  'creds',
  'apikey',
  'authtoken',
  'accesstoken',
  'refreshtoken',
  'secretkey',
  'accesskey',
  'privatekey',
  'clientsecret',
  'bearer',
  'psk',
])
/** A key is a secret if one of these stands before it. */
const keyQualifiers = new Set(
  `api access secret private encryption encrypt encrypting decryption master app application account storage
   signing sign signature service role auth authkey jwt hmac shared session cookie admin deploy deployment
   license licence cipher aes ssh gpg pgp tls ssl rsa ec webhook write read root ingest integration backup
   restic b2 account1 key1 sas cosmos servicebus client stripe twilio sendgrid mailgun openai anthropic
   datadog dd sentry newrelic algolia supabase render railway fly neon vercel netlify digitalocean hetzner
   hcloud linode vultr heroku cloudflare cf azure gcp google gemini firebase pusher segment mixpanel
   amplitude posthog resend postmark mailchimp loops xai groq mistral cohere replicate huggingface
   openrouter deepseek perplexity together fireworks pinecone e2b tavily langsmith linear notion airtable
   figma shopify square plaid paddle checkout braintree adyen clerk auth0 okta workos stytch doppler vault
   infisical pulumi terraform circleci buildkite travis github gitlab bitbucket npm pypi docker dockerhub
   quay jfrog artifactory nexus sonar snyk grafana elastic opensearch meilisearch typesense turso upstash
   planetscale xata fauna mongodb atlas couchbase influx influxdb telegram discord slack line zoom bunny
   fastly akamai backblaze wasabi minio scaleway ovh exoscale upcloud civo ibm oci alibaba aliyun tencent
   huawei yandex mapbox maps weather exchange binance kraken coinbase`.split(/\s+/),
)
/** After the word that names a secret, these leave it one. */
const transparent = new Set(
  `base value val string str data prod production staging stage stg dev development live test testing
   primary secondary main default current new old b64 base64 hex raw plain plaintext text 1 2 3 4 5 v1 v2 v3
   v4 env0 ro rw us eu uk de ci bot user admin root app web api worker backend frontend server client db
   database postgres mysql redis mongo ses smtp`.split(/\s+/),
)
/**
 * A name that has one of these before the secret's word names something else: `existingSecret`,
 * `publicKey`, `maxTokens`.
 */
const negating = new Set(
  `existing public publishable anon max min num count total csrf xsrf pull pagination continuation
   cancellation prompt completion reasoning checksum digest sha256`.split(/\s+/),
)
/** The same, where a name begins with it: `forgotPassword`, `useToken`, `nextToken`. */
const negatingFirst = new Set(
  `has have use uses using is was no not without with enable enabled disable disabled allow allows require
   required need needs needed show hide toggle reset forgot forgotten lost invalid wrong missing incorrect
   verify validate check confirm change update generate create delete remove rotate expired input
   output`.split(/\s+/),
)
/** Keys that open nothing: `partitionKey`, `cache_key`, `RECAPTCHA_SITE_KEY`. */
const negatingKey = new Set(
  `primary foreign partition sort range composite cache hash row object routing idempotency dedup lookup hot
   shortcut translation message i18n label sitekey site unique natural map dictionary json yaml column host
   known authorized image`.split(/\s+/),
)

/** @param path the names of a setting, from the outermost one. Null for one that names no secret. */
export function judgeName(path: readonly string[]): NameStrength | null {
  const words = withoutEnd(wordsOf(path.at(-1) ?? ''))
  // `password2` is a second password.
  const last = words.at(-1)?.replace(/(?<=[a-z]{4})\d$/, '')
  if (last === undefined) return null
  const before = words.slice(0, -1)
  if (isNegated(before)) return null
  if (passwordWords.has(last)) return 'password'
  // `DB_PASS`, but not `bypass` or a test's `pass`.
  if (last === 'pass' && before.length > 0) return 'password'
  // Tests print PASS.
  if (path.at(-1) === 'pass') return 'token'
  // `GITHUB_PAT`, but not a pattern.
  if (last === 'pat') return /PAT$/.test(path.at(-1)!) ? 'token' : null
  if (tokenWords.has(last)) return 'token'
  if (path.at(-1) === '_auth') return 'key'
  if (last === 'key' || last === 'keys') return judgeKey(before, path.at(-2))
  if (/(?:password|passwd|passphrase)$/.test(last)) return 'password'
  return /(?:secret|token|apikey|secretkey|accesskey|privatekey)$/.test(last) ? 'token' : null
}

function isNegated(before: readonly string[]): boolean {
  if (before.some((word) => strengthens.has(word))) return false
  // `nextToken` pages through a list; `NEXT_AUTH_SECRET` belongs to a framework.
  if (before.at(-1) === 'next') return true
  return before.some((word) => negating.has(word)) || negatingFirst.has(before[0] ?? '')
}

/** They name a secret, also beside a word that negates: `PUBLIC_API_SECRET`, `csrf secret`. */
const strengthens = new Set(['secret', 'private', 'service', 'master'])

function judgeKey(before: readonly string[], parent: string | undefined): NameStrength | null {
  const qualifiers = before.length > 0 ? before : wordsOf(parent ?? '')
  if (negatingKey.has(qualifiers.at(-1) ?? '')) return null
  return qualifiers.some((word) => keyQualifiers.has(word) || tokenWords.has(word)) ? 'key' : null
}

function withoutEnd(words: readonly string[]): readonly string[] {
  let end = words.length
  while (end > 1 && transparent.has(words[end - 1]!)) end--
  return words.slice(0, end)
}
