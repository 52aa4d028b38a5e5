#!/usr/bin/env bash
# Question: a program assumes a role again and again (AWS SDK for JavaScript, `fromTemporaryCredentials`). Its own credentials come
#           from a function that reads a file which an operator rotates. Which key signs the AssumeRole after a rotation?
# Guess:    the new one. The SDK calls the function for each new session, as the function's name `masterCredentials` and
#           its type (a provider) suggest.
# Seen:     the old one, until the process ends. The STS client inside keeps what the function returned first if that has no
#           `expiration`, and a pair of access keys has none. With the property `memoized: true` on the function the client
#           calls it each time. A backup that runs for days fails at its first renewal after the old key was deleted.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-fund --no-audit --no-package-lock @aws-sdk/credential-providers@3.1169.0

cat > ask.mjs <<'JS'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { fromTemporaryCredentials } from '@aws-sdk/credential-providers'

const { version } = JSON.parse(readFileSync('node_modules/@aws-sdk/credential-providers/package.json', 'utf8'))
console.log(`@aws-sdk/credential-providers ${version}, Node ${process.version}`)

const signers = []
const server = createServer((request, response) => {
  signers.push(/Credential=([^/]+)/.exec(request.headers.authorization)[1])
  const end = new Date(Date.now() + 3_600_000).toISOString()
  request.resume().on('end', () =>
    response.setHeader('content-type', 'text/xml').end(
      `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
        <AccessKeyId>SESSION</AccessKeyId><SecretAccessKey>example</SecretAccessKey>
        <SessionToken>example</SessionToken><Expiration>${end}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
    ),
  )
})
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))

async function signersAround(rotation) {
  signers.length = 0
  let accessKeyId = 'OLDKEY'
  const masterCredentials = Object.assign(async () => ({ accessKeyId, secretAccessKey: 'example' }), rotation)
  const openSession = fromTemporaryCredentials({
    masterCredentials,
    params: { RoleArn: 'arn:aws:iam::111122223333:role/example', RoleSessionName: 'example' },
    clientConfig: { region: 'eu-central-1', endpoint: `http://127.0.0.1:${server.address().port}` },
  })
  await openSession()
  accessKeyId = 'NEWKEY'
  await openSession()
  return signers.join(', then ')
}

const plain = await signersAround({})
const memoized = await signersAround({ memoized: true })
server.close()
console.log(`AssumeRole before and after the rotation is signed with: ${plain}`)
console.log(`the same, with \`memoized: true\` on the function:          ${memoized}`)
if (plain !== 'OLDKEY, then OLDKEY' || memoized !== 'OLDKEY, then NEWKEY') {
  console.log('changed')
  process.exit(1)
}
JS
node ask.mjs
