package releases

import (
	"fmt"
	"strings"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/wire"
)

// Site says where and in which run actions are made.
type Site struct {
	Where kube.Where
	Run   string
}

// folder is where changes of values lie among the artifacts of the run.
const folder = "releases"

func (d Derived) patchFile() string  { return folder + "/" + d.Name + "-values.yaml" }
func (d Derived) valuesFile() string { return d.Want.Release + "-values.yaml" }

// files are the changes as they can be committed to a repository or given to Helm, and how values and objects differ.
func (d Derived) files() action.WriteFiles {
	diff := "values of release " + d.Name + "\n"
	for _, l := range d.Values {
		diff += "  " + l + "\n"
	}
	diff += "objects\n"
	for _, l := range d.Objects {
		diff += "  " + l + "\n"
	}
	return action.WriteFiles{What: "the changes of release " + d.Name, Files: map[string]string{d.patchFile(): d.Patch, folder + "/" + d.Name + ".diff": diff}}
}

// Write writes the changes into the run folder alone; they are the first of Actions. ChangesFile is where those to commit lie among the artifacts.
func (d Derived) Write() steps.Action { return d.files() }
func (d Derived) ChangesFile() string { return d.patchFile() }

// Actions put it in force: the changes are written into the run folder; then it is upgraded or installed, or, where it is managed from a
// repository, waited for until the cluster shows what was rendered. They do not wait until pods are ready.
func (d Derived) Actions(s Site) []steps.Action {
	actions := []steps.Action{d.files()}
	switch {
	case d.Managed != nil:
		return append(actions, waitShown{where: s.Where, derived: d})
	case d.New():
		return append(actions, action.InstallRelease{Where: s.Where, Chart: d.Chart, Version: d.Version, Installation: d.installation(s), Stored: d.Render, How: "rendered",
			Helm: d.Helm, Lines: d.Objects, Hooks: d.Hooks,
			Before: []string{kube.CommandHelm(s.Where, d.Namespace, "get", "values", d.Want.Release, "-o", "yaml") + " > " + d.valuesFile()}})
	}
	return append(actions, action.UpgradeRelease{Where: s.Where, Chart: d.Chart, Version: d.Version, Was: d.Was, Upgrade: d.upgrade(s), Lines: d.Objects, Stored: d.Render,
		Helm: d.Helm, Hooks: d.Hooks})
}

func (d Derived) installation(s Site) release.Installation {
	return release.Installation{Name: d.Name, Namespace: d.Namespace, Parts: d.Parts, Mark: action.Mark(s.Run), From: "the values of release " + d.Want.Release}
}

func (d Derived) upgrade(s Site) release.Upgrade {
	u := *d.Upgrade
	u.Mark = action.Mark(s.Run)
	return u
}

// Undo takes it back: the upgrade by the next revision with the old content, a new release by uninstalling it (its claims stay). Where it is
// managed from a repository there are no actions, and the second answer says what to commit.
func (d Derived) Undo(s Site) (actions []steps.Action, byHand string) {
	switch {
	case d.Managed != nil:
		return nil, fmt.Sprintf("release %s is applied by %s: take the commit back in its repository", d.Name, d.Managed)
	case d.New():
		return []steps.Action{action.UninstallRelease{Where: s.Where, Installation: d.installation(s)}}, ""
	}
	return []steps.Action{action.RollBackRelease{Where: s.Where, Upgrade: d.upgrade(s)}}, ""
}

// Findings tell the differences, line by line, and what is to be known of how it was rendered. They are what is shown before it is confirmed.
func (d Derived) Findings() []wire.Finding {
	from := "release " + d.Name
	if d.New() {
		from = fmt.Sprintf("the new release %s, beside %s", d.Name, d.Want.Release)
	}
	lines := func(id, what string, all []string) wire.Finding {
		f := wire.Finding{ID: id + "-" + d.Name, Verdict: wire.Holds, Text: fmt.Sprintf("%s of %s: %d differ", what, from, len(all))}
		for _, l := range all {
			f.Evidence = append(f.Evidence, wire.Evidence{Source: d.Name, Seen: l})
		}
		return f
	}
	found := []wire.Finding{lines("values", "values", d.Values)}
	if d.Digest != "" {
		found = append(found, lines("objects", "places in objects", d.Objects))
	}
	if d.Version != d.Was && d.Was != "" {
		found = append(found, wire.Finding{ID: "version-" + d.Name, Verdict: wire.Attention, Text: fmt.Sprintf("the chart of release %s is of version %s, and %s runs", d.Name, d.Version, d.Was)})
	}
	if len(d.Unlike) > 0 {
		found = append(found, wire.Finding{ID: "unlike-" + d.Name, Verdict: wire.Undetermined,
			Text:  fmt.Sprintf("even with the values in force the chart makes these otherwise than they are in force: %s. Something else has made them, such as a post-renderer or a chart that was changed, and would be lost", strings.Join(d.Unlike, ", ")),
			Next:  "Name the chart with which release " + d.Want.Release + " was installed, or upgrade it by hand as it was installed",
			Waive: "what differs there is not needed; the differences of the objects were read"})
	}
	if len(d.Asked) > 0 {
		found = append(found, wire.Finding{ID: "lookup-" + d.Name, Verdict: wire.Undetermined, Waive: "what the chart makes without an answer is right",
			Text: fmt.Sprintf("while release %s was rendered, its chart asked the cluster for %s and was told that it is not there", d.Name, strings.Join(d.Asked, ", ")),
			Next: "Read the differences of the objects: they show what came of it"})
	}
	if len(d.Hooks) > 0 {
		found = append(found, wire.Finding{ID: "hooks-" + d.Name, Verdict: wire.Attention, Text: fmt.Sprintf("these hooks of the chart of release %s are not run: %s", d.Name, strings.Join(d.Hooks, ", "))})
	}
	if d.Managed != nil {
		found = append(found, wire.Finding{ID: "managed-" + d.Name, Verdict: wire.Attention, Text: fmt.Sprintf("%s applies release %s from a repository: what is changed here would be put back", d.Managed, d.Want.Release),
			Next: "Commit the changes there, which this run writes to artifacts/" + d.patchFile()})
	}
	return found
}
