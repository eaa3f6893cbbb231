"""A client from a package registry, unmodified, uses the login method approle. Arguments: the server's URL and its CA's
file. The token is in VAULT_TOKEN. Ends with status 0 and the line "all good", or with a traceback."""

import os
import sys

import hvac

address, ca = sys.argv[1:3]
client = hvac.Client(url=address, token=os.environ["VAULT_TOKEN"], verify=ca)
client.sys.enable_auth_method("approle")
approle = client.auth.approle


def refused(call, *arguments):
    try:
        call(*arguments)
    except hvac.exceptions.InvalidRequest as answer:
        return str(answer)
    raise AssertionError(f"{call.__name__} must be refused")


approle.create_or_update_approle(
    "App", token_policies=["default"], token_ttl="10m", token_max_ttl="1h", secret_id_num_uses=3, secret_id_ttl="1h"
)
assert approle.list_roles()["data"]["keys"] == ["app"]
role = approle.read_role("app")["data"]
assert (role["token_ttl"], role["secret_id_num_uses"], role["secret_id_ttl"]) == (600, 3, 3600), role
role_id = approle.read_role_id("app")["data"]["role_id"]

made = approle.generate_secret_id("app", metadata={"team": "blue"})["data"]
secret_id, accessor = made["secret_id"], made["secret_id_accessor"]
assert (made["secret_id_ttl"], made["secret_id_num_uses"]) == (3600, 3), made
assert approle.read_secret_id("app", secret_id)["data"]["metadata"] == {"team": "blue"}
assert approle.list_secret_id_accessors("app")["data"]["keys"] == [accessor]

user = hvac.Client(url=address, verify=ca)
given = user.auth.approle.login(role_id, secret_id)["auth"]
assert given["metadata"] == {"role_name": "app", "team": "blue"}, given
assert given["lease_duration"] == 600 and user.is_authenticated(), given
assert user.auth.token.renew_self()["auth"]["client_token"] == given["client_token"]
assert approle.read_secret_id_accessor("app", accessor)["data"]["secret_id_num_uses"] == 2
assert "invalid role or secret ID" in refused(user.auth.approle.login, role_id, accessor)

wrapped = approle.generate_secret_id("app", wrap_ttl="1m")["wrap_info"]
inside = hvac.Client(url=address, verify=ca, token=wrapped["token"]).sys.unwrap()["data"]
assert wrapped["wrapped_accessor"] == inside["secret_id_accessor"], wrapped
assert inside["secret_id_accessor"] in approle.list_secret_id_accessors("app")["data"]["keys"]
user.auth.approle.login(role_id, inside["secret_id"])
approle.destroy_secret_id("app", inside["secret_id"])
assert "invalid role or secret ID" in refused(user.auth.approle.login, role_id, inside["secret_id"])

approle.create_custom_secret_id("app", "of-my-own")
assert "already registered" in refused(approle.create_custom_secret_id, "app", "of-my-own")
user.auth.approle.login(role_id, "of-my-own")
approle.update_role_id("app", "known-id")
assert "invalid role or secret ID" in refused(user.auth.approle.login, role_id, "of-my-own")
user.auth.approle.login("known-id", "of-my-own")

approle.destroy_secret_id_accessor("app", accessor)
assert "invalid role or secret ID" in refused(user.auth.approle.login, "known-id", secret_id)
assert len(approle.list_secret_id_accessors("app")["data"]["keys"]) == 1
approle.delete_role("app")
assert "invalid role or secret ID" in refused(user.auth.approle.login, "known-id", "of-my-own")
print("all good")
