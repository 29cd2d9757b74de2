package evidence

import (
	"slices"
	"strings"
	"sync"

	"canton.example/svrescue/steps/triage"
	"k8s.io/utils/clock"
)

// Judging is a triage under way: it takes what arrives and says at any moment what that means. The plain lines and the first screen both
// stand on it, so that they say the same. Its methods may be called from anywhere.
type Judging struct {
	clock clock.PassiveClock

	mu       sync.Mutex
	evidence triage.Evidence
	done     map[string]bool
	posed    []triage.Question // that ever came up
}

// NewJudging begins with the answers that were given in advance. clk is that of the world which is looked at.
func NewJudging(clk clock.PassiveClock, answers triage.Answers) *Judging {
	answers.At = clk.Now()
	return &Judging{clock: clk, evidence: triage.Evidence{Answers: answers}, done: map[string]bool{}}
}

// Take puts a piece of evidence in.
func (j *Judging) Take(p Piece) {
	j.mu.Lock()
	defer j.mu.Unlock()
	p.Set(&j.evidence)
	j.done[p.Source] = j.done[p.Source] || p.Last
}

// Fail says of every source that it could not be read, and why: there is no cluster to ask.
func (j *Judging) Fail(why string) {
	now := j.clock.Now()
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, s := range sources() {
		s.failed(&j.evidence, triage.Reading{Source: "the cluster", At: now, Problem: why})
		j.done[s.name] = true
	}
}

// Answer puts in what a person says. Its errors are those of triage.Answers.Set.
func (j *Judging) Answer(id string, said triage.Answer) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.evidence.Answers.At = j.clock.Now()
	return j.evidence.Answers.Set(id, said)
}

// Answers are all that were given so far.
func (j *Judging) Answers() triage.Answers {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.evidence.Answers
}

// Judgement is what all that has arrived means.
type Judgement struct {
	triage.Result
	Answers triage.Answers
	Posed   []triage.Question // the questions that are open, and those that were answered
	Open    []string          // sources that are still asked, in the order of Sources
	Node    string            // network and name of the SV; empty: not known
	Empty   bool              // nothing of a node was found
}

// Now judges what has arrived.
func (j *Judging) Now() Judgement {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := j.evidence.Cluster.Node
	to := Judgement{Result: triage.Judge(j.evidence, j.clock.Now()), Answers: j.evidence.Answers, Node: n.Subject.Word(), Empty: len(n.Components) == 0}
	for _, q := range to.Questions {
		if !slices.ContainsFunc(j.posed, func(p triage.Question) bool { return p.ID == q.ID }) {
			j.posed = append(j.posed, q)
		}
	}
	slices.SortFunc(j.posed, func(a, b triage.Question) int { return triage.QuestionOrder(a.ID) - triage.QuestionOrder(b.ID) })
	for _, q := range j.posed {
		if to.Answers.Said(q.ID) != "" || slices.ContainsFunc(to.Questions, func(open triage.Question) bool { return open.ID == q.ID }) {
			to.Posed = append(to.Posed, q)
		}
	}
	for _, s := range sources() {
		if !j.done[s.name] {
			to.Open = append(to.Open, s.name)
		}
	}
	return to
}

// Waits says whether an item of the evidence stands on a source that is still asked.
func (to Judgement) Waits(id string) bool {
	return slices.ContainsFunc(heardFrom(id), func(source string) bool { return slices.Contains(to.Open, source) })
}

// heardFrom are the sources on which an item of the evidence stands; what is on no source is the operator's word.
func heardFrom(id string) []string {
	switch id {
	case "release", "ordering", "synchronizers", "components":
		return []string{"cluster"}
	case "network", "peers", "membership":
		return []string{"network"}
	case "backup-set":
		return []string{"snapshots", "dumps", "managed backups"}
	case "runway", "kms":
		return []string{"configuration", "snapshots"}
	case "identities":
		return []string{"secrets", "network", "configuration"}
	case "leftover-secrets":
		return []string{"secrets"}
	case "leftover-volumes", "leftover-claims":
		return []string{strings.ReplaceAll(id, "-", " ")}
	case "keys":
		return []string{"databases", "secrets", "network", "snapshots", "dumps", "configuration", "leftover volumes", "leftover claims"}
	case "apps":
		return []string{"apps", "lag"}
	case "chain":
		return []string{"chain", "cluster"}
	}
	return []string{id}
}
