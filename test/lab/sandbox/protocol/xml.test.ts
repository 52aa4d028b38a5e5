import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AwsError } from '../../../../lab/sandbox/protocol/aws-error.ts'
import { parseXml, renderXml, textOf } from '../../../../lab/sandbox/protocol/xml.ts'
import { send } from '../raw-request.ts'
import { startWorld, vaultAccount } from '../world.ts'

const parse = (text: string) => parseXml(Buffer.from(text), 'Delete')

describe('a hostile document is MalformedXML', () => {
  test.each<[string, string]>([
    [
      'a document type',
      '<!DOCTYPE Delete [<!ENTITY x "y">]><Delete><Object><Key>&x;</Key></Object></Delete>',
    ],
    ['an external entity', '<!DOCTYPE Delete SYSTEM "file:///etc/passwd"><Delete/>'],
    ['an entity that nobody declared', '<Delete><Object><Key>&x;</Key></Object></Delete>'],
    ['an entity of Object.prototype', '<Delete><Object><Key>&constructor;</Key></Object></Delete>'],
    ["a character that isn't one", '<Delete><Object><Key>&#xD800;</Key></Object></Delete>'],
    ['a NUL', '<Delete><Object><Key>a\0b</Key></Object></Delete>'],
    ['nesting without end', `<Delete>${'<a>'.repeat(5000)}${'</a>'.repeat(5000)}</Delete>`],
    ['an element that is left open', '<Delete><Object></Delete>'],
    ["a name of JavaScript's own", '<Delete><__proto__><polluted>1</polluted></__proto__></Delete>'],
    ['another root', '<Erase/>'],
    ['two roots', '<Delete/><Delete/>'],
    ['text beside elements', '<Delete>text<Object/></Delete>'],
    ['nothing', ''],
    ['no XML', '{"Delete": true}'],
    ['half a comment', '<Delete><!-- </Delete>'],
  ])('%s', (_what, text) => {
    expect(() => parse(text)).toThrow(expect.objectContaining({ code: 'MalformedXML' }) as Error)
  })

  test('bytes that are not UTF-8', () => {
    expect(() => parseXml(Buffer.from([0x3c, 0xff, 0xfe]), 'Delete')).toThrow(AwsError)
  })

  test('random bytes are either refused or read', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc
            .array(
              fc.constantFrom(
                '<Delete>',
                '</Delete>',
                '<Object>',
                '</Object>',
                '<',
                '>',
                '&amp;',
                '&',
                '<![CDATA[',
                ']]>',
                '<!--',
                '-->',
                '<?xml?>',
                'x',
                ' ',
              ),
            )
            .map((parts) => parts.join('')),
        ),
        (text) => {
          try {
            parse(text)
          } catch (error) {
            expect(error).toBeInstanceOf(AwsError)
          }
        },
      ),
      { numRuns: 500 },
    )
  })
})

test('the five entities and numbers are read', () => {
  expect(
    textOf(
      parse(
        '<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Key>&lt;&amp;&gt;&quot;&apos;&#65;&#x1F600;</Key></Delete>',
      ),
      'Key',
    ),
  ).toBe('<&>"\'A😀')
})

test('a rendered document reads back the same', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => text.trim() !== ''),
      (text) => {
        fc.pre(!/[\ufffe\uffff]/.test(text))
        expect(textOf(parse(renderXml('Delete', null, [['Key', text]])), 'Key')).toBe(text)
      },
    ),
  )
})

describe('documents over the wire', async () => {
  const sandbox = await startWorld()
  const credentials = sandbox.rootCredentials(vaultAccount)
  const remove = (body: string | Buffer) =>
    send(sandbox, {
      method: 'POST',
      path: '/versioned?delete',
      credentials,
      body,
      headers: { 'x-amz-sdk-checksum-algorithm': 'CRC32', 'x-amz-checksum-crc32': crc(body) },
    })

  test('that are too long, too many or too deep are refused, and the sandbox keeps running', async () => {
    expect(await remove(Buffer.alloc(2 * 1024 * 1024 + 1, 'x'))).toMatchObject({
      status: 400,
      code: 'MaxMessageLengthExceeded',
    })
    expect(await remove(`<Delete>${'<Object><Key>k</Key></Object>'.repeat(1001)}</Delete>`)).toMatchObject({
      status: 400,
      code: 'MalformedXML',
    })
    expect(await remove(`<Delete>${'<a>'.repeat(100_000)}`)).toMatchObject({
      status: 400,
      code: 'MalformedXML',
    })
    expect(await remove('<Delete></Delete>')).toMatchObject({ status: 400, code: 'MalformedXML' })
    expect(await remove('<Delete><Object><Key>k</Key><Evil/></Object></Delete>')).toMatchObject({
      status: 400,
      code: 'MalformedXML',
    })
    expect((await remove('<Delete><Object><Key>k&amp;k</Key></Object></Delete>')).body).toContain(
      '<Key>k&amp;k</Key>',
    )
    expect(sandbox.defects).toEqual([])
  })

  test('without a digest are refused where S3 needs one', async () => {
    expect(
      await send(sandbox, {
        method: 'POST',
        path: '/versioned?delete',
        credentials,
        body: '<Delete><Object><Key>k</Key></Object></Delete>',
      }),
    ).toMatchObject({ status: 400, code: 'InvalidRequest' })
  })
})

function crc(body: string | Buffer): string {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(crc32(body))
  return bytes.toString('base64')
}
