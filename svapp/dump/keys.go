package dump

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// Key is what is known of one key of a node, without the key.
type Key struct {
	Name string // as the dump has it; may be empty
	// Remote is the ID of the key in its KMS, where a KMS holds it.
	Remote string
	Kind   KeyKind
	// Fingerprint is what Canton calls the key by: "1220" and the hash, in hex. Empty: not known.
	Fingerprint string
	// Proven says that the private key in the dump was seen to be the one with this fingerprint.
	Proven bool
	// Problem says why the key cannot be used. Empty: nothing is known against it.
	Problem string
}

// KeyKind is what a key is for.
type KeyKind string

const (
	Signing     KeyKind = "signing"
	Encryption  KeyKind = "encryption"
	UnknownKind KeyKind = ""
)

// Namespace says whether the key's name calls it the one of the namespace: an import registers such a key so (reference/apis.md 5.2).
func (k Key) Namespace() bool { return strings.Contains(k.Name, "namespace") }

// readKey reads one entry of a dump's keys (reference/apis.md 5.1 and 5.2).
func readKey(raw []byte) Key {
	var entry struct {
		Pair  *string `json:"keyPair"`
		Name  *string `json:"name"`
		KeyID *string `json:"keyId"`
		Type  string  `json:"type"`
	}
	if json.Unmarshal(raw, &entry) != nil {
		return Key{Problem: "it is not what the apps write"}
	}
	k := Key{}
	if entry.Name != nil {
		k.Name = *entry.Name
	}
	switch {
	case entry.Pair != nil && entry.KeyID != nil:
		k.Problem = "it has a key pair and names one in a KMS"
	case entry.KeyID != nil:
		k.Remote = *entry.KeyID
		switch {
		case entry.Type == string(Signing) || entry.Type == string(Encryption):
			k.Kind = KeyKind(entry.Type)
		default:
			k.Problem = "it says neither signing nor encryption"
		}
		if k.Remote == "" {
			k.Problem = "it names no key in the KMS"
		} else if k.Name == "" {
			k.Problem = "it has no name, without which a participant does not take a key of a KMS"
		}
	case entry.Pair != nil && *entry.Pair != "":
		pair, err := base64.StdEncoding.DecodeString(*entry.Pair)
		if err != nil {
			k.Problem = "its key pair is not base64"
			return k
		}
		k.Kind, k.Fingerprint, k.Proven, k.Problem = readPair(pair)
		clear(pair)
	default:
		k.Problem = "it has neither a key pair nor the ID of a key in a KMS"
	}
	return k
}

// Where parts lie in a key pair as Canton serializes it: a versioned wrapper around a CryptoKeyPair (com.digitalasset.canton.version.v1 and
// com.digitalasset.canton.crypto.v30).
const (
	wrapperData     protowire.Number = 1
	pairSigning     protowire.Number = 1
	pairEncryption  protowire.Number = 2
	pairPrivate     protowire.Number = 2
	privateID       protowire.Number = 1
	privateFormat   protowire.Number = 2
	privateMaterial protowire.Number = 3

	formatPKCS8 = 5 // CRYPTO_KEY_FORMAT_DER_PKCS8_PRIVATE_KEY_INFO
)

// readPair reads a key pair. A form that is not known is no problem of the key: it only stays unproven.
func readPair(data []byte) (kind KeyKind, fingerprint string, proven bool, problem string) {
	const foreign = ""
	inner, ok := field(data, wrapperData)
	if !ok {
		return UnknownKind, "", false, foreign
	}
	kind = Signing
	pair, ok := field(inner, pairSigning)
	if !ok {
		kind = Encryption
		if pair, ok = field(inner, pairEncryption); !ok {
			return UnknownKind, "", false, foreign
		}
	}
	private, ok := field(pair, pairPrivate)
	if !ok {
		return kind, "", false, "its key pair has no private key"
	}
	id, _ := field(private, privateID)
	if !isFingerprint(string(id)) {
		return kind, "", false, foreign
	}
	fingerprint = string(id)
	material, ok := field(private, privateMaterial)
	if !ok || len(material) == 0 {
		return kind, fingerprint, false, "its private key is empty"
	}
	if format, ok := number(private, privateFormat); !ok || format != formatPKCS8 || kind != Signing {
		return kind, fingerprint, false, foreign // how the fingerprint of an encryption key comes about was not verified
	}
	key, err := x509.ParsePKCS8PrivateKey(material)
	if err != nil {
		return kind, fingerprint, false, foreign // also a curve that the standard library does not have
	}
	hashed, ok := hashedForm(key)
	if !ok {
		return kind, fingerprint, false, foreign
	}
	if Fingerprint(hashed) != fingerprint {
		return kind, fingerprint, false, "its private key is not the one of its fingerprint"
	}
	return kind, fingerprint, true, ""
}

// hashedForm is the public key in the form in which Canton hashes it: an Ed25519 key by its 32 bytes, every other as SubjectPublicKeyInfo
// (getDataForFingerprint of Canton's SigningPublicKey).
func hashedForm(private any) ([]byte, bool) {
	switch key := private.(type) {
	case ed25519.PrivateKey:
		public, ok := key.Public().(ed25519.PublicKey)
		return public, ok
	case *ecdsa.PrivateKey:
		der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
		return der, err == nil
	}
	return nil, false
}

// Fingerprint is what Canton calls a public key by: the multihash of SHA-256 over the purpose of the hash (12, in four bytes) and the key.
func Fingerprint(public []byte) string {
	sum := sha256.Sum256(append([]byte{0, 0, 0, 12}, public...))
	return "1220" + hex.EncodeToString(sum[:])
}

func isFingerprint(text string) bool {
	if len(text) != 68 || !strings.HasPrefix(text, "1220") {
		return false
	}
	_, err := hex.DecodeString(text)
	return err == nil
}

// field is the last field of bytes with that number, as protocol buffers have it.
func field(message []byte, wanted protowire.Number) (found []byte, ok bool) {
	walk(message, func(n protowire.Number, t protowire.Type, value []byte) {
		if n != wanted || t != protowire.BytesType {
			return
		}
		if content, size := protowire.ConsumeBytes(value); size >= 0 {
			found, ok = content, true
		}
	})
	return found, ok
}

func number(message []byte, wanted protowire.Number) (found uint64, ok bool) {
	walk(message, func(n protowire.Number, t protowire.Type, value []byte) {
		if n != wanted || t != protowire.VarintType {
			return
		}
		if v, size := protowire.ConsumeVarint(value); size >= 0 {
			found, ok = v, true
		}
	})
	return found, ok
}

// walk goes through the fields of a message, and through none where it is no message to its end.
func walk(message []byte, each func(protowire.Number, protowire.Type, []byte)) {
	for rest := message; len(rest) > 0; {
		_, _, size := protowire.ConsumeField(rest)
		if size < 0 {
			return
		}
		rest = rest[size:]
	}
	for rest := message; len(rest) > 0; {
		n, t, tag := protowire.ConsumeTag(rest)
		size := protowire.ConsumeFieldValue(n, t, rest[tag:])
		each(n, t, rest[tag:tag+size])
		rest = rest[tag+size:]
	}
}
