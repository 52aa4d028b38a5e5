// The tree that searches are measured on: code, settings, lock files, logs, programs and images, as they lie
// on a developer's machine. Every run makes the same bytes.
//
// How often words such as `key` and `token` occur was counted in 2,400 files of npm packages and of Go's and
// Debian's libraries.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { SeededBytes } from '../seeded-bytes.ts'

const kib = 1024
const mib = 1024 * kib

/** Blocks in a random order, between a header and a footer. */
interface TextForm {
  header: string
  separator: string
  footer: string
  makeBlock: (seed: SeededBytes) => string
}

interface FileGroup {
  name: string
  count: number
  minBytes: number
  maxBytes: number
  content: TextForm | 'image' | 'program'
}

const usualWords = `value index count name path file line buffer result error node parent child list map entry
  options config client server request response body header status code message event handler state
  context callback length offset start end size width height color style render update create remove
  find insert merge split join parse format encode decode read write open close stream chunk source
  target module import export default return async await type string number boolean object array
  internal public static final void class interface extends implements package version build test
  assert expect describe debug trace info level logger metric timer clock date region bucket volume
  snapshot cluster database table column row query session user account project team owner label`.split(/\s+/)
/** Each of them makes a search look closer. */
const suspectWords = `key api_key token next_token secret password machine re_render redis mysql authorization
  bearer cursor poly linear test_case primary_key cache_key sort.key credential pwd asia curl info_ https://example.org/docs
  http://localhost:8080/health session-key sg. postgres keyword login default login csrf_token passwordFile`.split(
  /\s+/,
)
const suspectShare = 1 / 180

const line = (make: (word: () => string, seed: SeededBytes) => string): TextForm => ({
  header: '',
  separator: '\n',
  footer: '\n',
  makeBlock: (seed) => make(() => word(seed), seed),
})

const digits = (seed: SeededBytes, bytes: number): string => seed.random(bytes).toString('hex')

const forms = {
  script: line((w, seed) =>
    pick(seed, [
      `  const ${w()} = await ${w()}.${w()}(${w()}, { ${w()}: ${seed.below(1000)} })`,
      `  // ${w()} ${w()} ${w()} ${w()} ${w()} ${w()}`,
      `  if (${w()}.${w()} === '${w()}') return ${w()}(${w()}, "${w()} ${w()}")`,
      `export function ${w()}${w()}(${w()}: string, ${w()}: number): void {`,
      '}',
    ]),
  ),
  program: line((w, seed) =>
    pick(seed, [
      `    ${w()} = self.${w()}(${w()}, ${w()}=${seed.below(99)})`,
      `def ${w()}_${w()}(self, ${w()}, ${w()}=None):`,
      `    """${w()} ${w()} ${w()} ${w()}."""`,
      `    raise ValueError("${w()} ${w()}: %s" % ${w()})`,
    ]),
  ),
  header: line((w, seed) =>
    pick(seed, [
      `#define ${w().toUpperCase()}_${w().toUpperCase()} 0x${digits(seed, 2)} \\\n  | ${w()}`,
      `struct ${w()} { int ${w()}; char *${w()}; };`,
      `/* ${w()} ${w()} ${w()} */`,
    ]),
  ),
  prose: line((w) => `${w()} ${w()} ${w()} ${w()} ${w()} ${w()} ${w()}: ${w()} ${w()} ${w()}.`),
  yaml: line((w, seed) =>
    pick(seed, [
      `${w()}-${digits(seed, 3)}:\n  ${w()}: ${w()}\n  env:\n    - name: ${w().toUpperCase()}\n      value: "${w()}"`,
      `${w()}${digits(seed, 3)}:\n  image: registry.example.org/${w()}:1.${seed.below(40)}\n  ports: [${seed.below(9000)}]`,
    ]),
  ),
  json: {
    header: '{\n',
    separator: ',\n',
    footer: '\n}\n',
    makeBlock: (seed) =>
      `  "${word(seed)}": { "${word(seed)}": "${word(seed)} ${word(seed)}", "${word(seed)}": [${seed.below(99)}, "${word(seed)}"] }`,
  },
  settings: line((w, seed) => `${w().toUpperCase()}_${w().toUpperCase()}=${w()}-${seed.below(100)}`),
  shell: line((w) => `${w()}=$(${w()} --${w()} "$${w()}" | grep ${w()})`),
  packageLock: {
    header: '{\n  "lockfileVersion": 3,\n  "packages": {\n',
    separator: ',\n',
    footer: '\n  }\n}\n',
    makeBlock: (seed) => {
      const name = `${word(seed)}-${word(seed)}`.replace(/[^\w-]/g, '')
      return `    "node_modules/${name}": {\n      "version": "${seed.below(20)}.${seed.below(20)}.0",\n      "resolved": "https://packages.example.org/${name}/-/${name}.tgz",\n      "integrity": "sha512-${seed.random(64).toString('base64')}",\n      "license": "MIT"\n    }`
    },
  },
  pnpmLock: {
    header: "lockfileVersion: '9.0'\n\npackages:\n\n",
    separator: '\n',
    footer: '\n',
    makeBlock: (seed) =>
      `  ${word(seed).replace(/\W/g, '')}-${digits(seed, 3)}@1.${seed.below(20)}.0:\n    resolution: {integrity: sha512-${seed.random(64).toString('base64')}}\n    engines: {node: '>=18'}\n`,
  },
  log: line(
    (w, seed) =>
      `2026-11-0${1 + seed.below(9)}T1${seed.below(10)}:22:33.${seed.below(1000)}Z ${pick(seed, ['INFO', 'WARN', 'DEBUG'])} ${w()}.${w()} request=${digits(seed, 8)} took ${seed.below(4000)} ms: ${w()} ${w()}`,
  ),
  table: line(
    (w, seed) => `${digits(seed, 4)},${w()},${seed.below(100_000)},${w()} ${w()},${digits(seed, 6)}`,
  ),
  minified: {
    header: '!function(){',
    separator: '',
    footer: '}();',
    makeBlock: (seed) =>
      `var ${digits(seed, 1)}=${word(seed)}(function(e,t){return t.${word(seed)}?e["${word(seed)}"]:${seed.below(999)}});`,
  },
} satisfies Record<string, TextForm>

const groups: readonly FileGroup[] = [
  { name: 'module.ts', count: 24_000, minBytes: kib, maxBytes: 12 * kib, content: forms.script },
  { name: 'main.go', count: 12_000, minBytes: kib, maxBytes: 14 * kib, content: forms.script },
  { name: 'service.py', count: 13_000, minBytes: 512, maxBytes: 10 * kib, content: forms.program },
  { name: 'api.h', count: 6_000, minBytes: kib, maxBytes: 16 * kib, content: forms.header },
  { name: 'guide.md', count: 7_000, minBytes: 512, maxBytes: 12 * kib, content: forms.prose },
  { name: 'deployment.yaml', count: 7_000, minBytes: 256, maxBytes: 4 * kib, content: forms.yaml },
  { name: 'data.json', count: 8_000, minBytes: 200, maxBytes: 8 * kib, content: forms.json },
  { name: 'service.env', count: 900, minBytes: 100, maxBytes: 2 * kib, content: forms.settings },
  { name: 'application.properties', count: 1_000, minBytes: 200, maxBytes: 3 * kib, content: forms.settings },
  { name: 'run.sh', count: 2_000, minBytes: 200, maxBytes: 4 * kib, content: forms.shell },
  {
    name: 'package-lock.json',
    count: 60,
    minBytes: 300 * kib,
    maxBytes: 1500 * kib,
    content: forms.packageLock,
  },
  { name: 'pnpm-lock.yaml', count: 20, minBytes: 100 * kib, maxBytes: 900 * kib, content: forms.pnpmLock },
  { name: 'bundle.min.js', count: 800, minBytes: 50 * kib, maxBytes: 1000 * kib, content: forms.minified },
  { name: 'server.log', count: 150, minBytes: 500 * kib, maxBytes: 3500 * kib, content: forms.log },
  { name: 'archive.log', count: 4, minBytes: 66 * mib, maxBytes: 66 * mib, content: forms.log },
  { name: 'export.csv', count: 100, minBytes: 500 * kib, maxBytes: 1500 * kib, content: forms.table },
  { name: 'photo.png', count: 17_899, minBytes: 2 * kib, maxBytes: 20 * kib, content: 'image' },
  { name: 'library.so', count: 67, minBytes: mib, maxBytes: 8 * mib, content: 'program' },
]

const perFolder = 250
/** Files choose among so many blocks. */
const poolBlocks = 3000
/** One file of code or settings in so many holds a credential. */
const filesPerCredential = 200

export interface TreeSize {
  files: number
  bytes: number
  /** Made-up credentials, each in a file of its own. */
  credentials: number
}

/** @param scale 1 for 100,000 files and 2 GiB. */
export function makeTree(directory: string, scale: number): TreeSize {
  const size: TreeSize = { files: 0, bytes: 0, credentials: 0 }
  for (const group of groups) {
    const seed = new SeededBytes(`search ${group.name}`)
    const write = contentWriter(group, seed)
    const count = Math.max(1, Math.round(group.count * scale))
    for (let index = 0; index < count; index++) {
      const folder = join(directory, group.name.replace(/\W.*/, ''), `d${Math.floor(index / perFolder)}`)
      if (index % perFolder === 0) mkdirSync(folder, { recursive: true })
      const hasCredential =
        group.maxBytes <= 16 * kib && group.content !== 'image' && index % filesPerCredential === 7
      const bytes = write(group.minBytes + seed.below(group.maxBytes - group.minBytes + 1), hasCredential)
      writeFileSync(join(folder, `${index}-${group.name}`), bytes)
      size.files++
      size.bytes += bytes.length
      if (hasCredential) size.credentials++
    }
  }
  return size
}

function contentWriter(
  { content }: FileGroup,
  seed: SeededBytes,
): (bytes: number, hasCredential: boolean) => Buffer {
  if (content === 'image')
    return (bytes) => Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n\0\0\0\rIHDR'), seed.random(bytes)])
  if (content === 'program')
    return (bytes) => Buffer.concat([Buffer.from('\x7fELF\x02\x01\x01\0\0'), seed.random(bytes)])
  const pool = Array.from({ length: poolBlocks }, () => content.makeBlock(seed))
  return (bytes, hasCredential) => {
    const blocks: string[] = []
    for (let length = 0; length < bytes; length += blocks.at(-1)!.length + content.separator.length)
      blocks.push(pool[seed.below(poolBlocks)]!)
    if (hasCredential) blocks.push(plant(content, seed))
    return Buffer.from(`${content.header}${blocks.join(content.separator)}${content.footer}`)
  }
}

/** A token of GitHub's form, with a name and the punctuation of the file's form. */
function plant(form: TextForm, seed: SeededBytes): string {
  const value = `gh${'p_'}${digits(seed, 18)}`
  if (form === forms.json) return `  "github_token": "${value}"`
  if (form === forms.yaml) return `deploy:\n  github_token: ${value}`
  return form === forms.settings ? `GITHUB_TOKEN=${value}` : `github_token = "${value}"`
}

function word(seed: SeededBytes): string {
  const words = seed.below(1_000_000) < suspectShare * 1_000_000 ? suspectWords : usualWords
  return pick(seed, words)
}

function pick<Item>(seed: SeededBytes, items: readonly Item[]): Item {
  return items[seed.below(items.length)]!
}
