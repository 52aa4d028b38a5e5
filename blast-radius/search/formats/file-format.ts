// How a file is read, by its name.
import type { Grammar } from './assignments.ts'

export type FileFormat = 'json' | 'yaml' | 'toml' | 'properties' | 'dockerfile' | 'hcl' | Grammar

const formatOfExtension: Record<string, FileFormat> = {}
const extensions: readonly [FileFormat, string][] = [
  ['json', 'json jsonc json5 tfstate ipynb webmanifest har backup tfbackup jsonl ndjson'],
  ['yaml', 'yaml yml sls eyaml'],
  ['toml', 'toml'],
  ['properties', 'properties'],
  ['hcl', 'tf tfvars hcl nomad'],
  ['settings', 'env ini cnf conf cfg config cred creds credentials s3cfg plist service'],
  ['shell', 'sh bash zsh fish ksh ps1 psm1 bat cmd command envrc profile make mk http rest curl'],
  [
    'code',
    `js mjs cjs jsx ts mts cts tsx vue svelte astro py pyi rb erb php go rs java kt kts scala groovy gradle
     swift m mm c h cc cpp cxx hpp cs fs vb dart lua pl pm r jl ex exs erl clj cljs hs ml sol sql graphql
     gql proto html htm css scss less hbs ejs
     pug twig tpl jinja j2 tmpl xsd po pot`,
  ],
  ['prose', 'md mdx markdown rst adoc txt text org tex log csv tsv eml patch diff rtf'],
]
for (const [format, names] of extensions)
  for (const name of names.split(/\s+/)) formatOfExtension[name] = format

const formatOfName: readonly [RegExp, FileFormat][] = [
  [/^(?:docker|container)file(?:\..*)?$|\.dockerfile$/i, 'dockerfile'],
  [/^\.?env(?:\..*)?$|^\.env.*|\.env\.[\w-]+$/i, 'settings'],
  [
    /^\.(?:bash|zsh|python|psql|mysql|rediscli|sqlite|node_repl|irb)_?history$|^(?:fish|bash|zsh)_history$/i,
    'shell',
  ],
  [
    /^\.(?:bash|zsh|k)(?:rc|env|_profile|_login|_aliases|profile|login)$|^\.profile$|^\.envrc$|^(?:make|just)file$/i,
    'shell',
  ],
  [/^(?:pipfile\.lock|composer\.lock|auth\.json|\.dockerconfigjson|\.claude\.json)$/i, 'json'],
  [/^(?:pipfile|cargo\.lock|poetry\.lock|uv\.lock)$/i, 'toml'],
  [/^(?:\.clang-format|pnpm-lock\.yaml)$/i, 'yaml'],
  [/^\.terraformrc$|^terraform\.rc$/i, 'hcl'],
  [/^(?:readme|license|licence|notice|changelog|changes|authors|copying|contributing|todo|news)$/i, 'prose'],
]

/** @param text decides where the name doesn't. */
export function formatOf(path: string, text: string): FileFormat {
  const name = path.slice(path.lastIndexOf('/') + 1)
  for (const [pattern, format] of formatOfName) if (pattern.test(name)) return format
  const extension = /\.([A-Za-z0-9]+)$/.exec(name)?.[1]?.toLowerCase()
  const byExtension = extension === undefined ? undefined : formatOfExtension[extension]
  if (byExtension !== undefined && !(byExtension === 'settings' && looksLikeJson(text))) return byExtension
  if (looksLikeJson(text)) return 'json'
  if (/^#!.*\b(?:ba|z|k|fi)?sh\b/.test(text.slice(0, 60))) return 'shell'
  if (/^(?:---|apiVersion:|[\w-]+:\n[ ]{2}[\w-]+:)/.test(text.slice(0, 200))) return 'yaml'
  return extension === undefined || name.startsWith('.') ? 'settings' : 'prose'
}

function looksLikeJson(text: string): boolean {
  return /^\s{0,20}(?:\{\s{0,80}["}]|\[\s{0,80}["{[\]])/.test(text.slice(0, 200))
}
