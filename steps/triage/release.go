package triage

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"canton.example/svrescue/steps/node"
)

// Release is what decides which variant of a recovery can work (reference/deployment.md 1). What is not known is empty in Splice, and
// "not-determined" in the others.
type Release struct {
	Splice   string `json:"splice"`
	Family   Family `json:"family"`
	Ordering string `json:"ordering"` // cometbft, cantonbft
}

// Family is a line of releases that recover alike.
type Family string

const (
	FamilyA       Family = "A" // up to 0.6.1: migration dumps
	FamilyB       Family = "B" // 0.6.2 to 0.7.x: roll-forward upgrade
	FamilyC       Family = "C" // from 0.8.0
	FamilyUnknown Family = "not-determined"
)

const (
	cometBFT       = "cometbft"
	cantonBFT      = "cantonbft"
	orderingHidden = "not-determined"
)

var versionText = regexp.MustCompile(`^v?(\d+)\.(\d+)\.(\d+)(?:[-+].*)?$`)

// FamilyOf is the family of a release. What is older than 0.4 or cannot be read as a version belongs to none.
func FamilyOf(version string) Family {
	m := versionText.FindStringSubmatch(strings.TrimSpace(version))
	if m == nil {
		return FamilyUnknown
	}
	var v [3]int
	for i := range v {
		n, err := strconv.Atoi(m[i+1])
		if err != nil {
			return FamilyUnknown
		}
		v[i] = n
	}
	switch {
	case slices.Compare(v[:], []int{0, 4, 0}) < 0:
		return FamilyUnknown
	case slices.Compare(v[:], []int{0, 6, 2}) < 0:
		return FamilyA
	case slices.Compare(v[:], []int{0, 8, 0}) < 0:
		return FamilyB
	}
	return FamilyC
}

// releaseOf reads the release from the charts and from the app that runs, which must not contradict each other across families.
func releaseOf(e Evidence, now time.Time) (Release, Item) {
	r := Release{Family: FamilyUnknown, Ordering: orderingHidden}
	item := Item{ID: "release", Verdict: NotDetermined}
	charts, app := "", ""
	if e.Cluster.known(now) {
		charts = e.Cluster.Node.Release
	}
	if e.Apps.known(now) {
		app = e.Apps.Version
	}
	item.Source, item.At = cmp.Or(e.Cluster.Source, "the charts of the workloads"), e.Cluster.At
	if charts == "" && app != "" {
		item.Source, item.At = cmp.Or(e.Apps.Source, "the SV app"), e.Apps.At
	}
	r.Splice = cmp.Or(app, charts)
	r.Family = FamilyOf(r.Splice)
	switch {
	case charts == "" && app == "":
		item.Detail = e.Cluster.why("the release", now)
		if e.Cluster.known(now) {
			item.Detail = "No workload shows by its chart which Splice release it is, and the SV app has not told."
		}
		return r, item
	case charts != "" && app != "" && FamilyOf(charts) != FamilyOf(app):
		r.Family = FamilyUnknown
		item.Detail = fmt.Sprintf("The charts say %s and the SV app says %s. These recover in different ways, so find out first which one runs.", charts, app)
		return r, item
	case r.Family == FamilyUnknown:
		item.Detail = sentence(fmt.Sprintf("the release %s is not one that this program knows", r.Splice))
		return r, item
	}
	item.Verdict = Holds
	item.Detail = fmt.Sprintf("The node is of Splice %s, family %s: %s.", r.Splice, r.Family, map[Family]string{
		FamilyA: "a network is recovered with migration dumps",
		FamilyB: "a network is recovered by a roll-forward upgrade",
		FamilyC: "a network is recovered by a roll-forward upgrade"}[r.Family])
	if charts != "" && app != "" && charts != app {
		item.Detail += " " + sentence(fmt.Sprintf("the charts say %s, and the app that runs counts", charts))
	}
	return r, item
}

// orderingOf is the driver of the sequencer. Nothing else tells it.
func orderingOf(e Evidence, now time.Time) (string, Item) {
	item := Item{ID: "ordering", Verdict: NotDetermined, Source: "sequencer.driver.type in the values of Helm", At: e.Cluster.At}
	switch {
	case !e.Cluster.known(now):
		item.Detail = e.Cluster.why("the ordering layer", now)
		item.At = time.Time{}
	case e.Cluster.Driver == cometBFT:
		item.Verdict, item.Detail = Holds, "The sequencer orders through CometBFT."
		return cometBFT, item
	case e.Cluster.Driver == cantonBFT:
		item.Verdict, item.Detail = Holds, "The sequencer orders by itself (CantonBFT), so there is no CometBFT to look at or to restore."
		return cantonBFT, item
	default:
		item.Detail = "Which ordering layer the sequencer uses is not in the values of Helm, and neither the release nor a Deployment tells it."
	}
	return orderingHidden, item
}

// synchronizers says which are deployed and which is current, and names the migration ID and the serial ID apart.
func synchronizers(e Evidence, rel Release, now time.Time) Item {
	item := Item{ID: "synchronizers", Verdict: NotDetermined, Source: cmp.Or(e.Cluster.Source, "the inventory"), At: e.Cluster.At}
	if !e.Cluster.known(now) {
		item.Detail, item.At = e.Cluster.why("which synchronizers are deployed", now), time.Time{}
		return item
	}
	n := e.Cluster.Node
	if n.Serial == "" {
		item.Detail = "Which synchronizer is the current one is not known: neither the values of Helm nor the SV app tell it."
		return item
	}
	word := "number"
	switch rel.Family {
	case FamilyA:
		word = "migration ID"
	case FamilyB, FamilyC:
		word = "serial ID"
	}
	item.Verdict = Holds
	text := fmt.Sprintf("the current synchronizer has the %s %s", word, n.Serial)
	if e.Apps.known(now) && e.Apps.Numbered && rel.Family != FamilyA {
		text += fmt.Sprintf(", and the migration ID stays %d, which is another number", e.Apps.MigrationID)
	}
	var legacy, successor []string
	for _, c := range n.LeftAlone() {
		if c.Role == node.Legacy {
			legacy = append(legacy, c.Serial)
		} else {
			successor = append(successor, c.Serial)
		}
	}
	also := ""
	if len(legacy) > 0 {
		also += "A legacy synchronizer is still deployed: " + list(legacy) + ". "
	}
	if len(successor) > 0 {
		also += "A successor is prepared: " + list(successor) + "."
	}
	item.Detail = sentences(text, also)
	if rel.Family == FamilyA && e.Apps.known(now) && e.Apps.Numbered && strconv.FormatInt(e.Apps.MigrationID, 10) != n.Serial {
		item.Verdict = Violated
		item.Detail = fmt.Sprintf("The workloads have the migration ID %s and the SV app is configured with %d: it may talk to another synchronizer.", n.Serial, e.Apps.MigrationID)
	}
	return item
}

// legacyRuns says whether a legacy synchronizer with that number is deployed and has a sequencer that is ready.
func legacyRuns(n node.Node, serial string) bool {
	return slices.ContainsFunc(n.Components, func(c node.Component) bool {
		return c.Role == node.Legacy && c.Part == node.Sequencer && c.Serial == serial && c.Ready > 0
	})
}
