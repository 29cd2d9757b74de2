package network

// SnapshotFile and DumpFile are artifacts of the run, readable by their owner alone: the data snapshot, and the migration dump that it is merged
// into.
const (
	SnapshotFile = "snapshot.json"
	DumpFile     = "domain_migration_dump.json"
)

// Snapshot is the data snapshot that was taken for the agreed timestamp.
type Snapshot struct {
	SHA256      string `json:"sha256"` // of SnapshotFile
	Bytes       int64  `json:"bytes"`
	Timestamp   string `json:"timestamp"`
	MigrationID int64  `json:"migrationID"`
}

// Dump is the migration dump.
type Dump struct {
	SHA256      string `json:"sha256"` // of DumpFile
	Bytes       int64  `json:"bytes"`
	MigrationID int64  `json:"migrationID"`
	Borrowed    string `json:"borrowed,omitempty"` // name of the SV that lent the data; empty: they are this SV's own
}
