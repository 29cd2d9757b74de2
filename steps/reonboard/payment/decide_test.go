package payment

import (
	"strings"
	"testing"
	"time"
)

var at = time.Date(2026, 1, 11, 3, 0, 0, 0, time.UTC)

// stored is an intent of two payments, of which the first has an attempt in that state; "": none.
func stored(t *testing.T, kind Kind, s State) Intent {
	t.Helper()
	plan, err := Make(Terms{Amulets: []Amount{Coins(100)}, Test: Coins(1)})
	if err != nil {
		t.Fatal(err)
	}
	in := New("old::1220aa", "new::1220bb", kind, plan, Mark{By: "ann"})
	if s == "" {
		return in
	}
	hundred, none := Coins(100), Coins(0)
	in, err = in.begun(1, Attempt{Amount: in.Planned(1), Expires: at.Add(24 * time.Hour), Log: "log", Before: Balances{&hundred, &none}}, false)
	if err != nil {
		t.Fatal(err)
	}
	return in.seen(1, func(a *Attempt) {
		if a.State = s; s == Failed {
			a.Failure = "expired"
		}
	})
}

func TestDecide(t *testing.T) {
	hundred, less, none, one := Coins(100), Coins(99), Coins(0), Coins(1)
	moved, still := Balances{&less, &one}, Balances{&hundred, &none}
	cases := []struct {
		name  string
		kind  Kind
		state State
		o     Observation
		want  Next
		after State
	}{
		{"it begins", ByOffer, "", Observation{Status: Missing, Listed: Missing}, Store, Sending},
		{"what nobody answers does not begin", ByOffer, "", Observation{Listed: Missing}, Look, ""},
		{"what cannot be listed does not begin", ByOffer, "", Observation{Status: Missing}, Look, ""},
		{"it was sent by hand", ByOffer, "", Observation{Status: Found, State: Created, Listed: Found}, Store, Created},
		{"it was sent by hand, and only the list shows it", ByOffer, "", Observation{Status: Missing, Listed: Found}, Store, Created},
		{"it was sent by hand, and accepted", ByOffer, "", Observation{Status: Found, State: Accepted, Listed: Found, ListedAccepted: true}, Store, Accepted},
		{"it was sent by hand, and rejected", ByOffer, "", Observation{Status: Found, State: Failed, Failure: "rejected", Listed: Missing}, Store, Failed},
		{"it was sent by hand, and of how much nothing tells", ByOffer, "", Observation{Status: Found, State: Completed, Listed: Missing}, Ask, ""},
		{"it is stored", ByOffer, Sending, Observation{Status: Missing, Listed: Missing}, Send, Sending},
		{"no answer", ByOffer, Sending, Observation{Listed: Missing}, Look, Sending},
		{"no list", ByOffer, Sending, Observation{Status: Missing}, Look, Sending},
		{"the log is another one", ByOffer, Sending, Observation{Status: Missing, Listed: Missing, Log: "new"}, Ask, Sending},
		{"the log is shorter", ByOffer, Sending, Observation{Status: Missing, Listed: Missing, Lost: "it is gone"}, Ask, Sending},
		{"only the list has it", ByOffer, Sending, Observation{Status: Missing, Listed: Found}, Store, Created},
		{"only the list has it, accepted", ByOffer, Sending, Observation{Status: Missing, Listed: Found, ListedAccepted: true}, Store, Accepted},
		{"too late to be sent as it is", ByOffer, Sending, Observation{Status: Missing, Listed: Missing, Now: at.Add(48 * time.Hour)}, Store, Sending},
		{"created", ByOffer, Sending, Observation{Status: Found, State: Created}, Store, Created},
		{"completed at once", ByOffer, Sending, Observation{Status: Found, State: Completed}, Store, Completed},
		{"expired", ByOffer, Created, Observation{Status: Found, State: Failed, Failure: "expired"}, Store, Failed},
		{"rejected", ByOffer, Created, Observation{Status: Found, State: Failed, Failure: "rejected"}, Store, Failed},
		{"withdrawn", ByOffer, Accepted, Observation{Status: Found, State: Failed, Failure: "withdrawn"}, Store, Failed},
		{"failed, and nobody knows how", ByOffer, Accepted, Observation{Status: Found, State: Failed}, Ask, Accepted},
		{"open", ByOffer, Created, Observation{Status: Found, State: Created}, Wait, Created},
		{"open for long", ByOffer, Created, Observation{Status: Found, State: Created, Now: at.Add(99 * time.Hour)}, Wait, Created},
		{"accepted", ByOffer, Accepted, Observation{Status: Found, State: Accepted}, Wait, Accepted},
		{"an answer from before", ByOffer, Accepted, Observation{Status: Found, State: Created}, Look, Accepted},
		{"an answer in no known word", ByOffer, Created, Observation{Status: Found, State: "paid"}, Look, Created},
		{"it was known, and is not", ByOffer, Created, Observation{Status: Missing, Listed: Missing}, Ask, Created},
		{"it was accepted, and is not known", ByOffer, Accepted, Observation{Status: Missing, Listed: Missing, Now: at.Add(99 * time.Hour)}, Ask, Accepted},
		{"over", ByOffer, Failed, Observation{Status: Missing, Listed: Missing}, NewAttempt, Failed},
		{"arrived", ByOffer, Completed, Observation{}, Done, Completed},

		{"a transfer was sent by hand", ByTransfer, "", Observation{Listed: Found}, Store, Created},
		{"a transfer begins", ByTransfer, "", Observation{Listed: Missing}, Store, Sending},
		{"a transfer that may have been sent", ByTransfer, Sending, Observation{Listed: Missing, Balances: still}, Ask, Sending},
		{"a transfer is listed", ByTransfer, Sending, Observation{Listed: Found}, Store, Created},
		{"a transfer is open", ByTransfer, Created, Observation{Listed: Found, Balances: still}, Wait, Created},
		{"a transfer arrived", ByTransfer, Created, Observation{Listed: Missing, Balances: moved}, Store, Completed},
		{"a transfer is gone", ByTransfer, Created, Observation{Listed: Missing, Balances: still}, Ask, Created},
		{"only one balance moved", ByTransfer, Created, Observation{Listed: Missing, Balances: Balances{&less, &none}}, Ask, Created},
		{"a balance is not known", ByTransfer, Created, Observation{Listed: Missing, Balances: Balances{Sender: &less}}, Ask, Created},
		{"no list of transfers", ByTransfer, Created, Observation{Balances: moved}, Look, Created},
	}
	for _, c := range cases {
		in := stored(t, c.kind, c.state)
		if c.o.Now.IsZero() {
			c.o.Now = at
		}
		if c.o.Log == "" {
			c.o.Log = "log"
		}
		d := Decide(in, 1, c.o, Begin{Validity: 72 * time.Hour})
		last, _ := d.Intent.Last(1)
		if d.Next != c.want || last.State != c.after || d.Why == "" {
			t.Errorf("%s: %s, %q (%s)", c.name, d.Next, last.State, d.Why)
		}
		if d.Next == Store && d.Intent.Encode() == in.Encode() {
			t.Errorf("%s: stores what is stored", c.name)
		}
		if d.Next == Send && last.Expires.Before(c.o.Now.Add(least)) {
			t.Errorf("%s: is sent with the end %s", c.name, last.Expires)
		}
	}
}

// An attempt that is not proven to be over has no next one, and none pays more than was planned.
func TestAttemptsFollow(t *testing.T) {
	for _, s := range []State{Sending, Created, Accepted, Completed} {
		if _, err := stored(t, ByOffer, s).begun(1, Attempt{Amount: Coins(1)}, false); err == nil {
			t.Errorf("after one that is %s another one begins", s)
		}
	}
	in := stored(t, ByOffer, Failed)
	if _, err := in.begun(1, Attempt{Amount: Coins(2)}, false); err == nil {
		t.Error("an attempt pays more than was planned")
	}
	next, err := in.begun(1, Attempt{Amount: Coins(1).Half()}, false)
	if err != nil {
		t.Fatal(err)
	}
	if a, _ := next.Last(1); a.Tracking != Tracking(in.From, in.To, 1, 2) || a.State != Sending {
		t.Errorf("%+v", a)
	}
	if a, _ := in.Last(1); a.Number != 1 {
		t.Error("the intent before has changed")
	}
}

func TestDecode(t *testing.T) {
	for _, s := range []State{"", Sending, Created, Failed} {
		in := stored(t, ByOffer, s)
		back, err := Decode(in.Encode())
		if err != nil || back.Encode() != in.Encode() {
			t.Errorf("%s: %v", s, err)
		}
	}
	good := stored(t, ByOffer, Sending).Encode()
	for from, to := range map[string]string{
		`"version": 1`:                               `"version": 2`,
		`"old::1220aa"`:                              `"new::1220bb"`,
		`"kind": "offer"`:                            `"kind": "gift"`,
		`"left": "0.0000000000"`:                     `"left": "1.0000000000"`,
		`"state": "sending"`:                         `"state": "begun"`,
		Tracking("old::1220aa", "new::1220bb", 1, 1): Tracking("old::1220aa", "new::1220bb", 1, 2),
		`"attempts": []`:                             `"attempts": [{"number": 1, "tracking_id": "x", "amount": "1"}]`,
	} {
		bad := strings.Replace(good, from, to, 1)
		if bad == good {
			t.Fatalf("there is no %s in %s", from, good)
		}
		if _, err := Decode(bad); err == nil {
			t.Errorf("%s instead of %s was read", to, from)
		}
	}
}

// A wallet answers from a store that follows the ledger: what it took a moment ago it need not show yet, and nobody is asked about it before.
func TestAWalletIsGivenTimeToShowWhatItTook(t *testing.T) {
	in := stored(t, ByOffer, Created).seen(1, func(a *Attempt) { a.Seen.At = at })
	for after, want := range map[time.Duration]Next{0: Look, time.Second: Look, settles - time.Second: Look, settles: Ask, 24 * time.Hour: Ask} {
		o := Observation{Now: at.Add(after), Status: Missing, Listed: Missing, Log: "log"}
		if d := Decide(in, 1, o, Begin{Validity: time.Hour}); d.Next != want {
			t.Errorf("after %s: %s, %s", after, d.Next, d.Why)
		}
	}
}
