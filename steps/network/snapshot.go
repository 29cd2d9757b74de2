package network

import (
	"context"
	"encoding/json"
	"fmt"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/internal/secret"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/login"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp/commitment"
)

// Where a snapshot comes from, besides fromApp and fromFile.
const (
	withForce = "force" // of the own SV app, which would refuse without
	lent      = "lent"  // of another SV
)

// toSVApp are the questions about the login to the SV app.
func toSVApp() login.Questions { return login.For("sv-app") }

func snapshot() steps.Step[Facts] {
	asks := []steps.Ask{
		{Name: "source", Kind: wire.AskChoice, Help: "app: the SV app is asked now; file: one that was fetched before; lent: that of another SV; force: as app, where the release answers in no other way"},
		{Name: "file", Kind: wire.AskText, Help: "the file with the snapshot, where it is not asked for now"},
		{Name: "lender", Kind: wire.AskChoice, Help: "the SV whose snapshot it is, where it is lent"},
	}
	return steps.Step[Facts]{
		ID: "network/snapshot", Title: "Data snapshot", Effect: wire.Observe,
		Summary: "Takes the state of the ledger at the agreed time out of the SV app, whole and checked.",
		Asks:    append(asks, toSVApp().Asks()...),
		Inputs:  snapshotInputs,
		Take:    takeSnapshot,
		Secret: func(_ context.Context, w steps.World, f Facts, ask string, value secret.String) error {
			return toSVApp().Secret(w, svApp(f), ask, value)
		},
		Seen: func(ctx context.Context, w steps.World, f Facts, ask string) bool {
			return toSVApp().Seen(ctx, w, svApp(f), ask)
		},
		Forget: func(f *Facts) { f.Taking, f.Snapshot, f.Login = Taking{}, nil, "" },
		Check:  checkSnapshot,
		Plan: func(f Facts) ([]steps.Action, error) {
			if err := needNode(f); err != nil {
				return nil, err
			}
			a, err := f.agreed()
			if err != nil {
				return nil, err
			}
			if f.Identities == nil {
				return nil, &steps.NotYet{Step: "network/identities", What: "whose the snapshot has to be"}
			}
			t := f.taking()
			want := wanted{at: a.at, migration: a.migration, party: f.Identities.Party, lender: t.Lender}
			switch t.From {
			case fromApp, withForce:
				return []steps.Action{fetchSnapshot{app: svApp(f), wanted: want, force: t.From == withForce}}, nil
			case fromFile, lent:
				return []steps.Action{copySnapshot{file: t.File, wanted: want}}, nil
			}
			return nil, &steps.NotYet{Step: "network/snapshot", What: "where the snapshot comes from"}
		},
		Verify:   verifySnapshot,
		Remedies: snapshotRemedies,
	}
}

// taking is where the snapshot comes from. Force was chosen for one time, and is for no other.
func (f Facts) taking() Taking {
	if f.Taking.From == withForce && (f.Card == nil || f.Taking.Of != f.Card.Value(ValueTimestamp)) {
		return Taking{}
	}
	return f.Taking
}

// checkSnapshot says whether the SV app can answer, and whether it may be asked with force.
func checkSnapshot(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	from := f.taking().From
	if from != fromApp && from != withForce || f.Node == nil || f.Card == nil {
		return nil, nil
	}
	var found []wire.Finding
	for _, part := range []node.Part{node.SVApp, node.Participant, node.Sequencer} {
		state, verdict, err := stands(ctx, w, *f.Node, part)
		if err != nil {
			return nil, err
		}
		s := wire.Finding{ID: "runs-" + string(part), Verdict: verdict, Text: state}
		if verdict != wire.Holds {
			s.Next = "The snapshot comes from SV app, participant and sequencer together, all of the old synchronizer: bring it up first. CometBFT stays down"
			s.Waive = "it answers all the same"
		}
		found = append(found, s)
	}
	if from == withForce {
		proof := f.proof(w)
		proof.ID = "force"
		if proof.Verdict != wire.Holds {
			proof.Verdict, proof.Waive = wire.Violated, ""
			proof.Next = "Without this proof force is not used: " + forceDanger
		}
		found = append(found, proof)
	}
	return found, nil
}

// stands says whether all workloads of a part are ready.
func stands(ctx context.Context, w steps.World, n node.Node, part node.Part) (string, wire.Verdict, error) {
	all := n.Of(part)
	if len(all) == 0 {
		return fmt.Sprintf("there is no %s", part), wire.Violated, nil
	}
	for _, c := range all {
		now, found, err := w.Kube.Workload(ctx, c.Ref.Kind, c.Ref.Namespace, c.Ref.Name)
		switch {
		case err != nil:
			return "", "", err
		case !found:
			return c.Ref.Name + " is gone", wire.Violated, nil
		case now.Replicas == 0:
			return c.Ref.Name + " is scaled to 0", wire.Violated, nil
		case now.Ready == 0:
			return c.Ref.Name + " is not ready", wire.Violated, nil
		}
	}
	return fmt.Sprintf("the %s runs", part), wire.Holds, nil
}

// forceDanger is what force can do. Older and newer releases differ, and no answer tells (reference/apis.md 3.4).
const forceDanger = "with force an older release leaves out what it has not processed yet, and a newer one answers a time that it has not reached with the contracts of its ledger's end; both stamp the agreed time on it, and nothing in the file shows that it is wrong"

// proof is whether this participant was past the agreed time, by its own logs: what has to stand beside force.
func (f Facts) proof(w steps.World) wire.Finding {
	a, err := f.agreed()
	if err == nil && f.Report != nil {
		report, sum, read := readReport(w.Files)
		if read == nil && sum == f.Report.SHA256 {
			return ownCommitment(report, a.svs, a.at)
		}
	}
	return wire.Finding{ID: "own-commitment", Verdict: wire.Undetermined, Text: "whether this participant agreed with others at the timestamp is not proven: its own report is not there",
		Next: "Look the commitments up on the participant's console with " + commitment.Lookup + ", and make the own report with that"}
}

// snapshotSource is the artifact that says what the snapshot in the artifacts is: a Snapshot, as JSON.
const snapshotSource = "snapshot-source.json"

func readSource(files steps.FileReader) (Snapshot, error) {
	var s Snapshot
	data, err := files.Read(snapshotSource)
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(data, &s)
}

func writeSource(files steps.FileWriter, s Snapshot) error {
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return files.Write(snapshotSource, append(data, '\n'))
}

// verifySnapshot reads what was taken once more.
func verifySnapshot(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
	s, err := readSource(w.Files)
	sum, size := "", int64(0)
	if err == nil {
		sum, size, err = digest(ctx, w.Files, SnapshotFile)
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil || sum != s.SHA256 || size != s.Bytes {
		return []wire.Finding{{ID: "snapshot", Verdict: wire.Violated, Text: "there is no whole snapshot in the run folder", Next: "Do this step again"}}, nil
	}
	f.Snapshot = &s
	found := []wire.Finding{
		{ID: "snapshot", Verdict: wire.Holds, Text: fmt.Sprintf("the snapshot of %s for migration ID %d is whole, from %s", s.Timestamp, s.MigrationID, s.Source),
			Evidence: []wire.Evidence{{Source: "artifacts/" + SnapshotFile, Seen: fmt.Sprintf("%d bytes, %d packages, SHA-256 %s", s.Bytes, s.DARs, s.SHA256), At: s.At}}},
		{ID: "echo", Verdict: wire.Attention, Text: "the time in it echoes what was asked for, and proves nothing of the contracts", Next: "What proves this node's own state at the time is the step Agreement"},
	}
	if s.Format == "" || s.Format == "admin_api" {
		found = append(found, wire.Finding{ID: "format", Verdict: wire.Attention, Text: "the format of the contracts is admin_api, which releases from 0.5.8 on do not read",
			Next: "Look that all SVs deploy a chart that reads it: " + plain.Line(f.Card.Value(ValueChart)) + " is agreed on"})
	}
	if s.Force {
		found = append(found, wire.Finding{ID: "forced", Verdict: wire.Attention, Text: "it was asked for with force", Next: "Tell the call, with the proof that this participant was past the time", Evidence: f.proof(w).Evidence})
	}
	if s.Lender != "" {
		found = append(found, wire.Finding{ID: "lent", Verdict: wire.Attention, Text: lentText(s.Lender), Next: "Tell the call whose data this SV starts from"})
	}
	return found, nil
}

// lentText is what is another's in a dump with a borrowed snapshot (reference/apis.md 3.2: it holds the contracts of the DSO and of that SV).
func lentText(lender string) string {
	return "the snapshot is lent by " + lender + ": its users and their rights are the lender's, and of the contracts only those of the DSO are this SV's too"
}
