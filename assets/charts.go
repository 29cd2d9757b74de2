package assets

import "embed"

//go:embed rehearsal/charts
var charts embed.FS

// ChartVariables are the variables that a chart of a release from Splice 0.6.2 on gives its container, as a text of the chart: entries of a list at
// eight spaces; empty: there are none that matter. They have the branches of upstream's templates that matter to a roll-forward
// (reference/deployment.md 11), in words of their own; nothing of them is from Splice. The SV app's key comes before rollForwardLsu, as in upstream's
// template; what begins with STANDIN is the stand-ins' own. Rehearsals, tests and the charts of the real cluster have them alike, so that none of them
// proves a chart that the others do not know.
func ChartVariables(chart string) string {
	text, err := charts.ReadFile("rehearsal/charts/" + chart + ".tpl")
	if err != nil {
		return ""
	}
	return string(text)
}
