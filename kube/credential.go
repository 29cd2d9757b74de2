package kube

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"os"
	"os/exec"
	"strings"
	"time"

	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Credential is what is known of how a context logs in, without sending anything and without the secret itself.
type Credential struct {
	Kind string    `json:"kind"`           // "token", "certificate", "plugin", or empty: something else
	Ends time.Time `json:"ends,omitzero"`  // zero: it does not say. A plugin makes new ones by itself
	File string    `json:"file,omitempty"` // where a token or certificate is kept beside the kubeconfig
	// Plugin is the command that makes the credentials, without its arguments, which may hold a secret.
	Plugin  string   `json:"plugin,omitempty"`
	Wants   Terminal `json:"wants,omitempty"`
	Missing bool     `json:"missing,omitempty"` // the plugin's command cannot be found on this machine
}

// Terminal says whether a credential plugin talks to a person, as its interactiveMode has it.
type Terminal string

const (
	WantsNone   Terminal = "none"   // it never asks
	WantsIfAny  Terminal = "if-any" // it may ask where there is a terminal, and does without where there is none, if it can
	WantsAlways Terminal = "always" // it does nothing without
)

// Credential looks at the credentials of the moment.
func (c *Cluster) Credential() Credential { return credentialOf(c.config.Load()) }

func credentialOf(config *rest.Config) Credential {
	switch {
	case config.ExecProvider != nil:
		_, err := exec.LookPath(config.ExecProvider.Command)
		return Credential{Kind: "plugin", Plugin: clean(base(config.ExecProvider.Command), 60), Missing: err != nil,
			Wants: map[clientcmdapi.ExecInteractiveMode]Terminal{clientcmdapi.NeverExecInteractiveMode: WantsNone,
				clientcmdapi.AlwaysExecInteractiveMode: WantsAlways, clientcmdapi.IfAvailableExecInteractiveMode: WantsIfAny, "": WantsIfAny}[config.ExecProvider.InteractiveMode]}
	case config.BearerToken != "" || config.BearerTokenFile != "":
		token := []byte(config.BearerToken)
		if config.BearerTokenFile != "" {
			if read, err := os.ReadFile(config.BearerTokenFile); err == nil {
				token = read // as client-go does: the file goes before
			}
		}
		return Credential{Kind: "token", File: config.BearerTokenFile, Ends: tokenEnds(token)}
	case len(config.CertData) > 0 || config.CertFile != "":
		cert := config.CertData
		if len(cert) == 0 {
			cert, _ = os.ReadFile(config.CertFile) // what cannot be read does not say when it ends
		}
		return Credential{Kind: "certificate", File: config.CertFile, Ends: certificateEnds(cert)}
	}
	return Credential{}
}

// tokenEnds is the time until which a token is good, where it is one that says so (a JWT with exp).
func tokenEnds(token []byte) time.Time {
	parts := strings.Split(string(bytes.TrimSpace(token)), ".")
	if len(parts) != 3 {
		return time.Time{}
	}
	var claims struct {
		Exp float64 `json:"exp"`
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil || json.Unmarshal(payload, &claims) != nil || claims.Exp <= 0 || claims.Exp > 1<<40 {
		return time.Time{}
	}
	return time.Unix(int64(claims.Exp), 0).UTC()
}

// certificateEnds is the time until which the first certificate of a PEM file, which is the client's own, is good.
func certificateEnds(text []byte) time.Time {
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			return time.Time{}
		}
		if block.Type == "CERTIFICATE" {
			cert, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return time.Time{}
			}
			return cert.NotAfter.UTC()
		}
		text = rest
	}
}
