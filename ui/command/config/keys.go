package config

import (
	"slices"
	"strings"
	"time"
	"unicode"
)

// Key is one row of the table: all that is known of a key.
type Key struct {
	Path    string // "hosts.scan"
	Kind    Kind
	Default string // in words; empty: nothing
	Flag    string // of the commands, that comes before it; empty: none
	Help    string // what it is and what it is for, in full sentences
	Example string // a value, or several separated by a line break for a list
	// field is where the value goes: a *string, *[]string, *time.Duration or a list of entries, as the kind wants it.
	field func(*Config) any
}

// Section is a part of the file.
type Section struct {
	Title string
	Keys  []Key
}

// Sections are all keys, in the order in which they are written. Keys with a common first word stand together.
func Sections() []Section {
	return []Section{
		{"The cluster", []Key{
			{"kubeconfig", Path, "what kubectl uses: $KUBECONFIG, else ~/.kube/config", "--kubeconfig",
				"The kubeconfig that leads to the cluster of the node.", "/home/alice/.kube/sv-mainnet", func(c *Config) any { return &c.Kubeconfig }},
			{"context", Text, "the current context of the kubeconfig", "--context",
				"The context in it. Named here, svrescue does not follow when somebody switches contexts.", "sv-mainnet", func(c *Config) any { return &c.Context }},
			{"namespace", Text, "found: the namespace that holds an SV app and a participant", "--namespace",
				"The namespace of the node.", "sv", func(c *Config) any { return &c.Namespace }},
		}},
		{"This machine", []Key{
			{"runDir", Path, "$XDG_STATE_HOME/svrescue/runs, by default ~/.local/state/svrescue/runs", "--run-dir",
				"Where the folders of runs lie: journals, records, reports.", "/var/lib/svrescue/runs", func(c *Config) any { return &c.RunDir }},
			{"operator", Text, "the name of the user", "",
				"Who signs answers and notes. Leave it out where several people share the file.", "alice", func(c *Config) any { return &c.Operator }},
		}},
		{"The node's own apps", []Key{
			{"hosts.sv", Address, "", "", "Public address of the SV app.", "https://sv.sv.example.com", func(c *Config) any { return &c.Hosts.SV }},
			{"hosts.scan", Address, "", "", "Public address of the scan app.", "https://scan.sv.example.com", func(c *Config) any { return &c.Hosts.Scan }},
			{"hosts.validator", Address, "", "", "Public address of the validator app: the host of the wallet.",
				"https://wallet.sv.example.com", func(c *Config) any { return &c.Hosts.Validator }},
			{"ca", Absolute, "the authorities that this machine trusts", "",
				"A file with certificates in PEM of authorities to trust besides those of this machine, for hosts with a private one.",
				"/etc/svrescue/ca.pem", func(c *Config) any { return &c.CA }},
		}},
		{"The identity provider", []Key{
			{"oidc.discovery", Address, "", "",
				"The discovery document of the provider that the apps get their tokens from, as key url of their Secrets has it.",
				"https://provider.example.com/.well-known/openid-configuration", func(c *Config) any { return &c.OIDC.Discovery }},
			{"oidc.audiences.sv", Text, "", "",
				"Audience of the SV app's API: auth.audience in the values of its release. The audience in the app's Secret is that of the ledger; " +
					"where the two differ, a token for the ledger's is refused.",
				"https://sv.example.com/api", func(c *Config) any { return &c.OIDC.Audiences.SV }},
			{"oidc.audiences.validator", Text, "", "",
				"Audience of the validator app's API: auth.audience in the values of its release. Not the one in its Secret either.",
				"https://validator.example.com/api", func(c *Config) any { return &c.OIDC.Audiences.Validator }},
			{"oidc.appSecret", Text, "splice-app-sv-ledger-api-auth", "",
				"The Secret in the namespace of the node that holds the SV app's client: client-id, client-secret and url, or token where tokens are fixed. It " +
					"is used where no client and no token is named below, and needs the right to read it.",
				"splice-app-sv-ledger-api-auth", func(c *Config) any { return &c.OIDC.AppSecret }},
			{"oidc.client.id", Secret, "the client in oidc.appSecret", "",
				"Where the id of a machine client is, if it is not to be the app's own. Its user on the participant must act as the SV's party, and be participant " +
					"admin to fetch identities.",
				"env:SV_CLIENT_ID", func(c *Config) any { return &c.OIDC.Client.ID }},
			{"oidc.client.secret", Secret, "the client in oidc.appSecret", "",
				"Where the secret of that client is. Never the secret itself.",
				"file:/etc/svrescue/client-secret", func(c *Config) any { return &c.OIDC.Client.Secret }},
			{"oidc.token", Secret, "tokens are got with a client", "--token-from of doctor and identities fetch",
				"Where a token for the SV app is, for those who get one by hand. Never the token itself. A file is read again when its token ends.",
				"file:/run/svrescue/token", func(c *Config) any { return &c.OIDC.Token }},
			{"oidc.device.client", Text, "nobody logs in by a code", "",
				"The id of the client with which people log in to wallets by confirming a code in a browser (RFC 8628), where the provider allows that to a " +
					"client. An id is no secret.",
				"svrescue-terminal", func(c *Config) any { return &c.OIDC.Device.Client }},
			{"oidc.device.secret", Secret, "the client is a public one", "",
				"Where the secret of that client is, if it has one. Never the secret itself.", "env:DEVICE_CLIENT_SECRET", func(c *Config) any { return &c.OIDC.Device.Secret }},
			{"oidc.device.scope", Text, "no scope is asked for", "",
				"The scope of such a login. Some providers renew it without asking the person again only where it has offline_access.",
				"openid offline_access", func(c *Config) any { return &c.OIDC.Device.Scope }},
		}},
		{"The apps of a re-onboarding", []Key{
			{"reonboard.validator.address", Address, "it is reached through the cluster", "",
				"Public address of the recovery validator: the standalone validator that takes over what the lost SV owned.",
				"https://wallet.recovery.example.com", func(c *Config) any { return &c.Reonboard.Validator.Address }},
			{"reonboard.validator.audience", Text, "oidc.audiences.validator", "",
				"Audience of its API, where it is another than that of the node's own validator app.", "https://recovery.example.com/api",
				func(c *Config) any { return &c.Reonboard.Validator.Audience }},
			{"reonboard.validator.user", Text, "whoever logs in", "",
				"The ledger user whose wallet there holds the Amulets: the sub of the token. With it named, the token of anybody else is refused before anything is sent.",
				"recovery-client@clients", func(c *Config) any { return &c.Reonboard.Validator.User }},
			{"reonboard.wallet.address", Address, "it is reached through the cluster", "",
				"Public address of the fresh SV's wallet, which receives the Amulets.", "https://wallet.sv.example.com", func(c *Config) any { return &c.Reonboard.Wallet.Address }},
			{"reonboard.wallet.audience", Text, "oidc.audiences.validator", "",
				"Audience of its API, where it is another than that of the node's own validator app.", "https://validator.sv.example.com/api",
				func(c *Config) any { return &c.Reonboard.Wallet.Audience }},
			{"reonboard.wallet.user", Text, "whoever logs in", "",
				"The ledger user whose wallet receives them. With it named, the token of anybody else is refused.", "sv-client@clients",
				func(c *Config) any { return &c.Reonboard.Wallet.User }},
		}},
		{"The network", []Key{
			{"peers", Addresses, "", "",
				"Addresses of other SVs' scans. They tell whether the network is healthy when this node's own scan is down; name at least three, " +
					"since one alone may be behind or wrong.",
				"https://scan.sv-2.example.com\nhttps://scan.sv-3.example.com\nhttps://scan.sv-4.example.com", func(c *Config) any { return &c.Peers }},
			{"retention", Length, "", "--retention of backup check",
				"How long the sequencers of the network keep what a silent node has to read: their retentionPeriod. A backup that is older cannot be " +
					"caught up from. The reference value is 30d, and each SV sets its own; name the shortest that you know of.",
				"30d", func(c *Config) any { return &c.Retention }},
		}},
		{"Backups", []Key{
			{"backups.folders", Folders, "", "--dumps of run; PATH of backup check",
				"Folders with the dump files of one backup run, as pg_dump or pg_dumpall writes them. backup check without a PATH reads all of them as one " +
					"set; a restore proposes the folder where there is only one.",
				"/mnt/backup/latest", func(c *Config) any { return &c.Backups.Folders }},
			{"backups.zone", Zone, "", "--zone of backup check",
				"Zone of the clock of the host that makes the dumps: archives of pg_dump do not say it.", "Europe/Zurich", func(c *Config) any { return &c.Backups.Zone }},
			{"backups.identities", Folders, "", "",
				"Files with identities dumps of this node, or folders with such files. Without a database backup they, or a KMS, are what assets can be recovered " +
					"from. They hold private keys: keep them readable by their owner only.",
				"/mnt/backup/identities", func(c *Config) any { return &c.Backups.Identities }},
			{"backups.managed", Entries, "", "",
				"What is known of the backups of database servers outside the cluster, which nobody here can see. Either you say when the newest one was taken " +
					"and until when that word counts, or you name a command that prints the time, as RFC 3339 or in seconds since 1970. The command is run " +
					"without a shell, and no secret belongs into its arguments: it runs as you, with your environment.",
				"{server: db.example.com:5432, taken: 2026-11-22T01:00:00Z, until: 2026-11-29}\n{server: pg.example.com:5432, command: [/usr/local/bin/newest-backup, pg]}",
				func(c *Config) any { return &c.Backups.Managed }},
			{"backups.scratch", Absolute, "the first of backups.folders, else the folder of runs", "",
				"The folder of this machine in which dumps are taken or unpacked. svrescue doctor looks whether there is room for them.",
				"/mnt/backup", func(c *Config) any { return &c.Backups.Scratch }},
			{"record", Absolute, "", "--record of run restore-lost",
				"The folder that svrescue record wrote: what the node is made of. A restore of a lost node begins with it.",
				"/mnt/backup/sv-record", func(c *Config) any { return &c.Record }},
		}},
		{"What only you know", []Key{
			{"copies", Entries, "", "",
				"Copies outside the cluster of what would be lost with it. svrescue doctor asks for one of each kind: sv-key (the SV's key pair), cometbft-keys, " +
					"database-passwords, oidc-client. It believes your word until the day that you name; then somebody has to look again.",
				"{what: sv-key, where: safe in Zurich, until: 2027-03-01}\n{what: cometbft-keys, where: safe in Zurich, until: 2027-03-01}",
				func(c *Config) any { return &c.Copies }},
			{"acknowledged", Entries, "", "",
				"Conditions of svrescue doctor that you have taken note of. They are still shown, and do not count for its exit code until the day that you name. " +
					"There is none without an end.",
				"{condition: pruning-schedule, why: it comes with the next release, until: 2027-01-15}",
				func(c *Config) any { return &c.Acknowledged }},
		}},
	}
}

func keys() []Key {
	var all []Key
	for _, s := range Sections() {
		all = append(all, s.Keys...)
	}
	return all
}

// Values are those that a configuration has for the key; none where it does not say it.
func (k Key) Values(c Config) []string {
	switch v := k.field(&c).(type) {
	case entries:
		var lines []string
		for _, e := range v.get() {
			lines = append(lines, k.line(e))
		}
		return lines
	case *string:
		if *v != "" {
			return []string{*v}
		}
	case *[]string:
		return slices.Clone(*v)
	case *time.Duration:
		if *v > 0 {
			return []string{WriteLength(*v)}
		}
	}
	return nil
}

// Env is the variable of the environment that comes before the file: SVRESCUE_HOSTS_SCAN.
func (k Key) Env() string {
	var b strings.Builder
	b.WriteString("SVRESCUE_")
	for _, r := range k.Path {
		switch {
		case r == '.':
			b.WriteByte('_')
		case unicode.IsUpper(r):
			b.WriteByte('_')
			fallthrough
		default:
			b.WriteRune(unicode.ToUpper(r))
		}
	}
	return b.String()
}

// Name is the last word of the path.
func (k Key) Name() string { return k.Path[strings.LastIndexByte(k.Path, '.')+1:] }
