// Measures `holdfast blast-radius --directory` beside gitleaks and an earlier build of Holdfast, in
// alternating rounds on one tree.
//
//   node lab/bench/search/main.ts --directory /tmp/tree --make
//   npm run build
//   node lab/bench/search/main.ts --directory /tmp/tree --rounds 3 --earlier ../holdfast-8c3d477 --gitleaks
// ~/go/bin/gitleaks
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { measure } from '../measured-process.ts'
import type { Cost } from '../measured-process.ts'
import { ratiosOf, spreadOf } from '../statistics.ts'
import { makeTree } from './tree.ts'

interface Tool {
  name: string
  program: string
  args: readonly string[]
  costs: Cost[]
}

const { values: flags } = parseArgs({
  options: {
    directory: { type: 'string' },
    make: { type: 'boolean' },
    scale: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '3' },
    earlier: { type: 'string' },
    gitleaks: { type: 'string' },
  },
})

async function main(): Promise<void> {
  if (flags.directory === undefined) throw new Error('no tree given: pass --directory')
  const directory = resolve(flags.directory)
  if (flags.make === true) {
    mkdirSync(directory, { recursive: true })
    print(JSON.stringify(makeTree(directory, Number(flags.scale))))
    return
  }
  const work = mkdtempSync(join(tmpdir(), 'holdfast-search-'))
  const tools = toolsFor(directory, work)
  try {
    for (let round = 1; round <= Number(flags.rounds); round++) {
      for (const tool of tools) {
        const { program, args } = tool
        const { cost, output } = await measure(
          { program, args, env: {}, directory: work, alsoEndsWith: 14 },
          work,
        )
        tool.costs.push(cost)
        print(`round ${round}, ${tool.name}: ${JSON.stringify(cost)} ${summaryOf(output)}`)
      }
    }
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
  print(render(tools))
}

function toolsFor(directory: string, work: string): Tool[] {
  const holdfast = (name: string, checkout: string): Tool => ({
    name,
    program: process.execPath,
    // As bin/holdfast starts it.
    args: [
      '--max-semi-space-size=2',
      join(checkout, 'dist/restore-cli/main.js'),
      ...['blast-radius', '--directory', directory, '--fail-on', 'never', '--json'],
    ],
    costs: [],
  })
  const tools = [holdfast('Holdfast', resolve(import.meta.dirname, '../../..'))]
  if (flags.earlier !== undefined) tools.push(holdfast('earlier build', resolve(flags.earlier)))
  if (flags.gitleaks !== undefined)
    tools.push({
      name: 'gitleaks',
      program: resolve(flags.gitleaks),
      args: [
        'dir',
        directory,
        '--no-banner',
        '--no-color',
        '--exit-code',
        '0',
        '--report-path',
        join(work, 'leaks.json'),
      ],
      costs: [],
    })
  return tools
}

/** The last line of a search: what it read and found. */
function summaryOf(output: string): string {
  const lines = output.trim().split('\n')
  return (lines.find((line) => line.startsWith('{"type":"search"')) ?? lines.slice(-2).join(' ')).slice(
    0,
    160,
  )
}

function render(tools: readonly Tool[]): string {
  const [holdfast] = tools
  const rows = tools.map(({ name, costs }) => {
    const column = (valueOf: (cost: Cost) => number, digits: number): string =>
      spreadOf(costs.map(valueOf)).median.toFixed(digits)
    const { median, min, max } = ratiosOf(
      holdfast!.costs.map(({ seconds }) => seconds),
      costs.map(({ seconds }) => seconds),
    )
    return `| ${name} | ${column(({ seconds }) => seconds, 1)} s | ${column(({ cpuSeconds }) => cpuSeconds, 1)} s | ${column(({ peakBytes }) => peakBytes / 1024 ** 2, 0)} MiB | ${median.toFixed(2)}x (${min.toFixed(2)}x to ${max.toFixed(2)}x) |`
  })
  return [
    '| Tool | Time | CPU | Peak memory | Its time / Holdfast’s |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n')
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

await main()
