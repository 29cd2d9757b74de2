package reonboard

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp/dump"
	"google.golang.org/protobuf/encoding/protowire"
)

// inventedKey is a new signing key as Canton serializes it (package dump), and its fingerprint.
func inventedKey(t testing.TB) (pair, fingerprint string) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	fingerprint = dump.Fingerprint(public)
	part := func(b []byte, n protowire.Number, value []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(b, n, protowire.BytesType), value)
	}
	key := part(nil, 1, []byte(fingerprint))
	key = protowire.AppendVarint(protowire.AppendTag(key, 2, protowire.VarintType), 5)
	key = part(key, 3, der)
	return base64.StdEncoding.EncodeToString(part(nil, 1, part(nil, 1, part(nil, 2, key)))), fingerprint
}

func participantDump(namespace string, keys ...string) string {
	return fmt.Sprintf(`{"id":"PAR::Acme-SV::%s", "keys":[%s],"authorizedStoreSnapshot":"CgsKBw==","version":"0.6.4","number":12345678901234567890}`, namespace, strings.Join(keys, ","))
}

func svDump(namespace, participant string) string {
	return fmt.Sprintf(`{"identities":{"sv_party_id":"Acme-SV::%s","dso_party_id":"%s","domain_alias":"global","domain_id":"global-domain::1220dd","participant":%s,"sequencer":null,"mediator":null}}`,
		namespace, dsoOfTest, participant)
}

// written is a file that only its owner can read.
func written(t *testing.T, folder, name, text string, age time.Duration) string {
	t.Helper()
	path := filepath.Join(folder, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC).Add(-age)
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
	return path
}

const twoInKMS = `{"type":"signing","keyId":"arn:aws:kms:eu:1:key/aa","name":"namespace"},{"type":"encryption","keyId":"arn:aws:kms:eu:1:key/bb","name":"encryption"}`

func TestIdentities(t *testing.T) {
	pair, mine := inventedKey(t)
	otherPair, other := inventedKey(t)
	key := fmt.Sprintf(`{"keyPair":"%s","name":"namespace"}`, pair)
	bare := participantDump(mine, key)
	whole := svDump(mine, bare)
	foreign := strings.ReplaceAll(svDump(other, participantDump(other, fmt.Sprintf(`{"keyPair":"%s","name":"namespace"}`, otherPair))), "Acme-SV", "SV-9")
	const good = "holds shape, holds whole, holds participant, holds party, holds keys, holds namespace-key, holds topology, holds owner, holds participant-id"
	for _, c := range []struct {
		name, text string
		mode       os.FileMode
		change     func(*Facts)
		answers    map[string]string
		asked      string
		check      string
		says       string // in the first finding that does not hold
		shape      string
	}{
		{"the answer of the SV app", whole, 0o600, nil, nil, "source path", good, "", "sv-dump"},
		{"a participant's alone", bare, 0o600, nil, nil, "source path", strings.Replace(good, "holds party, ", "", 1), "", "participant-dump"},
		{"a migration dump", `{"migration_id":4,"data_snapshot":{"acs_snapshot":"H4sI"},` + whole[1:], 0o600, nil, nil, "source path", good, "", "migration-dump"},
		{"that of another SV", foreign, 0o600, nil, nil, "source path", "holds shape, holds whole, holds participant, holds party, holds keys, holds namespace-key, holds topology, violated owner",
			"but of SV-9::", ""},
		{"readable by others", whole, 0o644, nil, nil, "source path", good + ", violated private", "others on this machine can read", "sv-dump"},
		{"of the network before a reset", whole, 0o600, func(f *Facts) { f.Old.DSO = "DSO::1220ff" }, nil, "source path",
			strings.Replace(good, "holds owner", "holds owner, violated network", 1), "before a reset", "sv-dump"},
		{"another participant with the same key", whole, 0o600, func(f *Facts) { f.Old.Participant = "PAR::acme-recovered::" + mine }, nil, "source path",
			strings.Replace(good, "holds participant-id", "undetermined participant-id", 1), "acme-recovered", "sv-dump"},
		{"keys in a KMS, tried", svDump(mine, participantDump(mine, twoInKMS)), 0o600, nil, map[string]string{"kms": triedIt}, "source path kms",
			"holds shape, holds whole, holds participant, holds party, holds keys, holds topology, holds owner, holds participant-id, attention kms", "has not verified it", "sv-dump"},
		{"keys in a KMS, not tried", svDump(mine, participantDump(mine, twoInKMS)), 0o600, nil, map[string]string{"kms": notTried}, "source path kms",
			"holds shape, holds whole, holds participant, holds party, holds keys, holds topology, holds owner, holds participant-id, undetermined kms", "was not tried", "sv-dump"},
		{"made by hand from a database", bare, 0o600, nil, map[string]string{"source": "database"}, "source path", strings.Replace(good, "holds party, ", "", 1), "", "participant-dump"},
		{"nothing of the kind", `{"participant":null}`, 0o600, nil, nil, "source path", "violated shape", "no dump of identities", ""},
		{"cut off", whole[:len(whole)-200], 0o600, nil, nil, "source path", "holds shape, violated whole", "", ""},
		{"without the key of the namespace", svDump(mine, participantDump(mine, fmt.Sprintf(`{"keyPair":"%s","name":"namespace"}`, otherPair))), 0o600, nil, nil, "source path",
			strings.Replace(good, "holds namespace-key", "undetermined namespace-key", 1), "None of its keys", "sv-dump"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLostWorld(t, "Acme-SV::"+mine)
			path := written(t, t.TempDir(), "backup.json", c.text, 0)
			if err := os.Chmod(path, c.mode); err != nil {
				t.Fatal(err)
			}
			if c.change != nil {
				c.change(&l.facts)
			}
			answers := map[string]string{"source": "file", "path": path}
			for k, v := range c.answers {
				answers[k] = v
			}
			step := identities()
			if got := strings.Join(askedAlong(t, l, step, answers), " "); got != c.asked {
				t.Errorf("asked %s, want %s", got, c.asked)
			}
			found, err := step.Check(t.Context(), l.world, l.facts)
			if err != nil {
				t.Fatal(err)
			}
			if got := verdictsOf(found); got != c.check {
				t.Errorf("%s\nwant %s", got, c.check)
			}
			said := ""
			for _, f := range found {
				if f.Verdict != wire.Holds && said == "" {
					said = f.Text
				}
			}
			if !strings.Contains(said, c.says) {
				t.Errorf("%q, want %q", said, c.says)
			}
			actions, err := step.Plan(l.facts)
			if err != nil || len(actions) != 1 {
				t.Fatalf("%v, %v", actions, err)
			}
			shown, _ := json.Marshal(actions[0].Show())
			if c.shape == "" { // it may not be kept, whatever was confirmed
				if err := l.do(actions[0]); err == nil || len(l.files) != 0 {
					t.Errorf("it was kept: %v, %v", err, l.files)
				}
				return
			}
			l.send(actions, nil)
			if kept := string(l.files[IdentitiesFile]); !strings.Contains(c.text, kept) || !strings.HasPrefix(kept, `{"id":"PAR::Acme-SV::`) || !strings.HasSuffix(kept, "12345678901234567890}") {
				t.Errorf("its bytes were changed: %q", kept)
			}
			if got := l.proves(step); got != "holds kept" {
				t.Error(got)
			}
			i := l.facts.Identities
			if i.Shape != c.shape || i.Participant != "PAR::Acme-SV::"+mine || i.Keys+i.KMSKeys == 0 || i.SHA256 != sum(l.files[IdentitiesFile]) || !strings.Contains(i.Source, path) {
				t.Errorf("%+v", i)
			}
			judged, _ := json.Marshal(found)
			for _, secret := range []string{pair, otherPair} {
				if strings.Contains(l.journaled()+string(shown)+string(judged), secret) {
					t.Error("a key is shown or journaled")
				}
			}
		})
	}
}

func TestIdentitiesOfAFolder(t *testing.T) {
	pair, mine := inventedKey(t)
	otherPair, other := inventedKey(t)
	bare := participantDump(mine, fmt.Sprintf(`{"keyPair":"%s","name":"namespace"}`, pair))
	folder := t.TempDir()
	older := written(t, folder, "older.json", bare, 48*time.Hour)
	newer := written(t, folder, "newer.json", svDump(mine, bare), 24*time.Hour)
	written(t, folder, "foreign.json", participantDump(other, fmt.Sprintf(`{"keyPair":"%s","name":"namespace"}`, otherPair)), 0)
	written(t, folder, "cut.json", bare[:len(bare)-5], time.Hour)
	written(t, folder, "notes.txt", "nothing of the kind", 0)
	l := newLostWorld(t, "Acme-SV::"+mine)
	step := identities()
	for _, a := range [][2]string{{"source", "file"}, {"path", folder}} {
		if err := step.Take(&l.facts, a[0], a[1]); err != nil {
			t.Fatal(err)
		}
	}
	open, err := step.Inputs(t.Context(), l.world, l.facts)
	if err != nil || len(open) != 1 || open[0].Default != newer {
		t.Fatalf("%+v, %v", open, err)
	}
	var order []string
	for _, c := range open[0].Choices {
		order = append(order, strings.TrimSuffix(filepath.Base(c.ID), ".json")+map[bool]string{true: "", false: " refused"}[c.Refuse == ""])
	}
	if got := strings.Join(order, ", "); got != "newer, older, foreign refused, cut refused" {
		t.Errorf("%s: %+v", got, open[0].Choices)
	}
	stranger := l.facts
	stranger.Old.Party = "Acme-SV::1220" + strings.Repeat("5", 64)
	_, err = step.Inputs(t.Context(), l.world, stranger)
	if f := steps.FailureOf("", err); err == nil || f.Seen != "none of the 4 dumps in it can be used" || len(f.Detail) != 4 || !strings.Contains(f.Next, "name another") {
		t.Errorf("nothing can be chosen, and it is not said: %v", err)
	}
	if err := step.Take(&l.facts, "file", older); err != nil {
		t.Fatal(err)
	}
	found, err := step.Check(t.Context(), l.world, l.facts)
	if err != nil || wire.WorstVerdict(found) != wire.Holds {
		t.Errorf("%s, %v", verdictsOf(found), err)
	}
	for _, no := range []string{"", filepath.Join(folder, "absent.json")} {
		if err := step.Take(&l.facts, "path", no); err == nil {
			t.Errorf("%q was taken", no)
		}
	}
	if err := os.Remove(older); err != nil {
		t.Fatal(err)
	}
	if _, err := step.Check(t.Context(), l.world, l.facts); err == nil || steps.FailureOf("", err).Next == "" {
		t.Errorf("a file that went away: %v", err)
	}
}

func TestIdentitiesOfASecret(t *testing.T) {
	pair, mine := inventedKey(t)
	bare := participantDump(mine, fmt.Sprintf(`{"keyPair":"%s","name":"namespace"}`, pair))
	synctest.Test(t, func(t *testing.T) {
		l := newLostWorld(t, "Acme-SV::"+mine, acmeNode())
		if err := l.sim.LoadYAML([]byte("apiVersion: v1\nkind: Secret\nmetadata: {name: participant-bootstrap-dump, namespace: sv}\ndata: {content: " +
			base64.StdEncoding.EncodeToString([]byte(bare)) + "}\n")); err != nil {
			t.Fatal(err)
		}
		step := identities()
		if got := strings.Join(askedAlong(t, l, step, map[string]string{"source": "secret"}), " "); got != "source secret" {
			t.Error(got)
		}
		found, err := step.Check(t.Context(), l.world, l.facts)
		if err != nil || wire.WorstVerdict(found) != wire.Holds {
			t.Fatalf("%s, %v", verdictsOf(found), err)
		}
		actions, err := step.Plan(l.facts)
		l.send(actions, err)
		if !bytes.Equal(l.files[IdentitiesFile], []byte(bare)) || l.proves(step) != "holds kept" {
			t.Errorf("%+v", l.facts.Identities)
		}
		if err := step.Take(&l.facts, "secret", "sv/absent:content"); err != nil {
			t.Fatal(err)
		}
		if open, err := step.Inputs(t.Context(), l.world, l.facts); err != nil || len(open) != 1 || !strings.Contains(open[0].Text, "There is no key content of Secret absent") {
			t.Errorf("%+v, %v", open, err)
		}
		for _, no := range []string{"absent", "a b/c:d", "/:", "sv/name:"} {
			if err := step.Take(&l.facts, "secret", no); err == nil {
				t.Errorf("%q was taken", no)
			}
		}
	})
}

func TestWhereThereIsOnlyAKMSNothingGoesOnWithoutADump(t *testing.T) {
	l := newLostWorld(t, lostParty)
	step := identities()
	if err := step.Take(&l.facts, "source", string(FromKMS)); err != nil {
		t.Fatal(err)
	}
	open, err := step.Inputs(t.Context(), l.world, l.facts)
	if err != nil || len(open) != 1 || open[0].Kind != wire.AskText || open[0].Default != "" || !strings.Contains(open[0].Text, "does not go on without a dump") {
		t.Errorf("%+v, %v", open, err)
	}
}

func TestIdentitiesThatAreNotHereAnyMore(t *testing.T) {
	pair, mine := inventedKey(t)
	bare := participantDump(mine, fmt.Sprintf(`{"keyPair":"%s","name":"namespace"}`, pair))
	l := newLostWorld(t, "Acme-SV::"+mine)
	l.facts.Identities = &Identities{Source: "the file /backups/a.json", Participant: "PAR::Acme-SV::" + mine, SHA256: sum([]byte(bare))}
	for _, c := range []struct {
		name, there string
		facts       *Identities
		want        wire.Verdict
		text        string
	}{
		{"as it was proven", bare, l.facts.Identities, wire.Holds, ""},
		{"the run was imported on another machine", "", l.facts.Identities, wire.Violated, "not on this machine"},
		{"it was replaced", participantDump(mine), l.facts.Identities, wire.Violated, "is not the dump that was proven"},
		{"nothing was proven", bare, nil, wire.Violated, "no identities were proven"},
	} {
		delete(l.files, IdentitiesFile)
		if c.there != "" {
			l.files[IdentitiesFile] = []byte(c.there)
		}
		f := l.facts
		f.Identities = c.facts
		found, err := identitiesHere(l.world, f)
		if err != nil || len(found) != 1 || found[0].Verdict != c.want || !strings.Contains(found[0].Text, c.text) || c.want != wire.Holds && found[0].Next == "" {
			t.Errorf("%s: %+v, %v", c.name, found, err)
		}
	}
}
