package network

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/releases"
	"canton.example/svrescue/steps/wire"
)

// model is a running release that a new one is derived from, and the parts of the old synchronizer that it makes. Of one that Argo CD renders Helm has
// no record: then by is who applies it, and its values are not known.
type model struct {
	releases.Running
	values tree
	parts  []node.Component
	by     *releases.Manager
}

func deriving(seen, next string) error {
	return &steps.Problem{Tried: "deriving the new synchronizer from the old one", Seen: seen, Next: next}
}

// modelled finds the releases that make the old synchronizer, in the order in which the new ones are installed: CometBFT, sequencer and mediator,
// participant (reference/deployment.md 5).
func (f Facts) modelled(ctx context.Context, w steps.World) (all []model, err error) {
	running, err := releases.InForce(ctx, w, f.Namespace)
	if err != nil {
		return nil, err
	}
	for _, part := range node.SynchronizerParts {
		of := f.Node.Of(part)
		if len(of) != 1 {
			return nil, deriving(fmt.Sprintf("the node has %d workloads that are its %s", len(of), part), "Deploy the new synchronizer by hand, as the documentation says, or start a new run when there is one of them")
		}
		r, ok := releases.Making(running, of[0].Ref.Kind, of[0].Ref.Name)
		var by *releases.Manager
		if !ok {
			if by, err = releases.ManagerOf(ctx, w, of[0].Ref.Kind, f.Namespace, of[0].Ref.Name); err != nil {
				return nil, err
			}
			if by == nil {
				return nil, deriving("no release of Helm makes "+of[0].Ref.String()+", and nothing tells who applies it", "Deploy the new synchronizer by hand, in the way in which the old one was deployed")
			}
			r = rendersElsewhere(of[0])
		}
		if i := slices.IndexFunc(all, func(m model) bool { return m.Name == r.Name }); i >= 0 {
			all[i].parts = append(all[i].parts, of[0])
			continue
		}
		if r.Problem != "" {
			return nil, deriving("Helm's record of release "+r.Name+" cannot be read: "+r.Problem, "Look at it: helm history "+r.Name)
		}
		t, err := treeOf(r.Release)
		if err != nil {
			return nil, err
		}
		all = append(all, model{r, t, of, by})
	}
	return all, nil
}

// rendersElsewhere is what is known of a release of which Helm has no record: its name and chart, by the labels of its workload.
func rendersElsewhere(c node.Component) releases.Running {
	r := releases.Running{Stored: release.Stored{Release: release.Release{Name: cmp.Or(c.Release, c.Ref.Name), Namespace: c.Ref.Namespace, Chart: c.Chart}}}
	if i := strings.LastIndex(c.Chart, "-"); i > 0 {
		r.Chart, r.ChartVersion = c.Chart[:i], c.Chart[i+1:]
	}
	return r
}

// design is the new synchronizer before it is rendered: what is wanted of each release, and what was noticed.
type design struct {
	want      []releases.Want
	edits     []edits
	databases []postgres.Database
}

// designed turns the answers and the values of the running releases into those of the new ones. It is pure.
func designed(f Facts, models []model) (design, error) {
	var d design
	r, ok := f.numbers()
	if !ok {
		return d, deriving("the number of the old synchronizer is not known", "Start a new run and name its number in the inventory")
	}
	more, err := changes(f.Deploy.More)
	if err != nil {
		return d, err
	}
	names := map[string]string{}
	for _, m := range models {
		for _, old := range append([]string{m.Name}, aliases(m)...) {
			if r.marks().MatchString(old) {
				names[old] = r.name(old, "-")
			}
		}
	}
	for _, m := range models {
		e := edits{edit: releases.Edit{Set: map[string]any{}}}
		for _, part := range m.parts {
			made, err := e.part(f, m, part.Part, r)
			if err != nil {
				return d, err
			}
			d.databases = append(d.databases, made...)
		}
		e.rename(m.values, names, r)
		e.ids(m.values, r)
		as := r.name(m.Name, "-")
		more = slices.DeleteFunc(more, func(c change) bool {
			if c.release == as {
				e.edit.Set[c.path] = scalar(c.value)
				e.kept = slices.DeleteFunc(e.kept, func(path string) bool { return path == c.path })
				e.guessed = slices.DeleteFunc(e.guessed, func(path string) bool { return path == c.path })
			}
			return c.release == as
		})
		if err := e.goesToNew(m, d.identifier(r, models)); err != nil {
			return d, err
		}
		d.edits = append(d.edits, e)
		d.want = append(d.want, releases.Want{Release: m.Name, As: as, Edit: e.edit, Source: f.Deploy.source(), What: "migration ID " + r.next})
	}
	if len(more) > 0 {
		return d, deriving(fmt.Sprintf("a value is to be changed of release %s, which is none of the new ones", plain.Line(more[0].release)), "Answer this step anew")
	}
	return d, nil
}

// aliases are the names that workloads of a release have, by which others refer to them.
func aliases(m model) (all []string) {
	for _, c := range m.parts {
		all = append(all, c.Ref.Name)
	}
	if id := m.values.text("node.identifier"); id != "" {
		all = append(all, id)
	}
	return all
}

// part sets what must be another value for a part of the new synchronizer (reference/deployment.md 4 and 10.5), and answers its database.
func (e *edits) part(f Facts, m model, part node.Part, r renumbering) ([]postgres.Database, error) {
	role, path := postgres.Unknown, ""
	switch part {
	case node.CometBFT:
		id := m.values.text("node.identifier")
		if id == "" {
			id = m.parts[0].Ref.Name
		}
		if m.values.text("node.externalAddress") == f.Deploy.Address {
			return nil, deriving("the new CometBFT would have the address of the old one, "+f.Deploy.Address, "Answer this step anew, with a host or a port of its own: others would reach the wrong chain")
		}
		e.edit.Set["node.identifier"] = r.name(id, "-")
		e.edit.Set["node.externalAddress"] = f.Deploy.Address
		e.edit.Set["genesis.chainId"] = f.Deploy.ChainID
		e.edit.Set["stateSync.enable"] = false // there is no chain yet to sync from
		return nil, nil
	case node.Sequencer:
		if driver := m.values.text("sequencer.driver.type"); driver != "" && driver != "cometbft" {
			return nil, deriving("the sequencer's driver is "+plain.Line(driver)+" and not cometbft", "This recovery is for nodes that order with CometBFT")
		}
		role, path = postgres.Sequencer, "sequencer.persistence.databaseName"
	case node.Mediator:
		role, path = postgres.Mediator, "mediator.persistence.databaseName"
	case node.Participant:
		role, path = postgres.Participant, "persistence.databaseName"
	}
	d, known := f.Node.DatabaseOf(role, m.values.text(path))
	old := m.values.text(path)
	if old == "" {
		old = d.Name
	}
	if old == "" {
		return nil, deriving(fmt.Sprintf("the name of the %s's database is neither in the values of release %s nor in its workload", part, m.Name), "Look at persistence.databaseName in its values")
	}
	next := r.name(old, "_")
	e.edit.Set[path] = next
	if !known {
		return nil, nil
	}
	d.Name = next
	return []postgres.Database{d}, nil
}

// identifier is that of the new CometBFT.
func (d design) identifier(r renumbering, models []model) string {
	for _, m := range models {
		for _, c := range m.parts {
			if c.Part == node.CometBFT {
				return r.name(cmp.Or(m.values.text("node.identifier"), c.Ref.Name), "-")
			}
		}
	}
	return ""
}

// goesToNew proves that the new sequencer does not talk to the old CometBFT. Where the values of the running one are not known, the documented
// name is set (reference/deployment.md 4).
func (e *edits) goesToNew(m model, identifier string) error {
	if !slices.ContainsFunc(m.parts, func(c node.Component) bool { return c.Part == node.Sequencer }) {
		return nil
	}
	const path = "sequencer.driver.host"
	was := m.values.text(path)
	if now, set := e.edit.Set[path]; set && now != was {
		return nil
	}
	if m.by != nil && identifier != "" {
		e.edit.Set[path] = identifier + "-cometbft-rpc"
		e.guessed = append(e.guessed, path)
		return nil
	}
	if was == "" {
		return deriving("the values of release "+m.Name+" do not say where its CometBFT is ("+path+")", "Name it among the further values: the documented one is that of the new release's identifier with -cometbft-rpc at its end")
	}
	return deriving(fmt.Sprintf("%s in the values of release %s is %s, which has no number: the new sequencer would talk to the old CometBFT", path, m.Name, plain.Cut(plain.Line(was), 100)),
		"Name the new one among the further values")
}

// deriveSuccessor renders the new releases and tells how they differ from those that run. It changes nothing.
func deriveSuccessor(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
	models, err := f.modelled(ctx, w)
	if err != nil {
		return nil, err
	}
	d, err := designed(*f, models)
	if err != nil {
		return nil, err
	}
	s := Successor{Suffix: f.Deploy.MigrationID, ChainID: f.Deploy.ChainID, Address: f.Deploy.Address, URL: f.Deploy.Sequencer, Databases: d.databases}
	var found []wire.Finding
	sum := sha256.New()
	for i, want := range d.want {
		x, err := f.derive(ctx, w, models[i], want)
		if err != nil {
			return nil, err
		}
		for _, c := range models[i].parts {
			name, ok := workloadOf(x, c)
			if !ok {
				return nil, deriving(fmt.Sprintf("release %s would make no workload in the place of %s", x.Name, c.Ref), "Look at its values, and at the chart")
			}
			*map[node.Part]*string{node.CometBFT: &s.CometBFT, node.Sequencer: &s.Sequencer, node.Mediator: &s.Mediator, node.Participant: &s.Participant}[c.Part] = name
		}
		fmt.Fprintln(sum, x.Name, x.Digest, x.Patch)
		s.Releases = append(s.Releases, x)
		found = append(found, differs(x, d.edits[i], models[i])...)
	}
	s.Digest = hex.EncodeToString(sum.Sum(nil))
	if f.Successor != nil && f.Successor.Digest == s.Digest {
		s.Deployed = f.Successor.Deployed
	}
	f.Successor = &s
	found = append(found, wire.Finding{ID: "successor", Verdict: wire.Holds,
		Text: fmt.Sprintf("the new synchronizer: %s, %s, %s and %s, chain %s, reached at %s and %s", s.CometBFT, s.Sequencer, s.Mediator, s.Participant, s.ChainID, s.Address, s.URL)})
	if ordinary := "https://sequencer-" + s.Suffix + "."; !strings.HasPrefix(s.URL, ordinary) {
		found = append(found, wire.Finding{ID: "sequencer-url", Verdict: wire.Attention, Text: s.URL + " is not of the documented form " + ordinary + "…", Next: "Look whether the others know it"})
	}
	return found, ctx.Err()
}

// derive renders a release; of one that is rendered in a repository it says what to commit there, and what to wait for.
func (f Facts) derive(ctx context.Context, w steps.World, m model, want releases.Want) (Deployed, error) {
	if m.by == nil {
		return releases.Derive(ctx, w, m.Running, want)
	}
	x, err := releases.OfRepository(f.Namespace, m.Chart, *m.by, want, nil)
	r, _ := f.numbers()
	for _, c := range m.parts {
		ref := c.Ref
		ref.Name = r.name(ref.Name, "-")
		x.Workloads = append(x.Workloads, action.Wanted{Pods: action.Pods{Workload: ref, Selector: "app=" + ref.Name}, Replicas: max(c.Replicas, 1)}) // reference/deployment.md 3.2
	}
	x.Version = f.Deploy.Version
	return x, err
}

// workloadOf is the workload of a new release that stands in the place of an old one.
func workloadOf(x Deployed, old node.Component) (string, bool) {
	if len(x.Workloads) == 1 {
		return x.Workloads[0].Workload.Name, true
	}
	for _, w := range x.Workloads {
		if w.Workload.Kind == old.Ref.Kind && strings.HasSuffix(w.Workload.Name, "-"+string(old.Part)) {
			return w.Workload.Name, true
		}
	}
	return "", false
}

// differs tells how a new release differs from the running one, and what of it a person has to look at.
func differs(x Deployed, e edits, m model) []wire.Finding {
	found := x.Findings()
	look := func(id, text, next string) {
		found = append(found, wire.Finding{ID: id + "-" + x.Name, Verdict: wire.Attention, Text: text, Next: next})
	}
	if m.by != nil {
		look("unseen", fmt.Sprintf("%s renders %s in its repository: its values cannot be read here, and what else has the old number in them is not known", m.by, m.Name),
			"Copy the values of "+m.Name+" there, merge the changes over them, and look through the rest for the old number, such as sv1.externalAddress")
	}
	if len(e.guessed) > 0 {
		look("guessed", "derived by the pattern of names and ports alone: "+strings.Join(e.guessed, ", "), "Have the call confirm them; another value is given among the further values")
	}
	if len(e.kept) > 0 {
		look("kept", "these values of "+x.Name+" have the old number in them and are kept: "+strings.Join(e.kept, ", "), "Look whether they are meant; another value is given among the further values")
	}
	return found
}
