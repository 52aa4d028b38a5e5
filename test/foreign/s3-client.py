#!/usr/bin/env python3
"""Points a client that nobody here wrote (boto3) at `npm run sandbox`, and attacks the locked bucket with it.

Starts the sandbox by itself, prints a row per question (who, what, answer) and ends with status 1 if an answer is not the
expected one. Run from the project's folder: python3 test/foreign/s3-client.py
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
from datetime import datetime, timedelta, timezone

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

surprises = []


def report(who, what, answer, expected):
    matches = answer in expected if isinstance(expected, (list, tuple)) else answer == expected
    print(f"{who:<18} {what:<66} {answer}{'' if matches else f'   <-- expected {expected}'}", flush=True)
    if not matches:
        surprises.append((who, what, answer, expected))


def ask(who, what, expected, call):
    """Reports `ok` or the error's code; gives back the reply, or None."""
    try:
        reply = call()
    except ClientError as error:
        report(who, what, error.response["Error"]["Code"], expected)
        return None
    report(who, what, "ok", expected)
    return reply


def check(who, what, actual, wanted):
    report(who, what, "as expected" if actual == wanted else f"{actual!r} instead of {wanted!r}", "as expected")


def client_of(sandbox, credentials, region, service="s3"):
    return boto3.client(
        service,
        endpoint_url=sandbox["endpoint"],
        region_name=region,
        aws_access_key_id=credentials["accessKeyId"],
        aws_secret_access_key=credentials["secretAccessKey"],
        aws_session_token=credentials.get("sessionToken"),
        config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
    )


def code_of(secret):
    """RFC 6238, as an authenticator reckons it."""
    digest = hmac.new(base64.b32decode(secret), struct.pack(">Q", int(time.time()) // 30), hashlib.sha1).digest()
    start = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[start:start + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


def version_ids(client, bucket, prefix):
    pages = client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix)
    return {version["VersionId"] for page in pages for version in page.get("Versions", [])}


def prove_own_bucket(sandbox, region):
    """A bucket of production's own, where nothing but Object Lock stands in root's way."""
    account = next(each for each in sandbox["accounts"] if each["name"] == "production")
    who, bucket = "production root", "foreign-client-check"
    root = client_of(sandbox, account["rootCredentials"], region)
    made = ask(who, "create a bucket with Object Lock", "ok", lambda: root.create_bucket(
        Bucket=bucket, ObjectLockEnabledForBucket=True, CreateBucketConfiguration={"LocationConstraint": region}))
    if made is None:
        return
    rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 7}}
    ask(who, "set seven days of COMPLIANCE as its default", "ok", lambda: root.put_object_lock_configuration(
        Bucket=bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}))
    put = ask(who, "write an object once (If-None-Match: *)", "ok", lambda: root.put_object(Bucket=bucket, Key="once", Body=b"kept", IfNoneMatch="*"))
    ask(who, "write it again under If-None-Match", "PreconditionFailed", lambda: root.put_object(Bucket=bucket, Key="once", Body=b"other", IfNoneMatch="*"))
    if put is None:
        return
    attack_version(root, who, bucket, "once", put["VersionId"])
    exercise_multipart(root, who, bucket)
    exercise_listing(root, who, bucket)


def attack_version(client, who, bucket, key, version):
    now = datetime.now(timezone.utc)
    target = {"Bucket": bucket, "Key": key, "VersionId": version}
    ask(who, "delete the locked version", "AccessDenied", lambda: client.delete_object(**target))
    ask(who, "delete it with bypass of governance", "AccessDenied", lambda: client.delete_object(**target, BypassGovernanceRetention=True))
    for days, mode, what in [(1, "COMPLIANCE", "shorten its lock"), (30, "GOVERNANCE", "change its mode to GOVERNANCE")]:
        retention = {"Mode": mode, "RetainUntilDate": now + timedelta(days=days)}
        ask(who, what, "AccessDenied", lambda: client.put_object_retention(**target, Retention=retention))
        ask(who, f"{what}, with bypass", "AccessDenied", lambda: client.put_object_retention(**target, Retention=retention, BypassGovernanceRetention=True))
    ask(who, "remove its lock, with bypass", "AccessDenied", lambda: client.put_object_retention(**target, Retention={}, BypassGovernanceRetention=True))
    ask(who, "suspend versioning", "InvalidBucketState", lambda: client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"}))
    many = ask(who, "delete it among many", "ok", lambda: client.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key, "VersionId": version}]}))
    check(who, "… which names it as refused", [error["Code"] for error in (many or {}).get("Errors", [])], ["AccessDenied"])
    ask(who, "hide it under a delete marker (a marker is not locked)", "ok", lambda: client.delete_object(Bucket=bucket, Key=key))
    ask(who, "read the key, now hidden", "NoSuchKey", lambda: client.get_object(Bucket=bucket, Key=key))
    read = ask(who, "read the version, still there", "ok", lambda: client.get_object(**target))
    check(who, "… byte for byte", read["Body"].read() if read else None, b"kept")
    ask(who, "overlay it with a new version", "ok", lambda: client.put_object(Bucket=bucket, Key=key, Body=b"overlaid"))
    check(who, "… below which it is still listed", version in version_ids(client, bucket, key), True)
    ask(who, "extend its lock", "ok", lambda: client.put_object_retention(**target, Retention={"Mode": "COMPLIANCE", "RetainUntilDate": now + timedelta(days=30)}))
    ask(who, "delete the bucket with all in it", "BucketNotEmpty", lambda: client.delete_bucket(Bucket=bucket))


def exercise_multipart(client, who, bucket):
    parts = [b"a" * (5 * 1024 * 1024), b"b" * 1000]
    upload = client.create_multipart_upload(Bucket=bucket, Key="parts")["UploadId"]
    named = {"Bucket": bucket, "Key": "parts", "UploadId": upload}
    done = []
    for number, body in enumerate(parts, 1):
        reply = client.upload_part(**named, PartNumber=number, Body=body)
        done.append({"PartNumber": number, **{name: value for name, value in reply.items() if name == "ETag" or name.startswith("ChecksumCRC")}})
    ask(who, "complete a multipart upload", "ok", lambda: client.complete_multipart_upload(**named, MultipartUpload={"Parts": done}))
    head = client.head_object(Bucket=bucket, Key="parts")
    check(who, "… whose ETag counts its parts, and which is locked", (head["ETag"].endswith('-2"'), head["ObjectLockMode"]), (True, "COMPLIANCE"))
    tail = client.get_object(Bucket=bucket, Key="parts", Range="bytes=-1000")["Body"].read()
    check(who, "… and whose last bytes are the last part's", tail, parts[1])


def exercise_listing(client, who, bucket):
    keys = [f"list/{at:03}/é +&<" for at in range(30)]
    for key in keys:
        client.put_object(Bucket=bucket, Key=key, Body=b"x")
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="list/", PaginationConfig={"PageSize": 7})
    check(who, "list 30 odd keys in pages of seven", [item["Key"] for page in pages for item in page.get("Contents", [])], keys)
    rolled = client.list_objects_v2(Bucket=bucket, Prefix="list/", Delimiter="/")
    check(who, "roll them up at a delimiter", len(rolled.get("CommonPrefixes", [])), 30)
    pages = client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix="list/", PaginationConfig={"PageSize": 7})
    check(who, "list their versions in pages of seven", sum(len(page.get("Versions", [])) for page in pages), 30)


def attack_locked_recovery_point(sandbox, vault):
    """A writer's real session puts an object into the vault; then it and everybody's root try to undo that."""
    bucket, region = vault["name"], vault["region"]
    role = next(each for each in sandbox["roles"] if each["externalId"] and "writer" in each["arn"])
    workload = next(each for each in sandbox["roles"] if each["arn"] in role["assumedBy"])
    source = role["externalId"].split("/")[-1]
    who = "workload"
    sts = client_of(sandbox, workload["credentials"], region, "sts")
    ask(who, "assume the writer's role without its external id", "AccessDenied", lambda: sts.assume_role(RoleArn=role["arn"], RoleSessionName="backup"))
    ask(who, "assume it with a session tag", "AccessDenied", lambda: sts.assume_role(
        RoleArn=role["arn"], RoleSessionName="backup", ExternalId=role["externalId"], Tags=[{"Key": "source", "Value": "other"}]))
    session = ask(who, "assume it as it should", "ok", lambda: sts.assume_role(RoleArn=role["arn"], RoleSessionName="backup", ExternalId=role["externalId"]))
    if session is None:
        return
    given = session["Credentials"]
    keys = {"accessKeyId": given["AccessKeyId"], "secretAccessKey": given["SecretAccessKey"], "sessionToken": given["SessionToken"]}
    who, writer = "writer", client_of(sandbox, keys, region)
    own, other = f"sources/{source}/packs/0/01J0000000000000000000TEST", "sources/another/packs/0/01J0000000000000000000TEST"
    ask(who, "write without If-None-Match", "AccessDenied", lambda: writer.put_object(Bucket=bucket, Key=own, Body=b"kept"))
    ask(who, "write under another source's prefix", "AccessDenied", lambda: writer.put_object(Bucket=bucket, Key=other, Body=b"x", IfNoneMatch="*"))
    lock = {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": datetime.now(timezone.utc) + timedelta(days=36500)}
    ask(who, "write with a lock of its own choice", "AccessDenied", lambda: writer.put_object(Bucket=bucket, Key=own, Body=b"x", IfNoneMatch="*", **lock))
    ask(who, "write in parts, which could be dated back", "AccessDenied", lambda: writer.create_multipart_upload(Bucket=bucket, Key=own))
    put = ask(who, "write once under its own prefix", "ok", lambda: writer.put_object(Bucket=bucket, Key=own, Body=b"kept", IfNoneMatch="*", ChecksumAlgorithm="SHA256"))
    if put is None:
        return
    ask(who, "write it again", "PreconditionFailed", lambda: writer.put_object(Bucket=bucket, Key=own, Body=b"other", IfNoneMatch="*"))
    roots = [(f"{account['name']} root", client_of(sandbox, account["rootCredentials"], region)) for account in sandbox["accounts"]]
    for who, client in [(who, writer), *roots]:
        target = {"Bucket": bucket, "Key": own, "VersionId": put["VersionId"]}
        sooner = {"Mode": "COMPLIANCE", "RetainUntilDate": datetime.now(timezone.utc) + timedelta(days=1)}
        ask(who, "delete the recovery point's version", "AccessDenied", lambda: client.delete_object(**target))
        ask(who, "delete it with bypass of governance", "AccessDenied", lambda: client.delete_object(**target, BypassGovernanceRetention=True))
        ask(who, "shorten its lock", "AccessDenied", lambda: client.put_object_retention(**target, Retention=sooner))
        ask(who, "shorten it with bypass", "AccessDenied", lambda: client.put_object_retention(**target, Retention=sooner, BypassGovernanceRetention=True))
        ask(who, "hide it under a delete marker", "AccessDenied", lambda: client.delete_object(Bucket=bucket, Key=own))
        if who != "vault root":
            ask(who, "read it", "AccessDenied", lambda: client.get_object(**target))
    prove_unchanged(sandbox, vault, own, put["VersionId"])


def prove_unchanged(sandbox, vault, key, version):
    """Read by a role that may: whichever of the declared sessions is let through."""
    for role in sandbox["roles"]:
        if not role["credentials"] or "restore" not in role["arn"]:
            continue
        restorer = next((each for each in sandbox["roles"] if role["arn"] in each["assumedBy"]), None)
        if restorer is None:
            continue
        sts = client_of(sandbox, role["credentials"], vault["region"], "sts")
        extra = {"ExternalId": restorer["externalId"]} if restorer["externalId"] else {}
        if restorer["secondFactor"]:
            extra |= {"SerialNumber": restorer["secondFactor"]["serialNumber"], "TokenCode": code_of(restorer["secondFactor"]["secret"])}
        session = ask("restorer", "assume the role that reads", "ok", lambda: sts.assume_role(
            RoleArn=restorer["arn"], RoleSessionName="restore", SourceIdentity="operator", **extra))
        if session is None:
            return
        given = session["Credentials"]
        keys = {"accessKeyId": given["AccessKeyId"], "secretAccessKey": given["SecretAccessKey"], "sessionToken": given["SessionToken"]}
        client = client_of(sandbox, keys, vault["region"])
        got = ask("restorer", "read the version after all that", "ok", lambda: client.get_object(Bucket=vault["name"], Key=key, VersionId=version))
        if got is not None:
            check("restorer", "… byte for byte, and locked for more than 39 days", (got["Body"].read(), got["ObjectLockMode"], (got["ObjectLockRetainUntilDate"] - datetime.now(timezone.utc)).days), (b"kept", "COMPLIANCE", 39))


def attack_vault(sandbox, vault):
    """The program's own vault, with the roots of every account: walls of policy before those of the lock."""
    bucket, region = vault["name"], vault["region"]
    for account in sandbox["accounts"]:
        who = f"{account['name']} root"
        client = client_of(sandbox, account["rootCredentials"], region)
        own = account["id"] == vault["accountId"]
        refused = ["AccessDenied"] if not own else ["AccessDenied", "ok"]
        ask(who, "delete a key of the vault", "AccessDenied", lambda: client.delete_object(Bucket=bucket, Key="sources/x"))
        ask(who, "write into the vault without If-None-Match", "AccessDenied", lambda: client.put_object(Bucket=bucket, Key="sources/x", Body=b"x"))
        ask(who, "list the vault's versions", refused, lambda: client.list_object_versions(Bucket=bucket))
        ask(who, "weaken the vault's default lock", "AccessDenied", lambda: client.put_object_lock_configuration(
            Bucket=bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}}))
        ask(who, "expire the vault by lifecycle", "AccessDenied", lambda: client.put_bucket_lifecycle_configuration(
            Bucket=bucket, LifecycleConfiguration={"Rules": [{"ID": "x", "Status": "Enabled", "Filter": {}, "Expiration": {"Days": 1}}]}))
        ask(who, "remove the vault's policy", "AccessDenied", lambda: client.delete_bucket_policy(Bucket=bucket))
        ask(who, "sign with a key that nobody was given", "InvalidAccessKeyId", lambda: client_of(
            sandbox, {"accessKeyId": "AKIAAAAAAAAAAAAAAAAA", "secretAccessKey": "x"}, region).list_buckets())


def destroy_volume(sandbox, region):
    """What the incident did: here nothing stands in the way, which is the point."""
    account = next(each for each in sandbox["accounts"] if each["name"] == "production")
    who = "production root"
    ec2 = client_of(sandbox, account["rootCredentials"], region, "ec2")
    volume = ask(who, "create a volume", "ok", lambda: ec2.create_volume(AvailabilityZone=f"{region}a", Size=1))
    if volume is None:
        return
    snapshot = ask(who, "snapshot it", "ok", lambda: ec2.create_snapshot(VolumeId=volume["VolumeId"]))
    check(who, "… which is listed", [each["SnapshotId"] for each in ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]], [snapshot["SnapshotId"]])
    ask(who, "delete the volume", "ok", lambda: ec2.delete_volume(VolumeId=volume["VolumeId"]))
    ask(who, "delete it again", "InvalidVolume.NotFound", lambda: ec2.delete_volume(VolumeId=volume["VolumeId"]))
    ask(who, "delete the snapshot", "ok", lambda: ec2.delete_snapshot(SnapshotId=snapshot["SnapshotId"]))


def start_sandbox(directory):
    command = ["npm", "run", "--silent", "sandbox", "--", "--json", "--dir", directory]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    line = process.stdout.readline()
    if not line:
        raise SystemExit("the sandbox did not start")
    return process, json.loads(line)


def main():
    # Nothing of the user's own configuration may reach the client.
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    with tempfile.TemporaryDirectory(prefix="holdfast-foreign-") as directory:
        process, sandbox = start_sandbox(directory)
        try:
            vault = next(bucket for bucket in sandbox["buckets"] if bucket["name"].startswith("holdfast-vault-"))
            print(f"boto3 {boto3.__version__} against {sandbox['endpoint']}\n")
            prove_own_bucket(sandbox, vault["region"])
            attack_locked_recovery_point(sandbox, vault)
            attack_vault(sandbox, vault)
            destroy_volume(sandbox, vault["region"])
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=30)
    print(f"\n{len(surprises)} surprises")
    sys.exit(1 if surprises else 0)


main()
