package evidence

import (
	"context"
	"time"

	"canton.example/svrescue/steps/doctor"
	"canton.example/svrescue/steps/triage"
)

// Readiness says what doctor wants to know beyond what triage does.
type Readiness struct {
	Options
	// Managed are the servers outside the cluster of whose backups something is known.
	Managed []Managed
	// Run runs a program of the operator and answers what it printed; nil: this machine does.
	Run func(ctx context.Context, argv []string) ([]byte, error)
	// Scratch is the folder of this machine in which dumps are taken or unpacked, and Room how many bytes it has free. nil: nobody can tell.
	Scratch string
	Room    func(folder string) (int64, error)
	// Copies and Acknowledged are the operator's word.
	Copies       []doctor.Copy
	Acknowledged []doctor.Acknowledgement
}

// GatherReadiness asks all sources of triage and those of doctor, as Gather does.
func GatherReadiness(ctx context.Context, r Readiness, deliver func(PieceOf[doctor.Evidence])) {
	l := newLook(ctx, r.Options)
	deliver(PieceOf[doctor.Evidence]{Source: "word", Last: true, Set: func(e *doctor.Evidence) { e.Copies, e.Acknowledged = r.Copies, r.Acknowledged }})
	gather(ctx, l, append(lifted(sources()), r.sources()...), deliver)
}

// ReadinessSources are the names of the sources that GatherReadiness asks.
func ReadinessSources() []string {
	names := Sources()
	for _, s := range (Readiness{}).sources() {
		names = append(names, s.name)
	}
	return names
}

// lifted are the sources of triage, whose evidence is a part of doctor's.
func lifted(all []source) []sourceOf[doctor.Evidence] {
	var up []sourceOf[doctor.Evidence]
	for _, s := range all {
		up = append(up, sourceOf[doctor.Evidence]{name: s.name, within: s.within,
			read: func(ctx context.Context, l *look, deliver func(func(*doctor.Evidence))) error {
				return s.read(ctx, l, func(set func(*triage.Evidence)) { deliver(func(e *doctor.Evidence) { set(&e.Evidence) }) })
			},
			failed: func(e *doctor.Evidence, r triage.Reading) { s.failed(&e.Evidence, r) }})
	}
	return up
}

type readinessSource = sourceOf[doctor.Evidence]

func (r Readiness) sources() []readinessSource {
	return []readinessSource{
		{"ways", slow, readWays, func(*doctor.Evidence, triage.Reading) {}},
		{"token", slow, readToken, func(e *doctor.Evidence, at triage.Reading) { e.Token.Reading = at }},
		{"permissions", slow, readPermissions, func(e *doctor.Evidence, at triage.Reading) { e.Permissions.Reading = at }},
		{"clock", limit, readClock, func(e *doctor.Evidence, at triage.Reading) { e.Clock.Reading = at }},
		{"pruning", limit, readSchedule, func(e *doctor.Evidence, at triage.Reading) { e.Schedule.Reading = at }},
		{"acknowledgement", limit, readAcknowledgement, func(*doctor.Evidence, triage.Reading) {}},
		{"keys and users", limit, readAccounts, func(e *doctor.Evidence, at triage.Reading) { e.KeysChanged.Reading, e.Users.Reading = at, at }},
		{"parties", limit, readParties, func(e *doctor.Evidence, at triage.Reading) { e.Parties.Reading = at }},
		{"roll-forward", limit, readRollForward, func(e *doctor.Evidence, at triage.Reading) { e.RollForward.Reading = at }},
		{"room", slow, r.readRoom, func(e *doctor.Evidence, at triage.Reading) { e.Disk.Reading = at }},
		{"managed servers", limit + 5*time.Second, r.readManaged, func(*doctor.Evidence, triage.Reading) {}},
	}
}
