"""The S3 server of the tests is a real one: what our uploads build on holds on it."""

import pytest
from botocore.exceptions import ClientError

pytestmark = pytest.mark.xdist_group("s3")

MIB = 1 << 20


def test_parts_with_gaps_and_in_any_order_become_one_object(s3, bucket):
    client = s3.client()
    upload = client.create_multipart_upload(Bucket=bucket, Key="joined")["UploadId"]
    contents = {5001: b"b" * 5 * MIB, 1: b"a" * 5 * MIB, 5002: b"end"}
    tags = {
        number: client.upload_part(Bucket=bucket, Key="joined", UploadId=upload, PartNumber=number, Body=body)["ETag"]
        for number, body in contents.items()
    }
    parts = [{"PartNumber": number, "ETag": tags[number]} for number in sorted(tags)]
    client.complete_multipart_upload(Bucket=bucket, Key="joined", UploadId=upload, MultipartUpload={"Parts": parts})

    body = client.get_object(Bucket=bucket, Key="joined")["Body"].read()
    assert body == contents[1] + contents[5001] + contents[5002]


def test_small_part_that_is_not_the_last_is_refused(s3, bucket):
    client = s3.client()
    upload = client.create_multipart_upload(Bucket=bucket, Key="small")["UploadId"]
    parts = []
    for number in (1, 2):
        answer = client.upload_part(Bucket=bucket, Key="small", UploadId=upload, PartNumber=number, Body=b"x")
        parts.append({"PartNumber": number, "ETag": answer["ETag"]})
    with pytest.raises(ClientError, match="EntityTooSmall"):
        client.complete_multipart_upload(Bucket=bucket, Key="small", UploadId=upload, MultipartUpload={"Parts": parts})
    client.abort_multipart_upload(Bucket=bucket, Key="small", UploadId=upload)


def test_wrong_secret_is_refused(s3, bucket):
    from dataclasses import replace

    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        replace(s3, secret_key="wrong").client().list_objects_v2(Bucket=bucket)
