// A client of the Vault API, as published, does a page of work. Arguments: the server's URL and, unless it speaks plain
// HTTP, its CA's file. The token is in VAULT_TOKEN. Ends with status 0 and the line "all good", or with a panic.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/hashicorp/vault/api"
)

var everything = context.Background()

func main() {
	root := connect(os.Getenv("VAULT_TOKEN"))
	system(root)
	mounts(root)
	versions(root)
	policies(root)
	tokens(root)
	renewal(root)
	wrapping(root)
	userpass(root)
	approle(root)
	encryption(root)
	signatures(root)
	snapshot(root)
	fmt.Println("all good")
}

func connect(token string) *api.Client {
	config := api.DefaultConfig()
	check(config.Error)
	config.Address = os.Args[1]
	config.MaxRetries = 0
	if len(os.Args) > 2 {
		check(config.ConfigureTLS(&api.TLSConfig{CACert: os.Args[2]}))
	}
	client := must(api.NewClient(config))
	client.SetReadYourWrites(true)
	client.SetToken(token)
	return client
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func must[T any](value T, err error) T {
	check(err)
	return value
}

// Values of JSON and of Go are equal if they read equal: the client keeps numbers as they were sent.
func equal(what string, got, want any) {
	if fmt.Sprint(got) != fmt.Sprint(want) {
		panic(fmt.Sprintf("%s: %v, and not %v", what, got, want))
	}
}

func holds(what string, so bool) {
	if !so {
		panic(what)
	}
}

// What the library makes of a refusal.
func refused(status int, err error) []string {
	var answer *api.ResponseError
	if !errors.As(err, &answer) {
		panic(fmt.Sprintf("%d was expected, and not %v", status, err))
	}
	equal("status of "+answer.URL, answer.StatusCode, status)
	holds("an error has a text, or is a 404", len(answer.Errors) > 0 || status == 404)
	return answer.Errors
}

func write(client *api.Client, path string, fields map[string]any) map[string]any {
	answer := must(client.Logical().Write(path, fields))
	if answer == nil {
		return nil
	}
	return answer.Data
}
