import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { anyCharacter } from '../../fixtures/any-character.ts'
import { isHoldfastError } from '../../../core/errors.ts'
import {
  assertSourceName,
  isSourceName,
  manifestKey,
  packKey,
  parseManifestKey,
  parsePackKey,
  parseReceiptKey,
  receiptKey,
} from '../../../core/store/vault-keys.ts'
import { handmadeGeneration } from '../../fixtures/handmade-vault.ts'
import { propertyRuns } from '../../fixtures/property-runs.ts'

const ulid = '01KN35E000B6GR48QH7ECGPZ10'
const hash = 'ab'.repeat(32)

describe('names of sources', () => {
  test.each(['a', 'rental-db', '0', 'a1', 'x'.repeat(63)])('%s is one', (name) => {
    expect(isSourceName(name)).toBe(true)
    assertSourceName(name)
  })

  test.each([
    '',
    '-a',
    'a-',
    'A',
    'a/b',
    '..',
    '.',
    'a b',
    'ä',
    'a\n',
    'x'.repeat(64),
    'a\u0000',
    'sources/x',
  ])('%j is none', (name) => {
    expect(isSourceName(name)).toBe(false)
    let thrown: unknown
    try {
      assertSourceName(name)
    } catch (error) {
      thrown = error
    }
    expect(isHoldfastError(thrown, 'invalid-input')).toBe(true)
  })
})

describe('keys', () => {
  test('of packs and manifests say what they were made of', () => {
    expect(parsePackKey(packKey('files', handmadeGeneration, ulid, hash))).toEqual({
      source: 'files',
      generation: handmadeGeneration,
      ulid,
      sha256: hash,
    })
    expect(parseManifestKey(manifestKey('files', ulid))).toEqual({ source: 'files', ulid })
    const receiptId = '01KN35E000KHX2RH9446W7Z9H9'
    expect(parseReceiptKey(receiptKey('files', ulid, receiptId))).toEqual({
      source: 'files',
      manifestId: ulid,
      id: receiptId,
    })
  })

  test('that are anything else are none', () => {
    const pack = packKey('files', handmadeGeneration, ulid, hash)
    const foreignKeys = [
      pack + 'a',
      pack.slice(0, -1),
      pack.toUpperCase(),
      `/${pack}`,
      `${pack}/`,
      pack.replace('files', '..'),
      pack.replace('files', 'FILES'),
      pack.replace(handmadeGeneration, 'x'),
      pack.replace(handmadeGeneration, '..'),
      pack.replace('packs', 'manifests'),
      pack.replace(`${ulid}-`, `${ulid}_`),
      pack.replace(ulid, `8${ulid.slice(1)}`),
      pack.replace(hash, 'AB'.repeat(32)),
      '',
      'sources',
      'sources////',
      pack.replace('sources', 'receipts'),
    ]
    for (const key of foreignKeys) expect(parsePackKey(key), key).toBeNull()
    const manifest = manifestKey('files', ulid)
    for (const key of [
      `${manifest}x`,
      manifest.slice(0, -1),
      manifest.toLowerCase(),
      `${manifest}/`,
      manifest.replace('files', '../x'),
      manifest.replace(ulid, 'I'.repeat(26)),
      'sources/files/manifests/',
      '',
    ]) {
      expect(parseManifestKey(key), key).toBeNull()
    }
  })

  test('that are random text never throw', () => {
    fc.assert(
      fc.property(fc.string({ unit: anyCharacter, maxLength: 200 }), (text) => {
        expect(parsePackKey(text)).toBeNull()
        expect(parseManifestKey(`sources/${text}`)).toBeNull()
      }),
      { numRuns: propertyRuns },
    )
  })
})
