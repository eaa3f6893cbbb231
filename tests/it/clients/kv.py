"""A client from a package registry, unmodified, uses KV version 2. Arguments: the server's URL and its CA's file.
The token is in VAULT_TOKEN. Ends with status 0 and the line "all good", or with a traceback."""

import os
import sys

import hvac

address, ca = sys.argv[1:3]
client = hvac.Client(url=address, token=os.environ["VAULT_TOKEN"], verify=ca)
assert client.is_authenticated()
assert not client.sys.is_sealed()

client.sys.enable_secrets_engine("kv", path="team", options={"version": "2"})
kv = client.secrets.kv.v2

first = kv.create_or_update_secret("app/db", {"user": "u", "password": "one"}, mount_point="team")
assert first["data"]["version"] == 1, first
second = kv.create_or_update_secret("app/db", {"user": "u", "password": "two"}, cas=1, mount_point="team")
assert second["data"]["version"] == 2, second
try:
    kv.create_or_update_secret("app/db", {"password": "lost"}, cas=1, mount_point="team")
    raise AssertionError("a write over an older version must be refused")
except hvac.exceptions.InvalidRequest as refused:
    assert "check-and-set" in str(refused), refused


def read(**version):
    return kv.read_secret_version("app/db", mount_point="team", raise_on_deleted_version=True, **version)["data"]["data"]


assert read() == {"user": "u", "password": "two"}
assert read(version=1)["password"] == "one"
assert kv.list_secrets("", mount_point="team")["data"]["keys"] == ["app/"]
assert kv.list_secrets("app", mount_point="team")["data"]["keys"] == ["db"]

kv.delete_latest_version_of_secret("app/db", mount_point="team")
try:
    read()
    raise AssertionError("a deleted version must not be read")
except hvac.exceptions.InvalidPath:
    pass
kv.undelete_secret_versions("app/db", [2], mount_point="team")
assert read()["password"] == "two"
kv.destroy_secret_versions("app/db", [1], mount_point="team")
metadata = kv.read_secret_metadata("app/db", mount_point="team")["data"]
assert metadata["versions"]["1"]["destroyed"] and not metadata["versions"]["2"]["destroyed"], metadata
kv.delete_metadata_and_all_versions("app/db", mount_point="team")
try:
    kv.list_secrets("app", mount_point="team")
    raise AssertionError("nothing is left to list")
except hvac.exceptions.InvalidPath:
    pass
print("all good")
