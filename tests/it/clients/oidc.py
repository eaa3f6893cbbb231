"""A web application, as far as it matters: a client library of OpenID Connect from a package registry, unmodified, logs
somebody in. Arguments: the issuer, its CA's file, the client's ID and secret (empty: a public client), the user's token and
entity. Between the code and its redemption it says "authorized" and waits for a line. Ends with status 0 and the line "all
good", or with a traceback."""

import sys
import warnings

warnings.simplefilter("ignore")

import requests
from authlib.common.security import generate_token
from authlib.integrations.requests_client import OAuth2Session, OAuthError
from authlib.jose import JsonWebKey, jwt
from authlib.jose.errors import JoseError
from authlib.oidc.core import CodeIDToken
from authlib.oidc.discovery import OpenIDProviderMetadata, get_well_known_url

issuer, ca, client_id, client_secret, user_token, entity = sys.argv[1:7]
CALLBACK = "https://app.example/callback"


def ask(url, **more):
    answer = requests.get(url, verify=ca, timeout=60, **more)
    answer.raise_for_status()
    return answer.json()


found = OpenIDProviderMetadata(ask(get_well_known_url(issuer, external=True)))
found.validate()
assert found["issuer"] == issuer, found
keys = ask(found["jwks_uri"])

session = OAuth2Session(
    client_id,
    client_secret or None,
    scope="openid profile",
    redirect_uri=CALLBACK,
    code_challenge_method="S256",
    token_endpoint_auth_method="client_secret_basic" if client_secret else "none",
)
session.verify = ca
verifier, nonce = generate_token(48), generate_token(20)
page, state = session.create_authorization_url(
    found["authorization_endpoint"], code_verifier=verifier, nonce=nonce, max_age=600
)


def approve(page):
    """What the page does for a user who is logged in: it asks the server with their token, and sends the browser on."""
    given = ask(page.replace("/ui/vault/", "/v1/", 1), headers={"X-Vault-Token": user_token})
    return f"{CALLBACK}?code={given['code']}&state={given['state']}"


called_back = approve(page)
print("authorized", flush=True)
sys.stdin.readline()

tokens = session.fetch_token(
    found["token_endpoint"], authorization_response=called_back, state=state, code_verifier=verifier, timeout=60
)
assert tokens["token_type"] == "Bearer" and tokens["expires_in"] > 0, tokens
claims = jwt.decode(
    tokens["id_token"],
    JsonWebKey.import_key_set(keys),
    claims_cls=CodeIDToken,
    claims_options={"iss": {"value": issuer}, "aud": {"value": client_id}},
    claims_params={"nonce": nonce, "client_id": client_id, "access_token": tokens["access_token"], "max_age": 600},
)
claims.validate(leeway=5)
assert claims["sub"] == entity and claims["username"] == "ann" and claims["auth_time"], claims

told = session.get(found["userinfo_endpoint"], timeout=60)
told.raise_for_status()
assert told.json() == {"sub": entity, "username": "ann", "team": ["blue"]}, told.json()

try:
    session.fetch_token(
        found["token_endpoint"], authorization_response=called_back, state=state, code_verifier=verifier, timeout=60
    )
    raise AssertionError("a code is redeemed once")
except OAuthError as refused:
    assert refused.error == "invalid_grant", refused

other = approve(session.create_authorization_url(found["authorization_endpoint"], code_verifier=verifier)[0])
try:
    session.fetch_token(
        found["token_endpoint"], authorization_response=other, code_verifier=generate_token(48), timeout=60
    )
    raise AssertionError("who redeems a code is who asked for it")
except OAuthError as refused:
    assert refused.error == "invalid_grant", refused

head, body, signature = tokens["id_token"].split(".")
flipped = ("A" if signature[5] != "A" else "B").join([signature[:5], signature[6:]])
try:
    jwt.decode(f"{head}.{body}.{flipped}", JsonWebKey.import_key_set(keys))
    raise AssertionError("a signature that was changed does not verify")
except JoseError:
    pass

print("all good")
