package rehearsal

import (
	"bytes"
	"cmp"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	svapp "canton.example/svrescue/svapp/sim"

	"canton.example/svrescue/svapp/dump"
	"google.golang.org/protobuf/encoding/protowire"
	"k8s.io/utils/clock"
)

// Books is the network's ledger of a scenario in which votes, onboardings and transfers are part of the world.
type Books struct {
	Coins                   []svapp.Coin
	Votes                   []svapp.VotePlan
	Unasked                 bool // the others vote by themselves; else from when a scan is first asked for open votes, as if the request had reached them
	HoldingFee, TransferFee string
	FreeTransfers           bool
	MaxInputs               int
	Faults                  []svapp.Fault
	OfferLasts              time.Duration // the longest that the first offer is good for: days would be too long for a rehearsal; 0: as it was asked for
	Lying                   int           // how many scans show the lost SV as one still, and more of its money than there was
	Import                  Import
	Place                   Place
}

// Place is where the network of a ledger is, and how fast it acts; zero: as in a rehearsal.
type Place struct {
	SV    string  // that was lost
	Hosts string  // of the others' apps, from "scan" or "sv" and a number: %s.sv-%02d.rehearsal.example
	Pace  float64 // how many times faster than in a rehearsal what takes time by itself is done
}

// paced is how long something takes here.
func (p Place) paced(d time.Duration) time.Duration {
	return time.Duration(float64(d) / cmp.Or(p.Pace, 1))
}

func (p Place) lost() holder { return holderOf(cmp.Or(p.SV, svName)) }

// host is that of an app of another SV.
func (p Place) host(app string, i int) string {
	return fmt.Sprintf(cmp.Or(p.Hosts, "%s.sv-%02d.rehearsal.example"), app, i+1)
}

// Import is how a validator that starts from identities takes over what their party owns.
type Import struct {
	Takes time.Duration // 0: three minutes
	// Fails is the way in which it fails, ACSMismatch and so on; empty: it does not. Times is with how many identifiers it fails; 0: with each.
	Fails string
	Times int
}

// The ways in which an import fails (reference/deployment.md 9.5).
const (
	ACSMismatch        = "ACS_COMMITMENT_MISMATCH"
	MissingAuthorizers = "Missing authorizers"
	NotMigrated        = "not migrated"
)

// Timing of the ledger of a rehearsal.
const (
	ingested  = 3 * time.Second  // until a wallet knows
	completed = 20 * time.Second // from acceptance until the money has moved
	imports   = 3 * time.Minute
	snapshots = 30 * time.Minute // between two of holdings
	confirms  = 15 * time.Second // between two confirmations of an onboarding
	joins     = time.Minute      // from the last one to the end
)

// holder is an SV of a rehearsal by the key of its participant's namespace. The key follows from the name: it is a stand-in, and opens nothing.
type holder struct {
	name string
	key  ed25519.PrivateKey
}

func holderOf(name string) holder {
	seed := sha256.Sum256([]byte("stand-in for rehearsals: namespace key of " + name))
	return holder{name, ed25519.NewKeyFromSeed(seed[:])}
}

// fingerprint names the namespace, as Canton does.
func (h holder) fingerprint() string { return dump.Fingerprint(h.key.Public().(ed25519.PublicKey)) }
func (h holder) party() string       { return h.name + "::" + h.fingerprint() }
func (h holder) participant() string { return "PAR::" + h.party() }

// pair is the key as a dump has it (svapp/dump reads it).
func (h holder) pair() (string, error) {
	der, err := x509.MarshalPKCS8PrivateKey(h.key)
	if err != nil {
		return "", err
	}
	number := func(b []byte, n protowire.Number, v uint64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(b, n, protowire.VarintType), v)
	}
	inside := func(b []byte, n protowire.Number, v []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(b, n, protowire.BytesType), v)
	}
	const pkcs8 = 5
	private := number(number(inside(number(inside(nil, 1, []byte(h.fingerprint())), 2, pkcs8), 3, der), 5, 1), 6, 1)
	return base64.StdEncoding.EncodeToString(number(inside(nil, 1, inside(nil, 1, inside(nil, 2, private))), 2, 30)), nil
}

// dumped is the identities backup of the SV's node in the shape of reference/apis.md 5.1.
func (h holder) dumped() ([]byte, error) { return h.dumpedBy(release) }

// dumpedBy is that backup as an app of a release made it.
func (h holder) dumpedBy(release string) ([]byte, error) { return h.dumpedWith(release, nil) }

// dumpedRemote is the same of a node whose participant has its keys in a KMS (reference/apis.md 5.2).
func (h holder) dumpedRemote() ([]byte, error) {
	return h.dumpedWith(release, func(name string) any {
		return map[string]any{"type": "signing", "keyId": "arn:aws:kms:eu-central-1:000000000000:key/stand-in-" + name, "name": name}
	})
}

// dumpedWith is the backup with the participant's keys as they are told; nil: as pairs.
func (h holder) dumpedWith(release string, participants func(name string) any) ([]byte, error) {
	pair, err := h.pair()
	if err != nil {
		return nil, err
	}
	node := func(id string, keys ...any) any {
		return map[string]any{"id": id, "keys": append([]any{}, keys...), "authorizedStoreSnapshot": base64.StdEncoding.EncodeToString([]byte("stand-in for the topology of " + id)), "version": release}
	}
	key := func(name string) any { return map[string]any{"keyPair": pair, "name": name} }
	if participants == nil {
		participants = key
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetIndent("", "  ")
	err = encoder.Encode(map[string]any{"identities": map[string]any{"sv_party_id": h.party(), "dso_party_id": dsoParty, "domain_alias": "global", "domain_id": syncID,
		"participant": node(h.participant(), participants("namespace"), participants("signing")), "sequencer": node("SEQ::sequencer::"+h.fingerprint(), key("signing")), "mediator": node("MED::mediator::"+h.fingerprint(), key("signing"))}})
	return text.Bytes(), err
}

// lost is the SV that the rehearsals of a re-onboarding are about.
func lost() holder { return Place{}.lost() }

// open makes the ledger of a scenario. took is called when a wallet has changed something, before its client is told.
func (b Books) open(clk clock.Clock, took func()) *svapp.Ledger {
	member := func(h holder, scan string) svapp.Member {
		return svapp.Member{Name: h.name, Party: h.party(), Participant: h.participant(), Weight: 10000, Joined: 3, ScanURL: scan}
	}
	o := svapp.LedgerOptions{Clock: clk, DSO: dsoParty, Synchronizer: syncID, SVs: []svapp.Member{member(b.Place.lost(), "http://scan.acme.rehearsal.example")}, Coins: b.Coins,
		HoldingFee: b.HoldingFee, TransferFee: b.TransferFee, FreeTransfers: b.FreeTransfers, MaxInputs: b.MaxInputs, Ingest: b.Place.paced(ingested), Complete: b.Place.paced(completed), SnapshotEvery: b.Place.paced(snapshots), Votes: b.Votes, VotesOnAsking: !b.Unasked, Faults: b.Faults, OfferLasts: b.OfferLasts, Took: took}
	for i := range others {
		o.SVs = append(o.SVs, member(holderOf(nameOfPeer(i)), "http://"+b.Place.host("scan", i)))
	}
	l, err := svapp.NewLedger(o)
	if err != nil {
		panic(fmt.Sprintf("rehearsal: a ledger that cannot be: %v", err)) // the data of this package
	}
	return l
}

// lies is how a lying scan sees the network.
func (b Books) lies() svapp.Sight {
	party := b.Place.lost().party()
	return svapp.Sight{StillSV: party, Owns: map[string]string{party: "99999999.0000000000"}}
}
