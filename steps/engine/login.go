package engine

import (
	"context"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

const (
	loginLooks = 5 * time.Second // how often it is looked whether a login works again
	loginTrust = time.Minute     // a login that was renewed and is refused again within this is a person's business
)

// Login is how a run is known to its cluster; *kube.Cluster is one.
type Login interface {
	// LogIn reads the kubeconfig again and asks the cluster whom it takes us for. No error: the login works.
	LogIn(context.Context) error
	// Refused counts the requests that were turned away for want of a login. A reading may leave out what it was refused, and say so.
	Refused() uint64
	// HowToLogIn says what a person does in another terminal, in a sentence.
	HowToLogIn() string
}

// login returns when the login to the cluster works again, after err said that it does not. A credential plugin may have renewed it
// already, and somebody may have logged in meanwhile: that is tried first, once. Else a person is asked, and while the question is
// open it is looked every few seconds, so that a login in another terminal is enough.
func (m *Machine[F]) login(ctx context.Context, sp *spell, err error) error {
	if err := m.end(sp, wire.RetryOther); err != nil {
		return err
	}
	var w *watching
	if m.Login != nil && !m.trusts(sp) {
		sp.renewed = m.Wall.Now()
		_, again := attended(ctx, m, sp, m.logIn)
		if again == nil || passesThrough(again) || ctx.Err() != nil {
			return firstOf(ctx.Err(), again)
		}
		w = &watching{on: m.Wall, every: loginLooks, look: func(ctx context.Context) func() (wire.Answer, bool) {
			err := m.Login.LogIn(ctx)
			return func() (wire.Answer, bool) { return wire.Answer{Choice: wire.ChoiceRetry}, err == nil }
		}}
	}
	answer, err := m.ask(ctx, m.loginQuestion(sp.step, err, w != nil), w)
	if err != nil {
		return err
	}
	sp.renewed = time.Time{}
	if answer.Choice == wire.ChoiceAbort {
		return m.abort("the login to the cluster has ended; the operator ended this run")
	}
	return nil
}

// trusts says that the login was renewed a moment ago.
func (m *Machine[F]) trusts(sp *spell) bool {
	return !sp.renewed.IsZero() && m.Wall.Since(sp.renewed) <= loginTrust
}

// refusals are the requests that were turned away so far for want of a login.
func (m *Machine[F]) refusals() uint64 {
	if m.Login == nil {
		return 0
	}
	return m.Login.Refused()
}

// unknownHere is the error of a reading that was refused something, and did not tell.
func unknownHere() error {
	return &kube.Error{Kind: kube.Unauthorized, Tried: "read the world", Seen: "401 Unauthorized"}
}

// stillKnown asks for a fresh login where the old one is why the Lease cannot be renewed. Whatever else keeps the cluster away is waited for.
func (m *Machine[F]) stillKnown(ctx context.Context, step string) error {
	if m.Login == nil {
		return nil
	}
	_, err := attended(ctx, m, &spell{step: step}, m.logIn)
	switch {
	case ctx.Err() != nil, passesThrough(err):
		return firstOf(ctx.Err(), err)
	case expired(err):
		return m.login(ctx, &spell{step: step}, err)
	}
	return nil
}

// logIn renews the login.
func (m *Machine[F]) logIn(ctx context.Context) (struct{}, error) {
	return struct{}{}, m.Login.LogIn(ctx)
}

// loginQuestion asks for a fresh login.
func (m *Machine[F]) loginQuestion(step string, err error, looks bool) wire.Question {
	failure := steps.FailureOf("talking to the cluster", err)
	failure.Next = "Log in to the cluster again, in another terminal"
	if m.Login != nil {
		failure.Next = m.Login.HowToLogIn()
	}
	text := "The cluster knows the login, and refused this all the same. Look at what stands between this machine and the cluster."
	if looks {
		text = "The worker need not be started again: it reads the kubeconfig anew, and looks every few seconds whether the login works. Then it goes on by itself."
	}
	return wire.Question{Step: step, Name: step + ".login", Kind: wire.AskRemedy, Title: "The login to the cluster has expired", Error: &failure, Text: text,
		Choices: []wire.Choice{
			{ID: wire.ChoiceRetry, Label: "Look again now"},
			{ID: wire.ChoicePark, Label: "Park", Detail: "ends the worker here; svrescue resume goes on"},
			{ID: wire.ChoiceAbort, Label: "End the run", Detail: "the journal and the report stay"},
		}}
}

// expired says whether the cluster takes our credentials for nobody's.
func expired(err error) bool { return kube.KindOf(err) == kube.Unauthorized }
