package dump

import (
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"canton.example/svrescue/internal/jsonwalk"
)

// Migration is what is known of a migration dump.
type Migration struct {
	Identities Identities
	Snapshot   Snapshot
	Findings   []Finding
}

// CheckMigration reads a migration dump to its end, in the same memory whatever its size, and says whether the SV app would take it: the rules
// of its reader and some more (reference/apis.md 4.3). id is the migration ID that the app is configured with; nil: it is not compared. Its error
// is one of reading.
func CheckMigration(from io.Reader, id *int64) (Migration, error) {
	var m Migration
	var d document
	genesis, acs := decode(false), decode(true)
	defer genesis.close()
	defer acs.close()
	oddDAR := ""
	see := readers{genesis: genesis, acs: acs, dar: func(hash string, content Payload) {
		if raw, err := hex.DecodeString(hash); oddDAR == "" && (err != nil || len(raw) != 32 || !strings.HasPrefix(content.Start, "UEsDB")) {
			oddDAR = fmt.Sprintf("package %d of it has no hash, or is no package", m.Snapshot.Data.DARs)
		}
	}}
	r := jsonwalk.NewReader(unmarked(from))
	kind, err := r.Kind()
	if err == nil && kind != jsonwalk.Object {
		m.Findings = []Finding{{"shape", Violated, sentence("it is " + string(kind) + ", and no dump")}}
		return m, nil
	}
	if err == nil {
		err = r.Object(func(name string) error {
			if needed[name] {
				return m.Snapshot.member(r, name, see)
			}
			return d.member(r, name)
		})
	}
	if err == nil {
		err = r.End()
	}
	m.Identities = d.wrapped
	why, broken := brokenText(err)
	if err != nil && !broken {
		return m, err
	}
	say := func(id string, v Verdict, format string, args ...any) {
		m.Findings = append(m.Findings, Finding{id, v, fmt.Sprintf(format, args...)})
	}
	s := &m.Snapshot
	known := 0
	for _, there := range []bool{d.hasWrapped, s.Data != nil, s.MigrationID != nil, s.Users != nil, s.CreatedAt != ""} {
		if there {
			known++
		}
	}
	switch {
	case known == 0 && broken:
		say("shape", Violated, "%s", sentence(why))
		return m, nil
	case broken:
		say("whole", Violated, "%s", sentence(why))
		return m, nil // what is not there may have been cut away: nothing is said of it
	case d.failure:
		say("shape", Violated, "It is an error that was saved as a dump.")
		return m, nil
	case known == 0 && d.hasID:
		say("shape", Violated, "It is the dump of one node's identities, and no migration dump.")
		return m, nil
	}
	say("whole", Holds, "It can be read to its end.")
	m.checkTop(d.hasWrapped, say)
	if d.hasWrapped {
		m.checkIdentities(say)
	}
	if s.MigrationID != nil {
		switch {
		case id == nil:
			say("migration-id", NotDetermined, "It is for migration ID %d. The app takes it only if it is configured with that; it was not compared (--migration-id).", *s.MigrationID)
		case *id == *s.MigrationID:
			say("migration-id", Holds, "It is for migration ID %d.", *id)
		default:
			say("migration-id", Violated, "It is for migration ID %d, and the app with %d does not start from it.", *s.MigrationID, *id)
		}
	}
	if s.Data != nil {
		m.checkData(genesis, acs, oddDAR, say)
	}
	if s.Users != nil && m.Identities.Party != "" {
		m.checkUsers(say)
	}
	return m, nil
}

type said func(id string, v Verdict, format string, args ...any)

func (m *Migration) checkTop(identities bool, say said) {
	var missing []string
	for _, key := range []struct {
		name  string
		there bool
	}{{"identities", identities}, {"data_snapshot", m.Snapshot.Data != nil}, {"participant_users", m.Snapshot.Users != nil}, {"migration_id", m.Snapshot.MigrationID != nil},
		{"created_at", m.Snapshot.CreatedAt != ""}} {
		if !key.there {
			missing = append(missing, key.name)
		}
	}
	if len(missing) > 0 {
		say("members", Violated, "It has no %s that the app could read.", strings.Join(missing, ", "))
		return
	}
	say("members", Holds, "It has the five members that the app reads.")
}

func (m *Migration) checkIdentities(say said) {
	i := m.Identities
	if why := i.loadable(); why != "" {
		say("identities", Violated, "Of the identities: %s.", why)
		return
	}
	say("identities", Holds, "It holds the identities of %s: participant, sequencer and mediator.", i.Party)
	if own := Namespace(i.Participant.ID); Namespace(i.Party) != own {
		say("party", Violated, "The party %s is not in the namespace of the participant %s.", i.Party, i.Participant.ID)
	} else {
		say("party", Holds, "The party is in the namespace of the participant.")
	}
	for _, n := range []struct {
		what string
		node *Node
	}{{"participant", i.Participant}, {"sequencer", i.Sequencer}, {"mediator", i.Mediator}} {
		for _, f := range n.node.checkKeys() {
			if f.ID == "keys" && (f.Verdict == Holds || len(n.node.Keys) > 0 || n.node == i.Participant) {
				say("keys-of-"+n.what, f.Verdict, "%s", f.Detail)
			}
			if f.ID == "namespace-key" && n.node == i.Participant {
				say(f.ID, f.Verdict, "%s", f.Detail)
			}
		}
	}
}

func (m *Migration) checkData(genesis, acs *decoder, oddDAR string, say said) {
	d := m.Snapshot.Data
	if d.Separate {
		say("payloads", Violated, "Its payloads are in files of their own, on the volume of the app that wrote it: this file alone is not enough.")
		return
	}
	switch size, err := genesis.close(); {
	case !d.Genesis.There:
		say("genesis-state", Violated, "It has no genesis_state, without which no synchronizer can be started.")
	case err != nil:
		say("genesis-state", Violated, "The genesis_state is not whole: %v.", err)
	default:
		say("genesis-state", Holds, "The genesis_state is whole, %d bytes.", size)
	}
	switch size, err := acs.close(); {
	case !d.ACS.There:
		say("acs-snapshot", Violated, "It has no acs_snapshot.")
	case err != nil:
		say("acs-snapshot", Violated, "The acs_snapshot is not whole: %v.", err)
	default:
		say("acs-snapshot", Holds, "The acs_snapshot is whole, %d bytes when unpacked.", size)
	}
	switch {
	case d.Problem != "":
		say("dars", Violated, "%s", sentence(d.Problem))
	case d.DARs == 0:
		say("dars", Violated, "It has no packages (dars), without which no contract can be used.")
	case oddDAR != "":
		say("dars", Violated, "%s", sentence(oddDAR))
	default:
		say("dars", Holds, "It has %s.", count(d.DARs, "package", "packages"))
	}
	switch d.Format {
	case "ledger_api":
		say("acs-format", Holds, "The format of the contracts is ledger_api.")
	case "", "admin_api":
		say("acs-format", NotDetermined, "The format of the contracts is admin_api, which releases from 0.5.8 on do not read.")
	default:
		say("acs-format", Violated, "The format of the contracts is %q, which no release is known to read.", d.Format)
	}
	created := m.Snapshot.CreatedAt
	switch {
	case !instant(created) || !instant(d.At):
		say("timestamp", Violated, "Its created_at and acs_timestamp are not both times.")
	case created != d.At:
		say("timestamp", NotDetermined, "It was made for %s and says that it was created %s: it was not answered by the app over HTTP. All SVs must use the same time.", d.At, created)
	default:
		say("timestamp", Holds, "It was made for %s. All SVs must use the same time, and this one says only what was asked for.", d.At)
	}
}

func (m *Migration) checkUsers(say said) {
	w := Merged{Identities: m.Identities, Snapshot: m.Snapshot}
	switch why := w.whose(""); {
	case w.Unproven:
		say("users", NotDetermined, "It has no users that would tell whose data it is.")
	case why != "":
		say("users", NotDetermined, "The data are those of another node than the identities: they were lent, or mixed up. Their users act for %s.",
			strings.Join(m.Snapshot.Users.Parties[:min(3, len(m.Snapshot.Users.Parties))], ", "))
	default:
		say("users", Holds, "The data and the identities are of the same node.")
	}
}
