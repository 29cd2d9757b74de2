package dump

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// packed is an invented export of contracts as a snapshot has it.
func packed(size int) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	for n := range size {
		fmt.Fprintf(w, "invented contract %d\n", n*n)
	}
	w.Close()
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

const hash = "9f3c1e6b0a8d4f5279f3c1e6b0a8d4f5279f3c1e6b0a8d4f5279f3c1e6b0a8d4"

// snapshotOf is a data snapshot of a node whose users act for a party. Its values have what a careless tool would change: big numbers, escapes,
// blanks, an order.
func snapshotOf(party string) string {
	return fmt.Sprintf(`{ "created_at": "2026-01-11T08:30:00Z", "migration_id": 5,
 "data_snapshot": {"genesis_state":"Cr4BCg==", "acs_snapshot":"%s", "acs_timestamp":"2026-01-11T08:30:00Z",
  "dars":[{"hash":"%s","content":"UEsDBBQ="}], "synchronizer_was_paused":false, "separate_payload_files":false, "acs_format":"ledger_api", "later":123456789012345678901.50e1},
 "participant_users": {"users":[{"primaryParty":"%s","id":"a\/b\u00e9 \ud83d\ude00","annotations":[{"key":"k","value":"\\n"}]}],"identityProviders":[]}}
`, packed(2000), hash, party)
}

func svOf(party string) string {
	namespace := Namespace(party)
	node := func(kind string) string {
		return fmt.Sprintf(`{"id":"%s::%s","keys":[{"keyPair":"aW52ZW50ZWQ=","name":"k"}],"authorizedStoreSnapshot":"CgsKBw==","version":"0.5.10"}`, kind, party)
	}
	return fmt.Sprintf(`{"identities": {"sv_party_id":"%s","dso_party_id":"DSO::1220dd","domain_alias":"global","domain_id":"global-domain::1220dd","participant":%s,
  "sequencer":%s,"mediator":{"id":"MED::m::%s","keys":[],"authorizedStoreSnapshot":"CgsKBw=="}}}`, party, node("PAR"), node("SEQ"), namespace)
}

func merged(t testing.TB, identities, snapshot string, o MergeOptions) (string, Merged, error) {
	t.Helper()
	var out bytes.Buffer
	m, err := Merge(&out, strings.NewReader(identities), iotest.HalfReader(strings.NewReader(snapshot)), o)
	return out.String(), m, err
}

// raw are the members of an object, as they stand.
func raw(t testing.TB, text string) map[string]json.RawMessage {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &members); err != nil {
		t.Fatal(err)
	}
	return members
}

func TestMergeKeepsEveryByte(t *testing.T) {
	identities, snapshot := svOf("Acme-SV::1220aa"), snapshotOf("Acme-SV::1220aa")
	got, m, err := merged(t, identities, snapshot, MergeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := raw(t, snapshot)
	want["identities"] = raw(t, identities)["identities"]
	if diff := cmp.Diff(want, raw(t, got)); diff != "" {
		t.Fatal(diff)
	}
	if *m.Snapshot.MigrationID != 5 || m.Snapshot.Data.At != "2026-01-11T08:30:00Z" || m.Identities.Party != "Acme-SV::1220aa" || m.Unproven || m.Borrowed != nil {
		t.Errorf("%+v", m)
	}
	unwrapped := string(raw(t, identities)["identities"])
	again, _, err := merged(t, unwrapped, "\ufeff"+snapshot, MergeOptions{})
	if err != nil || again != got {
		t.Errorf("without the wrapper it is another dump: %v", err)
	}
	checked, err := CheckMigration(strings.NewReader(got), m.Snapshot.MigrationID)
	if err != nil || Overall(checked.Findings) == Violated {
		t.Errorf("%v: %+v", err, checked.Findings)
	}
	other, _, err := merged(t, identities, strings.Replace(snapshot, `"created_at"`, `"later_member":1,"created_at"`, 1), MergeOptions{})
	if err != nil || strings.Contains(other, "later_member") {
		t.Errorf("a member that no app reads: %v", err)
	}
}

func TestMergeRefuses(t *testing.T) {
	const acme, beta = "Acme-SV::1220aa", "Beta-SV::1220bb"
	identities, snapshot := svOf(acme), snapshotOf(acme)
	full, _, err := merged(t, identities, snapshot, MergeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	six := int64(6)
	without := func(name string) string {
		members := raw(t, snapshot)
		delete(members, name)
		b, _ := json.Marshal(members)
		return string(b)
	}
	for _, c := range []struct {
		name, identities, snapshot string
		o                          MergeOptions
		says                       string
	}{
		{"exchanged", snapshot, identities, MergeOptions{}, "the identities: it is a snapshot of a node's data"},
		{"a full dump as identities", full, snapshot, MergeOptions{}, "the identities: it is a whole migration dump"},
		{"a full dump as snapshot", identities, full, MergeOptions{}, "the snapshot: it holds identities"},
		{"a participant's dump", string(raw(t, string(raw(t, identities)["identities"]))["participant"]), snapshot, MergeOptions{}, "of a participant alone"},
		{"an error as snapshot", identities, `{"error":"x"}`, MergeOptions{}, "an error that was saved"},
		{"an error as identities", `{"error":"x"}`, snapshot, MergeOptions{}, "the identities: it is an error that was saved"},
		{"a page as snapshot", identities, "<html>", MergeOptions{}, "the snapshot: it is not JSON"},
		{"an empty snapshot", identities, "", MergeOptions{}, "the snapshot: it is empty"},
		{"empty identities", " \n", snapshot, MergeOptions{}, "the identities: it is"},
		{"null", identities, "null", MergeOptions{}, "and no snapshot"},
		{"cut off", identities, snapshot[:len(snapshot)-60], MergeOptions{}, "it is cut off after"},
		{"identities cut off", identities[:200], snapshot, MergeOptions{}, "the identities: it is cut off after"},
		{"something after it", identities, snapshot + "{}", MergeOptions{}, "something follows"},
		{"a name twice at the top", identities, strings.Replace(snapshot, `"migration_id": 5`, `"migration_id": 5, "migration_id": 5`, 1), MergeOptions{}, "twice"},
		{"a name twice within", identities, strings.Replace(snapshot, `"acs_format"`, `"genesis_state":"AAAA","acs_format"`, 1), MergeOptions{}, "twice"},
		{"a name twice in the users", identities, strings.Replace(snapshot, `"key":"k"`, `"key":"k","key":"l"`, 1), MergeOptions{}, "twice"},
		{"a name twice in the identities", strings.Replace(identities, `"name":"k"`, `"name":"k","name":"l"`, 1), snapshot, MergeOptions{}, "the identities: it is damaged"},
		{"no users", identities, without("participant_users"), MergeOptions{}, "no participant_users"},
		{"no migration ID", identities, without("migration_id"), MergeOptions{}, "no migration_id"},
		{"no time", identities, without("created_at"), MergeOptions{}, "created_at is no time"},
		{"no data", identities, without("data_snapshot"), MergeOptions{}, "no data_snapshot"},
		{"no genesis state", identities, strings.Replace(snapshot, `"genesis_state":"Cr4BCg=="`, `"genesis_state":null`, 1), MergeOptions{}, "no genesis_state"},
		{"an empty genesis state", identities, strings.Replace(snapshot, `"Cr4BCg=="`, `""`, 1), MergeOptions{}, "no genesis_state"},
		{"payloads elsewhere", identities, strings.Replace(snapshot, `"separate_payload_files":false`, `"separate_payload_files":true`, 1), MergeOptions{}, "files of their own"},
		{"another migration ID", identities, snapshot, MergeOptions{MigrationID: &six}, "its migration ID is 5, and 6 was asked for"},
		{"a migration ID that is no number", identities, strings.Replace(snapshot, `"migration_id": 5`, `"migration_id": 5.5`, 1), MergeOptions{}, "no migration_id"},
		{"another node's", identities, snapshotOf(beta), MergeOptions{}, "it is that of another node"},
		{"not the lender's", identities, snapshotOf(beta), MergeOptions{BorrowedFrom: "Gamma-SV"}, "it is not that of Gamma-SV"},
		{"borrowed from oneself", identities, snapshot, MergeOptions{BorrowedFrom: "Beta-SV"}, "nothing is borrowed"},
		{"no sequencer", strings.Replace(identities, `"sequencer"`, `"other"`, 1), snapshot, MergeOptions{}, "it has no sequencer"},
		{"a sequencer that is none", strings.Replace(identities, "SEQ::", "SEC::", 1), snapshot, MergeOptions{}, "is none"},
		{"no alias", strings.Replace(identities, `"global"`, `""`, 1), snapshot, MergeOptions{}, "no domain_alias"},
	} {
		_, _, err := merged(t, c.identities, c.snapshot, c.o)
		if !IsRefused(err) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", c.name, err, c.says)
		}
	}
	if _, m, err := merged(t, identities, snapshotOf(beta), MergeOptions{BorrowedFrom: "Beta-SV"}); err != nil || len(m.Borrowed) == 0 {
		t.Errorf("a lent snapshot: %v, %+v", err, m)
	}
	if _, m, err := merged(t, identities, strings.Replace(snapshot, `"users":[`, `"users":[],"others":[`, 1), MergeOptions{}); err != nil || !m.Unproven {
		t.Errorf("a snapshot without users: %v, %+v", err, m)
	}
}

// A copy that was cut anywhere is never taken.
func TestNoCutIsTaken(t *testing.T) {
	identities, snapshot := svOf("Acme-SV::1220aa"), strings.TrimSpace(snapshotOf("Acme-SV::1220aa"))
	full, _, err := merged(t, identities, snapshot, MergeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	full = strings.TrimSpace(full)
	for n := 0; n < len(snapshot); n += 1 + len(snapshot)/200 {
		if _, _, err := merged(t, identities, snapshot[:n], MergeOptions{}); !IsRefused(err) {
			t.Fatalf("cut off after %d of %d bytes: %v", n, len(snapshot), err)
		}
		m, err := CheckMigration(strings.NewReader(full[:n]), nil)
		if err != nil || Overall(m.Findings) != Violated {
			t.Fatalf("a dump cut off after %d of %d bytes: %v, %+v", n, len(full), err, m.Findings)
		}
	}
}

func TestCheckMigration(t *testing.T) {
	const acme = "Acme-SV::1220aa"
	full, _, err := merged(t, svOf(acme), snapshotOf(acme), MergeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	acs := packed(2000)
	unpacked, _ := base64.StdEncoding.DecodeString(acs)
	five, six := int64(5), int64(6)
	replace := func(old, new string) string { return strings.Replace(full, old, new, 1) }
	const good = "whole+ members+ identities+ party+ keys-of-participant+ namespace-key? keys-of-sequencer+ migration-id+ genesis-state+ acs-snapshot+ dars+ acs-format+ timestamp+ users+"
	but := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	for _, c := range []struct {
		name, text string
		id         *int64
		says       string
	}{
		{"good", full, &five, good},
		{"slashes escaped", replace(acs, strings.ReplaceAll(acs, "/", `\/`)), &five, good},
		{"an ID that was not compared", full, nil, but("migration-id+", "migration-id?")},
		{"another ID", full, &six, but("migration-id+", "migration-id-")},
		{"contracts cut off", replace(acs, base64.StdEncoding.EncodeToString(unpacked[:len(unpacked)-5])), &five, but("acs-snapshot+", "acs-snapshot-")},
		{"contracts with something after", replace(acs, base64.StdEncoding.EncodeToString(append(bytes.Clone(unpacked), "xxxx"...))), &five, but("acs-snapshot+", "acs-snapshot-")},
		{"contracts that are no gzip", replace(acs, "AAAAAAAA"), &five, but("acs-snapshot+", "acs-snapshot-")},
		{"contracts that are no base64", replace(acs[:40], acs[:39]+"_"), &five, but("acs-snapshot+", "acs-snapshot-")},
		{"contracts with other escapes", replace(acs[:4], `H4s\u0049`), &five, but("acs-snapshot+", "acs-snapshot-")},
		{"a genesis state cut off", replace("Cr4BCg==", "Cr4BC"), &five, but("genesis-state+", "genesis-state-")},
		{"no genesis state", replace(`"genesis_state":"Cr4BCg=="`, `"genesis_state":null`), &five, but("genesis-state+", "genesis-state-")},
		{"no packages", replace(`{"hash":"`+hash+`","content":"UEsDBBQ="}`, ""), &five, but("dars+", "dars-")},
		{"a package that is none", replace("UEsDBBQ=", "AAAAAAA="), &five, but("dars+", "dars-")},
		{"the old format", replace("ledger_api", "admin_api"), &five, but("acs-format+", "acs-format?")},
		{"an unknown format", replace("ledger_api", "third_api"), &five, but("acs-format+", "acs-format-")},
		{"two times", replace("2026-01-11T08:30:00Z", "2026-01-11T08:31:00Z"), &five, but("timestamp+", "timestamp?")},
		{"no time", replace("2026-01-11T08:30:00Z", "yesterday"), &five, but("timestamp+", "timestamp-")},
		{"another node's data", replace(`"primaryParty":"Acme-SV`, `"primaryParty":"Beta-SV`), &five, but("users+", "users?")},
		{"another namespace", replace("Acme-SV::1220aa", "Acme-SV::1220bb"), &five,
			strings.Replace(but("party+", "party-"), "users+", "users?", 1)},
		{"payloads elsewhere", replace(`"separate_payload_files":false`, `"separate_payload_files":true`), &five,
			but("genesis-state+ acs-snapshot+ dars+ acs-format+ timestamp+", "payloads-")},
		{"no sequencer", replace(`"sequencer"`, `"other"`), &five, but("identities+ party+ keys-of-participant+ namespace-key? keys-of-sequencer+", "identities-")},
		{"what jq makes of a failed download", svOf(acme), &five, "whole+ members- identities+ party+ keys-of-participant+ namespace-key? keys-of-sequencer+"},
		{"something after it", full + "x", &five, "whole-"},
		{"an error", `{"error":"x"}`, &five, "shape-"},
		{"a participant's dump", participantOf("1220aa"), &five, "shape-"},
		{"an empty file", "", &five, "shape-"},
		{"a list", "[]", &five, "shape-"},
	} {
		m, err := CheckMigration(iotest.HalfReader(strings.NewReader(c.text)), c.id)
		if got := verdicts(m.Findings); err != nil || got != c.says {
			t.Errorf("%s:\n got %s\nwant %s\n%v", c.name, got, c.says, m.Findings)
		}
	}
}

// FuzzMerge: whatever is taken equals its inputs, in the bytes of every value, and is taken by the check.
func FuzzMerge(f *testing.F) {
	identities, snapshot := svOf("Acme-SV::1220aa"), snapshotOf("Acme-SV::1220aa")
	f.Add([]byte(identities), []byte(snapshot))
	f.Add([]byte(snapshot), []byte(identities))
	f.Add([]byte(`{}`), []byte(`{"migration_id":1e400}`))
	f.Fuzz(func(t *testing.T, identities, snapshot []byte) {
		var out bytes.Buffer
		m, err := Merge(&out, bytes.NewReader(identities), bytes.NewReader(snapshot), MergeOptions{})
		if err != nil {
			if !IsRefused(err) {
				t.Fatal(err)
			}
			return
		}
		mark := []byte("\ufeff")
		want := raw(t, string(bytes.TrimPrefix(snapshot, mark)))
		for _, extra := range m.Snapshot.Extra {
			delete(want, extra)
		}
		if m.Identities.Shape == SVDump {
			want["identities"] = raw(t, string(bytes.TrimPrefix(identities, mark)))["identities"]
		} else {
			want["identities"] = bytes.TrimSpace(bytes.TrimPrefix(identities, mark))
		}
		if diff := cmp.Diff(want, raw(t, out.String())); diff != "" {
			t.Fatal(diff)
		}
		if _, err := CheckMigration(&out, nil); err != nil {
			t.Fatal(err)
		}
	})
}
