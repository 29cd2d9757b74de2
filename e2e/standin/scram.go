package main

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
)

// scram is the client of SCRAM-SHA-256 (RFC 5802, RFC 7677) as PostgreSQL uses it: no user name, no channel binding.
type scram struct{ password, nonce string }

func newScram(password string) *scram { return &scram{password, rand.Text()} }

func (s *scram) bare() string  { return "n=,r=" + s.nonce }
func (s *scram) first() string { return "n,," + s.bare() }

// final answers the server's challenge.
func (s *scram) final(challenge string) (string, error) {
	f := map[string]string{}
	for _, part := range strings.Split(challenge, ",") {
		k, v, _ := strings.Cut(part, "=")
		f[k] = v
	}
	salt, err := base64.StdEncoding.DecodeString(f["s"])
	if err != nil {
		return "", fmt.Errorf("SCRAM salt: %w", err)
	}
	rounds, err := strconv.Atoi(f["i"])
	if err != nil || rounds < 1 || !strings.HasPrefix(f["r"], s.nonce) {
		return "", fmt.Errorf("SCRAM challenge %q is not an answer to ours", challenge)
	}
	salted, err := pbkdf2.Key(sha256.New, s.password, salt, rounds, sha256.Size)
	if err != nil {
		return "", err
	}
	client := mac(salted, "Client Key")
	stored := sha256.Sum256(client)
	without := "c=biws,r=" + f["r"]
	proof := make([]byte, len(client))
	subtle.XORBytes(proof, client, mac(stored[:], s.bare()+","+challenge+","+without))
	return without + ",p=" + base64.StdEncoding.EncodeToString(proof), nil
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
