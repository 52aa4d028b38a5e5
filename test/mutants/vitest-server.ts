// Keeps one Vitest for the copy of the sources in the current directory, and runs the tests that its parent names. Each
// run has new worker processes, so no state of a mutant reaches the next run. Vitest keeps transformed sources only.
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { createVitest } from 'vitest/node'
import type { TestCase } from 'vitest/node'
import type { TestOutcome, TestRequest } from './runner.ts'

/** Catches a mutant that hangs. A slow test without a mutant is not red. */
const testTimeoutMs = { ofMutant: 15_000, unmutated: 120_000 }

let outcomes: TestOutcome[] = []
const vitest = await createVitest('test', {
  watch: false,
  // The files of `properties` are those of `unit` again.
  project: ['!properties'],
  reporters: [{ onTestCaseResult: (test) => void outcomes.push(describe(test)) }],
})
let mutatedFiles: readonly string[] = []

function describe(test: TestCase): TestOutcome {
  const { state, errors = [] } = test.result()
  const titles = [test.name]
  for (let { parent } = test; parent.type === 'suite'; { parent } = parent) titles.unshift(parent.name)
  return {
    file: test.module.relativeModuleId,
    title: titles.join(' '),
    status: state,
    messages: errors.map(({ stack, message }) => stack ?? message),
  }
}

async function run({ files, titled, bail, changedFiles }: TestRequest): Promise<TestOutcome[]> {
  endOrphans()
  // Vitest also reads the source of the previous mutant again, because the runner has restored it.
  for (const file of [...mutatedFiles, ...changedFiles]) vitest.invalidateFile(resolve(file))
  mutatedFiles = changedFiles
  for (const { config } of vitest.projects) {
    config.bail = bail ? 1 : 0
    config.testTimeout = bail ? testTimeoutMs.ofMutant : testTimeoutMs.unmutated
  }
  vitest.setGlobalTestNamePattern(titled.map((text) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|'))
  outcomes = []
  await vitest.runTestSpecifications(await vitest.globTestSpecifications(files))
  return outcomes
}

/** Ends processes that tests of the run before started and left behind. */
function endOrphans(): void {
  if (!existsSync('/proc/self/stat')) return
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      // The name of the program, in brackets, may contain spaces.
      const [, parent, group] = readFileSync(`/proc/${name}/stat`, 'latin1')
        .replace(/^.*\) /s, '')
        .split(' ')
      const isBelow = Number(group) === process.pid && Number(name) !== process.pid
      if (isBelow && Number(parent) !== process.pid) process.kill(Number(name), 'SIGKILL')
    } catch (error) {
      // The process ended meanwhile.
      if (!['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
    }
  }
}

process.on('disconnect', () => process.exit())
process.on('message', (request: TestRequest) => {
  void run(request).then((results) => process.send!(results))
})
