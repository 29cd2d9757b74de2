package charts

import "regexp"

// named is what the documentation says of a values file by its name (reference/deployment.md 4, 5 and 3.2).
type named struct {
	file    string   // without its extension
	release string   // empty: told by values
	told    []told   // where values tell the name of the release, all of which must agree
	charts  []string // one of these; which, is told by what there is
	more    []string // files that the documentation gives to the release after this one, where they are there
}

// told is a value that holds the name of a release, in one of the saved files.
type told struct {
	file, path string
	suffix     string // that is not part of the name
}

// postgres are the charts of the databases: the second from 0.6.13 on.
var postgres = []string{"splice-postgres", "postgresql"}

const uiConfig = "ui-config-values"

// documented are the values files of the documentation's bundle. What is not in it, such as values for a KMS, is given to a release by
// releases.yaml: the order of files matters, and the documentation at hand does not tell it (not verified).
var documented = []named{
	{file: "postgres-values-sequencer", release: "sequencer-pg", charts: postgres},
	{file: "postgres-values-mediator", release: "mediator-pg", charts: postgres},
	{file: "postgres-values-participant", release: "participant-pg", charts: postgres},
	{file: "postgres-values-apps", release: "apps-pg", charts: postgres},
	{file: "cometbft-values", charts: []string{"splice-cometbft"}, told: []told{{file: "cometbft-values", path: "node.identifier"}}},
	{file: "global-domain-values", charts: []string{"splice-global-domain"}, told: []told{
		{"sv-values", "synchronizers.current.sequencerAddress", "-sequencer"}, {"sv-values", "domain.sequencerAddress", "-sequencer"},
		{"scan-values", "synchronizers.current.sequencer", "-sequencer"}, {"scan-values", "sequencerAddress", "-sequencer"}}},
	{file: "participant-values", charts: []string{"splice-participant"}, told: []told{
		{"sv-values", "participantAddress", ""}, {"scan-values", "participantAddress", ""},
		{"validator-values", "participantAddress", ""}, {"sv-validator-values", "participantAddress", ""}}},
	{file: "sv-values", release: "sv", charts: []string{"splice-sv-node"}, more: []string{"approved-sv-id-values", uiConfig}},
	{file: "scan-values", release: "scan", charts: []string{"splice-scan"}, more: []string{uiConfig}},
	{file: "validator-values", release: "validator", charts: []string{"splice-validator"}, more: []string{"sv-validator-values", uiConfig}},
	{file: "info-values", release: "info", charts: []string{"splice-info"}},
	{file: "sv-cluster-ingress-values", release: "cluster-ingress-sv", charts: []string{"splice-cluster-ingress-runbook"}},
}

// ofRelease are releases whose names tell their charts: files named RELEASE-values, as `helm get values RELEASE` is saved.
var ofRelease = []struct {
	name   *regexp.Regexp
	charts []string
}{
	{regexp.MustCompile(`^(sequencer|mediator|participant|apps)-pg$`), postgres},
	{regexp.MustCompile(`^global-domain-\d+-cometbft$`), []string{"splice-cometbft"}},
	{regexp.MustCompile(`^global-domain-\d+$`), []string{"splice-global-domain"}},
	{regexp.MustCompile(`^participant-\d+$`), []string{"splice-participant"}},
	{regexp.MustCompile(`^cluster-ingress-sv$`), []string{"splice-cluster-ingress-runbook"}},
}

// placeholders are words that the bundle's values files have in place of what the operator fills in.
var placeholders = []string{"MIGRATION_ID", "SERIAL_ID", "TARGET_CLUSTER", "YOUR_HOSTNAME"}
