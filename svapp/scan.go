package svapp

import (
	"context"
	"time"

	"canton.example/svrescue/internal/plain"
)

// DSOParty asks for the party of the DSO, which tells networks apart (reference/apis.md 7).
func (s *Scan) DSOParty(ctx context.Context) (string, error) {
	var a struct {
		Party string `json:"dso_party_id"`
	}
	err := s.do(ctx, ask{what: "read the DSO party", path: "/v0/dso-party-id", into: &a})
	return plain.Line(a.Party), err
}

// Address is a scan of the network.
type Address struct {
	Synchronizer string `json:"synchronizer"`
	SVName       string `json:"svName"`
	URL          string `json:"url"` // public
}

// Scans lists the scans of the network, as this one knows them (reference/apis.md 7).
func (s *Scan) Scans(ctx context.Context) ([]Address, error) {
	var a struct {
		Scans []struct {
			Synchronizer string `json:"domainId"`
			Scans        []struct {
				URL  string `json:"publicUrl"`
				Name string `json:"svName"`
			} `json:"scans"`
		} `json:"scans"`
	}
	if err := s.do(ctx, ask{what: "list the scans of the network", path: "/v0/scans", into: &a}); err != nil {
		return nil, err
	}
	list := []Address{}
	for _, d := range a.Scans {
		for _, one := range d.Scans {
			list = append(list, Address{Synchronizer: plain.Line(d.Synchronizer), SVName: plain.Line(one.Name), URL: plain.Line(one.URL)})
		}
	}
	return list, nil
}

// Sequencer is a sequencer of the network. From Scan.Sequencers all fields are there; DSO has the first and the last two.
type Sequencer struct {
	Synchronizer   string    `json:"synchronizer"`
	ID             string    `json:"id,omitempty"` // SEQ::name::fingerprint
	MigrationID    int64     `json:"migrationID,omitempty"`
	Serial         *int64    `json:"serial,omitempty"`        // of its physical synchronizer, where the scan tells it; MigrationID is -1 then
	AvailableAfter time.Time `json:"availableAfter,omitzero"` // participants subscribe after it
	SVName         string    `json:"svName"`
	URL            string    `json:"url"`
}

// Sequencers lists the sequencers of the network, as this scan knows them (reference/apis.md 7).
func (s *Scan) Sequencers(ctx context.Context) ([]Sequencer, error) {
	var a struct {
		Synchronizers []struct {
			ID         string `json:"domainId"`
			Sequencers []struct {
				Migration int64     `json:"migrationId"`
				Serial    *int64    `json:"synchronizerSerial,omitempty"`
				ID        string    `json:"id"`
				URL       string    `json:"url"`
				Name      string    `json:"svName"`
				After     time.Time `json:"availableAfter"`
			} `json:"sequencers"`
		} `json:"domainSequencers"`
	}
	if err := s.do(ctx, ask{what: "list the sequencers of the network", path: "/v0/dso-sequencers", into: &a}); err != nil {
		return nil, err
	}
	list := []Sequencer{}
	for _, d := range a.Synchronizers {
		for _, q := range d.Sequencers {
			list = append(list, Sequencer{Synchronizer: plain.Line(d.ID), ID: plain.Line(q.ID), MigrationID: q.Migration, Serial: q.Serial, AvailableAfter: q.After.UTC(), SVName: plain.Line(q.Name), URL: plain.Line(q.URL)})
		}
	}
	return list, nil
}

// BFTSequencer is a sequencer that orders by itself (reference/apis.md 7).
type BFTSequencer struct {
	MigrationID int64  `json:"migrationId"`
	ID          string `json:"id"`
	P2PURL      string `json:"p2pUrl"`
}

// BFTSequencers lists this SV's sequencers that order by themselves; none where CometBFT orders.
func (s *Scan) BFTSequencers(ctx context.Context) ([]BFTSequencer, error) {
	var a struct {
		All []BFTSequencer `json:"bftSequencers"`
	}
	err := s.do(ctx, ask{what: "list the ordering sequencers", path: "/v0/sv-bft-sequencers", into: &a})
	for i := range a.All {
		a.All[i].ID, a.All[i].P2PURL = plain.Line(a.All[i].ID), plain.Line(a.All[i].P2PURL)
	}
	return a.All, err
}

// ParticipantOf asks which participant hosts a party on a synchronizer; not found where none does. For a party that several
// participants host, such as the DSO party, scan answers an error (reference/apis.md 7).
func (s *Scan) ParticipantOf(ctx context.Context, synchronizer, party string) (string, bool, error) {
	var a struct {
		ID string `json:"participant_id"`
	}
	err := s.do(ctx, ask{what: "read who hosts " + plain.Line(party),
		path: "/v0/domains/" + segment(synchronizer) + "/parties/" + segment(party) + "/participant-id", into: &a})
	if absent(err) {
		return "", false, nil
	}
	return plain.Line(a.ID), err == nil, err
}

// Name is an entry of the name service.
type Name struct {
	Party      string     `json:"user"`
	Name       string     `json:"name"`
	ContractID string     `json:"contract_id,omitempty"` // empty: built in, of an SV or the DSO
	ExpiresAt  *time.Time `json:"expires_at,omitempty"`
}

// NameOf asks for the name of a party; not found where it has none (reference/apis.md 7).
func (s *Scan) NameOf(ctx context.Context, party string) (Name, bool, error) {
	return s.name(ctx, "read the name of "+plain.Line(party), "/v0/ans-entries/by-party/"+segment(party))
}

// Named asks for the party of a name; not found where nobody has it (reference/apis.md 7).
func (s *Scan) Named(ctx context.Context, name string) (Name, bool, error) {
	return s.name(ctx, "read who is named "+plain.Line(name), "/v0/ans-entries/by-name/"+segment(name))
}

func (s *Scan) name(ctx context.Context, what, path string) (Name, bool, error) {
	var a struct {
		Entry Name `json:"entry"`
	}
	err := s.do(ctx, ask{what: what, path: path, into: &a})
	if absent(err) {
		return Name{}, false, nil
	}
	a.Entry.Party, a.Entry.Name, a.Entry.ContractID = plain.Line(a.Entry.Party), plain.Line(a.Entry.Name), plain.Line(a.Entry.ContractID)
	return a.Entry, err == nil, err
}

// Schedule is a migration of the network that is scheduled.
type Schedule struct {
	Time        time.Time `json:"time"`
	MigrationID int64     `json:"migration_id"`
}

// Schedule asks for the migration that is scheduled; not found where none is (reference/apis.md 7).
func (s *Scan) Schedule(ctx context.Context) (Schedule, bool, error) {
	var a Schedule
	err := s.do(ctx, ask{what: "read the scheduled migration", path: "/v0/migrations/schedule", into: &a})
	if absent(err) {
		return Schedule{}, false, nil
	}
	return a, err == nil, err
}
