import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeManifest, encodeManifest } from '../../../core/snapshot/manifest.ts'
import type { Manifest } from '../../../core/snapshot/manifest.ts'
import { maxManifestJsonBytes } from '../../../core/limits.ts'
import { manifestKey, packKey } from '../../../core/store/vault-keys.ts'
import { handmadeBase } from '../../fixtures/handmade-base.ts'
import { flip } from '../../fixtures/faulty-store.ts'
import { HandmadeVault, handmadeGeneration, sha256Of } from '../../fixtures/handmade-vault.ts'
import { propertyRuns } from '../../fixtures/property-runs.ts'
import { acceptedPrefixes, refusalOf } from '../../fixtures/refusal.ts'

const ulid = '01KN35E000B6GR48QH7ECGPZ10'
const hash = 'ab'.repeat(32)
const vault = new HandmadeVault()
const pack = {
  key: packKey('files', handmadeGeneration, ulid, hash),
  versionId: 'v1',
  sha256: hash,
  bytes: 1000,
}
const location = { sha256: hash, pack: 0, offset: 16, storedBytes: 100, rawBytes: 200, codec: 1 }
const manifest: Manifest = vault.manifest(sha256Of(Buffer.from('root')), [pack], {
  id: ulid,
  parent: { id: '01KN35E000KHX2RH9446W7Z9H9', sha256: hash },
  supersedes: ['01KN35E000YEDBR20DB51TXKYN'],
  index: [location],
  problems: [{ kind: 'changed', path: 'a\\x0ab', detail: 'it changed' }],
  problemCount: 7,
})
const expected = { source: 'files', id: ulid }
const base = handmadeBase()
const digestAt = 24
const headBytes = digestAt + 32

/** A manifest's object around any JSON. */
function dress(
  json: string,
  claimedBytes = Buffer.byteLength(json),
  compressed = zstdCompressSync(json),
): Buffer {
  const head = Buffer.from(encodeManifest(manifest).subarray(0, headBytes))
  head.writeUInt32LE(claimedBytes, digestAt - 4)
  sha256Of(compressed).copy(head, digestAt)
  return Buffer.concat([head, compressed])
}

/** The refusal of a manifest that was changed in ways that its writer would refuse. */
function refusalOfChanged(change: (value: Record<string, unknown>) => void): string {
  const value = structuredClone(manifest) as unknown as Record<string, unknown>
  change(value)
  const refusal = refusalOf(() => decodeManifest(dress(JSON.stringify(value)), expected))
  expect(refusal?.code).toBe('damaged')
  return refusal!.message
}

describe('a manifest', () => {
  test('is the same when it is read again, and says so of every field', () => {
    expect(decodeManifest(encodeManifest(manifest), expected)).toEqual(manifest)
    const first = {
      ...manifest,
      parent: null,
      supersedes: [],
      packs: [],
      index: [],
      problems: [],
      retention: { promiseDays: 1, lock: null },
    }
    expect(decodeManifest(encodeManifest(first), expected)).toEqual(first)
  })

  test('cut off at any length is refused', () => {
    expect(acceptedPrefixes(encodeManifest(manifest), (prefix) => decodeManifest(prefix, expected))).toEqual(
      [],
    )
  })

  test('with any bit of any byte turned is refused', () => {
    const bytes = encodeManifest(manifest)
    const accepted: string[] = []
    for (let offset = 0; offset < bytes.length; offset++) {
      for (let bit = 1; bit < 256; bit *= 2) {
        if (refusalOf(() => decodeManifest(flip(bytes, offset, bit), expected)) === null)
          accepted.push(`${offset}: ${bit}`)
      }
    }
    expect(accepted).toEqual([])
  })

  test('of random bytes is refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (bytes, withHead) => {
        expect(
          refusalOf(() =>
            decodeManifest(withHead ? dress('', 100, Buffer.from(bytes)) : Buffer.from(bytes), expected),
          ),
        ).not.toBeNull()
      }),
      { numRuns: propertyRuns },
    )
  })

  test('of any JSON at all is refused', () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        expect(refusalOf(() => decodeManifest(dress(json), expected))?.code).toBe('damaged')
      }),
      { numRuns: propertyRuns },
    )
    for (const json of ['', '[', '['.repeat(1_000_000), '{"__proto__":{}}', 'null', '"manifest"'])
      expect(refusalOf(() => decodeManifest(dress(json), expected))?.code).toBe('damaged')
  })

  test('of an unknown version is called unsupported, with its number', () => {
    expect(refusalOf(() => decodeManifest(flip(encodeManifest(manifest), 18, 4), expected))).toMatchObject({
      code: 'unsupported-format',
      context: { version: 6 },
    })
  })

  test('has version 4 if it is the base of a running cluster', () => {
    const bytes = encodeManifest({ ...manifest, sourceKind: 'postgres', postgres: base })
    expect(bytes.readUInt16LE(18)).toBe(4)
    expect(decodeManifest(bytes, expected)).toEqual({ ...manifest, sourceKind: 'postgres', postgres: base })
    for (const version of [2, 3]) {
      const relabelled = Buffer.from(bytes)
      relabelled.writeUInt16LE(version, 18)
      expect(refusalOf(() => decodeManifest(relabelled, expected))?.code).toBe('damaged')
    }
    const volume = Buffer.from(encodeManifest(manifest))
    volume.writeUInt16LE(4, 18)
    expect(refusalOf(() => decodeManifest(volume, expected))?.code).toBe('damaged')
  })

  test('of a volume is never the base of a cluster', () => {
    expect(refusalOf(() => encodeManifest({ ...manifest, postgres: base }))?.code).toBe('damaged')
  })

  test('has version 3 only if rules left something out, so that earlier programs read the others', () => {
    const leftOut = [{ rule: 'node_modules/', count: 2 }]
    const bytes = encodeManifest({ ...manifest, leftOut })
    expect(decodeManifest(bytes, expected)).toEqual({ ...manifest, leftOut })
    expect([manifest, { ...manifest, leftOut }].map((one) => encodeManifest(one).readUInt16LE(18))).toEqual([
      2, 3,
    ])
  })

  test('of version 1, which names no vault, is read', () => {
    const { vault: _, ...first } = manifest
    const bytes = encodeManifest(first)
    bytes.writeUInt16LE(1, 18)
    expect(decodeManifest(bytes, expected)).toEqual(first)
  })
})

describe('a manifest that lies', () => {
  test("about where it lies is refused: it was put under another name, or another source's", () => {
    const bytes = encodeManifest(manifest)
    expect(
      refusalOf(() => decodeManifest(bytes, { source: 'files', id: '01KN35E000KHX2RH9446W7Z9H9' }))?.code,
    ).toBe('damaged')
    expect(refusalOf(() => decodeManifest(bytes, { source: 'other', id: ulid }))?.code).toBe('damaged')
  })

  test.each<[string, (value: Record<string, unknown>) => void]>([
    [
      'a pack of another source',
      (value) => {
        value['packs'] = [{ ...pack, key: pack.key.replace('files', 'other') }]
      },
    ],
    [
      'a pack by another hash than its key has',
      (value) => {
        value['packs'] = [{ ...pack, sha256: 'cd'.repeat(32) }]
      },
    ],
    [
      'a manifest as a pack',
      (value) => {
        value['packs'] = [{ ...pack, key: manifestKey('files', ulid) }]
      },
    ],
    [
      'a pack elsewhere in the bucket',
      (value) => {
        value['packs'] = [{ ...pack, key: pack.key.replace('packs/', 'packs/../') }]
      },
    ],
    [
      'a pack without a version',
      (value) => {
        value['packs'] = [{ ...pack, versionId: '' }]
      },
    ],
    [
      'a pack larger than any',
      (value) => {
        value['packs'] = [{ ...pack, bytes: 2 ** 40 }]
      },
    ],
    [
      'a pack of a negative size',
      (value) => {
        value['packs'] = [{ ...pack, bytes: -1 }]
      },
    ],
    [
      'an index in a pack that it does not name',
      (value) => {
        value['index'] = [{ ...location, pack: 1 }]
      },
    ],
    [
      'an index beyond the end of its pack',
      (value) => {
        value['index'] = [{ ...location, offset: 901 }]
      },
    ],
    [
      'an index that has no bytes',
      (value) => {
        value['index'] = [{ ...location, storedBytes: 0 }]
      },
    ],
    [
      'an index of a size that no frame has',
      (value) => {
        value['index'] = [{ ...location, rawBytes: 2 ** 30 }]
      },
    ],
    [
      'an index of an unknown codec',
      (value) => {
        value['index'] = [{ ...location, codec: 2 }]
      },
    ],
    [
      'a root that is no hash',
      (value) => {
        ;(value['tree'] as Record<string, unknown>)['root'] = '../../etc/passwd'
      },
    ],
    [
      'fractions and infinities',
      (value) => {
        ;(value['tree'] as Record<string, unknown>)['bytes'] = 1.5
      },
    ],
    [
      'another kind',
      (value) => {
        value['kind'] = 'receipt'
      },
    ],
    [
      'a field that is not known',
      (value) => {
        value['toolong'] = 1
      },
    ],
    [
      'a field less',
      (value) => {
        delete value['complete']
      },
    ],
    [
      'a promise of no days',
      (value) => {
        value['retention'] = { promiseDays: 0, lock: null }
      },
    ],
  ])('with %s is refused', (_, change) => {
    expect(refusalOfChanged(change).length).toBeLessThan(400)
  })

  test('gets no text of its own, unescaped or without end, into the message', () => {
    const message = refusalOfChanged((value) => {
      value[`\u001b[2J${'x'.repeat(100_000)}`] = 1
    })
    expect(message).not.toContain('\u001b')
    expect(message.length).toBeLessThan(400)
  })

  test('about its size is refused, and a bomb takes no memory', () => {
    const json = JSON.stringify(manifest)
    for (const claimed of [json.length - 1, json.length + 1, 0, 0xffff_ffff])
      expect(refusalOf(() => decodeManifest(dress(json, claimed), expected))?.code).toBe('damaged')
    const bomb = zstdCompressSync(Buffer.alloc(256 * 1024 * 1024, ' '), {
      params: { [constants.ZSTD_c_compressionLevel]: 1 },
    })
    const before = process.memoryUsage().arrayBuffers
    expect(refusalOf(() => decodeManifest(dress('', 1000, bomb), expected))).toMatchObject({
      code: 'damaged',
      cause: { code: 'ERR_BUFFER_TOO_LARGE' },
    })
    expect(
      refusalOf(() => decodeManifest(dress('', maxManifestJsonBytes + 1, bomb), expected))?.message,
    ).toContain('claims')
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 * 1024 * 1024)
  })
})

test('a manifest of 2 KB that decodes to 48 MiB is refused', () => {
  const json = JSON.stringify(manifest) + ' '.repeat(48 * 1024 * 1024)
  expect(refusalOf(() => decodeManifest(dress(json), expected))?.message).toContain('claims')
})

describe('what a manifest names', () => {
  const second = { ...pack, sha256: 'cd'.repeat(32), key: pack.key.replaceAll('ab', 'cd') }
  const twice = { ...pack, key: pack.key.replace(ulid, '01KN35E000KHX2RH9446W7Z9H9') }

  test('it names once, so that few bytes cost a reader few requests', () => {
    expect(refusalOfChanged((value) => (value['packs'] = [pack, second, twice]))).toContain('a pack twice')
    expect(refusalOfChanged((value) => (value['index'] = [location, location]))).toContain('index twice')
    const behind = { ...location, offset: 116 }
    expect(
      refusalOfChanged((value) => (value['index'] = [behind, { ...location, storedBytes: 101 }])),
    ).toContain('index twice')
    expect(() => encodeManifest({ ...manifest, packs: [pack, twice] })).toThrow('a pack twice')
    const honest = { ...manifest, packs: [second, pack], index: [behind, location, { ...location, pack: 1 }] }
    expect(decodeManifest(encodeManifest(honest), expected)).toEqual(honest)
  })
})

describe('a writer', () => {
  test('refuses to write what no reader would take', () => {
    expect(() => encodeManifest({ ...manifest, id: 'x' })).toThrow()
    expect(() => encodeManifest({ ...manifest, index: [{ ...location, rawBytes: 2 ** 30 }] })).toThrow()
  })

  test('has the object checked by its own checksum too', () => {
    const compressed = encodeManifest(manifest).subarray(headBytes)
    expect(zstdDecompressSync(compressed).toString()).toBe(JSON.stringify(manifest))
    expect(compressed[4]! & 0x04).toBe(0x04)
  })
})
