package main

import (
	"encoding/base64"
	"strings"

	"github.com/hashicorp/vault/api"
)

var text = base64.StdEncoding.EncodeToString([]byte("hello world"))

func encryption(root *api.Client) {
	write(root, "transit/keys/k", nil)
	sealed := write(root, "transit/encrypt/k", map[string]any{"plaintext": text})["ciphertext"].(string)
	holds("the first version made it", strings.HasPrefix(sealed, "vault:v1:"))
	write(root, "transit/keys/k/rotate", nil)
	equal("decrypted", write(root, "transit/decrypt/k", map[string]any{"ciphertext": sealed})["plaintext"], text)
	again := write(root, "transit/rewrap/k", map[string]any{"ciphertext": sealed})["ciphertext"].(string)
	holds("the second version made it", strings.HasPrefix(again, "vault:v2:"))
	items := []map[string]any{{"plaintext": text}, {"plaintext": text}}
	batch := write(root, "transit/encrypt/k", map[string]any{"batch_input": items})["batch_results"].([]any)
	equal("results", len(batch), 2)
	_, err := root.Logical().Write("transit/decrypt/k", map[string]any{"ciphertext": "vault:v1:AAAA"})
	refused(400, err)
	_, err = root.Logical().Write("transit/decrypt/none", map[string]any{"ciphertext": sealed})
	refused(400, err)
	key := must(root.Logical().Read("transit/keys/k")).Data
	equal("newest", key["latest_version"], 2)
	write(root, "transit/keys/k/config", map[string]any{"min_decryption_version": 2})
	_, err = root.Logical().Write("transit/decrypt/k", map[string]any{"ciphertext": sealed})
	refused(400, err)
	equal("keys", must(root.Logical().List("transit/keys")).Data["keys"], []string{"k"})
}

func signatures(root *api.Client) {
	for _, kind := range []string{"ed25519", "ecdsa-p256", "rsa-2048"} {
		write(root, "transit/keys/"+kind, map[string]any{"type": kind})
		signature := write(root, "transit/sign/"+kind, map[string]any{"input": text})["signature"]
		verified := write(root, "transit/verify/"+kind, map[string]any{"input": text, "signature": signature})
		equal(kind, verified["valid"], true)
		other := base64.StdEncoding.EncodeToString([]byte("something else"))
		verified = write(root, "transit/verify/"+kind, map[string]any{"input": other, "signature": signature})
		equal(kind, verified["valid"], false)
	}
	hmac := write(root, "transit/hmac/k", map[string]any{"input": text})["hmac"]
	equal("HMAC", write(root, "transit/verify/k", map[string]any{"input": text, "hmac": hmac})["valid"], true)
	write(root, "transit/keys/k/config", map[string]any{"deletion_allowed": true})
	must(root.Logical().Delete("transit/keys/k"))
	_, err := root.Logical().ReadRaw("transit/keys/k")
	refused(404, err)
}
