package network

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/releases"
	"canton.example/svrescue/steps/wire"
)

// Values of the apps' charts that a migration is about (reference/deployment.md 10.6).
const (
	valueMigrationID = "migration.id"
	valueMigrating   = "migration.migrating"
	valueLegacyID    = "migration.legacyId"
)

// foundingValues must not be there while the SV app of a founding SV migrates: it would never become healthy (reference/deployment.md 10.6).
var foundingValues = []string{"initialSynchronizerFeesConfig", "onboardingFoundingSvRewardWeightBps"}

// addresses are the values that must name the new synchronizer, of each app.
var addresses = map[node.Part][]string{
	node.SVApp:     {"participantAddress", "domain.sequencerAddress", "domain.mediatorAddress", "domain.sequencerPublicUrl", "cometBFT.connectionUri", "decentralizedSynchronizerUrl"},
	node.ScanApp:   {"participantAddress", "sequencerAddress", "mediatorAddress"},
	node.Validator: {"participantAddress"},
}

// rename is a name of the old synchronizer, and what takes its place.
type rename struct {
	old, new string
	pattern  *regexp.Regexp // finds the name in an address, with what stands before and after it
}

// renames are the names that stand in addresses: of the workloads, whose Services begin with them, and of the public hosts (reference/deployment.md
// 3.3 and 6). The longest comes first.
func (f Facts) renames() []rename {
	old, now := f.Node.Serial, f.Successor.Suffix
	pairs := [][2]string{{"global-domain-" + old, "global-domain-" + now}, {"sequencer-" + old, "sequencer-" + now}, {"participant-" + old, "participant-" + now}}
	for _, p := range []struct {
		part node.Part
		name string
	}{{node.CometBFT, f.Successor.CometBFT}, {node.Sequencer, f.Successor.Sequencer}, {node.Mediator, f.Successor.Mediator}, {node.Participant, f.Successor.Participant}} {
		if all := f.Node.Of(p.part); len(all) > 0 && p.name != "" {
			pairs = append(pairs, [2]string{all[0].Ref.Name, p.name})
		}
	}
	slices.SortStableFunc(pairs, func(a, b [2]string) int { return cmp.Compare(len(b[0]), len(a[0])) })
	var found []rename
	for _, p := range pairs {
		if slices.ContainsFunc(found, func(r rename) bool { return r.old == p[0] }) || p[0] == p[1] {
			continue
		}
		before, after := `(^|[^A-Za-z0-9])`, `($|[^A-Za-z0-9])`
		if !strings.HasSuffix(p[0], "-"+old) && !strings.Contains(p[0], "-"+old+"-") { // a name without a number is that of a host only
			before, after = `(^|://)`, `($|[:/.])`
		}
		found = append(found, rename{p[0], p[1], regexp.MustCompile(before + regexp.QuoteMeta(p[0]) + after)})
	}
	return found
}

// renamed is a text with the new names.
func renamed(text string, all []rename) string {
	for _, r := range all {
		text = r.pattern.ReplaceAllString(text, "${1}"+strings.ReplaceAll(r.new, "$", "$$")+"${2}")
	}
	return text
}

// number finds the old migration ID at the end of a name.
func number(serial string) *regexp.Regexp {
	return regexp.MustCompile(`[A-Za-z][-_]` + regexp.QuoteMeta(serial) + `($|[^0-9A-Za-z])`)
}

// looksPrivate says whether a text may hold a secret, so that it is not journaled.
func looksPrivate(text string) bool {
	lower := strings.ToLower(text)
	return strings.Contains(text, "@") || strings.Contains(lower, "password") || strings.Contains(lower, "secret") || strings.Contains(lower, "token")
}

// appEdit is what changes of the values of an app: the migration ID, that the SV app migrates, and every address with a name of the old
// synchronizer in it. knowsLegacy says that the chart has the value for the old ID. What still names the old one is told, without the value.
func (f Facts) appEdit(part node.Part, release string, v release.Values, knowsLegacy bool) (releases.Edit, []wire.Finding) {
	old, _ := strconv.ParseInt(f.Node.Serial, 10, 64)
	a, _ := f.agreed()
	e := releases.Edit{Set: map[string]any{valueMigrationID: alike(v, valueMigrationID, a.migration)}}
	if part == node.SVApp {
		e.Set[valueMigrating] = true
		if knowsLegacy {
			e.Set[valueLegacyID] = alike(v, valueLegacyID, old)
		}
		if f.Apps.Founding == dropFounding {
			for _, name := range foundingValues {
				if _, there := v.At(name); there {
					e.Drop = append(e.Drop, name)
				}
			}
		}
	}
	all := f.renames()
	var still []string
	for _, key := range v.Keys() {
		found, _ := v.At(key)
		switch x := found.(type) {
		case string:
			now := renamed(x, all)
			if now != x && !looksPrivate(x) {
				e.Set[key] = now
			}
			if now != x && looksPrivate(x) || number(f.Node.Serial).MatchString(now) {
				still = append(still, key)
			}
		case []any:
			items, open := renamedItems(x, all, number(f.Node.Serial))
			if len(items) > 0 {
				if e.Add == nil {
					e.Add = map[string][]any{}
				}
				e.Add[key] = items
			}
			if open {
				still = append(still, key)
			}
		}
	}
	return e, f.editFindings(part, release, v, e, still)
}

// alike is a number as the values have it so far: some write it as a text.
func alike(v release.Values, path string, n int64) any {
	if was, ok := v.At(path); ok {
		if _, text := was.(string); text {
			return strconv.FormatInt(n, 10)
		}
	}
	return n
}

// renamedItems are the items of a list that have a name and take another address, such as environment variables. open says that others name the old
// synchronizer.
func renamedItems(list []any, all []rename, old *regexp.Regexp) (items []any, open bool) {
	for _, item := range list {
		m, isMap := item.(map[string]any)
		name, _ := m["name"].(string)
		if text, isText := item.(string); isText {
			open = open || renamed(text, all) != text || old.MatchString(text)
		}
		if !isMap {
			continue
		}
		value, isText := m["value"].(string)
		now := renamed(value, all)
		switch {
		case !isText:
		case now != value && name != "" && !looksPrivate(name) && !looksPrivate(value) && len(m) == 2:
			items = append(items, map[string]any{"name": name, "value": now})
		case now != value:
			open = true
		}
		open = open || isText && old.MatchString(now)
	}
	return items, open
}

// editFindings say of an edit what has to be looked at.
func (f Facts) editFindings(part node.Part, release string, v release.Values, e releases.Edit, still []string) []wire.Finding {
	var found []wire.Finding
	if len(still) > 0 {
		found = append(found, wire.Finding{ID: "still-" + release, Verdict: wire.Violated, Waive: "they are meant so",
			Text: fmt.Sprintf("values of release %s still name the old synchronizer: %s", release, strings.Join(still, ", ")), Next: "Look at them; change them in the release by hand, then answer this step again"})
	}
	var missing []string
	for _, key := range addresses[part] {
		if _, set := v.At(key); !set {
			missing = append(missing, key)
		} else if _, changed := e.Set[key]; !changed && !slices.Contains(still, key) {
			found = append(found, wire.Finding{ID: "address-" + release + "-" + key, Verdict: wire.Violated, Waive: "it leads to the new synchronizer as it is",
				Text: fmt.Sprintf("%s of release %s does not change: no name of the old synchronizer stands in it", key, release), Next: "Look where it leads; set it by hand, then answer this step again"})
		}
	}
	if len(missing) > 0 {
		found = append(found, wire.Finding{ID: "unset-" + release, Verdict: wire.Attention, Text: fmt.Sprintf("release %s does not set %s", release, strings.Join(missing, ", ")),
			Next: "Where its chart needs them under other names, look that those lead to the new synchronizer: the differences of the objects tell"})
	}
	if part != node.SVApp {
		if on, _ := v.At(valueMigrating); on == true {
			found = append(found, wire.Finding{ID: "migrating-" + release, Verdict: wire.Attention, Text: "release " + release + " says already that it migrates, which only that of the SV app has to here", Next: "Look why"})
		}
		return found
	}
	var founding []string
	for _, name := range foundingValues {
		if _, there := v.At(name); there {
			founding = append(founding, name)
		}
	}
	if len(founding) > 0 && f.Apps.Founding != dropFounding {
		found = append(found, wire.Finding{ID: "founding", Verdict: wire.Violated, Text: fmt.Sprintf("release %s has values of a founding SV: %s. With them the SV app never becomes healthy while it migrates", release, strings.Join(founding, ", ")),
			Next: "Answer this step again, and leave them out"})
	}
	return found
}
