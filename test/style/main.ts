// `node test/style/main.ts [--list] [FOLDER…]`: the measures of style.test.ts, per folder, and with --list each
// location.
import { measure } from './measures.ts'
import { readTree } from './tree.ts'
import { percent, perThousand, total } from './totals.ts'

const args = process.argv.slice(2)
const folders = args.filter((arg) => !arg.startsWith('--'))
const files = readTree()
  .filter(({ file }) => folders.length === 0 || folders.some((folder) => file.startsWith(folder)))
  .map(({ file, text }) => ({ file, measures: measure(file, text) }))
const rooms = Map.groupBy(files, ({ file }) => (file.startsWith('test/') ? 'test' : file.split('/')[0]!))
const rows = [...rooms].map(([room, measured]) => {
  const sum = total(measured.map(({ measures }) => measures))
  return {
    room,
    lines: sum.lines,
    'wide %': percent(sum.wideLines, sum.lines),
    'openers %': percent(sum.bareOpeners.length, sum.comments),
    'pronouns ‰': perThousand(sum.pronouns.length, sum.commentWords),
    'vague names %': percent(sum.vagueNames.length, sum.variables),
    'functions > 70': sum.longFunctions.length,
    'parameters > 4': sum.longSignatures.length,
    'fields > 10': sum.largeClasses.length,
  }
})
// eslint-disable-next-line no-console
console.table(rows)
if (args.includes('--list')) {
  const sum = total(files.map(({ measures }) => measures))
  for (const [name, value] of Object.entries(sum)) {
    if (Array.isArray(value))
      process.stdout.write(`${name}\n${value.map((entry) => `  ${entry}\n`).join('')}`)
  }
}
