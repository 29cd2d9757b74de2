package restore

import (
	"context"
	"fmt"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// loginSpan is for how long a login should be good still when a recovery begins: some take hours.
const loginSpan = 4 * time.Hour

// loggedIn looks at how the run is known to the cluster: a login that ends on the way is known before anything is changed.
func loggedIn(_ context.Context, w steps.World, _ Facts) ([]wire.Finding, error) {
	now := w.Clock.Now()
	return login(w.Kube.Credential(), w.Kube.Target().Context, now), nil
}

// login says what of a credential stands in the way of a run, or will. Of a token that does not say when it ends it says nothing.
func login(c kube.Credential, context string, now time.Time) []wire.Finding {
	seen := []wire.Evidence{{Source: "kubeconfig, user of context " + context, Seen: c.Kind, At: now}}
	one := func(v wire.Verdict, text, next string) []wire.Finding {
		return []wire.Finding{{ID: "login", Verdict: v, Text: text, Next: next, Evidence: seen}}
	}
	left := c.Ends.Sub(now)
	switch {
	case c.Missing:
		return one(wire.Violated, "the login to the cluster comes from the command "+c.Plugin+", which is not on this machine", "Install "+c.Plugin+", or put its folder into PATH and begin again; or use a token")
	case c.Wants == kube.WantsAlways:
		return one(wire.Violated, "the login to the cluster comes from the command "+c.Plugin+", which wants a terminal (interactiveMode: Always), and the worker has none",
			"Use a token instead, or set interactiveMode: Never, if "+c.Plugin+" can log in without asking after you have logged in with it")
	case c.Wants == kube.WantsIfAny:
		return one(wire.Attention, "the login to the cluster comes from the command "+c.Plugin+", which may want a terminal, and the worker has none",
			"Log in with "+c.Plugin+" before you go on, so that it need not ask on the way; if it does, the run waits and asks you to log in in another terminal")
	case c.Ends.IsZero():
		return nil
	case left <= 0:
		return one(wire.Attention, fmt.Sprintf("the %s of the kubeconfig has ended at %s, by this machine's clock", c.Kind, stampOf(c.Ends)), "Log in again, and look at this machine's clock")
	case left < loginSpan:
		return one(wire.Attention, fmt.Sprintf("the login ends in %s, at %s (%s of the kubeconfig)", roughly(left), stampOf(c.Ends), c.Kind),
			"Log in again now, so that it lasts; if it ends on the way, the run waits and asks you to log in in another terminal")
	}
	return one(wire.Holds, fmt.Sprintf("the login lasts until %s (%s of the kubeconfig)", stampOf(c.Ends), c.Kind), "")
}

func stampOf(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// roughly writes a time in whole minutes, rounded down.
func roughly(d time.Duration) string {
	if d < time.Hour {
		return fmt.Sprintf("%d minutes", int(d.Minutes()))
	}
	return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
}
