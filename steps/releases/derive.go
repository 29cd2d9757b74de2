package releases

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
)

// Want says what is to be derived from a running release. It is journaled.
type Want struct {
	Release string `json:"release"`      // the running one
	As      string `json:"as,omitempty"` // the name of a new release beside it; empty: the running one is upgraded
	Edit    Edit   `json:"edit"`
	Source  Source `json:"source,omitzero"`
	// What it is for, in a few words, for Helm's record: "migration ID 4".
	What string `json:"what,omitempty"`
}

// Derived is a release as it is to be, and how it differs. It is journaled, holds no secret, and is all that the actions need.
type Derived struct {
	Want      Want     `json:"want"`
	Namespace string   `json:"namespace"`
	Name      string   `json:"name"` // of the release that is upgraded, or is new
	Base      int      `json:"base"` // the revision of the running release that it is derived from
	Chart     string   `json:"chart"`
	Version   string   `json:"version"`
	Place     string   `json:"place,omitempty"` // of the chart: a path, an artifact of the run, or Helm's record in words
	Was       string   `json:"was"`             // the version of the running chart
	Values    []string `json:"values"`          // how the values differ: "migration.id: 3 -> 4"
	Objects   []string `json:"objects"`         // how the objects differ: "Deployment/sv-app env MIGRATION_ID: 3 -> 4"
	// Unlike are objects that the chart makes otherwise than they are in force even with the values that are in force: something besides chart and
	// values has made them, such as a post-renderer, and is lost. Only a chart of the running version is compared.
	Unlike []string `json:"unlike,omitempty"`
	Hooks  []string `json:"hooks,omitempty"` // of the chart, which are not run
	Asked  []string `json:"asked,omitempty"` // objects of the cluster that templates asked for, and were told are not there
	Patch  string   `json:"patch"`           // the changed values as YAML, as they are merged over those in a repository
	// Workloads are those of the release that run something, with the replicas that it wants.
	Workloads []action.Wanted `json:"workloads,omitempty"`
	Managed   *Manager        `json:"managed,omitempty"`
	Helm      []string        `json:"helm,omitempty"` // the words with which Helm does the same
	// Upgrade is set where the running release is upgraded, Parts where a new one is installed.
	Upgrade *release.Upgrade `json:"upgrade,omitempty"`
	Parts   []release.Part   `json:"parts,omitempty"`
	// Expect is what the cluster shows when it is done, where nothing could be rendered: see OfRepository.
	Expect []Expected `json:"expect,omitempty"`
	// Digest is of all that is rendered, and of the values: what is applied has the same. Empty: nothing was rendered.
	Digest string `json:"digest"`
}

// New says that a release is installed beside the running one.
func (d Derived) New() bool { return d.Want.As != "" }

// Derive derives a release from a running one, renders it, and compares. It changes nothing. r is as InForce has it. Its errors are
// *steps.Problem, *Unfinished or *kube.Error, and hold no value.
func Derive(ctx context.Context, w steps.World, r Running, want Want) (Derived, error) {
	d := Derived{Want: want, Namespace: r.Namespace, Name: want.Release, Base: r.Revision, Was: r.ChartVersion, Managed: r.Managed}
	tried := "deriving an upgrade of release " + want.Release
	if d.New() {
		d.Name, tried = want.As, "deriving release "+want.As+" from "+want.Release
	}
	switch {
	case r.Name != want.Release:
		return d, fmt.Errorf("release %s was given where %s is wanted (a defect of the program)", r.Name, want.Release)
	case r.Problem != "":
		return d, &steps.Problem{Tried: tried, Seen: r.Problem, Next: "Look at it by hand: helm history " + r.Name}
	case r.Pending != nil && !d.New():
		return d, &Unfinished{Pending: []release.Pending{*r.Pending}}
	}
	now, chart, err := d.render(ctx, w, r.Stored, max(r.Newest, r.Revision)+1)
	if err != nil {
		return d, d.cannot(tried, err)
	}
	d.Chart, d.Version, d.Place = chart.Name, chart.Version, chart.Path
	d.Digest, d.Hooks, d.Asked = digest(now), now.Hooks(), now.Asked
	d.Values = ofValues(r.Settings(), now.Settings())
	source := want.Source.words(chart)
	d.Helm = slices.Concat([]string{"upgrade", d.Name}, source, []string{"--reset-then-reuse-values", "--no-hooks", "-f", "artifacts/" + d.patchFile()})
	of := fmt.Sprintf("Values of release %s (%s %s): merge these over those in the repository.", d.Name, d.Chart, d.Version)
	if d.New() {
		d.Helm = slices.Concat([]string{"install", d.Name}, source, []string{"--no-hooks", "-f", d.valuesFile(), "-f", "artifacts/" + d.patchFile()})
		of = fmt.Sprintf("Values of the new release %s (%s %s): copy those of %s in the repository, and merge these over them.", d.Name, d.Chart, d.Version, want.Release)
	}
	if d.Patch, err = want.Edit.patch(of); err != nil {
		return d, wrong(want.Release, err)
	}
	if d.Version == d.Was {
		if d.Unlike, err = unlike(ctx, w, r.Stored, chart); err != nil {
			return d, d.cannot(tried, err)
		}
	}
	if d.Workloads, err = workloads(now.Stored, d.Namespace); err != nil {
		return d, err
	}
	if d.New() {
		if d.Parts, err = now.Rendered(ctx, w.Kube); err != nil {
			return d, err
		}
		d.Objects, err = beside(r.Stored, now.Stored, want)
		return d, err
	}
	return d, d.cannot(tried, d.compare(ctx, w, r, now.Stored))
}

// compare says what the upgrade does to the objects that are there.
func (d *Derived) compare(ctx context.Context, w steps.World, r Running, now release.Stored) error {
	if d.Managed == nil {
		if err := release.Upgradable(r.Stored); err != nil {
			return err
		}
	}
	differ, err := release.Compare(ctx, w.Kube, r.Stored, now)
	if err != nil {
		return err
	}
	d.Upgrade = &release.Upgrade{Name: d.Name, Namespace: d.Namespace, From: r.Revision, Newest: max(r.Newest, r.Revision), What: plain.Cut(plain.Line(d.Want.What), 60)}
	for _, x := range differ {
		d.Upgrade.Parts = append(d.Upgrade.Parts, x.Touched)
		d.Objects = append(d.Objects, ofObject(x)...)
	}
	return nil
}

// render renders it from a revision of the running release.
func (d Derived) render(ctx context.Context, w steps.World, was release.Stored, revision int) (release.Rendered, release.Chart, error) {
	chart, err := d.Want.Source.Chart(w.Files, Running{Stored: was})
	if err != nil {
		return release.Rendered{}, chart, err
	}
	values, err := d.Want.Edit.on(was.Settings())
	if err != nil {
		return release.Rendered{}, chart, wrong(was.Name, err)
	}
	offers, err := w.Kube.Offers(ctx)
	if err != nil {
		return release.Rendered{}, chart, err
	}
	if d.New() {
		now, err := chart.Render(ctx, d.Name, d.Namespace, values, offers)
		return now, chart, err
	}
	now, err := chart.RenderUpgrade(ctx, d.Name, d.Namespace, revision, values, offers)
	return now, chart, err
}

// Render renders it again, from the same revision of the running release. What comes out otherwise than it was shown is an error
// (*steps.Problem).
func (d Derived) Render(ctx context.Context, w steps.World) (release.Stored, error) {
	tried := "rendering release " + d.Name
	if d.Digest == "" {
		return release.Stored{}, &steps.Problem{Tried: tried, Seen: "it is rendered in a repository, by " + d.Managed.String(), Next: "Look there"}
	}
	was, ok, err := release.In(w.Kube, d.Namespace).At(ctx, d.Want.Release, d.Base)
	switch {
	case err != nil:
		return release.Stored{}, err
	case !ok || was.Problem != "":
		return release.Stored{}, &steps.Problem{Tried: tried, Seen: fmt.Sprintf("revision %d of release %s, from which it was derived, is no longer kept", d.Base, d.Want.Release), Next: "Look again, so that it is derived from what is in force now"}
	}
	revision := 1
	if d.Upgrade != nil {
		revision = d.Upgrade.Newest + 1
	}
	now, _, err := d.render(ctx, w, was, revision)
	if err != nil {
		return release.Stored{}, d.cannot(tried, err)
	}
	if digest(now) != d.Digest {
		return release.Stored{}, &steps.Problem{Tried: tried, Seen: "it is not what was shown: the chart, or what this cluster offers, has changed since, or the chart writes down the time",
			Next: "Put the chart back as it was; or look again, so that it is derived anew"}
	}
	return now.Stored, nil
}

// cannot turns an error of rendering and comparing into a sentence.
func (d Derived) cannot(tried string, err error) error {
	if u, ok := errors.AsType[*release.Unusable](err); ok {
		p := &steps.Problem{Tried: tried, Seen: "its chart " + u.Why, Next: u.Next, Err: err}
		switch {
		case strings.HasPrefix(u.Why, "is applied"):
			p.Seen = "release " + d.Want.Release + " " + u.Why
			p.Next += ": " + kube.CommandHelm(kube.Where{}, d.Namespace, d.Helm...)
		case d.Want.Source.Place == "":
			p.Seen = "the chart in Helm's record " + u.Why
			p.Next = "Name a folder with the chart as helm pull leaves it, or a registry"
		}
		return p
	}
	if t, ok := errors.AsType[*release.Taken](err); ok {
		return &steps.Problem{Tried: tried, Seen: t.What, Next: "Find out whose it is; nothing was changed", Err: err}
	}
	return err
}

// digest is of all that is rendered, and of the values.
func digest(r release.Rendered) string {
	h := sha256.New()
	text, _ := json.Marshal(r.Settings().Tree()) // a tree that came out of JSON
	for _, part := range append([]string{r.Chart, r.ChartVersion, r.Manifest.Reveal(), string(text)}, r.HookManifests()...) {
		fmt.Fprintf(h, "%d:%s\n", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// unlike names the objects that the chart makes otherwise than they are in force with the values that are in force.
func unlike(ctx context.Context, w steps.World, was release.Stored, chart release.Chart) ([]string, error) {
	offers, err := w.Kube.Offers(ctx)
	if err != nil {
		return nil, err
	}
	same, err := chart.RenderUpgrade(ctx, was.Name, was.Namespace, was.Revision, was.Settings(), offers)
	if was.Revision == 1 {
		same, err = chart.Render(ctx, was.Name, was.Namespace, was.Settings(), offers)
	}
	if err != nil {
		return nil, err
	}
	before, err := contents(was)
	if err != nil {
		return nil, err
	}
	after, err := contents(same.Stored)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, name := range keys(before, after) {
		if !reflect.DeepEqual(at(before, name), at(after, name)) {
			all = append(all, plain.Line(name))
		}
	}
	return all, nil
}

// contents are the objects of a release by kind and name.
func contents(s release.Stored) (map[string]any, error) {
	objects, err := s.Objects()
	if err != nil {
		return nil, err
	}
	all := map[string]any{}
	for _, o := range objects {
		all[o.String()] = o.Content()
	}
	return all, nil
}

// workloads are those that the release makes and that run something.
func workloads(s release.Stored, namespace string) ([]action.Wanted, error) {
	objects, err := s.Objects()
	if err != nil {
		return nil, err
	}
	var all []action.Wanted
	for _, o := range objects {
		if o.Namespace() == "" {
			o = o.Marked(namespace, nil, nil)
		}
		if wl, ok := o.Workload(); ok && wl.Replicas > 0 {
			all = append(all, action.Wanted{Pods: action.Pods{Workload: wl.Ref(), Selector: wl.Selector}, Replicas: wl.Replicas})
		}
	}
	return all, nil
}

// beside are the lines of how the objects of a new release differ from those of the running one: each beside the one whose name differs from its
// own only as the names of the releases do, or that comes from the same place of the chart.
func beside(was, now release.Stored, want Want) ([]string, error) {
	before, err := was.Objects()
	if err != nil {
		return nil, err
	}
	after, err := now.Objects()
	if err != nil {
		return nil, err
	}
	taken := make([]bool, len(before))
	find := func(o kube.Object, fits func(string) bool) int {
		for i, b := range before {
			if !taken[i] && b.Kind() == o.Kind() && fits(b.Name()) {
				return i
			}
		}
		return -1
	}
	var lines []string
	for _, o := range after {
		i := find(o, func(name string) bool { return strings.ReplaceAll(name, want.Release, want.As) == o.Name() })
		if i < 0 {
			i = find(o, func(name string) bool { return alike(name, o.Name()) })
		}
		if i < 0 {
			lines = append(lines, o.String()+": is made; the running release has none like it")
			continue
		}
		b, differ := before[i], 0
		taken[i] = true
		for _, l := range differences(any(b.Content()), any(o.Content())) {
			if known(l, want) {
				continue
			}
			differ++
			lines = append(lines, ofLeaf(o.String(), o.Kind(), l, single(b.Content()) && single(o.Content())))
		}
		if differ == 0 {
			lines = append(lines, o.String()+": is made as "+b.String()+" is, under its own name")
		}
	}
	for i, b := range before {
		if !taken[i] {
			lines = append(lines, b.String()+" of the running release: the new one has none like it")
		}
	}
	return lines, nil
}

// alike says whether two names differ in numbers alone: global-domain-3-sequencer and global-domain-4-sequencer.
func alike(a, b string) bool {
	without := func(s string) string {
		return strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' {
				return -1
			}
			return r
		}, s)
	}
	return without(a) == without(b)
}

// known are differences that say no more than that the name is another one.
func known(l leaf, want Want) bool {
	from, okFrom := l.from.(string)
	to, okTo := l.to.(string)
	if !okFrom || !okTo || len(l.path) == 0 {
		return false
	}
	inName := l.path[0] == "metadata" || slices.Contains(l.path, "labels") || slices.Contains(l.path, "matchLabels") || slices.Contains(l.path, "selector")
	return inName && strings.ReplaceAll(from, want.Release, want.As) == to
}
