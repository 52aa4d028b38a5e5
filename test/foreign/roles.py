#!/usr/bin/env python3
"""Becomes each role of `npm run sandbox` with boto3, by what the sandbox prints, and runs into the same walls.

One row per question (who, what, answer); ends with status 1 if an answer is not the expected one. Run from the project's
folder: python3 test/foreign/roles.py
"""

import base64
import hashlib
import hmac
import json
import os
import signal
import struct
import subprocess
import sys
import tempfile
import time
import uuid

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

surprises = 0


def ask(who, what, expected, call):
    global surprises
    try:
        reply, answer = call(), "ok"
    except ClientError as error:
        reply, answer = None, error.response["Error"]["Code"]
    matches = answer == expected
    surprises += not matches
    print(f"{who:<28} {what:<52} {answer}{'' if matches else f'   <-- expected {expected}'}", flush=True)
    return reply


def code_of(secret):
    """RFC 6238, as an authenticator reckons it."""
    digest = hmac.new(base64.b32decode(secret), struct.pack(">Q", int(time.time()) // 30), hashlib.sha1).digest()
    start = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[start:start + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


def client_of(sandbox, keys, region, service="s3"):
    return boto3.client(
        service, endpoint_url=sandbox["endpoint"], region_name=region, aws_access_key_id=keys["accessKeyId"],
        aws_secret_access_key=keys["secretAccessKey"], aws_session_token=keys.get("sessionToken"),
        config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
    )


def asked_for(role):
    extra = {}
    if role["externalId"]:
        extra["ExternalId"] = role["externalId"]
    if role["sourceIdentity"]:
        extra["SourceIdentity"] = "operator"
    if role["tags"]:
        extra["Tags"] = [{"Key": tag, "Value": "a reason"} for tag in role["tags"]]
    if role["secondFactor"]:
        extra["SerialNumber"] = role["secondFactor"]["serialNumber"]
        extra["TokenCode"] = code_of(role["secondFactor"]["secret"])
    return extra


def become(sandbox, role, region):
    """Without each thing that the role asks for: refused. With all of them: a session."""
    name = role["arn"].split("/")[-1]
    callers = [each for each in sandbox["roles"] if each["arn"] in role["assumedBy"] and each["credentials"]]
    if not callers:
        return None
    sts = client_of(sandbox, callers[0]["credentials"], region, "sts")
    extra = asked_for(role)
    request = {"RoleArn": role["arn"], "RoleSessionName": "foreign"}
    if extra:
        ask(name, "become it, and say nothing that it asks for", "AccessDenied", lambda: sts.assume_role(**request))
    reply = ask(name, "become it", "ok", lambda: sts.assume_role(**request, **extra))
    if reply is None:
        return None
    given = reply["Credentials"]
    return {"accessKeyId": given["AccessKeyId"], "secretAccessKey": given["SecretAccessKey"], "sessionToken": given["SessionToken"]}


def meet_walls(sandbox, name, keys, vault, kept):
    bucket, s3 = vault["name"], client_of(sandbox, keys, vault["region"])
    denied, reads = "AccessDenied", name in ("holdfast-notary", "holdfast-custodian", "holdfast-restorer", "holdfast-drill")
    own = f"sources/{name.removeprefix('holdfast-writer-')}/packs/{uuid.uuid4()}"
    writer = name.startswith("holdfast-writer-")
    ask(name, "add a new object below its own source", "ok" if writer else denied, lambda: s3.put_object(Bucket=bucket, Key=own, Body=b"x", IfNoneMatch="*"))
    ask(name, "add one without If-None-Match", denied, lambda: s3.put_object(Bucket=bucket, Key=f"{own}-2", Body=b"x"))
    ask(name, "add one below another source", denied, lambda: s3.put_object(Bucket=bucket, Key=f"sources/other/{uuid.uuid4()}", Body=b"x", IfNoneMatch="*"))
    ask(name, "list every version", "ok" if reads else denied, lambda: s3.list_object_versions(Bucket=bucket))
    ask(name, "read a version by its id", "ok" if reads else denied, lambda: s3.get_object(**kept))
    ask(name, "delete it", denied, lambda: s3.delete_object(**kept))
    ask(name, "delete it, bypassing governance", denied, lambda: s3.delete_object(**kept, BypassGovernanceRetention=True))
    ask(name, "hide it behind a marker", denied, lambda: s3.delete_object(Bucket=bucket, Key=kept["Key"]))
    ask(name, "drop the bucket policy", denied, lambda: s3.delete_bucket_policy(Bucket=bucket))


def meet_production(sandbox, name, keys, region):
    """Volumes of production: its administrator's and break-glass's to delete, no agent's."""
    root = next(each["rootCredentials"] for each in sandbox["accounts"] if each["name"] == "production")
    owner, ec2 = client_of(sandbox, root, region, "ec2"), client_of(sandbox, keys, region, "ec2")
    tags = [{"ResourceType": "volume", "Tags": [{"Key": "environment", "Value": "staging"}]}]
    volume = owner.create_volume(AvailabilityZone=f"{region}a", Size=1, TagSpecifications=tags)["VolumeId"]
    may = name in ("holdfast-administrator", "holdfast-break-glass")
    ask(name, "delete a volume of production's account", "ok" if may else "UnauthorizedOperation", lambda: ec2.delete_volume(VolumeId=volume))


def main():
    for variable in [variable for variable in os.environ if variable.startswith("AWS_")]:
        del os.environ[variable]
    os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    with tempfile.TemporaryDirectory(prefix="holdfast-roles-") as directory:
        process = subprocess.Popen(["npm", "run", "--silent", "sandbox", "--", "--json", "--dir", directory], stdout=subprocess.PIPE, text=True, start_new_session=True)
        try:
            sandbox = json.loads(process.stdout.readline())
            vault = next(bucket for bucket in sandbox["buckets"] if bucket["name"].startswith("holdfast-vault-"))
            sessions = {}
            for role in sandbox["roles"]:
                keys = become(sandbox, role, vault["region"])
                if keys is not None:
                    sessions[role["arn"].split("/")[-1]] = keys
            writer = client_of(sandbox, sessions["holdfast-writer-rental-db"], vault["region"])
            kept = {"Bucket": vault["name"], "Key": f"sources/rental-db/packs/{uuid.uuid4()}"}
            kept["VersionId"] = writer.put_object(**kept, Body=b"kept", IfNoneMatch="*")["VersionId"]
            for name, keys in sessions.items():
                meet_walls(sandbox, name, keys, vault, kept)
                meet_production(sandbox, name, keys, vault["region"])
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=30)
    print(f"\n{len(sessions)} roles, {surprises} surprises")
    sys.exit(1 if surprises else 0)


main()
