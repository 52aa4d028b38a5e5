// Private keys, signed tokens, and forms of tokens that the published rules lack.
import { entropyOf, isPlaceholder } from '../naming/secret-value.ts'
import { matchesAt, patternRule } from './rule.ts'
import type { Match, Rule } from './rule.ts'

/** A key on an elliptic curve is one line long. In JSON its line ends are escapes. */
export const privateKeys = patternRule(
  ['-----begin '],
  'private-key',
  /(?<value>-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----\s{0,4}(?:\\r|\\n){0,4}(?:(?:Proc-Type|DEK-Info|Version|Comment|Hash):[^\n\\]{1,80}(?:\n|\\n)\s{0,4}){0,4}(?:\s|\\+[rn]|["' \t,+]{1,8}|[A-Za-z0-9+/=]){40,20000})/y,
  (value) => entropyOf(value) > 4,
)

export const puttyKeys = patternRule(
  ['private-lines: '],
  'private-key',
  /Private-Lines: \d{1,3}\r?\n(?<value>[A-Za-z0-9+/=\r\n]{40,20000})/y,
)

const example = /^eyJzdWIiOiIxMjM0NTY3ODkwI/

/**
 * A signed token tells what it is for: a public one of Supabase is no finding, and one that ends says when.
 */
export const signedTokens: Rule = {
  keywords: ['eyj'],
  *find(text, starts) {
    const tokens =
      /(?<![A-Za-z0-9_-])(eyJ[A-Za-z0-9_-]{10,2000})\.(eyJ[A-Za-z0-9_-]{10,8000})\.[A-Za-z0-9_-]{16,2000}/y
    for (const { index, 0: token, 1: header, 2: payload } of matchesAt(tokens, text, starts)) {
      const claims = decode(payload!)
      if (decode(header!) === null || claims === null || example.test(payload!)) continue
      yield { start: index, end: index + token.length, ...judge(claims) }
    }
  },
}

function judge(claims: Record<string, unknown>): Pick<Match, 'kind' | 'isHarmless' | 'expiresMs' | 'owner'> {
  const { role, iss: issuer, exp: expires } = claims
  const expiresMs = typeof expires === 'number' && expires > 0 && expires < 1e11 ? expires * 1000 : null
  const owner =
    typeof issuer === 'string' ? (/^(?:https?:\/\/)?([\w.-]{1,80})/.exec(issuer)?.[1] ?? null) : null
  if (role === 'anon') return { kind: 'supabase', isHarmless: true, owner: null }
  if (role === 'service_role' || issuer === 'supabase') return { kind: 'supabase', expiresMs, owner }
  if (typeof issuer === 'string' && issuer.startsWith('kubernetes/'))
    return { kind: 'kubernetes', expiresMs, owner: null }
  return { kind: 'web-token', expiresMs, owner }
}

function decode(part: string): Record<string, unknown> | null {
  try {
    const value = JSON.parse(Buffer.from(part, 'base64url').toString('utf8')) as unknown
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null
  } catch {
    return null
  }
}

const isRandomToken = (value: string): boolean => !isPlaceholder(value) && entropyOf(value) >= 3
const token = (keywords: readonly string[], kind: Match['kind'], pattern: RegExp): Rule =>
  patternRule(keywords, kind, pattern, isRandomToken)

/**
 * Forms that the published rules lack, or know in one length only; from the documentation of each platform.
 */
export const ownForms: readonly Rule[] = [
  token(
    ['flyv1 fm', 'fm1r_', 'fm2_', 'fm1a_'],
    'fly',
    /(?<value>(?:FlyV1 )?(?:fm1r|fm1a|fm2)_[A-Za-z0-9+/=_-]{16,4000}(?:,(?:fm1r|fm1a|fm2)_[A-Za-z0-9+/=_-]{16,4000}){0,20})/y,
  ),
  token(['fo1_'], 'fly', /(?<![\w-])(?<value>fo1_[\w-]{30,80})/y),
  token(['rnd_'], 'render', /(?<![\w-])(?<value>rnd_[A-Za-z0-9]{20,60})(?![\w-])/y),
  token(
    ['https://api.render.com/deploy/'],
    'render',
    /(?<value>https:\/\/api\.render\.com\/deploy\/[\w-]{8,60}\?key=[\w-]{8,40})/y,
  ),
  token(['rw_fe26'], 'railway', /(?<value>rw_Fe26\.2\*[\w*.-]{40,2000})/y),
  token(['sbp_'], 'supabase', /(?<![\w-])(?<value>sbp_(?:oauth_|fc)?[0-9a-f]{30,80})(?![\w-])/y),
  token(['npg_'], 'neon', /(?<![\w-])(?<value>npg_[A-Za-z0-9]{8,40})(?![\w-])/y),
  token(['vercel_blob_rw_'], 'vercel', /(?<![\w-])(?<value>vercel_blob_rw_[A-Za-z0-9_]{20,80})(?![\w-])/y),
  token(
    ['dp.ct.', 'dp.st.', 'dp.sa.', 'dp.scim.', 'dp.audit.'],
    'doppler',
    /(?<![\w.-])(?<value>dp\.(?:ct|st|sa|scim|audit)\.(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,44})(?![\w-])/y,
  ),
  token(
    ['nfp_', 'nfc_', 'nfo_', 'nfu_', 'nfb_'],
    'netlify',
    /(?<![\w-])(?<value>nf[pcoub]_[A-Za-z0-9]{36,40})(?![\w-])/y,
  ),
  token(['atctt3', 'atcott3'], 'atlassian', /(?<![\w-])(?<value>AT(?:CTT|COTT)3[\w=-]{60,400})/y),
  token(['atbb'], 'bitbucket', /(?<![\w-])(?<value>ATBB[A-Za-z0-9]{28,40})(?![\w-])/y),
  token(['gocspx-'], 'google', /(?<![\w-])(?<value>GOCSPX-[\w-]{20,40})/y),
  token(['ya29.', '1//0'], 'google', /(?<![\w-])(?<value>(?:ya29\.[\w-]{40,1000}|1\/\/0[\w-]{40,200}))/y),
  token(['re_'], 'service', /(?<![\w-])(?<value>re_[A-Za-z0-9]{6,12}_[A-Za-z0-9]{20,40})(?![\w-])/y),
  token(['sk-ant-'], 'ai', /(?<![\w-])(?<value>sk-ant-(?:api|admin|oat|ort|sid)\d{2}-[\w-]{60,200})/y),
  token(['sk-'], 'ai', /(?<![\w-])(?<value>sk-[A-Za-z0-9]{32,64})(?![\w-])/y),
  token(['sntrys_'], 'service', /(?<![\w-])(?<value>sntrys_[\w+/=-]{40,1000})/y),
  token(
    ['accountkey=', 'sharedaccesskey='],
    'azure',
    /(?:Account|SharedAccess)Key=(?<value>[A-Za-z0-9+/]{40,90}={0,2})/y,
  ),
  token(
    ['sig='],
    'azure',
    /(?<=[?&](?:sv|se|sp|sr)=[^\s"'<>]{1,400}&)sig=(?<value>[A-Za-z0-9%+/=_-]{30,120})/y,
  ),
  token(['hvs.', 'hvb.', 'hvr.'], 'vault', /(?<![\w-])(?<value>hv[sbr]\.[\w-]{20,300})/y),
  token(['whsec_'], 'payment', /(?<![\w-])(?<value>whsec_[A-Za-z0-9+/=]{24,64})/y),
  token(['e2b_'], 'ai', /(?<![\w-])(?<value>e2b_[0-9a-f]{40})(?![\w-])/y),
  token(['tvly-'], 'ai', /(?<![\w-])(?<value>tvly-(?:dev-|prod-)?[A-Za-z0-9-]{30,50})(?![\w-])/y),
]

/** `b64:` of Laravel, and a file's key of Rails. */
export const applicationKeys = patternRule(
  ['base64:'],
  'encryption-key',
  /(?<=APP_(?:PREVIOUS_)?KEYS?["']?\s{0,4}[:=]\s{0,4}["']?)(?<value>base64:[A-Za-z0-9+/]{40,100}={0,2})/y,
)
