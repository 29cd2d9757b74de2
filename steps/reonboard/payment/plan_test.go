package payment

import (
	"math/rand/v2"
	"regexp"
	"slices"
	"testing"
)

// For any wallet: the sum of the payments and what stays is what there is, each payment can be paid, and the plan is the same in any order.
func TestPlanAddsUp(t *testing.T) {
	for seed := range uint64(1000) {
		rng := rand.New(rand.NewPCG(seed, 1))
		terms := Terms{Test: random(rng, 3), Fee: random(rng, 2), Inputs: 2 + rng.IntN(9)}
		if !terms.Test.Positive() {
			terms.Test = Coins(1)
		}
		for range rng.IntN(40) {
			terms.Amulets = append(terms.Amulets, random(rng, 12))
		}
		all := Sum(terms.Amulets...)
		p, err := Make(terms)
		if err != nil {
			if len(p.Payments) > 0 {
				t.Fatalf("seed %d: a plan with an error: %v", seed, err)
			}
			if all.Cmp(terms.Fee) > 0 && len(terms.Amulets) <= terms.Inputs {
				t.Fatalf("seed %d: %s cannot be paid with a fee of %s: %v", seed, all, terms.Fee, err)
			}
			continue
		}
		if p.Available.Cmp(all) != 0 || p.Paid().Add(p.Left).Cmp(all) != 0 || p.Left.Cmp(Amount{}) < 0 {
			t.Fatalf("seed %d: %s paid, %s left, %s there", seed, p.Paid(), p.Left, all)
		}
		for i, one := range p.Payments {
			if one.Number != i+1 || !one.Amount.Payable() {
				t.Fatalf("seed %d: %+v", seed, one)
			}
		}
		covered(t, seed, p, terms)
		shuffled := terms
		shuffled.Amulets = slices.Clone(terms.Amulets)
		rng.Shuffle(len(shuffled.Amulets), func(i, j int) {
			shuffled.Amulets[i], shuffled.Amulets[j] = shuffled.Amulets[j], shuffled.Amulets[i]
		})
		if again, err := Make(shuffled); err != nil || again.Hash() != p.Hash() {
			t.Fatalf("seed %d: the order of the amulets makes another plan", seed)
		}
	}
}

// covered pays as a wallet does, which takes the biggest amulets in, and fails where they do not suffice for the payment and its fee.
func covered(t *testing.T, seed uint64, p Plan, terms Terms) {
	t.Helper()
	pool := slices.Clone(terms.Amulets)
	for _, one := range p.Payments {
		slices.SortFunc(pool, func(a, b Amount) int { return b.Cmp(a) })
		n := min(terms.Inputs, len(pool))
		change := Sum(pool[:n]...).Sub(one.Amount).Sub(terms.Fee)
		if change.Cmp(Amount{}) < 0 {
			t.Fatalf("seed %d: payment %d of %s is short of %s", seed, one.Number, one.Amount, change)
		}
		pool = append(slices.Clone(pool[n:]), change)
	}
}

// random is an amount with up to digits digits before the point.
func random(rng *rand.Rand, digits int) Amount {
	text := []byte("0")
	for range rng.IntN(digits + 1) {
		text = append(text, byte('0'+rng.IntN(10)))
	}
	text = append(text, '.')
	for range 1 + rng.IntN(10) {
		text = append(text, byte('0'+rng.IntN(10)))
	}
	a, err := Parse(string(text))
	if err != nil {
		panic(err)
	}
	return a
}

func TestPlans(t *testing.T) {
	cases := map[string]struct {
		terms Terms
		want  []string
		left  string
	}{
		"a test, then the rest":      {Terms{Amulets: []Amount{Coins(1000)}, Test: Coins(1)}, []string{"1", "999"}, "0"},
		"less than the test":         {Terms{Amulets: []Amount{amount(t, "0.5")}, Test: Coins(1)}, []string{"0.25", "0.25"}, "0"},
		"what cannot be halved":      {Terms{Amulets: []Amount{amount(t, "0.0000000001")}, Test: Coins(1)}, []string{"0.0000000001"}, "0"},
		"fees stay":                  {Terms{Amulets: []Amount{Coins(100)}, Test: Coins(1), Fee: amount(t, "0.5")}, []string{"1", "98"}, "1"},
		"more amulets than it takes": {Terms{Amulets: []Amount{Coins(30), Coins(20), Coins(10), Coins(5)}, Test: Coins(1), Inputs: 2}, []string{"1", "59", "5"}, "0"},
		"dust stays":                 {Terms{Amulets: []Amount{Coins(10), Coins(10), amount(t, "0.1")}, Test: Coins(1), Fee: amount(t, "0.2"), Inputs: 2}, []string{"1", "18.7"}, "0.4"},
	}
	for name, c := range cases {
		p, err := Make(c.terms)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []string
		for _, one := range p.Payments {
			got = append(got, one.Amount.Words())
		}
		if !slices.Equal(got, c.want) || p.Left.Words() != c.left {
			t.Errorf("%s: pays %v and leaves %s", name, got, p.Left.Words())
		}
	}
	for name, terms := range map[string]Terms{
		"nothing there": {Test: Coins(1)}, "less than the fee": {Amulets: []Amount{Coins(1)}, Test: Coins(1), Fee: Coins(2)},
		"no test": {Amulets: []Amount{Coins(1)}}, "one input": {Amulets: []Amount{Coins(1)}, Test: Coins(1), Inputs: 1},
	} {
		if p, err := Make(terms); err == nil {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

func TestTracking(t *testing.T) {
	id := Tracking("a::1220", "b::1220", 2, 3)
	if !regexp.MustCompile(`^svrescue-[0-9a-f]{16}-2-3$`).MatchString(id) {
		t.Error(id)
	}
	seen := map[string]bool{}
	for _, x := range [][2]string{{"a", "b"}, {"b", "a"}, {"ab", ""}, {"a", "b1"}} {
		for n := 1; n < 12; n++ {
			for k := 1; k < 12; k++ {
				id := Tracking(x[0], x[1], n, k)
				if seen[id] {
					t.Errorf("%s twice", id)
				}
				seen[id] = true
			}
		}
	}
}
