package sim

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

// Certificate makes a self-signed serving certificate for loopback, and its PEM form for Kubeconfig. It is valid in any
// plausible simulated time. A server reached through a kubeconfig must speak TLS: client-go sends no token over plain HTTP.
func Certificate() (tls.Certificate, []byte, error) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, fmt.Errorf("sim: certificate: %w", err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "rehearsal"},
		NotBefore: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:    []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, k.Public(), k)
	if err != nil {
		return tls.Certificate{}, nil, fmt.Errorf("sim: certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: k}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}

// Kubeconfig is a kubeconfig file for an https URL, a bearer token, the authority that signed the server's certificate (PEM)
// and a default namespace. Its context is named "rehearsal".
func Kubeconfig(url, token string, ca []byte, namespace string) []byte {
	v := map[string]any{
		"apiVersion": "v1", "kind": "Config", "current-context": "rehearsal", "preferences": map[string]any{},
		"clusters": []any{map[string]any{"name": "rehearsal", "cluster": map[string]any{"server": url, "certificate-authority-data": ca}}},
		"users":    []any{map[string]any{"name": "operator", "user": map[string]any{"token": token}}},
		"contexts": []any{map[string]any{"name": "rehearsal", "context": map[string]any{
			"cluster": "rehearsal", "user": "operator", "namespace": namespace}}},
	}
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic(err) // strings and bytes only
	}
	return append(b, '\n')
}
