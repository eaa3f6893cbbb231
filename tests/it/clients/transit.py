"""A client from a package registry, unmodified, uses transit. Arguments: the server's URL and its CA's file.
The token is in VAULT_TOKEN. Ends with status 0 and the line "all good", or with a traceback."""

import base64
import os
import sys

import hvac

address, ca = sys.argv[1:3]
client = hvac.Client(url=address, token=os.environ["VAULT_TOKEN"], verify=ca)
client.sys.enable_secrets_engine("transit")
transit = client.secrets.transit
text = base64.b64encode(b"hello world").decode()

transit.create_key("k", exportable=True)
assert transit.read_key("k")["data"]["type"] == "aes256-gcm96"
sealed = transit.encrypt_data("k", plaintext=text)["data"]["ciphertext"]
assert sealed.startswith("vault:v1:"), sealed
transit.rotate_key("k")
assert transit.decrypt_data("k", ciphertext=sealed)["data"]["plaintext"] == text
again = transit.rewrap_data("k", ciphertext=sealed)["data"]["ciphertext"]
assert again.startswith("vault:v2:"), again
batch = transit.encrypt_data("k", batch_input=[{"plaintext": text}, {"plaintext": text}])["data"]["batch_results"]
assert len(batch) == 2, batch
made = transit.encrypt_data("made-by-encrypting", plaintext=text)["data"]["ciphertext"]
assert transit.decrypt_data("made-by-encrypting", ciphertext=made)["data"]["plaintext"] == text
assert set(transit.list_keys()["data"]["keys"]) == {"k", "made-by-encrypting"}
assert set(transit.export_key("k", key_type="encryption-key")["data"]["keys"]) == {"1", "2"}

for kind in ["ed25519", "ecdsa-p256", "rsa-2048"]:
    transit.create_key(kind, key_type=kind)
    signature = transit.sign_data(kind, hash_input=text)["data"]["signature"]
    assert transit.verify_signed_data(kind, hash_input=text, signature=signature)["data"]["valid"], kind
mac = transit.generate_hmac("k", hash_input=text, algorithm="sha2-256")["data"]["hmac"]
assert transit.verify_signed_data("k", hash_input=text, hmac=mac)["data"]["valid"]
assert len(base64.b64decode(transit.generate_random_bytes(n_bytes=24)["data"]["random_bytes"])) == 24
key = transit.generate_data_key("k", key_type="plaintext")["data"]
assert transit.decrypt_data("k", ciphertext=key["ciphertext"])["data"]["plaintext"] == key["plaintext"]
try:
    transit.delete_key("k")
    raise AssertionError("a key is deleted only where that is allowed")
except hvac.exceptions.InvalidRequest:
    pass
transit.update_key_configuration("k", deletion_allowed=True)
transit.delete_key("k")
assert "k" not in transit.list_keys()["data"]["keys"]
print("all good")
