// `npm run mutants [-- --write] [-- --only TEXT …]`: takes out one safety at a time and shows that a test notices.
// Ends with 1 if one lives, if one can't be judged, or if docs/mutants.md lists others; with --write it writes that
// page instead.
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { mutants } from './mutants.ts'
import { namesIn, renderPage } from './page.ts'
import { checkMutants, copyTree, limitMs, runMutants, runUnmutated } from './runner.ts'
import type { Mutant, RunTests, Verdict } from './runner.ts'
import { VitestSession } from './vitest-session.ts'

const root = resolve(import.meta.dirname, '../..')
const page = join(root, 'docs/mutants.md')
const atOnce = 2

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

function describe(verdict: Verdict): string {
  if (verdict.kind === 'caught') return `caught by ${verdict.file}: ${verdict.title}`
  return verdict.kind === 'survived' ? 'LIVES' : `proves nothing: ${verdict.reason}`
}

async function run(chosen: readonly Mutant[], scratch: string): Promise<Map<string, Verdict> | null> {
  const files = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  })
    .split('\0')
    .filter((file) => file !== '' && existsSync(join(root, file)))
  const directories = Array.from({ length: atOnce }, (_, index) => join(scratch, String(index)))
  for (const directory of directories) copyTree(root, files, directory)
  checkMutants(chosen, (file) => readFileSync(join(directories[0]!, file), 'utf8'))
  const sessions = new Map(directories.map((directory) => [directory, new VitestSession(directory, limitMs)]))
  const end = (): void => sessions.forEach((session) => session.end())
  process.once('exit', end)
  try {
    return await judgeAll(chosen, directories, (directory, request) => sessions.get(directory)!.run(request))
  } finally {
    end()
  }
}

async function judgeAll(
  chosen: readonly Mutant[],
  directories: readonly string[],
  runTests: RunTests,
): Promise<Map<string, Verdict> | null> {
  const faults = await runUnmutated(chosen, directories[0]!, runTests)
  for (const fault of faults) say(fault)
  if (faults.length > 0) return null
  say(`without a mutant all is green; ${chosen.length} mutants`)
  const verdicts = new Map<string, Verdict>()
  await runMutants(chosen, directories, runTests, ({ name }, verdict) => {
    verdicts.set(name, verdict)
    say(`${verdicts.size}/${chosen.length} ${name}: ${describe(verdict)}`)
  })
  return verdicts
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { write: { type: 'boolean', default: false }, only: { type: 'string', multiple: true } },
  })
  const chosen = mutants.filter(({ name }) => values.only?.some((text) => name.includes(text)) ?? true)
  if (chosen.length === 0) {
    say(`no mutant's name holds ${values.only!.join(' or ')}`)
    return 1
  }
  const startedMs = Date.now()
  const scratch = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-mutants-')))
  // Some tests run as another user.
  chmodSync(scratch, 0o755)
  process.once('SIGINT', () => process.exit(130))
  process.once('exit', () => rmSync(scratch, { recursive: true, force: true }))
  const verdicts = await run(chosen, scratch)
  if (verdicts === null) return 1
  const alive = chosen.filter(({ name }) => verdicts.get(name)?.kind !== 'caught')
  say(
    `${chosen.length - alive.length} of ${chosen.length} caught in ${((Date.now() - startedMs) / 1000).toFixed(0)} s`,
  )
  for (const { name, why } of alive) say(`NOT CAUGHT: ${name} (${why}): ${describe(verdicts.get(name)!)}`)
  if (alive.length > 0 || values.only !== undefined) return alive.length > 0 ? 1 : 0
  if (values.write) {
    writeFileSync(page, renderPage(mutants, verdicts))
    return 0
  }
  const listed = existsSync(page) ? namesIn(readFileSync(page, 'utf8')) : []
  if (JSON.stringify(listed) === JSON.stringify(mutants.map(({ name }) => name))) return 0
  say('docs/mutants.md lists other mutants: npm run mutants -- --write')
  return 1
}

process.exitCode = await main()
