package sim

import (
	"encoding/json"
	"strconv"
	"time"
)

// Network is what an app knows of the network. It is a value: who wants another view of it makes another.
type Network struct {
	DSO          string // party of the DSO
	Synchronizer string
	MigrationID  int64
	Threshold    int
	Round        int64
	RoundAt      time.Time // when the contract of Round was created; zero: a fixed day
	SVs          []Member
	Offboarded   []Member // by their old parties; a name may be among SVs again
	Votes        []Vote   // open
	Results      []Result
	Amulets      []Amulet
	Snapshots    []time.Time // record times, ascending
	// Holdings are the amulets of a snapshot; nil: Amulets, in every one.
	Holdings   func(at time.Time) []Amulet
	Hosts      map[string]string // participant by party; a party that is not there is its SV's own
	Onboarding []Onboarding      // of SVs that join
	Schedule   *Schedule
	Asked      func() // hears of each question for the open votes; nil: nobody does
	// Serial is that of the physical synchronizer that the participant of this scan's SV is on; 0: the release does not tell it.
	Serial int64
	// Physical are sequencers of physical synchronizers, beside those of SVs.
	Physical    []Physical
	Upgrade     *Upgrade     // that is announced; nil: none is
	RollForward *RollForward // that validators' apps are told of; nil: they are told nothing
}

// Physical is a sequencer of a physical synchronizer.
type Physical struct {
	SV, ID, URL string
	Serial      int64
	Available   time.Time
}

// Upgrade is a logical synchronizer upgrade that is announced.
type Upgrade struct {
	Freeze, At time.Time
	Successor  string // physical: global-domain::1220...::34-5
}

// RollForward is what validators' apps are to roll forward to by themselves.
type RollForward struct {
	At                 time.Time
	Current, Successor string // physical
}

// Member is an SV.
type Member struct {
	Name, Party, Participant string
	Weight, Joined           int64
	ScanURL, SequencerURL    string // empty: it has none
	SequencerID              string
	Available                time.Time // of its sequencer
}

// Vote is an open vote to offboard an SV.
type Vote struct {
	ContractID, Tracking string // Tracking is empty on the first version
	Requester            string // name of the SV
	Offboard             string // party
	Reason, URL          string
	Before               time.Time
	EffectiveAt          *time.Time
	Ballots              map[string]bool // by name of the SV
}

// Result is a closed vote.
type Result struct {
	Vote        Vote
	Completed   time.Time
	Outcome     string // VRO_Accepted and so on
	EffectiveAt *time.Time
}

// Amulet is a holding. Amounts are texts with ten digits after the point.
type Amulet struct {
	ContractID, Owner, Amount string
	Fees                      string // holding fees that it owes; empty: none
	Locked                    bool
	Created                   time.Time
}

// Schedule is a scheduled migration.
type Schedule struct {
	Time        time.Time
	MigrationID int64
}

// stamp prints a time as Java does: without a fraction that is zero, else in groups of three digits.
func stamp(t time.Time) string {
	t = t.UTC()
	switch n := t.Nanosecond(); {
	case n == 0:
		return t.Format("2006-01-02T15:04:05Z")
	case n%1e6 == 0:
		return t.Format("2006-01-02T15:04:05.000Z")
	}
	return t.Format("2006-01-02T15:04:05.000000Z")
}

func optional(t *time.Time) any {
	if t == nil {
		return nil
	}
	return stamp(*t)
}

// contract is the Contract of reference/apis.md 1.
func contract(template, id string, payload any) map[string]any {
	return map[string]any{"template_id": template, "contract_id": id, "payload": payload, "created_event_blob": "", "created_at": "2026-01-01T00:00:00Z"}
}

// latest is the contract of the newest mining round.
func (n Network) latest() map[string]any {
	c := contract("pkg:Splice.Round:OpenMiningRound", "00bb", map[string]any{"dso": n.DSO, "round": map[string]any{"number": strconv.FormatInt(n.Round, 10)}})
	if !n.RoundAt.IsZero() {
		c["created_at"] = stamp(n.RoundAt)
	}
	return c
}

// withState is a ContractWithState.
func (n Network) withState(c map[string]any) any {
	return map[string]any{"contract": c, "domain_id": n.Synchronizer}
}

// dso is GetDsoInfoResponse (reference/apis.md 2.5) as the SV of that party answers.
func (n Network) dso(self string) any {
	svs, offboarded, states := []any{}, []any{}, []any{}
	for _, m := range n.SVs {
		svs = append(svs, []any{m.Party, map[string]any{"name": m.Name, "joinedAsOfRound": map[string]any{"number": strconv.FormatInt(m.Joined, 10)},
			"svRewardWeight": strconv.FormatInt(m.Weight, 10), "numRewardCouponsMissed": "0", "participantId": m.Participant}})
		var sequencer any
		if m.SequencerURL != "" {
			sequencer = map[string]any{"migrationId": strconv.FormatInt(n.MigrationID, 10), "sequencerId": m.SequencerID, "url": m.SequencerURL, "availableAfter": stamp(m.Available)}
		}
		states = append(states, n.withState(contract("pkg:Splice.DSO.SvState:SvNodeState", "00aa"+m.Name, map[string]any{"dso": n.DSO, "sv": m.Party, "svName": m.Name,
			"state": map[string]any{"synchronizerNodes": []any{[]any{n.Synchronizer, map[string]any{"sequencer": sequencer}}}}})))
	}
	for _, m := range n.Offboarded {
		offboarded = append(offboarded, []any{m.Party, map[string]any{"name": m.Name, "participantId": m.Participant}})
	}
	rules := map[string]any{"dso": n.DSO, "epoch": "3", "svs": svs, "offboardedSvs": offboarded, "dsoDelegate": self, "isDevNet": false, "config": map[string]any{},
		"initialTrafficState": []any{}}
	return map[string]any{"sv_user": "sv", "sv_party_id": self, "dso_party_id": n.DSO, "voting_threshold": n.Threshold, "initial_round": nil,
		"latest_mining_round": n.withState(n.latest()),
		"amulet_rules":        n.withState(contract("pkg:Splice.AmuletRules:AmuletRules", "00cc", map[string]any{"dso": n.DSO})),
		"dso_rules":           n.withState(contract("pkg:Splice.DsoRules:DsoRules", "00dd", rules)),
		"sv_node_states":      states}
}

// payload is a VoteRequest (reference/apis.md 2.6).
func (v Vote) payload(dso string) map[string]any {
	votes := []any{}
	for name, accept := range v.Ballots {
		votes = append(votes, []any{name, map[string]any{"sv": name, "accept": accept, "reason": map[string]any{"url": "", "body": ""}, "optCastAt": nil}})
	}
	var tracking any
	if v.Tracking != "" {
		tracking = v.Tracking
	}
	return map[string]any{"dso": dso, "requester": v.Requester, "reason": map[string]any{"url": v.URL, "body": v.Reason}, "voteBefore": stamp(v.Before), "votes": votes,
		"trackingCid": tracking, "targetEffectiveAt": optional(v.EffectiveAt),
		"action": map[string]any{"tag": "ARC_DsoRules", "value": map[string]any{"dsoAction": map[string]any{"tag": "SRARC_OffboardSv", "value": map[string]any{"sv": v.Offboard}}}}}
}

func (n Network) vote(v Vote) map[string]any {
	return contract("pkg:Splice.DsoRules:VoteRequest", v.ContractID, v.payload(n.DSO))
}

func (n Network) votes() []any {
	all := []any{}
	for _, v := range n.Votes {
		all = append(all, n.vote(v))
	}
	return all
}

func (n Network) results(action *string, accepted *bool, limit int) []any {
	all := []any{}
	for _, r := range n.Results {
		if action != nil && *action != "SRARC_OffboardSv" || accepted != nil && *accepted != (r.Outcome == "VRO_Accepted") || len(all) >= limit {
			continue
		}
		var value any = map[string]any{}
		if r.EffectiveAt != nil {
			value = map[string]any{"effectiveAt": stamp(*r.EffectiveAt)}
		}
		all = append(all, map[string]any{"request": r.Vote.payload(n.DSO), "completedAt": stamp(r.Completed), "offboardedVoters": []any{}, "abstainingSvs": []any{},
			"outcome": map[string]any{"tag": r.Outcome, "value": value}})
	}
	return all
}

// created is an amulet as the event that made it. Of its arguments only the owner and the amount are played.
func (a Amulet) created(dso string) any {
	template := "splice-amulet:Splice.Amulet:Amulet"
	if a.Locked {
		template = "splice-amulet:Splice.Amulet:LockedAmulet"
	}
	return map[string]any{"event_type": "created_event", "event_id": "#" + a.ContractID + ":0", "contract_id": a.ContractID, "template_id": template, "package_name": "splice-amulet",
		"create_arguments": map[string]any{"dso": dso, "owner": a.Owner, "amount": map[string]any{"initialAmount": json.RawMessage(strconv.Quote(a.Amount))}},
		"created_at":       stamp(a.Created), "signatories": []string{dso, a.Owner}, "observers": []string{}}
}
