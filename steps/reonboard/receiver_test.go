package reonboard

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/steps/reonboard/payment"
	"canton.example/svrescue/steps/wire"
)

const stranger = "Mallory::1220cc00000000000000000000000000000000000000000000000000000000000009"

func TestRightReceiver(t *testing.T) {
	cases := map[string]struct {
		party  string
		change func(*rig)
		want   wire.Verdict
	}{
		"the fresh SV":            {newParty, func(*rig) {}, wire.Holds},
		"the old party":           {oldParty, func(*rig) {}, wire.Violated},
		"the DSO":                 {dsoParty, func(*rig) {}, wire.Violated},
		"the DSO by the scans":    {dsoParty, func(r *rig) { r.facts.Old.DSO, r.facts.Fresh.Party = "", "" }, wire.Violated},
		"no party":                {"Acme-SV", func(*rig) {}, wire.Violated},
		"nothing":                 {"", func(*rig) {}, wire.Violated},
		"a stranger":              {stranger, func(r *rig) { r.facts.Fresh.Party = "" }, wire.Violated},
		"not who was onboarded":   {stranger, func(r *rig) { r.names = map[string]string{"Beta": stranger, "Gamma": stranger, "Delta": stranger} }, wire.Violated},
		"not onboarded yet":       {newParty, func(r *rig) { r.names = nil }, wire.Violated},
		"one scan is behind":      {newParty, func(r *rig) { r.names["Gamma"] = "" }, wire.Attention},
		"most scans say no":       {newParty, func(r *rig) { r.names["Gamma"], r.names["Beta"] = "", stranger }, wire.Violated},
		"scans of another net":    {newParty, func(r *rig) { r.facts.Old.DSO = "DSO::1220ff" }, wire.Violated},
		"one yes and one no":      {newParty, func(r *rig) { r.facts.Peers = r.facts.Peers[:2]; r.names["Gamma"] = "" }, wire.Violated},
		"nobody can be asked":     {newParty, func(r *rig) { r.facts.Peers = nil }, wire.Undetermined},
		"another SV of the rules": {"Beta::1220", func(r *rig) { r.facts.Fresh.Party = "" }, wire.Violated},
	}
	for name, c := range cases {
		inRig(t, newBank(10), func(r *rig) {
			c.change(r)
			found, err := rightReceiver(r.Context(), r.world, r.facts, c.party)
			if err != nil {
				r.Fatal(err)
			}
			f := finding(t, found, "receiver")
			if f.Verdict != c.want {
				r.Errorf("%s: %s: %s", name, f.Verdict, f.Text)
			}
			if f.Verdict != wire.Holds && f.Next == "" {
				r.Errorf("%s: nothing is said of what to do", name)
			}
		})
	}
}

func TestReceiverIsTypedAtItsEnd(t *testing.T) {
	inRig(t, newBank(10), func(r *rig) {
		s := testTransfer()
		if _, err := r.play(r.Context(), transferPlan()); err != nil {
			r.Fatal(err)
		}
		open, err := s.Inputs(r.Context(), r.world, r.facts)
		if err != nil || len(open) != 1 || strings.Contains(open[0].Text, newParty) {
			r.Fatalf("it asks %+v, %v", open, err)
		}
		for _, wrong := range []string{"", "2", oldParty[len(oldParty)-8:], newParty, "0000002", newParty[len(newParty)-9:len(newParty)-1] + "x"} {
			if s.Take(&r.facts, "receiver", wrong) == nil {
				r.Errorf("%q was taken", wrong)
			}
		}
		if err := s.Take(&r.facts, "receiver", " "+newParty[len(newParty)-8:]+" "); err != nil {
			r.Error(err)
		}
		r.facts.Transfers.Receiver = stranger // the plan was made anew for somebody else
		if open, err := s.Inputs(r.Context(), r.world, r.facts); err != nil || len(open) != 1 {
			r.Errorf("the word for one receiver counts for another: %v, %v", open, err)
		}
	})
}

// A plan that another run has stored counts, whatever this one would have planned.
func TestStoredPlanIsGoneOnWith(t *testing.T) {
	inRig(t, newBank(60, 40), func(r *rig) {
		ctx := r.Context()
		for _, s := range []string{"transfer-plan", "test-transfer"} {
			for _, step := range New().Steps {
				if step.ID == "reonboard/"+s {
					if _, err := r.play(ctx, step); err != nil {
						r.Fatal(err)
					}
				}
			}
		}
		first := r.facts.Transfers.Plan.Hash()
		r.facts.Transfers, r.facts.Run = Transfers{Test: "7", Fee: "3", Days: 1, Accepts: acceptsHere}, "r-2"
		found, err := r.play(ctx, transferPlan())
		if err != nil {
			r.Fatal(err)
		}
		if f := finding(t, found, "stored"); r.facts.Transfers.Plan.Hash() != first || !strings.Contains(f.Evidence[0].Seen, "r-1") {
			r.Errorf("it plans anew: %s", said(found))
		}
	})
}

// A stored plan that somebody changed by hand is not paid by.
func TestTamperedPlanIsRefused(t *testing.T) {
	inRig(t, newBank(60, 40), func(r *rig) {
		ctx := r.Context()
		if _, err := r.play(ctx, transferPlan()); err != nil {
			r.Fatal(err)
		}
		keep := keepIntent{accountOf(r.facts), *r.facts.Transfers.Plan}
		if p := keep.Show(); len(p.Commands) != 1 || !strings.Contains(p.Commands[0], intentKey) || !strings.Contains(p.Commands[0], payment.Tracking(oldParty, newParty, 1, 1)) && !strings.Contains(p.After, payment.Tracking(oldParty, newParty, 1, 1)) {
			r.Errorf("it shows %+v", p)
		}
		if err := keep.Do(ctx, r.hands(keep), nil); err != nil {
			r.Fatal(err)
		}
		m, _, err := r.world.Kube.ConfigMap(ctx, "validator", keep.name())
		if err != nil {
			r.Fatal(err)
		}
		other, err := payment.Make(payment.Terms{Amulets: []payment.Amount{payment.Coins(90)}, Test: payment.Coins(40)})
		if err != nil {
			r.Fatal(err)
		}
		for says, bad := range map[string]string{
			"other parties": strings.Replace(m.Data[intentKey], newParty, stranger, 1),
			"another plan":  payment.New(oldParty, newParty, payment.ByOffer, other, payment.Mark{Run: "r-9"}).Encode(),
			"its hash is":   strings.Replace(m.Data[intentKey], `"amount": "1.0000000000"`, `"amount": "90.0000000000"`, 1),
		} {
			m, err = r.world.Kube.Hands(kube.AccessKeepConfigMap("validator", keep.name()), false).UpdateConfigMap(ctx, m, map[string]string{intentKey: bad})
			if err != nil {
				r.Fatal(err)
			}
			for _, n := range []int{1, 3} {
				send := sendPayment{accountOf(r.facts), n, payment.Coins(1)}
				if err := send.Do(ctx, r.hands(send), func(wire.Progress) {}); err == nil || !strings.Contains(err.Error(), says) {
					r.Errorf("instead of %q it says %v", says, err)
				}
			}
		}
		for _, o := range r.offers {
			if o.To != newParty {
				r.Errorf("%s was paid %s", o.To, o.Amount)
			}
		}
		if len(r.offers) != 0 {
			r.Errorf("%d offers by what somebody wrote", len(r.offers))
		}
	})
}

// What names the lost SV's party in Helm values is found, and nothing of the values is shown.
func TestFinishFindsWhatNamesTheOldParty(t *testing.T) {
	inRig(t, newBank(60, 40), func(r *rig) {
		if err := r.sim.LoadScenario(sim.Scenario{Objects: helmRecord(t, "sv-new", "sv", map[string]any{"password": "hidden", "extraBeneficiaries": []any{map[string]any{"beneficiary": oldParty, "weight": 100}}}) +
			helmRecord(t, "sv-new", "scan", map[string]any{"a": "b"})}); err != nil {
			r.Fatal(err)
		}
		r.facts.Fence.Kept = []string{"pvc/participant-pg-data-0"}
		r.facts.Identities = &Identities{}
		if _, err := r.all(r.Context(), 0); err != nil {
			r.Fatal(err)
		}
		found, err := finish().Verify(r.Context(), r.world, &r.facts)
		if err != nil {
			r.Fatal(err)
		}
		f := finding(t, found, "names-old")
		if f.Verdict != wire.Attention || !strings.Contains(f.Text, "sv-new/sv") || strings.Contains(f.Text, "sv-new/scan") || strings.Contains(fmt.Sprint(found), "hidden") {
			r.Error(said(found))
		}
		for _, id := range []string{"keys", "kept", "identities-file", "validator"} {
			if finding(t, found, id).Verdict != wire.Attention {
				r.Errorf("%s: %s", id, said(found))
			}
		}
		if finding(t, found, "payments").Verdict != wire.Holds {
			r.Error(said(found))
		}
	})
}

// helmRecord is a release record of Helm's.
func helmRecord(t *testing.T, namespace, name string, values map[string]any) string {
	t.Helper()
	body, err := json.Marshal(map[string]any{"name": name, "namespace": namespace, "version": 1, "config": values, "info": map[string]any{"status": "deployed"},
		"chart": map[string]any{"metadata": map[string]any{"name": "splice-" + name, "version": "0.6.4", "apiVersion": "v2"}}})
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	if _, err := zip.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	inner := base64.StdEncoding.EncodeToString(packed.Bytes())
	return fmt.Sprintf("\n---\napiVersion: v1\nkind: Secret\ntype: helm.sh/release.v1\nmetadata:\n  name: sh.helm.release.v1.%s.v1\n  namespace: %s\n"+
		"  labels: {owner: helm, name: %s, status: deployed, version: \"1\"}\ndata: {release: %s}\n", name, namespace, name, base64.StdEncoding.EncodeToString([]byte(inner)))
}
