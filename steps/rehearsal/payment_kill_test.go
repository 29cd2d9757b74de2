package rehearsal

import (
	"fmt"
	"testing"
)

// A process that dies inside a payment, when the wallet has taken it and has not answered, or while it stores that it was made, pays once: whoever
// takes the run up sees what was made, as soon as the wallet shows it.
func TestKilledInsideAPayment(t *testing.T) {
	beside(t)
	var payments []int // numbers of the writes that are payments
	inScenario(t, reonboardClean(), nil, func(t *testing.T, r *rig) {
		made := 0
		took := r.pods.changed
		r.pods.changed = func() {
			if n := len(r.pods.tenants.books.Created()); n > made {
				made, payments = n, append(payments, r.wire.count+1)
			}
			took()
		}
		if v, _, _ := r.play(t.Context(), 0, r.player()); v.Ended == nil || !recovered(v) {
			t.Fatalf("the undisturbed run ended %+v\n%s", v.Ended, lines(v))
		}
	})
	if len(payments) < 2 {
		t.Fatalf("%d payments were seen", len(payments))
	}
	for i := range 2 * len(payments) {
		if i > 0 && !*soak {
			break
		}
		at := payments[i/2] - 1 + i%2 // inside the payment, and inside the write that stores that it was made
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			t.Parallel()
			inScenario(t, reonboardClean(), nil, func(t *testing.T, r *rig) {
				r.wire.killAt = at
				if _, _, dead := r.play(t.Context(), 0, r.player()); !dead {
					t.Fatal("the write was not reached")
				}
				if n := len(r.pods.tenants.books.Created()); n != i/2+1 {
					t.Fatalf("it died when %d payments were made", n)
				}
				r.hangUp()
				v, _, _ := r.play(t.Context(), 0, r.player())
				if v.Ended == nil || !recovered(v) {
					t.Fatalf("resumed, it ended %+v, parked %q\n%s", v.Ended, v.Parked, lines(v))
				}
				checkPayments(t, r, v)
			})
		})
	}
}
