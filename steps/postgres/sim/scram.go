package sim

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgproto3"
)

// rounds are fewer than a real server's 4096, which are to make guessing slow; nobody guesses a simulated password, and clients take the
// number from the server.
const rounds = 64

var (
	errRefused  = errors.New("refused")
	fixedSalt   = []byte("a simulated salt")
	fixedSuffix = "and-a-simulated-nonce"
)

// authenticate lets the client prove the password by SCRAM-SHA-256 (RFC 5802, RFC 7677), as a real server does.
func authenticate(b *pgproto3.Backend, password string) error {
	b.Send(&pgproto3.AuthenticationSASL{AuthMechanisms: []string{"SCRAM-SHA-256"}})
	if err := errors.Join(b.Flush(), b.SetAuthType(pgproto3.AuthTypeSASL)); err != nil {
		return err
	}
	m, err := b.Receive()
	if err != nil {
		return err
	}
	first, ok := m.(*pgproto3.SASLInitialResponse)
	if !ok {
		return errRefused
	}
	_, bare, ok := strings.Cut(string(first.Data), ",,")
	if !ok {
		return errRefused
	}
	nonce := field(bare, "r=") + fixedSuffix
	challenge := "r=" + nonce + ",s=" + base64.StdEncoding.EncodeToString(fixedSalt) + ",i=" + strconv.Itoa(rounds)
	b.Send(&pgproto3.AuthenticationSASLContinue{Data: []byte(challenge)})
	if err := errors.Join(b.Flush(), b.SetAuthType(pgproto3.AuthTypeSASLContinue)); err != nil {
		return err
	}
	if m, err = b.Receive(); err != nil {
		return err
	}
	last, ok := m.(*pgproto3.SASLResponse)
	if !ok {
		return errRefused
	}
	without, proof, ok := strings.Cut(string(last.Data), ",p=")
	if !ok || field(without, "r=") != nonce {
		return errRefused
	}
	salted, err := pbkdf2.Key(sha256.New, password, fixedSalt, rounds, sha256.Size)
	if err != nil {
		return err
	}
	said := bare + "," + challenge + "," + without
	key := mac(salted, "Client Key")
	stored := sha256.Sum256(key)
	signature := mac(stored[:], said)
	for i := range key {
		key[i] ^= signature[i]
	}
	if proof != base64.StdEncoding.EncodeToString(key) {
		return errRefused
	}
	b.Send(&pgproto3.AuthenticationSASLFinal{Data: []byte("v=" + base64.StdEncoding.EncodeToString(mac(mac(salted, "Server Key"), said)))})
	return nil
}

func field(message, name string) string {
	for _, f := range strings.Split(message, ",") {
		if value, ok := strings.CutPrefix(f, name); ok {
			return value
		}
	}
	return ""
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
