package reonboard

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/charts"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
)

func validatorValues() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "reonboard/validator-values", Title: "Validator values", Effect: wire.Observe,
		Summary: "Derives the values of the recovery validator from what is left of the lost node, and renders its charts.",
		Asks:    validatorAsks, Inputs: validatorInputs, Take: takeValidator, Forget: forgetValidator,
		Plan: func(f Facts) ([]steps.Action, error) {
			if f.Old.SV == "" {
				return nil, &steps.NotYet{Step: "reonboard/peers", What: "which SV was lost"}
			}
			var actions []steps.Action
			if charts.IsRegistry(f.Validator.Answers.Charts) {
				for _, want := range f.wantedCharts() {
					actions = append(actions, fetchChart{registry: f.Validator.Answers.Charts, want: want})
				}
			}
			return actions, nil
		},
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			return deriveValidator(ctx, w, f)
		},
	}
}

// deriveValidator derives the values, renders the releases, and looks whether anything stands in their way.
func deriveValidator(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
	m, found, err := ofLost(ctx, w, *f)
	if err != nil {
		return nil, err
	}
	r := f.recipe(m)
	v := f.Validator // what it points to is replaced, never changed
	v.Hint, v.Release, v.Participant, v.Values, v.Differences = f.Old.SV, validatorRelease, participantRelease, map[string]string{}, map[string][]string{}
	v.Server, v.Wallet, v.Audience = r.Host, r.Users, r.Audience
	if !r.Own && r.Port != 5432 {
		v.Server = fmt.Sprintf("%s:%d", r.Host, r.Port)
	}
	values := r.values(m)
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if v.Values[name], err = valuesYAML(values[name]); err != nil {
			return nil, err
		}
		v.Differences[name] = valueChanges(m[chartFor(name)], values[name])
		found = append(found, valuesFinding(name, v.Differences[name], len(m[chartFor(name)].Keys()) > 0))
	}
	found = append(found, untaken(m)...)
	found = append(found, f.frozen())
	f.Validator = v
	made, err := f.render(ctx, w)
	if err != nil {
		return nil, err
	}
	if v.Releases, v.Needs, err = deployments(ctx, w.Kube, made); err != nil {
		return nil, err
	}
	v.Digest = made.Digest
	f.Validator = v
	found = append(found, howRendered(made)...)
	hint, err := sameHint(*f)
	if err != nil {
		return nil, err
	}
	found = append(found, hint)
	unused, err := neverUsed(ctx, w, *f)
	if err != nil {
		return nil, err
	}
	server, err := serverFree(ctx, w, *f)
	if err != nil {
		return nil, err
	}
	place, err := placeFree(ctx, w, *f)
	return slices.Concat(found, unused, server, place), err
}

// chartFor is the chart whose values of the lost node a release's are compared with.
func chartFor(name string) string {
	switch name {
	case participantRelease:
		return "splice-participant"
	case validatorRelease:
		return "splice-validator"
	}
	return "" // the lost node's databases tell nothing of this one
}

func valuesFinding(name string, lines []string, compared bool) wire.Finding {
	f := wire.Finding{ID: "values-" + name, Verdict: wire.Holds, Text: fmt.Sprintf("values of release %s: %d lines", name, len(lines))}
	if compared {
		f.Text += "; + is new, ~ is otherwise than it was, - was set and is not taken over"
	}
	for _, line := range lines {
		f.Evidence = append(f.Evidence, wire.Evidence{Source: name, Seen: line})
	}
	return f
}

// frozen says what must be remembered of the identifier.
func (f Facts) frozen() wire.Finding {
	id := f.Validator.Identifier
	text := "the participant identifier is " + id + ", from now on and on every retry"
	if slices.ContainsFunc(f.Validator.Tries, func(t Try) bool { return t.Identifier == id }) {
		text += "; it was frozen before, and goes on with its databases on " + f.Validator.Server
	}
	return wire.Finding{ID: "identifier", Verdict: wire.Holds, Text: text}
}

// howRendered says what is to be known of how the charts were rendered.
func howRendered(made charts.Made) []wire.Finding {
	one := wire.Finding{ID: "rendered", Verdict: wire.Holds, Text: "the charts take these values"}
	found := []wire.Finding{}
	for i, x := range made.Rendered {
		r := made.Releases[i]
		one.Evidence = append(one.Evidence, wire.Evidence{Source: "release " + r.Name, Seen: r.Chart.String() + " from " + r.Chart.Path})
		if len(x.Asked) > 0 {
			found = append(found, wire.Finding{ID: "lookup-" + r.Name, Verdict: wire.Undetermined, Waive: "what the chart makes without an answer is right",
				Text: fmt.Sprintf("while release %s was rendered, its chart asked the cluster for %s and was told that it is not there", r.Name, strings.Join(x.Asked, ", ")),
				Next: "Look into the template what depends on it"})
		}
		if hooks := x.Hooks(); len(hooks) > 0 {
			found = append(found, wire.Finding{ID: "hooks-" + r.Name, Verdict: wire.Attention, Text: fmt.Sprintf("the chart of release %s has hooks, which are not made: %s", r.Name, strings.Join(hooks, ", ")),
				Next: "If the validator needs one, let Helm install it: choose GitOps or by hand"})
		}
	}
	return append([]wire.Finding{one}, found...)
}

// neverUsed asks the peers' scans whether any participant that they know has the identifier. A participant that is not of an SV is not
// known to them.
func neverUsed(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	id := f.Validator.Identifier
	finding := wire.Finding{ID: "never-used", Verdict: wire.Undetermined, Text: "whether a participant of the network has the identifier " + id + " already: no scan of a peer answered",
		Next: "Make sure that nobody used it", Waive: "it is certain that no participant of the network ever had this identifier"}
	answered := 0
	for _, p := range f.Peers {
		var dso svapp.DSO
		err := peerSays(ctx, w, p, func(s *svapp.Scan) (err error) { dso, err = s.DSO(ctx); return err })
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			finding.Evidence = append(finding.Evidence, wire.Evidence{Source: "the scan of " + p.SV, Seen: steps.FailureOf("", err).Seen})
			continue
		}
		answered++
		for _, x := range slices.Concat(dso.SVs, dso.Offboarded) {
			if identifierOf(x.ParticipantID) == id {
				return []wire.Finding{{ID: "never-used", Verdict: wire.Violated, Text: fmt.Sprintf("%s had a participant %s, as the scan of %s tells: the identifier was used before", x.Name, x.ParticipantID, p.SV),
					Next: "Answer these questions again with another identifier"}}, nil
			}
		}
		finding.Evidence = append(finding.Evidence, wire.Evidence{Source: "the scan of " + p.SV, Seen: fmt.Sprintf("%d participants of SVs, none of this identifier", len(dso.SVs)+len(dso.Offboarded))})
	}
	if answered > 0 {
		finding.Verdict, finding.Next, finding.Waive = wire.Holds, "", ""
		finding.Text = "no participant of an SV, present or offboarded, has the identifier " + id
	}
	return []wire.Finding{finding}, nil
}

// peerSays asks a peer's scan.
func peerSays(ctx context.Context, w steps.World, p Peer, ask func(*svapp.Scan) error) error {
	if w.Apps == nil {
		return errors.New("no app can be asked")
	}
	return w.Apps.Scan(ctx, p.URL, ask)
}

// placeFree looks for releases and objects that stand where the validator's shall be, and are not of this run.
func placeFree(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	ns := f.Validator.Namespace
	_, there, err := w.Kube.Namespace(ctx, ns)
	switch {
	case kube.KindOf(err) == kube.Forbidden: // it shows when something is looked up in it
	case err != nil:
		return nil, err
	case !there:
		return []wire.Finding{{ID: "place", Verdict: wire.Holds, Text: "there is no namespace " + ns + " yet; it is made before anything is installed"}}, nil
	}
	var found []wire.Finding
	for _, d := range f.Validator.Releases {
		state, err := f.installation(d).Look(ctx, w.Kube)
		if err != nil {
			return nil, err
		}
		switch {
		case state.Record != "" && !state.Ours && f.Validator.Answers.Way != wayGitOps:
			found = append(found, wire.Finding{ID: "release-" + d.Name, Verdict: wire.Violated, Text: fmt.Sprintf("namespace %s has a release %s already (%s), and this run did not install it", ns, d.Name, state.Record),
				Next: "Name another namespace, or find out whose it is"})
		case len(state.Foreign) > 0 && f.Validator.Answers.Way != wayGitOps:
			found = append(found, wire.Finding{ID: "release-" + d.Name, Verdict: wire.Violated, Text: fmt.Sprintf("there already in namespace %s, and not of release %s: %s", ns, d.Name, strings.Join(state.Foreign, ", ")),
				Next: "Name another namespace, or find out whose they are"})
		}
	}
	if len(found) == 0 {
		found = append(found, wire.Finding{ID: "place", Verdict: wire.Holds, Text: "nothing of others stands where the validator shall be in namespace " + ns})
	}
	return found, nil
}

// fetchChart fetches a chart from a registry into the run.
type fetchChart struct {
	registry string
	want     wantedChart
}

func (c fetchChart) address() string     { return charts.AddressIn(c.registry, c.want.names[0]) }
func (c fetchChart) Key() string         { return "fetch chart " + c.want.names[0] + " " + c.want.version }
func (c fetchChart) Effect() wire.Effect { return wire.Observe } // nothing but the run's own folder changes
func (c fetchChart) Refs() []steps.Ref   { return []steps.Ref{{File: c.want.artifact()}} }

func (c fetchChart) Show() wire.Preview {
	return wire.Preview{Title: c.Key(), After: "it is in the run folder under artifacts/" + c.want.artifact(), Commands: []string{"helm pull " + c.address() + " --version " + c.want.version}}
}

func (c fetchChart) Trial(ctx context.Context, h steps.Hands) ([]wire.Finding, error) {
	if _, err := c.pull(ctx, h.World); err != nil {
		return nil, err
	}
	return []wire.Finding{{ID: c.Key(), Verdict: wire.Holds, Text: "the registry has it"}}, nil
}

func (c fetchChart) Probe(_ context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	data, err := w.Files.Read(c.want.artifact())
	if errors.Is(err, fs.ErrNotExist) {
		return wire.ActionPending, nil, nil
	}
	if err != nil {
		return wire.ActionUnknown, nil, err
	}
	chart, err := release.ReadChart(c.want.artifact(), data)
	if err != nil || chart.Name != c.want.names[0] || chart.Version != c.want.version {
		return wire.ActionPending, []wire.Evidence{{Source: c.want.artifact(), Seen: "it is not whole"}}, nil
	}
	return wire.ActionDone, []wire.Evidence{{Source: c.want.artifact(), Seen: chart.String()}}, nil
}

func (c fetchChart) Do(ctx context.Context, h steps.Hands, _ func(wire.Progress)) error {
	data, err := c.pull(ctx, h.World)
	if err != nil {
		return err
	}
	return h.Files.Write(c.want.artifact(), data)
}

func (c fetchChart) pull(ctx context.Context, w steps.World) ([]byte, error) {
	var data []byte
	err := errors.New("no registry can be asked from here")
	if w.Charts != nil {
		data, err = w.Charts.Pull(ctx, c.address(), c.want.version)
	}
	if err != nil && ctx.Err() == nil {
		return nil, &steps.Problem{Tried: c.Key() + " from " + c.registry, Seen: err.Error(), Err: err,
			Next: fmt.Sprintf("Log in to the registry (helm registry login), or fetch it where the network is (helm pull %s --version %s) and name the folder", c.address(), c.want.version)}
	}
	return data, err
}
