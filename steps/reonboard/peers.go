package reonboard

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/nodes"
	"canton.example/svrescue/steps/twin"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
)

// Answers that are no name.
const (
	nothingLeft = "nothing-left"
	noPod       = "none"
)

// peers finds what is left of the node and which scans of other SVs are asked.
func peers() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "reonboard/peers", Title: "Peers", Effect: wire.Repeatable,
		Summary: "Finds what is left of the node, and the scans of other SVs that tell what the network knows.",
		Asks: []steps.Ask{
			{Name: "namespace", Kind: wire.AskChoice, Help: "the namespace of the lost node, or " + nothingLeft},
			{Name: "validator", Kind: wire.AskText, Help: "where nothing is left of the node: the namespace of the recovery validator, which must be there"},
			{Name: "scans", Kind: wire.AskText, Help: "addresses of other SVs' scans, with commas between; one that answers names the others"},
			{Name: "image", Kind: wire.AskText, Help: "where scans do not answer this machine: the image of a pod that asks them, with sh, and bash or nc; or " + noPod},
		},
		Inputs: peersInputs,
		Take:   takePeers,
		Forget: func(f *Facts) {
			f.Reach, f.Old, f.Peers = Reach{}, Old{}, nil
			f.Validator.Namespace = ""
		},
		Plan: func(f Facts) ([]steps.Action, error) { return openPod(f), nil },
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			found, err := whatIsLeft(ctx, w, f)
			if err != nil {
				return nil, err
			}
			more, err := whoAnswers(ctx, w, f)
			return append(found, more...), err
		},
		Undo: func(f Facts) ([]steps.Action, string) { return closePod(f), "no pod was made" },
	}
}

// podLives is after how many seconds the pod ends by itself: two months, for votes take their time and the run may be forgotten.
const podLives = 60 * 24 * 3600

// openPod makes the pod through which scans are asked, where one is wanted. A step that asks them for long plans it: one that has gone is
// made again.
func openPod(f Facts) []steps.Action {
	if f.Reach.Image == "" || f.Reach.Image == noPod {
		return nil
	}
	pod := action.ClientOf(holds(f), f.Reach.Image, f.Run)
	pod.Lives = podLives
	return []steps.Action{action.OpenClient{Where: f.Where, Spec: pod}}
}

// closePod takes it away.
func closePod(f Facts) []steps.Action {
	if f.Reach.Image == "" || f.Reach.Image == noPod {
		return nil
	}
	return []steps.Action{action.CloseClient{Where: f.Where, Namespace: holds(f), Name: action.ClientOf(holds(f), f.Reach.Image, f.Run).Name}}
}

func peersInputs(ctx context.Context, w steps.World, f Facts) ([]wire.Question, error) {
	if f.Old.Namespace == "" && !f.Reach.Nothing {
		q, err := askNamespace(ctx, w, f)
		return []wire.Question{q}, err
	}
	if f.Reach.Nothing {
		there, err := isNamespace(ctx, w, f.Validator.Namespace)
		if err != nil {
			return nil, err
		}
		if !there {
			q := wire.Question{Name: "validator", Kind: wire.AskText, Title: "In which namespace will the recovery validator run?",
				Text: "It must be there: the run marks it as its own, and nothing of the lost node is left to be marked. The documentation's is validator."}
			if f.Validator.Namespace != "" {
				q.Text = "There is no namespace " + f.Validator.Namespace + ".\n" + q.Text
			}
			return []wire.Question{q}, nil
		}
	}
	if len(f.Reach.Scans) == 0 {
		return []wire.Question{{Name: "scans", Kind: wire.AskText, Title: "At which addresses do the scans of other SVs answer?", Default: strings.Join(proposedScans(ctx, w, f), ", "),
			Text: "One is enough where it answers: it names the others. Several are safer, with commas between. The scan of the lost SV does not count."}}, nil
	}
	if f.Reach.Image == "" {
		if !f.Reach.Nothing {
			if n, err := nodes.In(ctx, w, f.Old.Namespace, f.Where.Context, ""); err == nil {
				f.Old.Node = &n
			}
		}
		s := survey(ctx, w, f)
		if n := len(s.here()); n < witnesses && s.shut() {
			return []wire.Question{askImage(f, n)}, nil
		}
	}
	return nil, nil
}

// askNamespace asks which node was lost. It is asked even where there is one node only: another SV's may live in this cluster, and what is named
// here will be stopped.
func askNamespace(ctx context.Context, w steps.World, f Facts) (wire.Question, error) {
	q := wire.Question{Name: "namespace", Kind: wire.AskChoice, Title: "What is left of the lost node?",
		Text: "What is named here is stopped for good before the SV is offboarded, and kept until the end. Nothing is touched yet."}
	all, where, err := nodes.Each(ctx, w, f.Wanted, f.Where.Context, "")
	if err != nil {
		return q, err
	}
	for _, n := range all {
		if left := parts(n, twin.NodeParts...); len(left) > 0 {
			q.Choices = append(q.Choices, wire.Choice{ID: n.Subject.Namespace, Label: "What is in namespace " + n.Subject.Namespace, Detail: leftText(n)})
		}
	}
	switch {
	case len(q.Choices) == 0:
		q.Text = "Nothing of a node was found in " + where + ".\n" + q.Text
	case f.Wanted != "":
		q.Default = q.Choices[0].ID
	}
	q.Choices = append(q.Choices, wire.Choice{ID: nothingLeft, Label: "Nothing of it is left in this cluster", Detail: "who turned it off, and how that is certain, is asked later"})
	return q, nil
}

// leftText is what a namespace holds of a node.
func leftText(n node.Node) string {
	text := fmt.Sprintf("%s, Splice %s, %s", n.Subject.Word(), n.Release, count(len(parts(n, twin.NodeParts...)), "workload"))
	if !n.IsSV() {
		text += "; not a whole SV: it has not both an SV app and a participant"
	}
	return text
}

// askImage proposes the image with which the charts make databases: it is known to have what is needed (package reach).
func askImage(f Facts, answering int) wire.Question {
	q := wire.Question{Name: "image", Kind: wire.AskText, Title: "Which image may ask the scans from inside the cluster?",
		Text: fmt.Sprintf("From this machine %s of other SVs can be asked; %d are needed. Scans often answer only the clusters that they know. A pod of this image is made in namespace %s and taken "+
			"away at the end. It needs sh, and bash or nc. Without a pod: %s.", count(answering, "scan"), witnesses, holds(f), noPod)}
	if n := f.Old.Node; n != nil {
		for _, s := range n.Servers() {
			if q.Default == "" {
				q.Default = s.Image
			}
		}
	}
	return q
}

var namespaceName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

func takePeers(f *Facts, ask, value string) error {
	switch ask {
	case "namespace":
		if value == nothingLeft {
			f.Reach.Nothing = true
		} else {
			f.Old.Namespace = value
		}
	case "validator":
		if !namespaceName.MatchString(value) {
			return fmt.Errorf("%q is no name of a namespace", value)
		}
		f.Validator.Namespace = value
	case "scans":
		scans, err := addresses(value)
		if err != nil {
			return err
		}
		f.Reach.Scans = scans
	case "image":
		if value == "" || strings.ContainsAny(value, " \t") {
			return errors.New("name an image, such as postgres:17; or " + noPod)
		}
		f.Reach.Image = value
	}
	return nil
}

// addresses reads a list of addresses of scans.
func addresses(text string) ([]string, error) {
	var all []string
	for _, one := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' }) {
		u, err := url.Parse(one)
		switch {
		case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
			return nil, fmt.Errorf("%q is no address: write it as https://scan.sv-2.example.org", one)
		case u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "":
			return nil, fmt.Errorf("write the address of %s without what follows the host, and without a user", u.Host)
		}
		all = append(all, u.Scheme+"://"+u.Host)
	}
	if len(all) == 0 {
		return nil, errNoScan
	}
	return all, nil
}

// whatIsLeft reads the node as it is now.
func whatIsLeft(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
	if f.Reach.Nothing {
		f.Old.Node = nil
		return []wire.Finding{{ID: "node", Verdict: wire.Attention, Text: "you say that nothing is left of the lost node in this cluster",
			Next: "Nothing is stopped then: who turned it off is asked before the vote"}}, nil
	}
	n, err := nodes.In(ctx, w, f.Old.Namespace, f.Where.Context, "")
	var several *node.Ambiguous // all of them will be stopped
	if err != nil && !errors.As(err, &several) {
		return nil, err
	}
	if len(parts(n, twin.NodeParts...)) == 0 {
		return []wire.Finding{{ID: "node", Verdict: wire.Violated, Text: "namespace " + f.Old.Namespace + " holds nothing of a node any more",
			Next: "Answer again, and say that nothing is left if that is so"}}, nil
	}
	f.Old.Node = &n
	f.Old.Network = n.Subject.Network
	finding := wire.Finding{ID: "node", Verdict: wire.Holds, Text: "what is left of the node in namespace " + f.Old.Namespace + ": " + leftText(n)}
	if !n.IsSV() {
		finding.Verdict, finding.Next = wire.Attention, "Make sure that this is of the lost SV and of nobody else: it will be stopped"
	}
	for _, c := range n.Components {
		finding.Evidence = append(finding.Evidence, wire.Evidence{Source: c.Ref.String(), Seen: fmt.Sprintf("%s, %d wanted, %d ready", c.Part, c.Replicas, c.Ready), At: w.Clock.Now()})
	}
	return []wire.Finding{finding}, nil
}

// whoAnswers asks the scans and keeps those that agree on which network this is.
func whoAnswers(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
	s := survey(ctx, w, *f)
	f.Peers = s.agreed()
	switch {
	case s.poll.Count(svapp.Answered) == 0:
		return nil, noScan("asking the scans of other SVs", s.poll)
	case s.poll.Agreeing == 0:
		return nil, &steps.Problem{Tried: "asking the scans which network this is", Seen: "they do not agree, and none is outvoted",
			Next: "Name scans of SVs that you know, of this network only", Detail: lines(sayings(w, s.poll, sayNetwork))}
	}
	finding := wire.Finding{ID: "peers", Verdict: wire.Holds, Text: fmt.Sprintf("the scans of %d other SVs answer and agree that the DSO is %s", len(f.Peers), s.poll.Value.dso.Party)}
	for _, p := range f.Peers {
		finding.Evidence = append(finding.Evidence, wire.Evidence{Source: p.SV + ", " + p.Party, Seen: "answers at " + p.URL, At: w.Clock.Now()})
	}
	if n := len(f.Peers); n < witnesses {
		finding.Verdict = wire.Undetermined
		finding.Text = fmt.Sprintf("only %s of other SVs can be asked, and one alone may be behind or wrong; %d should agree", count(n, "scan"), witnesses)
		finding.Next = "Name more addresses, or let a pod of the cluster ask them. Go on with a reason only where the network has no more"
	}
	found := []wire.Finding{finding}
	if other, some := differing(s.poll, sayNetwork); some {
		other.Text, other.Next = "of another network, and left out: "+scansOf(told(s.poll, svapp.Disagrees)), "Make sure that the others are of the network of the lost SV"
		found = append(found, other)
	}
	if quiet, some := silent(s.poll); some {
		quiet.Next = "They are left out"
		found = append(found, quiet)
	}
	f.Old.DSO, f.Old.Synchronizer = s.poll.Value.dso.Party, s.synchronizer
	return append(found, releaseOf(s, f), migrationOf(s, f)), nil
}

func sayNetwork(i introduction) string { return "DSO " + i.dso.Party }

func lines(evidence []wire.Evidence) []string {
	var all []string
	for _, e := range evidence {
		all = append(all, e.Source+": "+e.Seen)
	}
	return all
}

// releaseOf is the Splice release that most scans run.
func releaseOf(s surveyed, f *Facts) wire.Finding {
	is, known := most(s, func(i introduction) (string, bool) { return i.release, i.release != "" })
	f.Old.Release = is
	if !known {
		return wire.Finding{ID: "release", Verdict: wire.Attention, Text: "no scan tells which release of Splice it runs", Next: "It is asked for where it matters"}
	}
	return wire.Finding{ID: "release", Verdict: wire.Holds, Text: "the network runs Splice " + is}
}

// migrationOf is the migration ID of the network: the newest of its sequencers. Where no scan lists one, it is that of the node, whose charts
// carry it up to release 0.6.1 (reference/deployment.md 1).
func migrationOf(s surveyed, f *Facts) wire.Finding {
	id, known := most(s, func(i introduction) (int64, bool) { return i.migrationID, i.known })
	if !known && f.Old.Node != nil && f.Old.Node.SerialIsMigration() {
		_, err := fmt.Sscanf(f.Old.Node.Serial, "%d", &id)
		known = err == nil
	}
	f.Old.MigrationID = id
	if !known {
		return wire.Finding{ID: "migration", Verdict: wire.Attention, Text: "neither the scans nor the node tell the migration ID; it is taken for 0",
			Next: "The snapshots of the scans are looked for under it; if there are none, it is another"}
	}
	return wire.Finding{ID: "migration", Verdict: wire.Holds, Text: fmt.Sprintf("the migration ID is %d", id)}
}

// needPeers says that nobody can be asked yet.
func needPeers(f Facts) error {
	if len(f.Peers) == 0 {
		return &steps.NotYet{Step: "reonboard/peers", What: "which scans are asked"}
	}
	return nil
}
