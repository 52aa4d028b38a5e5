// `node lab/rule-import/main.ts betterleaks.toml LICENSE REVISION`: writes
// blast-radius/search/rules/published-rules.json anew from the rules that Betterleaks publishes
// (docs/adr/0014-published-rules-of-secrets.md).
import { readFileSync, writeFileSync } from 'node:fs'
import { getStaticTOMLValue, parseTOML } from 'toml-eslint-parser'
import { z } from 'zod'
import { importRules } from './published-rules.ts'

const target = new URL('../../blast-radius/search/rules/published-rules.json', import.meta.url)
const [rulesFile, licenceFile, revision] = process.argv.slice(2)
if (rulesFile === undefined || licenceFile === undefined || revision === undefined)
  throw new Error('usage: node lab/rule-import/main.ts betterleaks.toml LICENSE REVISION')
const published = z
  .object({ rules: z.array(z.record(z.string(), z.unknown())) })
  .parse(getStaticTOMLValue(parseTOML(readFileSync(rulesFile, 'utf8'))))
const { rules, leftOut } = importRules(published.rules)
// The licence asks that its text goes with every copy.
const origin = { title: 'Betterleaks', revision, licence: readFileSync(licenceFile, 'utf8') }
writeFileSync(target, `${JSON.stringify({ origin, rules }, null, 1)}\n`)
process.stdout.write(
  `${rules.length} rules, ${leftOut.length} left out:\n${leftOut.map((line) => `  ${line}\n`).join('')}`,
)
