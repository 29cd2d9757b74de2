package reonboard

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/charts"
	"canton.example/svrescue/steps/wire"
)

const (
	approvedYes = "yes"
	approvedNo  = "no"
)

var freshAsks = []steps.Ask{
	{Name: "namespace", Kind: wire.AskText, Help: "the namespace of the fresh SV; best one of its own"},
	{Name: "way", Kind: wire.AskChoice, Help: "helm: this tool installs from saved values; gitops: you install it, and the tool watches"},
	{Name: "source", Kind: wire.AskText, Help: "where this tool installs: the folder with the values files of the SV; or cluster, for Helm's records of the lost node"},
	{Name: "charts", Kind: wire.AskText, Help: "where this tool installs: the folder with the charts, or a registry as oci://HOST/PATH"},
	{Name: "sponsor", Kind: wire.AskText, Help: "the host of the sponsor's SV app, which tells how far the onboarding is; or none"},
	{Name: "approved", Kind: wire.AskChoice, Help: "whether the peers have approved the SV's name and key: yes or no"},
	{Name: "users", Kind: wire.AskText, Help: "where the values do not tell: the users of the fresh SV's wallet, as sub of their tokens, with commas between"},
	{Name: "audience", Kind: wire.AskText, Help: "where the values do not tell: the audience of tokens for the API of its validator"},
}

// freshInputs are the questions that are still open.
func freshInputs(ctx context.Context, w steps.World, f Facts) ([]wire.Question, error) {
	a, was := f.Fresh.Answers, f.Fresh.Before
	text := func(name, proposed, title, why string) ([]wire.Question, error) {
		return []wire.Question{{Name: name, Kind: wire.AskText, Title: title, Text: why, Default: proposed}}, nil
	}
	if a.Namespace == "" {
		proposed := "sv"
		if f.Old.Namespace != "" {
			proposed = f.Old.Namespace + "-fresh"
		}
		return text("namespace", cmp.Or(was.Namespace, proposed), "In which namespace shall the fresh SV be?",
			"One of its own is safest: charts keep their claims when they are uninstalled, and a fresh SV in the old namespace would take up the data of the lost one.")
	}
	if a.Way == "" {
		return []wire.Question{{Name: "way", Kind: wire.AskChoice, Title: "How shall the fresh SV be installed?", Default: cmp.Or(was.Way, f.Validator.Answers.Way, wayHelm), Choices: []wire.Choice{
			{ID: wayHelm, Label: "This tool installs it from the saved values", Detail: "release after release, after it has shown what"},
			{ID: wayGitOps, Label: "By GitOps or by hand", Detail: "you install it as any SV; the tool checks that the slate is clean, waits, and follows the onboarding"},
		}}}, nil
	}
	if a.Way == wayHelm && a.Source == "" {
		proposed := cmp.Or(was.Source, f.Hints.Values)
		if x := f.Validator.Answers.Source; proposed == "" && filepath.IsAbs(x) {
			proposed = x
		}
		if proposed == "" && recordsThere(ctx, w, f) {
			proposed = fromCluster
		}
		return text("source", proposed, "Where are the values files of the SV?", "The folder with the files for all of its releases, as for a first installation; or cluster, for what Helm keeps of the lost node in its namespace. What they say of imported identities is left out, and state sync is switched on.")
	}
	if a.Way == wayHelm && a.Charts == "" {
		return text("charts", cmp.Or(was.Charts, f.Validator.Answers.Charts, f.Hints.Charts, charts.Registry), "Where are the charts?", "A folder with charts, as helm pull leaves them, or a registry. The release is "+f.version()+".")
	}
	m, err := f.freshMaterial(ctx, w)
	if err != nil {
		return nil, err
	}
	if a.Sponsor == "" {
		return text("sponsor", cmp.Or(was.Sponsor, sponsorIn(m), none), "Who sponsors the onboarding?", "The address of the sponsor's SV app, such as https://sv.sv-2.example: it tells how far the onboarding is, by party. Or none: then the peers' scans alone are asked.")
	}
	if a.Approved == "" {
		return []wire.Question{{Name: "approved", Kind: wire.AskChoice, Title: "Have the peers approved " + f.Old.SV + " and its key?",
			Text:    "A quorum of SVs must have the name and the public key among their approved identities, with the weight that is meant: an old entry of their configuration comes into force again. It cannot be seen from here before the onboarding begins.",
			Choices: []wire.Choice{{ID: approvedYes, Label: "Yes, enough of them said so"}, {ID: approvedNo, Label: "Not yet"}}}}, nil
	}
	if len(f.freshUsers(m)) == 0 {
		return text("users", was.Users, "Who uses the wallet of the fresh SV?", "Name the users as the login provider names them in sub, with commas between. The Amulets are transferred to the party of the first.")
	}
	if f.freshAudience(m) == "" {
		return text("audience", cmp.Or(was.Audience, f.Validator.Audience, defaultAudience), "Which audience do tokens for the API of its validator have?", "The values do not tell.")
	}
	return nil, nil
}

func sponsorIn(m material) string {
	return sponsorHost(m["splice-sv-node"].Text("joinWithKeyOnboarding.sponsorApiUrl"))
}

// sponsorHost is the address of an SV app without the path of its API.
func sponsorHost(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

func (f Facts) freshUsers(m material) []string {
	f.Validator.Answers = ValidatorAnswers{Users: f.Fresh.Answers.Users}
	return f.told(m).users
}

func (f Facts) freshAudience(m material) string {
	return cmp.Or(f.Fresh.Answers.Audience, m["splice-validator"].Text("auth.audience"))
}

// takeFresh takes an answer. The facts before it are kept as they are.
func takeFresh(f *Facts, ask, value string) error {
	value = strings.TrimSpace(value)
	a := &f.Fresh.Answers
	switch ask {
	case "namespace":
		switch {
		case !validNamespace.MatchString(value):
			return fmt.Errorf("%q is no name of a namespace", value)
		case value == f.Validator.Namespace:
			return fmt.Errorf("the recovery validator is in namespace %s: its releases have the same names. Name another one", value)
		}
		a.Namespace, f.Fresh.Namespace = value, value
	case "source":
		if value == fromCluster {
			if f.Old.Namespace == "" {
				return fmt.Errorf("no namespace of the lost node is known in which Helm could have records of it: name a folder")
			}
			a.Source, f.Fresh.Charts = fromCluster, f.chartsOfAnSV()
			return nil
		}
		if err := takeFolder(&a.Source, value); err != nil {
			return err
		}
		read, _, err := charts.ReadFolder(a.Source)
		if err != nil || len(read) == 0 {
			a.Source = ""
			if err == nil {
				err = fmt.Errorf("there is no values file in %s whose release is known by its name or by a %s", value, charts.ListFile)
			}
			return err
		}
		f.Fresh.Charts = nil
		for _, r := range read {
			if name := f.oneOf(r.Charts); !slices.Contains(f.Fresh.Charts, name) {
				f.Fresh.Charts = append(f.Fresh.Charts, name)
			}
		}
	case "charts":
		if charts.IsRegistry(value) {
			a.Charts = strings.TrimSuffix(value, "/")
			return nil
		}
		if err := takeFolder(&a.Charts, value); err != nil {
			return err
		}
		if _, err := release.Charts(a.Charts); err != nil {
			defer func() { a.Charts = "" }()
			return fmt.Errorf("the charts in %s cannot be used: %w", a.Charts, err)
		}
	case "sponsor":
		if value != none && sponsorHost(value) == "" {
			return fmt.Errorf("%q is no address such as https://sv.sv-2.example, and not %s", value, none)
		}
		a.Sponsor = cmp.Or(sponsorHost(value), none)
	case "users":
		if len(listOf(value)) == 0 {
			return fmt.Errorf("name at least one user")
		}
		a.Users = value
	default:
		to := map[string]*string{"way": &a.Way, "approved": &a.Approved, "audience": &a.Audience}[ask]
		if to == nil || value == "" {
			return fmt.Errorf("%q is no answer to %s", value, ask)
		}
		*to = value
	}
	return nil
}

// oneOf chooses between the charts of PostgreSQL by the release.
func (f Facts) oneOf(names []string) string {
	s, _ := readSplice(f.version())
	if slices.Contains(names, "postgresql") && s.bitnami() {
		return "postgresql"
	}
	return names[0]
}

// forgetFresh asks everything anew, and proposes what was answered.
func forgetFresh(f *Facts) { f.Fresh = Fresh{Before: f.Fresh.Answers} }
