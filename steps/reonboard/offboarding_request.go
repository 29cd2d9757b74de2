package reonboard

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// requestVote writes what another SV needs: the lost node cannot ask for the vote itself.
func requestVote() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "reonboard/request-vote", Title: "Request the vote", Effect: wire.Observe,
		Summary: "Writes the text for the other SVs, and the request that one of them sends to open the vote.",
		Plan: func(f Facts) ([]steps.Action, error) {
			switch {
			case f.Old.Party == "":
				return nil, &steps.NotYet{Step: "reonboard/lost-sv", What: "which SV was lost"}
			case !f.Vote.Offboarded.IsZero():
				return nil, nil
			}
			return []steps.Action{writeRequest{old: f.Old}}, nil
		},
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			if !f.Vote.Offboarded.IsZero() {
				return []wire.Finding{{ID: "request", Verdict: wire.Holds, Text: f.Old.SV + " is offboarded already: no vote is needed"}}, nil
			}
			state, evidence, err := writeRequest{old: f.Old}.Probe(ctx, w)
			if err != nil {
				return nil, err
			}
			if state != wire.ActionDone {
				return []wire.Finding{{ID: "request", Verdict: wire.Violated, Text: "the request is not in the run folder", Next: "Do this step again", Evidence: evidence}}, nil
			}
			return []wire.Finding{{ID: "request", Verdict: wire.Holds, Text: "artifacts/" + requestText + " holds the text for the operators' chat, artifacts/" + requestBody + " the request"}}, nil
		},
		Stays: "two files in the run folder were written; nothing was sent",
	}
}

// The artifacts with what another SV needs to ask for the vote.
const (
	requestText = "offboarding-request.md"
	requestBody = "offboarding-request.json"
)

// votingTime is for how long the vote is proposed to be open, in microseconds: 7 days. Whoever asks for it may choose another.
const votingTime = "604800000000"

// requester stands where the party of the SV belongs that asks for the vote.
const requester = "PARTY-OF-YOUR-SV"

// body is the request that opens the vote (reference/apis.md 2.6). requester is the party of the SV that sends it, not its name.
func body(old Old) []byte {
	type variant struct {
		Tag   string `json:"tag"`
		Value any    `json:"value"`
	}
	request := struct {
		Requester   string  `json:"requester"`
		Action      variant `json:"action"`
		URL         string  `json:"url"`
		Description string  `json:"description"`
		Expiration  struct {
			Microseconds string `json:"microseconds"`
		} `json:"expiration"`
	}{Requester: requester, Description: fmt.Sprintf("The node of %s is lost. It is offboarded so that its operator can recover its Amulets and onboard it again.", old.SV),
		Action: variant{"ARC_DsoRules", map[string]any{"dsoAction": variant{offboardAction, map[string]string{"sv": old.Party}}}}}
	request.Expiration.Microseconds = votingTime
	data, _ := json.MarshalIndent(request, "", "  ")
	return append(data, '\n')
}

// text is what is pasted into the operators' chat.
func text(old Old) []byte {
	network := old.Network
	if network != "" {
		network = " on " + network
	}
	return fmt.Appendf(nil, `We have lost the node of %[1]s%[2]s and ask you to offboard it.

Party to offboard:  %[3]s
DSO:                %[4]s

The lost node cannot ask for the vote: another SV must. Until it is offboarded its Amulets cannot be recovered. The same SV will be onboarded anew with a new party.

In the web UI of your SV: open a new vote request, choose the action "Offboard Member" (its name on the ledger is %[5]s), and choose the member %[1]s. Compare the party with the one above before you submit. The wording of the UI differs between releases.

Or by the API of your SV app. Put the party of YOUR SV in the place of %[6]s; the url may name a ticket. The vote is open for 7 days (in microseconds), and takes effect when enough have accepted it:

%[7]s

It answers 200 without a body. Then everybody else: please vote, and accept, on the vote request for this party.
`, old.SV, network, old.Party, old.DSO, offboardAction, requester, command(body(old)))
}

// writeRequest writes them into the run folder.
type writeRequest struct{ old Old }

func (r writeRequest) Key() string         { return "write the request for the vote" }
func (r writeRequest) Effect() wire.Effect { return wire.Observe } // nothing outside the run folder changes
func (r writeRequest) Refs() []steps.Ref {
	return []steps.Ref{{File: requestText}, {File: requestBody}}
}

func (r writeRequest) Show() wire.Preview {
	return wire.Preview{Title: "write the text and the request for another SV into the run folder",
		Commands: []string{command(body(r.old))},
		After:    "artifacts/" + requestText + ", to be pasted into the operators' chat, and artifacts/" + requestBody + ". Nothing is sent from here"}
}

// command is how the operator of another SV sends the request. The token is theirs.
func command(body []byte) string {
	return "cat > offboard.json <<'END'\n" + string(body) + "END\n" +
		`curl -sS -f -X POST -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' --data @offboard.json https://sv.sv.YOUR-HOST/api/sv/v0/admin/sv/voterequest/create`
}

func (r writeRequest) Trial(context.Context, steps.Hands) ([]wire.Finding, error) { return nil, nil }

func (r writeRequest) Probe(_ context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	for name, wanted := range map[string][]byte{requestText: text(r.old), requestBody: body(r.old)} {
		there, err := w.Files.Read(name)
		if err != nil || !bytes.Equal(there, wanted) {
			return wire.ActionPending, []wire.Evidence{{Source: name, Seen: "is not written yet"}}, nil
		}
	}
	return wire.ActionDone, []wire.Evidence{{Source: requestText, Seen: "is written"}}, nil
}

func (r writeRequest) Do(_ context.Context, h steps.Hands, _ func(wire.Progress)) error {
	if err := h.Files.Write(requestBody, body(r.old)); err != nil {
		return err
	}
	return h.Files.Write(requestText, text(r.old))
}
