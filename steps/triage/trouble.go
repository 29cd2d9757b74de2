package triage

import "strings"

// Kind is what is the matter with a workload.
type Kind string

const (
	Crash       Kind = "crash"         // it ends again and again, and nothing says why
	NotReady    Kind = "not-ready"     // it runs and is not ready
	Starting    Kind = "starting"      // nothing is wrong yet
	Image       Kind = "image"         // its image cannot be fetched
	Config      Kind = "config"        // a secret, a config map or a key is missing
	Memory      Kind = "memory"        // it used more than its limit
	Room        Kind = "no-room"       // no node of the cluster takes it
	Mount       Kind = "mount"         // a volume cannot be attached or mounted
	MachineGone Kind = "machine-gone"  // the machine it is on does not answer
	DiskFull    Kind = "disk-full"     //
	Certificate Kind = "certificate"   // one has expired
	Password    Kind = "password"      // the database refuses the password
	NoDatabase  Kind = "no-database"   // the database server does not answer it
	Replaying   Kind = "replaying"     // CometBFT replays messages and needs a restart (reference/deployment.md 8.5)
	Locked      Kind = "instance-lock" // another app holds the database (0.6.10)
	Damaged     Kind = "damaged"       // its log says that its data is damaged
	Disabled    Kind = "member-disabled"
	Pruned      Kind = "events-pruned" // what it would have to read next is no longer there
)

// telling are texts of logs, events and reasons that mean one kind and nothing else, in the order in which they are looked for: the more
// that follows from one, the earlier. MemberDisabled and EventsUnavailableForTimestamp: reference/backups.md 3. The texts of PostgreSQL,
// of Java, OpenSSL and Go's TLS are theirs; what Splice writes when its disk is full or its lock is taken was not read anywhere.
var telling = []struct {
	kind Kind
	text []string
}{
	{Disabled, []string{"MemberDisabled"}},
	{Pruned, []string{"EventsUnavailableForTimestamp"}},
	{DiskFull, []string{"No space left on device", "ENOSPC"}},
	{Damaged, []string{"could not locate a valid checkpoint record", "invalid page in block", "could not read block", "structure needs cleaning", "file system is corrupt"}},
	{Certificate, []string{"certificate has expired", "CertificateExpiredException", "certificate expired", // OpenSSL, nginx and Go; Java
		"certificate_expired", "tls: expired certificate", "validity check failed"}},
	{Password, []string{"password authentication failed"}},
	{Image, []string{"ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull"}},
	{Config, []string{"CreateContainerConfigError"}},
	{Memory, []string{"OOMKilled", "OutOfMemoryError"}},
	{Mount, []string{"FailedMount", "FailedAttachVolume", "Multi-Attach"}},
	{MachineGone, []string{"NodeNotReady", "NodeLost"}},
	{NoDatabase, []string{"the database system is starting up", "the database system is shutting down"}},
}

// KindOf is what reasons, messages and log lines of one pod mean. ok is false where none of them tells.
func KindOf(texts ...string) (Kind, bool) {
	small := make([]string, len(texts))
	for i, text := range texts {
		small[i] = strings.ToLower(text)
	}
	for _, t := range telling {
		for _, want := range t.text {
			want = strings.ToLower(want)
			for _, have := range small {
				if strings.Contains(have, want) {
					return t.kind, true
				}
			}
		}
	}
	return "", false
}
