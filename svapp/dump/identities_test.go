package dump

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"

	"google.golang.org/protobuf/encoding/protowire"
)

// message puts fields together: pairs of a number and what it holds.
func message(parts ...any) []byte {
	var b []byte
	for i := 0; i < len(parts); i += 2 {
		n := protowire.Number(parts[i].(int))
		switch v := parts[i+1].(type) {
		case int:
			b = protowire.AppendVarint(protowire.AppendTag(b, n, protowire.VarintType), uint64(v))
		case string:
			b = protowire.AppendString(protowire.AppendTag(b, n, protowire.BytesType), v)
		case []byte:
			b = protowire.AppendBytes(protowire.AppendTag(b, n, protowire.BytesType), v)
		}
	}
	return b
}

// pairOf is a signing key as Canton serializes it, with the fingerprint that it says it has.
func pairOf(t testing.TB, private any, fingerprint string) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	key := message(1, fingerprint, 2, formatPKCS8, 3, der, 5, 1, 6, 1)
	return base64.StdEncoding.EncodeToString(message(1, message(1, message(2, key)), 2, 30))
}

// invented is a new key and its fingerprint.
func invented(t testing.TB, curve bool) (private any, fingerprint string) {
	t.Helper()
	if curve {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		form, _ := hashedForm(key)
		return key, Fingerprint(form)
	}
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key, Fingerprint(public)
}

func participantOf(namespace string, keys ...string) string {
	return fmt.Sprintf(`{"id":"PAR::Acme-SV::%s","keys":[%s],"authorizedStoreSnapshot":"CgsKBw==","version":"0.6.11"}`, namespace, strings.Join(keys, ","))
}

func fullOf(namespace, participant string) string {
	return fmt.Sprintf(`{"sv_party_id":"Acme-SV::%s","dso_party_id":"DSO::1220dd","domain_alias":"global","domain_id":"global-domain::1220dd",
		"participant":%s,"sequencer":{"id":"SEQ::sv1::1220","keys":[]},"mediator":null}`, namespace, participant)
}

func entry(pair, name string) string { return fmt.Sprintf(`{"keyPair":"%s","name":"%s"}`, pair, name) }

func read(t testing.TB, text string) Identities {
	t.Helper()
	i, err := Read(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// verdicts are those of the findings in one line: "shape+ whole+ keys-".
func verdicts(found []Finding) string {
	sign := map[Verdict]string{Holds: "+", Violated: "-", NotDetermined: "?"}
	var all []string
	for _, f := range found {
		all = append(all, f.ID+sign[f.Verdict])
	}
	return strings.Join(all, " ")
}

func TestShapes(t *testing.T) {
	private, namespace := invented(t, false)
	other, foreign := invented(t, true)
	right, second := entry(pairOf(t, private, namespace), "namespace"), entry(pairOf(t, other, foreign), "signing")
	kms := `{"type":"signing","keyId":"arn:aws:kms:x","name":"namespace"}`
	node := participantOf(namespace, right, second)
	full := fullOf(namespace, node)
	const good = "shape+ whole+ participant+ party+ keys+ namespace-key+ topology+"
	for _, c := range []struct {
		name, text string
		shape      Shape
		says       string
	}{
		{"the SV app's answer", `{"identities":` + full + `}`, SVDump, good},
		{"with blanks around", " \n{ \"identities\" : " + full + " }\n", SVDump, good},
		{"with a mark of its encoding", "\ufeff" + full, SVDumpUnwrapped, good},
		{"without its wrapper", full, SVDumpUnwrapped, good},
		{"a participant's alone", node, ParticipantDump, "shape+ whole+ participant+ party? keys+ namespace-key+ topology+"},
		{"a migration dump", `{"migration_id":5,"data_snapshot":{"acs_snapshot":"` + strings.Repeat("H4sI", 100000) + `"},"identities":` + full + `,"created_at":"x"}`,
			MigrationDump, good},
		{"keys in a KMS", fullOf(namespace, participantOf(namespace, kms)), SVDumpUnwrapped, "shape+ whole+ participant+ party+ keys+ namespace-key? topology+"},
		{"both kinds", fullOf(namespace, participantOf(namespace, kms, right)), SVDumpUnwrapped, good},
		{"a KMS key without a name", fullOf(namespace, participantOf(namespace, `{"type":"signing","keyId":"k"}`)), SVDumpUnwrapped,
			"shape+ whole+ participant+ party+ keys- namespace-key? topology+"},
		{"keys of a form that is not known", fullOf(namespace, participantOf(namespace, entry("aW52ZW50ZWQ=", "namespace"))), SVDumpUnwrapped,
			"shape+ whole+ participant+ party+ keys+ namespace-key? topology+"},
		{"only other keys", fullOf(namespace, participantOf(namespace, second)), SVDumpUnwrapped, "shape+ whole+ participant+ party+ keys+ namespace-key? topology+"},
		{"a key that is not its fingerprint's", fullOf(namespace, participantOf(namespace, entry(pairOf(t, other, namespace), "namespace"))), SVDumpUnwrapped,
			"shape+ whole+ participant+ party+ keys- namespace-key- topology+"},
		{"a key that is not base64", fullOf(namespace, participantOf(namespace, entry("%%", "namespace"))), SVDumpUnwrapped,
			"shape+ whole+ participant+ party+ keys- namespace-key? topology+"},
		{"another SV's party", fullOf(foreign, node), SVDumpUnwrapped, "shape+ whole+ participant+ party- keys+ namespace-key+ topology+"},
		{"no keys", fullOf(namespace, participantOf(namespace)), SVDumpUnwrapped, "shape+ whole+ participant+ party+ keys- topology+"},
		{"no topology", strings.Replace(full, `"authorizedStoreSnapshot":"CgsKBw==",`, "", 1), SVDumpUnwrapped,
			"shape+ whole+ participant+ party+ keys+ namespace-key+ topology-"},
		{"topology that is not base64", strings.Replace(full, "CgsKBw==", "Cgs_Bw==", 1), SVDumpUnwrapped,
			"shape+ whole+ participant+ party+ keys+ namespace-key+ topology-"},
		{"a sequencer's", strings.Replace(node, "PAR::", "SEQ::", 1), ParticipantDump, "shape+ whole+ participant-"},
		{"no participant", `{"identities":{"sv_party_id":"Acme-SV::1220aa"}}`, SVDump, "shape+ whole+ participant-"},
		{"a wrapper around nothing", `{"identities":null}`, SVDump, "shape+ whole+ participant-"},
		{"cut off", full[:len(full)-40], SVDumpUnwrapped, "shape+ whole-"},
		{"cut off in the keys", full[:strings.Index(full, `"keys"`)+40], SVDumpUnwrapped, "shape+ whole-"},
		{"cut off at once", `{"identi`, Unknown, "shape- whole-"},
		{"damaged", strings.Replace(full, `"keys":[`, `"keys":[,`, 1), SVDumpUnwrapped, "shape+ whole-"},
		{"twice the same name", strings.Replace(full, `"domain_alias"`, `"sv_party_id"`, 1), Unknown, "shape- whole-"},
		{"something after it", full + "x", SVDumpUnwrapped, "shape+ whole-"},
		{"a saved error", `{"error":"The supplied authentication is not authorized"}`, Unknown, "shape-"},
		{"a data snapshot", `{"migration_id":5,"data_snapshot":{},"participant_users":{},"created_at":""}`, Unknown, "shape-"},
		{"other JSON", `{"id":1,"keys":"none"}`, Unknown, "shape-"},
		{"a list", `[1]`, Unknown, "shape-"},
		{"what jq writes for nothing", "null\n", Unknown, "shape-"},
		{"a page", "<html>503</html>", Unknown, "shape-"},
		{"nothing", "", Unknown, "shape-"},
	} {
		i := read(t, c.text)
		if i.Shape != c.shape {
			t.Errorf("%s: %s, want %s", c.name, i.Shape, c.shape)
		}
		if got := verdicts(i.Check()); got != c.says {
			t.Errorf("%s:\n got %s\nwant %s\n%+v", c.name, got, c.says, i.Check())
		}
		halves, err := Read(iotest.HalfReader(strings.NewReader(c.text)))
		if err != nil || verdicts(halves.Check()) != c.says {
			t.Errorf("%s: read in parts it is %s, %v", c.name, verdicts(halves.Check()), err)
		}
	}
}

func TestCounts(t *testing.T) {
	_, namespace := invented(t, false)
	n := read(t, participantOf(namespace, entry("AA==", "a"), entry("AA==", "b"), `{"type":"encryption","keyId":"k","name":"c"}`)).Participant
	if pairs, kms := n.Counts(); pairs != 2 || kms != 1 || n.Version != "0.6.11" || n.Topology != 4 {
		t.Fatalf("%d pairs, %d in a KMS, %+v", pairs, kms, n)
	}
}

// A participant's dump comes out of every shape as the bytes that went in; where there is none, nothing comes out.
func TestExtract(t *testing.T) {
	node := "{ \"id\" : \"PAR::Acme-SV::1220aa\",\n \"keys\":[ {\"keyPair\":\"AA\\u003d=\",\"extra\":12345678901234567890} ], \"authorizedStoreSnapshot\":\"CgsKBw==\" }"
	full := fullOf("1220aa", node)
	for name, text := range map[string]string{"wrapped": `{"identities":` + full + `}`, "unwrapped": full, "bare": "\n" + node + "\n",
		"migration": `{"data_snapshot":{},"identities":` + full + `}`} {
		got, err := Extract(strings.NewReader(text), read(t, text).Shape)
		if err != nil || string(got) != node {
			t.Errorf("%s: %v\n%s", name, err, got)
		}
	}
	for name, text := range map[string]string{"no participant": `{"identities":{"sv_party_id":"x"}}`, "an error": `{"error":"x"}`, "null": "null", "nothing": "",
		"a participant that is null": `{"identities":{"participant":null}}`} {
		if got, err := Extract(strings.NewReader(text), read(t, text).Shape); !errors.Is(err, ErrNoParticipant) || got != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	cut := `{"identities":` + full
	if got, err := Extract(strings.NewReader(cut), SVDump); err == nil || got != nil {
		t.Errorf("a file that is cut off gives %q", got)
	}
}

// Nothing of a key is in what is told of a dump, also where the dump is not what it should be.
func TestNoKeyIsTold(t *testing.T) {
	private, namespace := invented(t, false)
	pair := pairOf(t, private, namespace)
	good := fullOf(namespace, participantOf(namespace, entry(pair, "namespace")))
	for _, text := range []string{good, good[:len(good)-5], strings.Replace(good, `"keys":[`, `"keys":["`+pair+`",`, 1), strings.Replace(good, `"id":"PAR`, `"id":"`+pair+` PAR`, 1)[:40] + `"}`,
		strings.Replace(good, "keyPair", "keypair_", 1)} {
		i := read(t, text)
		if said := fmt.Sprintf("%+v %+v", i.Check(), i.Broken); strings.Contains(said, pair[:20]) {
			t.Errorf("the key is in %s", said)
		}
	}
}

// The fingerprint is the hash of the purpose and the key, worked out elsewhere for a key of zeros.
func TestFingerprint(t *testing.T) {
	if got := Fingerprint(make([]byte, 32)); got != "1220ea618da83b6c6b2c4557ffa17d722045169f52b8f50f3b31fc867e266de7e53d" {
		t.Fatal(got)
	}
}

func FuzzRead(f *testing.F) {
	full := fullOf("1220aa", participantOf("1220aa", entry("AA==", "namespace")))
	for _, s := range []string{full, `{"identities":` + full + `}`, participantOf("1220aa"), "null", "", "{"} {
		f.Add([]byte(s))
	}
	f.Add(message(1, message(1, message(2, message(1, "1220", 2, 5, 3, []byte{1})))))
	f.Fuzz(func(t *testing.T, text []byte) {
		readPair(bytes.Clone(text))
		i, err := Read(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		found := i.Check()
		got, err := Extract(bytes.NewReader(text), i.Shape)
		if err == nil && i.Broken == "" && i.Participant != nil && i.Participant.ID != "" && i.Participant.hasKeys {
			again := read(t, string(got))
			if again.Participant == nil || again.Participant.ID != i.Participant.ID || len(again.Participant.Keys) != len(i.Participant.Keys) {
				t.Fatalf("what was extracted is %+v, and was %+v", again, i)
			}
		}
		if i.Shape == Unknown && Overall(found) != Violated {
			t.Fatalf("unknown, and %+v", found)
		}
	})
}

// Whose a dump is shows in its party and in the namespace of its participant.
func TestOwner(t *testing.T) {
	for _, c := range []struct {
		text, party string
		own, whole  bool
	}{
		{svOf("Acme-SV::1220aa"), "Acme-SV::1220aa", true, true},
		{svOf("Acme-SV::1220aa"), "Acme-SV::1220bb", false, true},
		{svOf("Acme-SV::1220aa"), "Beta-SV::1220aa", false, true},
		{participantOf("1220aa"), "Acme-SV::1220aa", true, false},
		{participantOf("1220aa"), "Acme-SV::1220bb", false, false},
		{fullOf("1220bb", participantOf("1220aa")), "Acme-SV::1220bb", false, false},
		{`{"identities":null}`, "Acme-SV::1220bb", false, false},
	} {
		if i := read(t, c.text); i.Owner(c.party) != c.own || i.Whole() != c.whole {
			t.Errorf("%.60s of %s: %v, whole %v", c.text, c.party, i.Owner(c.party), i.Whole())
		}
	}
}
