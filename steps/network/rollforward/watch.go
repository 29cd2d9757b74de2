package rollforward

import (
	"context"
	"fmt"
	"strings"
	"time"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/network"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
)

const (
	watchLook     = 10 * time.Second
	watchPatience = time.Hour
)

var timeZero time.Time

func watch() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "network/roll-forward/watch", Title: "Watch", Effect: wire.Observe,
		Summary: "Follows the SV app until its participant is on the successor, and looks how many SVs are there and whether they agree.",
		Plan: func(f Facts) ([]steps.Action, error) {
			if err := needCard(f); err != nil {
				return nil, err
			}
			return []steps.Action{f.following()}, nil
		},
		Remedies: untoldRemedies,
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			s, err := f.following().see(ctx, w)
			if err != nil {
				return nil, err
			}
			f.Moved = s.done(int64(f.Agreed.NewSerial))
			found := s.findings(f.Agreed.NewSerial)
			others, err := onSuccessor(ctx, w, *f)
			if err != nil {
				return nil, err
			}
			found = append(found, others)
			agreeing, err := commitments(ctx, w, *f)
			return append(found, agreeing...), err
		},
	}
}

func (f Facts) following() follow {
	w := follow{facts: f, serial: int64(f.Agreed.NewSerial), node: *f.Node}
	for _, c := range f.Node.Of(node.SVApp) {
		w.apps = append(w.apps, listenTo(c))
	}
	return w
}

// follow waits until the participant is on the successor, as the SV app and scan say.
type follow struct {
	facts  Facts
	serial int64
	node   node.Node
	apps   []listened
}

func (f follow) Key() string         { return "follow the roll-forward" }
func (f follow) Effect() wire.Effect { return wire.Observe }
func (f follow) Refs() []steps.Ref   { return nil }

func (f follow) Show() wire.Preview {
	p := wire.Preview{Title: "follow the SV app until its participant is on the successor",
		After: fmt.Sprintf("the SV app says that it has moved its participant, and scan that the participant is on serial %d, where its release tells that", f.serial)}
	for _, l := range f.apps {
		p.Commands = append(p.Commands, fmt.Sprintf("kubectl -n %s logs %s -c %s | grep -i lsu", l.Of.Namespace, l.Of, l.Container))
	}
	for _, c := range f.node.Of(node.ScanApp) {
		p.Commands = append(p.Commands, fmt.Sprintf("kubectl -n %s port-forward %s 5012 & curl localhost:5012/api/scan/v0/active-synchronizer-serial", c.Ref.Namespace, c.Ref))
	}
	return p
}

func (f follow) Trial(context.Context, steps.Hands) ([]wire.Finding, error) { return nil, nil }

func (f follow) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	s, err := f.see(ctx, w)
	if err != nil {
		return wire.ActionUnknown, nil, err
	}
	if s.done(f.serial) {
		return wire.ActionDone, []wire.Evidence{{Source: "the SV app and scan", Seen: s.text()}}, nil
	}
	return wire.ActionPending, []wire.Evidence{{Source: "the SV app and scan", Seen: s.text()}}, nil
}

func (f follow) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	var waits time.Time // since when the participant waits for its time; zero: it does not
	err := steps.Poll(ctx, h, watchLook, watchPatience, "the participant to be on the successor", report, func(ctx context.Context) (wire.Progress, bool, error) {
		s, err := f.see(ctx, h.World)
		if err != nil {
			return wire.Progress{}, false, err
		}
		p := wire.Progress{Text: s.text()}
		for i, ph := range phases {
			state := "not yet"
			if s.app.phases[i] {
				state = "done"
			}
			p.Items = append(p.Items, wire.Item{Name: ph.says, State: state, Done: s.app.phases[i]})
		}
		now := h.World.Clock.Now()
		switch {
		case !s.app.waiting:
			waits = time.Time{}
		case waits.IsZero():
			waits = now
		case now.Sub(waits) >= atTimePatience:
			return p, false, f.facts.stuckAt(ctx, h.World, fmt.Sprintf("for %d minutes the participant has waited until it stands at the upgrade time that it is told", int(atTimePatience/time.Minute)))
		}
		if s.app.trouble >= 0 {
			t := trouble[s.app.trouble]
			if t.text == pastIndex {
				return p, false, f.facts.stuckAt(ctx, h.World, t.seen)
			}
			return p, false, &steps.Problem{Tried: "following the SV app", Seen: t.seen, Next: t.next}
		}
		return p, s.done(f.serial), nil
	})
	if waiting, ok := err.(*steps.StillWaiting); ok {
		waiting.Next = "Look into the log of sv-app. It retries by itself where a node is not ready yet; another SV that has rolled forward can compare its log"
	}
	return err
}

// state is how far the own node is.
type state struct {
	app    progressed
	serial int64
	silent string // why scan does not tell the serial; empty: it does
	never  bool   // its release does not have the endpoint; else it may tell it later, as when it has just been started
}

func (f follow) see(ctx context.Context, w steps.World) (state, error) {
	s := state{app: progressed{phases: make([]bool, len(phases)), trouble: -1}}
	for _, l := range f.apps {
		p, err := l.progress(ctx, w)
		if err != nil {
			return s, err
		}
		s.app = p
	}
	err := network.AskOwnScan(ctx, w, f.node, func(scan *svapp.Scan) (err error) {
		s.serial, err = scan.Serial(ctx)
		return err
	})
	if err != nil {
		s.silent = plain.Cut(plain.Line(steps.FailureOf("", err).Seen), 160)
		s.never = svapp.KindOf(err) == svapp.NoEndpoint || svapp.KindOf(err) == svapp.NotFound
	}
	return s, ctx.Err()
}

// done says that the participant is on the successor. Scan counts: it asks the participant. The log of the SV app counts where scan's release does not
// tell the serial, and not while scan is only silent.
func (s state) done(serial int64) bool {
	if s.never {
		return s.app.moved()
	}
	return s.silent == "" && s.serial == serial
}

func (s state) text() string {
	last := "the SV app has logged nothing of it yet"
	for i, done := range s.app.phases {
		if done {
			last = phases[i].says
		}
	}
	if s.app.waiting {
		last += "; the participant waits until it stands at the upgrade time"
	}
	switch {
	case s.silent == "":
		last += fmt.Sprintf("; scan says serial %d", s.serial)
	case !s.never:
		last += "; scan does not tell the serial yet"
	}
	return last
}

func (s state) findings(serial int) []wire.Finding {
	app := wire.Finding{ID: "phases", Verdict: wire.Holds, Text: "the SV app says that it has moved its participant to the successor"}
	switch {
	case s.app.trouble >= 0:
		app.Verdict, app.Text, app.Next = wire.Violated, trouble[s.app.trouble].seen, trouble[s.app.trouble].next
	case !s.app.moved():
		app.Verdict, app.Text, app.Next = wire.Undetermined, "the SV app does not say that it has moved its participant: "+s.text(), "Its messages may be others in this release: look into its log"
		if s.silent == "" && s.serial == int64(serial) {
			app.Verdict = wire.Attention // the participant itself says where it is
		}
	}
	on := wire.Finding{ID: "serial", Verdict: wire.Holds, Text: fmt.Sprintf("this SV's participant is on serial %d, as scan says", s.serial)}
	switch {
	case s.silent != "":
		on.Verdict, on.Text, on.Next = wire.Undetermined, "scan does not tell on which serial the participant is: "+s.silent, "Look again when scan runs"
		if s.never {
			on.Verdict, on.Next = wire.Attention, "Its release does not have that endpoint: go by the log of the SV app"
		}
	case s.serial != int64(serial):
		on.Verdict, on.Text, on.Next = wire.Violated, fmt.Sprintf("this SV's participant is on serial %d, and the successor has %d", s.serial, serial), "Look into the logs of the SV app and of the participant"
	}
	return []wire.Finding{app, on}
}

// askPeer is for the scan of one other SV.
const askPeer = 8 * time.Second

// onSuccessor counts the SVs whose participant is on the successor, as their scans say. More than two thirds are needed.
func onSuccessor(ctx context.Context, w steps.World, f Facts) (wire.Finding, error) {
	q := wire.Finding{ID: "quorum", Verdict: wire.Undetermined, Next: "Ask on the call who has rolled forward, and look again"}
	total := max(len(f.Call.SVs), 1)
	needed := total*2/3 + 1
	_, scans, err := network.OwnScan(ctx, w, *f.Node)
	if ctx.Err() != nil {
		return q, ctx.Err()
	}
	if err != nil {
		q.Text = "how many SVs are on the successor is not seen: this node's scan does not list the others'"
		return q, nil
	}
	var there []string
	for _, a := range scans {
		var serial int64
		within, cancel := context.WithTimeout(ctx, askPeer)
		err := w.Apps.Scan(within, a.URL, func(s *svapp.Scan) (err error) { serial, err = s.Serial(within); return err })
		cancel()
		seen := fmt.Sprintf("serial %d", serial)
		switch {
		case ctx.Err() != nil:
			return q, ctx.Err()
		case err != nil:
			seen = plain.Cut(plain.Line(steps.FailureOf("", err).Seen), 120)
		case serial == int64(f.Agreed.NewSerial):
			there = append(there, a.SVName)
		}
		q.Evidence = append(q.Evidence, wire.Evidence{Source: "the scan of " + a.SVName, Seen: seen})
	}
	q.Text = fmt.Sprintf("%d of %d SVs are seen on the successor: %s; needed are %d", len(there), total, strings.Join(there, ", "), needed)
	if len(there) == 0 {
		q.Text = fmt.Sprintf("no SV is seen on the successor; needed are %d of %d", needed, total)
	}
	if len(there) >= needed {
		q.Verdict, q.Next = wire.Holds, ""
	}
	return q, nil
}
