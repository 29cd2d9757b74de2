// Package config reads and writes svrescue.yaml. One table (keys.go) says which keys there are: the parser, the commented file that
// svrescue init writes, and docs/configuration.md are made from it. It holds no secret.
package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Config is what the file says, and over it the environment. Empty: not said.
type Config struct {
	Kubeconfig string
	Context    string
	Namespace  string
	RunDir     string
	Operator   string // who signs answers and notes

	Hosts     Hosts
	CA        string // file with certificates in PEM; absolute
	OIDC      OIDC
	Reonboard Reonboard
	Peers     []string // addresses of other SVs' scans, such as https://scan.sv-2.example.com

	Copies       CopyList            // what lies outside the cluster, by somebody's word
	Acknowledged AcknowledgementList // conditions of svrescue doctor that somebody has taken note of

	Backups   Backups
	Record    string        // folder that svrescue record wrote; absolute
	Retention time.Duration // how long the network's sequencers keep what a silent node has to read; 0: not said
}

// Hosts are the public addresses of the node's own apps, such as https://sv.sv.example.com.
type Hosts struct{ SV, Scan, Validator string }

// OIDC is the identity provider of the node's apps.
type OIDC struct {
	Discovery string // address of its discovery document
	Audiences Audiences
	// Client and Token are references. AppSecret is the Secret in the cluster that holds the SV app's client, for when neither is said.
	Client    Client
	Token     string
	AppSecret string
	Device    Device
}

// Device is the client at which people log in by a code that they confirm in a browser. Secret is a reference; a public client has none.
type Device struct{ Client, Secret, Scope string }

// Reonboard is what is known of the apps that a re-onboarding logs in to.
type Reonboard struct{ Validator, Wallet App }

// App is an app of a deployment: its public address, the audience of its API and the user whose wallet is meant.
type App struct{ Address, Audience, User string }

// Client is the machine client of the program, by references.
type Client struct{ ID, Secret string }

// Audiences are those of the apps' own APIs. That of the ledger, which the apps' secrets hold, need not be the same.
type Audiences struct{ SV, Validator string }

// Backups is where backups lie that the cluster does not show.
type Backups struct {
	Folders    []string // with dumps; absolute
	Zone       string   // of the clock of the host that dumps
	Identities []string // files or folders with identities dumps; absolute
	Managed    ManagedList
	Scratch    string // folder of this machine where dumps are taken or unpacked; absolute
}

// Load reads the file at path, or else the one in the default place, and the environment over it. The one in the default place may be
// missing; one that is named may be only where it is to be written.
func Load(path string, toWrite bool, env func(string) string) (Config, error) {
	if path == "" {
		path = env("SVRESCUE_CONFIG")
	}
	named := path != ""
	if !named {
		path = DefaultPath(env)
	}
	var c Config
	if path != "" {
		data, err := os.ReadFile(path)
		switch {
		case err == nil:
			if c, err = Parse(data); err != nil {
				return c, fmt.Errorf("the configuration %s is not right: %w", path, err)
			}
		case !errors.Is(err, fs.ErrNotExist) || named && !toWrite:
			return c, fmt.Errorf("reading the configuration: %w", err)
		}
	}
	for _, k := range keys() {
		said := env(k.Env())
		if said == "" {
			continue
		}
		if why := k.set(&c, k.Kind.split(said)); why != "" {
			return c, fmt.Errorf("the environment is not right: %s %s", k.Env(), why)
		}
	}
	return c, nil
}

// DefaultPath is where the configuration lies when nobody names one; empty where the environment has no home.
func DefaultPath(env func(string) string) string {
	folder := env("XDG_CONFIG_HOME")
	if folder == "" && env("HOME") != "" {
		folder = filepath.Join(env("HOME"), ".config")
	}
	if folder == "" {
		return ""
	}
	return filepath.Join(folder, "svrescue", "svrescue.yaml")
}
