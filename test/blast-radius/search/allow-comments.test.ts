import { expect, test } from 'vitest'
import { isAllowed } from '../../../blast-radius/search/allow-comments.ts'

test.each([
  ['in the same line', 'TOKEN=VALUE # holdfast:allow until June\n', true],
  ['in a comment above', '# holdfast:allow made for tests\nTOKEN=VALUE\n', true],
  ['in a comment of code above', '  // holdfast:allow\n  token = "VALUE"\n', true],
  ['beside another value above', 'OTHER=1 # holdfast:allow\nTOKEN=VALUE\n', false],
  ['two lines above', '# holdfast:allow\n\nTOKEN=VALUE\n', false],
  ['below', 'TOKEN=VALUE\n# holdfast:allow\n', false],
  ['within a word', 'TOKEN=VALUE # notholdfast:allowed\n', false],
  ["of another scanner, which doesn't count", 'TOKEN=VALUE # gitleaks:allow\n', false],
  [
    'far away on a line without end',
    `${'x'.repeat(10_000)}TOKEN=VALUE${'x'.repeat(10_000)} # holdfast:allow`,
    false,
  ],
])('a comment %s', (_where, text, expected) => {
  expect(isAllowed(text, text.indexOf('VALUE'))).toBe(expected)
})
