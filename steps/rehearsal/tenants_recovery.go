package rehearsal

import (
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/svapp/dump"
)

// unasked is an import that does not take the party's contracts over, because the values do not ask for it (what happens then was not verified).
const unasked = "not asked for"

// recovery is a validator that starts with the identities of another participant: it imports their keys and topology into its own, and takes over
// the parties of their namespace (reference/apis.md 5.4). What its log says at each phase is there too; what stands around it was not verified.
func (t *tenants) recovery(s *space, in sim.Pod) *sim.Workload {
	if s.participant == nil {
		return gone(unreachable)
	}
	const file = dumpMount + "/content"
	ids, err := dump.Read(strings.NewReader(in.Files[dumpMount]["content"]))
	id := Imported(ids, in.Env[identifierVar])
	if err != nil || id == "" {
		return gone(`{"level":"ERROR","message":"Could not parse participant bootstrap dump at ` + file + `: it is no NodeIdentitiesDump"}`)
	}
	if _, remote := ids.Participant.Counts(); remote > 0 && s.participant.kms == "" { // what it says then was not verified
		return gone(`{"level":"ERROR","message":"Could not register KMS key for `+ids.Participant.ID+`: the participant has no KMS"}`, `{"level":"ERROR","message":"Initialization failed; exiting"}`)
	}
	if was := s.identities[s.participant.database]; was != "" && was != id && in.Env[identifierVar] != "" {
		return gone(`{"level":"ERROR","message":"Node has ID ` + was + ` instead of expected ID ` + id + `."}`)
	}
	s.identities[s.participant.database] = id
	if !slices.Contains(t.tried, id) {
		t.tried = append(t.tried, id)
	}
	party := in.Env[hintVar] + "::" + ids.Namespace()
	fails := t.plan.Import.Fails
	if n := t.plan.Import.Times; n > 0 && slices.Index(t.tried, id) >= n {
		fails = ""
	}
	log := phases(file, id)
	if in.Env[migrateVar] != "true" && fails == "" {
		fails = unasked
	}
	switch fails {
	case ACSMismatch:
		t.complain(s, in, `{"level":"WARN","logger_name":"c.d.c.p.p.AcsCommitmentProcessor:participant=participant/psid=global-domain","message":"ACS_COMMITMENT_MISMATCH(5,e37a6a5b): The local commitment does not match the remote commitment","error-code":"ACS_COMMITMENT_MISMATCH(5,e37a6a5b)"}`)
		w := gone(`{"level":"WARN","message":"ValidatorLicense not found"}`, `{"level":"ERROR","message":"Initialization failed: Unknown secret; exiting"}`)
		w.Log, w.NeverReady, w.Crash.After = log, true, sim.D(time.Minute)
		return w
	case MissingAuthorizers:
		t.complain(s, in, `{"level":"WARN","message":"Missing authorizers: ReferencedAuthorizations(extraKeys = Set(`+ids.Namespace()[:12]+`...))"}`, `{"level":"WARN","message":"Rejected OwnerToKeyMapping of `+id+`"}`)
		s.validator = &tenant{pod: in.Name}
		return &sim.Workload{NeverReady: true, Termination: sim.D(3 * time.Second), Log: append(log[:2:2], sim.Line{After: *sim.D(6 * time.Second), Text: `{"level":"INFO","message":"ImportTopologySnapshot"}`})}
	case unasked:
		s.validator = &tenant{pod: in.Name, ready: t.imported(in)}
		return readyAt(s.validator.ready, in.Started, log...)
	case NotMigrated:
		s.validator = &tenant{pod: in.Name, ready: t.imported(in)}
		return readyAt(s.validator.ready, in.Started, append(log, sim.Line{After: *sim.D(10 * time.Second), Text: `{"level":"WARN","message":"Party ` + party + ` was not migrated: it is hosted on several participants"}`})...)
	}
	s.validator = &tenant{pod: in.Name, party: party, users: usersOf(in), ready: t.imported(in)}
	t.books.HostAfter(s.validator.ready, party, id)
	t.books.Tend(party)
	return readyAt(s.validator.ready, in.Started, log...)
}

// imported is when a party's contracts are there. A participant that has them already needs no time for them.
func (t *tenants) imported(in sim.Pod) time.Time {
	takes := t.plan.Import.Takes
	if takes == 0 {
		takes = imports
	}
	if in.Starts > 0 {
		takes = 10 * time.Second
	}
	return in.Started.Add(t.plan.Place.paced(takes))
}

// phases are what the app's log says on the way (reference/apis.md 9.4).
func phases(file, id string) []sim.Line {
	line := func(after time.Duration, text string) sim.Line {
		return sim.Line{After: *sim.D(after), Text: `{"level":"INFO","message":"` + text + `"}`}
	}
	return []sim.Line{line(2*time.Second, "Loading participant identities dump from file with config "+file), line(4*time.Second, "Uploading node keys from dump for id "+id),
		line(8*time.Second, "AuthorizedStore snapshot is imported")}
}

// complain has the participant's log say something a little later.
func (t *tenants) complain(s *space, in sim.Pod, lines ...string) {
	after := in.Started.Sub(s.participant.started) + 10*time.Second
	for _, text := range lines {
		s.participant.life.Log = append(s.participant.life.Log, sim.Line{After: *sim.D(after), Text: text})
	}
}
