#!/usr/bin/env bash
# Question: an object is put into VersityGW, and then asked for with HEAD. Is `Last-Modified` at most the second that the `Date` of the
#           PUT's reply names, as on AWS?
# Guess:    yes. The reply is written after the object, by the same clock, so that its `Date` can't be older.
# Seen:     no, for a share of all objects that differs with each start of the gateway. Its HTTP library renews the text of `Date` once
#           a second, counted from its own start and not from the clock's full second. Until then a reply carries the second
#           before. A program that takes the reply's `Date` for the time of the version names a time before that version.
set -euo pipefail

folder=$(mktemp -d)
trap 'kill "${gateway:-}" 2>/dev/null || true; chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
cd "$folder"
export PATH="$PATH:/usr/local/go/bin" GOPATH="$folder/go" GOBIN="$folder/bin" GOTOOLCHAIN=auto GOFLAGS=-modcacherw
# Go before 1.21 can't fetch the toolchain that a module asks for, except as a module.
if [ "$(go env GOVERSION | sed -E 's/^go1\.([0-9]+).*/\1/')" -lt 21 ]; then
  toolchain="golang.org/toolchain@v0.0.1-go1.26.8.linux-$(dpkg --print-architecture)"
  go mod download "$toolchain"
  GOROOT="$(go env GOMODCACHE)/$toolchain"
  chmod +x "$GOROOT"/bin/* "$GOROOT"/pkg/tool/*/*
  export GOROOT PATH="$GOROOT/bin:$PATH"
fi
go install github.com/versity/versitygw/cmd/versitygw@v1.8.0 2>/dev/null
npm install --silent --no-fund --no-audit --no-package-lock @aws-sdk/client-s3@3.1169.0
go version -m bin/versitygw | awk '$1 == "mod" { print $2, $3 }'

cat > ask.mjs <<'JS'
import { CreateBucketCommand, HeadObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'

const client = new S3Client({
  region: 'us-east-1',
  endpoint: process.argv[2],
  credentials: { accessKeyId: 'example', secretAccessKey: 'example' },
  forcePathStyle: true,
})
let date
client.middlewareStack.add(
  (next) => async (request) => {
    const result = await next(request)
    date = result.response.headers.date
    return result
  },
  { step: 'deserialize', priority: 'low' },
)
await client.send(new CreateBucketCommand({ Bucket: 'example' }))
let behind = 0
const objects = 40
for (let count = 0; count < objects; count++) {
  const object = { Bucket: 'example', Key: String(count) }
  await client.send(new PutObjectCommand({ ...object, Body: 'example' }))
  const repliedMs = Date.parse(date)
  const { LastModified } = await client.send(new HeadObjectCommand(object))
  if (LastModified.getTime() > repliedMs) behind++
  await new Promise((resolve) => setTimeout(resolve, 50))
}
console.log(`${behind} of ${objects} objects are younger than the second in the reply to their PUT`)
process.exitCode = behind > 0 ? 0 : 1
JS

for attempt in 1 2 3 4 5; do
  mkdir -p "data$attempt"
  ROOT_ACCESS_KEY_ID=example ROOT_SECRET_ACCESS_KEY=example bin/versitygw --port "127.0.0.1:$((7400 + attempt))" posix "data$attempt" >/dev/null 2>&1 &
  gateway=$!
  sleep "1.$((attempt * 2))"
  if node ask.mjs "http://127.0.0.1:$((7400 + attempt))"; then exit 0; fi
  kill "$gateway"
done
echo changed
exit 1
