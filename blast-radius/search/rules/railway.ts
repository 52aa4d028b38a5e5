// Railway's tokens are UUIDs: only their surroundings tell.
import { patternRule } from './rule.ts'
import type { Rule } from './rule.ts'

export const railwayVariables = patternRule(
  ['railway_'],
  'railway',
  /RAILWAY_(?:\w{1,20}_)?TOKEN["']?\s{0,8}[:=]\s{0,8}["']?(?<value>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})/iy,
)

/** `railway login` leaves these in its settings, which need not name it. */
export const railwayLogin: Rule = {
  keywords: ['"token"', '"accesstoken"', '"refreshtoken"'],
  *find(text, _starts, path) {
    if (!/"user"|"projects"/.test(text) || !(/railway/i.test(text) || /[/.]railway\//.test(path))) return
    for (const match of text.matchAll(
      /"(?:token|accessToken|refreshToken)"\s{0,4}:\s{0,4}"([^"\s]{16,2000})"/g,
    )) {
      const start = match.index + match[0].length - 1 - match[1]!.length
      yield { kind: 'railway', start, end: start + match[1]!.length, owner: null }
    }
  },
}
