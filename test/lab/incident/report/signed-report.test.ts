import { readFileSync, writeFileSync } from 'node:fs'
import { execFileSync, spawnSync } from 'node:child_process'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { openSignedDrill, signDrill } from '../../../../lab/incident/report/signed-report.ts'
import { openReport, sealReport } from '../../../../checks/reports/sealed-report.ts'
import { sampleReports } from '../../../../lab/report/sample-reports.ts'
import { makeTemporaryDirectory } from '../../../fixtures/temporary-directory.ts'
import { TestSigner } from '../../../fixtures/test-signer.ts'
import { sampleDrill } from './sample-drill.ts'

const signer = new TestSigner()
const bytesOf = (text: string): Buffer => Buffer.from(text)

test('a signed report comes back, with the key that signed it', async () => {
  const { report, keyId } = openSignedDrill(bytesOf(await signDrill(sampleDrill, signer)), signer.keys, 'r')
  expect(report).toEqual(sampleDrill)
  expect(keyId).toBe(signer.keyId)
})

test('a report that another key signed, or that was changed, is refused', async () => {
  const text = await signDrill(sampleDrill, signer)
  expect(() => openSignedDrill(bytesOf(text), new TestSigner().keys, 'r')).toThrow('no trusted key')
  const envelope = JSON.parse(text) as { payload: string }
  const changed = Buffer.from(envelope.payload, 'base64')
    .toString()
    .replace('claims-fell', 'every-claim-held')
  const forged = { ...envelope, payload: Buffer.from(changed).toString('base64') }
  expect(() => openSignedDrill(bytesOf(JSON.stringify(forged)), signer.keys, 'r')).toThrow('no trusted key')
  expect(() => openSignedDrill(bytesOf(JSON.stringify(sampleDrill)), signer.keys, 'r')).toThrow(
    'no signed statement',
  )
})

test('a report of the drill is none of a check, and the other way round', async () => {
  const drill = bytesOf(await signDrill(sampleDrill, signer))
  expect(() => openReport(drill, 'reports/k', signer.keys)).toThrow('another type')
  const check = await sealReport(sampleReports()[0]!, signer)
  expect(() => openSignedDrill(check, signer.keys, 'r')).toThrow('another type')
})

test('an auditor verifies it and draws its page anew, and with OpenSSL alone', async () => {
  const folder = makeTemporaryDirectory()
  const [file, keys] = [join(folder, 'report.dsse.json'), join(folder, 'reports.pem')]
  writeFileSync(file, await signDrill(sampleDrill, signer))
  writeFileSync(keys, signer.pem)
  const main = resolve(import.meta.dirname, '../../../../lab/incident/main.ts')
  const verify = (path: string) =>
    spawnSync(process.execPath, [main, '--verify', path, '--report-keys', keys, '--report-dir', folder], {
      encoding: 'utf8',
    })
  // A claim of the sample fell.
  expect(verify(file)).toMatchObject({ status: 14, stdout: expect.stringContaining(signer.keyId) as string })
  expect(readFileSync(join(folder, 'report.html'), 'utf8')).toContain('Incident drill: claims fell')
  const envelope = JSON.parse(readFileSync(file, 'utf8')) as {
    payloadType: string
    payload: string
    signatures: [{ sig: string }]
  }
  const payload = Buffer.from(envelope.payload, 'base64')
  const { payloadType } = envelope
  const header = `DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} `
  writeFileSync(join(folder, 'signed'), Buffer.concat([Buffer.from(header), payload]))
  writeFileSync(join(folder, 'sig'), Buffer.from(envelope.signatures[0].sig, 'base64'))
  const args = ['dgst', '-sha256', '-verify', keys, '-signature', join(folder, 'sig'), join(folder, 'signed')]
  expect(execFileSync('openssl', args, { encoding: 'utf8' })).toContain('Verified OK')
  writeFileSync(file, readFileSync(file, 'utf8').replace('"payload":"', '"payload":"AAAA'))
  expect(verify(file)).toMatchObject({ status: 1, stdout: '' })
})
