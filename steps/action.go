package steps

import (
	"context"
	"fmt"
	"io"
	"net"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/upload"
	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/wire"
	"k8s.io/utils/clock"
)

// Action is one thing sent to the world. Its methods take all they need from what Plan gave them: an action planned
// from the same facts is the same action, also in another process.
type Action interface {
	// Key is unique and stable within the step; it is journaled, and idempotency keys derive from it.
	Key() string
	Effect() wire.Effect
	// Refs is everything that Do may touch; hands refuse the rest.
	Refs() []Ref
	// Show is what the operator reads before it is sent. Refs are filled in by the engine.
	Show() wire.Preview
	// Trial tries what can be tried without changing anything, with hands that only dry-run.
	Trial(context.Context, Hands) ([]wire.Finding, error)
	// Probe reads from the world whether the action is done.
	Probe(context.Context, World) (wire.ActionState, []wire.Evidence, error)
	// Do sends it. It may be called again after a crash at any point; where that matters, Probe comes first.
	Do(context.Context, Hands, func(wire.Progress)) error
}

// Ref is one thing an action may touch. Exactly one field is set.
type Ref struct {
	Kube *kube.Access     // a verb on a Kubernetes object
	SQL  *postgres.Change // a change of a database server
	File string           // a file of the run folder, relative to its artifacts
	// Wallet is a change by a wallet.
	Wallet *WalletChange
}

func (r Ref) String() string {
	switch {
	case r.Kube != nil:
		return r.Kube.String()
	case r.SQL != nil:
		return r.SQL.String()
	case r.Wallet != nil:
		return r.Wallet.String()
	}
	return "write file " + r.File
}

// KubeRefs wraps accesses.
func KubeRefs(accesses ...kube.Access) []Ref {
	refs := make([]Ref, len(accesses))
	for i := range accesses {
		refs[i] = Ref{Kube: &accesses[i]}
	}
	return refs
}

// SQLRefs wraps changes of database servers.
func SQLRefs(changes ...postgres.Change) []Ref {
	refs := make([]Ref, len(changes))
	for i := range changes {
		refs[i] = Ref{SQL: &changes[i]}
	}
	return refs
}

// World is what may be looked at. It cannot write.
type World struct {
	Kube  *kube.Cluster
	Files FileReader
	Clock clock.WithTicker
	// Databases and Pods look through tunnels into what runs in the cluster.
	Databases DatabaseReader
	Pods      PodReader
	// Volumes looks at files on the volumes of pods that run.
	Volumes VolumeReader
	// Apps asks the apps of Splice, with the logins that Keys holds.
	Apps AppReader
	Keys Keyring
	// Charts fetches charts from registries.
	Charts ChartReader
	// Dial connects from this machine, for what can be told by that alone: whether a public address takes connections. nil: there is no way.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Dry makes hands for these references that only try: the server says what it would do and changes nothing.
	Dry func([]Ref) Hands
}

// Hands write what the references of the running action cover, and nothing else.
type Hands struct {
	World     World
	Kube      *kube.Hands
	Files     FileWriter
	Databases DatabaseWriter
	Wallets   WalletWriter
	// Patient makes a reading in the middle of an action. One that fails in a way that passes by itself is shown and tried again, until
	// patience is spent or a viewer stops it; that ends the action. nil: it is made once.
	Patient func(ctx context.Context, read func(context.Context) error) error
}

// DatabaseReader sends statements that only read, in read-only transactions. An error of a server that cannot be reached, or of a
// login that is refused, is a sentence; a table or column that is not there is no error but a Position that says so.
type DatabaseReader interface {
	// Position is how far a database has got.
	Position(context.Context, postgres.Database) (postgres.Position, error)
	// Databases lists what a server has, and its version ("15.4").
	Databases(context.Context, postgres.Server) (stored []postgres.Stored, version string, err error)
	// Free is how many bytes the volume of a server in a pod has left; an error where that cannot be seen.
	Free(context.Context, postgres.Server) (int64, error)
	// Rights are what the server's user may do.
	Rights(context.Context, postgres.Server) (postgres.Rights, error)
	// Programs is the major version of the programs with which dumps are loaded into a server.
	Programs(context.Context, postgres.Server) (int, error)
}

// DatabaseWriter changes database servers, as far as the references of the running action cover it. Everything in it may be sent again.
type DatabaseWriter interface {
	// Create makes an empty database with the owner, the encoding and the locale of like, or the server's user's own, like the administration
	// database, where like is empty or not there. One that exists and is not ours is an error.
	Create(ctx context.Context, s postgres.Server, name, like string) error
	// Load feeds a dump file to the server's own client in its pod, or through a pod, and reports the bytes of the file that were sent.
	// What an earlier try left in the database is removed first.
	Load(ctx context.Context, s postgres.Server, name string, from postgres.Source, report func(wire.Progress)) error
	// Drop removes a database of ours (postgres.Ours); one that is not there is no error.
	Drop(ctx context.Context, s postgres.Server, name string) error
	// Rename gives all databases their new names in one transaction, or none.
	Rename(ctx context.Context, s postgres.Server, names []postgres.Rename) error
	// Comment sets the comment of a database; empty takes it away.
	Comment(ctx context.Context, s postgres.Server, name, text string) error
}

// PodReader asks pods over HTTP, with GET only.
type PodReader interface {
	// Get asks the first ready pod of the selector. An answer other than 200 is an error.
	Get(ctx context.Context, namespace, selector string, port int, path string) ([]byte, error)
}

// Answered is the status, another than 200, with which a pod has answered; errors of a PodReader wrap it.
type Answered int

func (a Answered) Error() string { return fmt.Sprintf("HTTP status %d", int(a)) }

// VolumeReader looks at files in containers, by fixed commands that change nothing.
type VolumeReader interface {
	// Find says what is at a path in the running container of a Deployment or StatefulSet that mounts it, with the hash that the container
	// computes: gigabytes take their time. An error of a container that does not run is a sentence.
	Find(ctx context.Context, namespace, workload, path string) (upload.Found, error)
}

// ChartReader fetches charts of Helm from registries.
type ChartReader interface {
	// Pull fetches a chart, such as oci://HOST/PATH/splice-validator, in one version, as `helm pull` leaves it in a .tgz file.
	Pull(ctx context.Context, address, version string) ([]byte, error)
}

// FileReader reads the artifacts of the run.
type FileReader interface {
	Read(name string) ([]byte, error)
	// Open reads one that may be large. Whoever has it closes it.
	Open(name string) (io.ReadCloser, error)
	// Room is how many bytes the disk of the run folder has left for this user.
	Room() (int64, error)
}

// FileWriter writes artifacts of the run: whole, synced, readable by their owner only.
type FileWriter interface {
	Write(name string, data []byte) error
	// Create writes one that is made while it is written. After an error what was there before stands.
	Create(name string, content func(io.Writer) error) error
}
