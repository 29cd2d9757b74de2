package reonboard

import (
	"strings"
	"testing"
	"time"

	"canton.example/svrescue/steps/reonboard/payment"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
)

func amulet(amount string) svapp.Amulet { return svapp.Amulet{Effective: svapp.Decimal(amount)} }

func TestCompare(t *testing.T) {
	at := time.Date(2026, 1, 11, 3, 0, 0, 0, time.UTC)
	cases := map[string]struct {
		free, locked string
		baseline     *Baseline
		want         wire.Verdict
		says         string
	}{
		"the same":                   {"1000.0", "", &Baseline{Unlocked: "1000", Locked: "0"}, wire.Holds, "exactly"},
		"fees since":                 {"995.5000000000", "", &Baseline{Unlocked: "1000", Locked: "0"}, wire.Holds, "4.5 less"},
		"just a hundredth":           {"990", "", &Baseline{Unlocked: "1000", Locked: "0"}, wire.Holds, "10 less"},
		"more than a hundredth":      {"989.9999999999", "", &Baseline{Unlocked: "1000", Locked: "0"}, wire.Undetermined, "10.0000000001 less"},
		"little, within a coin":      {"0.5", "", &Baseline{Unlocked: "1.5", Locked: "0"}, wire.Holds, "1 less"},
		"rewards since":              {"1200", "", &Baseline{Unlocked: "1000", Locked: "0"}, wire.Holds, "200 more"},
		"a lock has gone":            {"1000", "", &Baseline{Unlocked: "600", Locked: "400"}, wire.Holds, "exactly"},
		"locked still":               {"600", "400", &Baseline{Unlocked: "600", Locked: "400"}, wire.Holds, "exactly"},
		"nothing imported":           {"0", "", &Baseline{Unlocked: "1000", Locked: "0"}, wire.Undetermined, "1000 less"},
		"no baseline":                {"1000", "", nil, wire.Undetermined, "nothing can be compared"},
		"no baseline of the network": {"1000", "", &Baseline{}, wire.Undetermined, "nothing can be compared"},
		"big":                        {"9007199254740993.0000000001", "", &Baseline{Unlocked: "9007199254740993.0000000002"}, wire.Holds, "0.0000000001 less"},
		"eaten up by fees":           {"-0.1", "", &Baseline{Unlocked: "0"}, wire.Holds, "exactly"},
	}
	for name, c := range cases {
		held := wallet{Free: []svapp.Amulet{amulet(c.free)}}
		if c.locked != "" {
			held.Locked = []svapp.Amulet{amulet(c.locked)}
		}
		found, err := compare(held, c.baseline, at)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		f := finding(t, found, "balance")
		if f.Verdict != c.want || !strings.Contains(f.Text, c.says) {
			t.Errorf("%s: %s: %s", name, f.Verdict, f.Text)
		}
		if f.Verdict == wire.Undetermined && (f.Next == "" || f.Waive == "") {
			t.Errorf("%s: there is no way on: %+v", name, f)
		}
		if c.locked != "" && finding(t, found, "locked").Verdict != wire.Attention {
			t.Errorf("%s: nothing is said of what is locked", name)
		}
	}
}

func TestValidatorBalanceRefusesOtherWallets(t *testing.T) {
	cases := map[string]struct {
		change func(*bank)
		want   string
	}{
		"the lost SV's":         {func(*bank) {}, ""},
		"somebody else's":       {func(b *bank) { b.owner["the recovery validator"] = newParty }, "owner"},
		"one that is not ready": {func(b *bank) { b.notReady = true }, "owner"},
	}
	for name, c := range cases {
		b := newBank(1000)
		c.change(b)
		inRig(t, b, func(r *rig) {
			found, err := r.play(r.Context(), validatorBalance())
			if err != nil {
				r.Fatal(err)
			}
			violated := ""
			for _, f := range found {
				if f.Verdict == wire.Violated {
					violated = f.ID
				}
			}
			if violated != c.want {
				r.Errorf("%s: %s", name, said(found))
			}
			if (r.facts.Validator.Unlocked != "") != (c.want == "") {
				r.Errorf("%s: the facts have %q", name, r.facts.Validator.Unlocked)
			}
		})
	}
}

// A wallet that lists less than its balance is told of.
func TestUnlisted(t *testing.T) {
	plan := payment.Plan{Available: payment.Coins(100)}
	for balance, says := range map[svapp.Decimal]bool{"100.5": false, "1500": true, "-1": false} {
		if found := unlisted(wallet{Balance: svapp.Balance{EffectiveUnlocked: balance}}, plan); (len(found) > 0) != says {
			t.Errorf("%s: %s", balance, said(found))
		}
	}
}
