import { describe, expect, test } from 'vitest'
import { isHoldfastError } from '../../../core/errors.ts'
import { decodeWalHistory, prepareWalHistory, parseHistory } from '../../../core/wal/wal-history.ts'

const name = {
  source: 'rental-db',
  systemId: '7512345678901234567',
  timeline: 3,
  id: '01KN35E000B6GR48QH7ECGPZ10',
}
const file = Buffer.from(
  '1\t0/3000060\tno recovery target specified\n\n# a comment\n2\t0/5000028\tat restore point "x"\n',
)

describe('a history file', () => {
  test('comes back as it was, with the timelines before it', async () => {
    const object = (await prepareWalHistory(name, file))(name.id)
    expect(await decodeWalHistory(object, name)).toEqual({
      bytes: file,
      earlier: [
        { timeline: 1, end: 0x300_0060n },
        { timeline: 2, end: 0x500_0028n },
      ],
    })
    await expect(decodeWalHistory(object, { ...name, timeline: 4 })).rejects.toSatisfy((error) =>
      isHoldfastError(error, 'damaged'),
    )
  })

  test.each([
    ['nothing', ''],
    ['a timeline that is not before it', '3\t0/3000060\tx\n'],
    ['timelines that fall', '2\t0/3000060\tx\n1\t0/5000000\tx\n'],
    ['ends that fall', '1\t0/5000000\tx\n2\t0/3000060\tx\n'],
    ['no position', '1\tx\n'],
    ['binary', '\0\0\0'],
  ])('of %s is none', async (_, text) => {
    expect(parseHistory(Buffer.from(text), 3)).toBeNull()
    await expect(prepareWalHistory(name, Buffer.from(text))).rejects.toSatisfy((error) =>
      isHoldfastError(error, 'invalid-input'),
    )
  })
})
