package dump

import (
	"fmt"
	"strings"
)

// Verdict is what is said of a condition.
type Verdict string

const (
	Holds         Verdict = "holds"
	Violated      Verdict = "violated"
	NotDetermined Verdict = "not-determined"
)

// Finding is one condition of a dump, and what was found.
type Finding struct {
	ID      string  `json:"id"`
	Verdict Verdict `json:"verdict"`
	Detail  string  `json:"detail"`
}

// Check says whether a participant can be brought up from the dump, as far as the dump alone tells. Whether it is that of a certain SV is seen
// by comparing Party and Participant.ID with what the network knows: a dump of another SV starts just as well (reference/apis.md 5.4).
func (i Identities) Check() []Finding {
	var found []Finding
	say := func(id string, v Verdict, format string, args ...any) {
		found = append(found, Finding{id, v, fmt.Sprintf(format, args...)})
	}
	switch {
	case i.Else != "":
		say("shape", Violated, "%s", sentence(i.Else))
		return found
	case i.Shape == Unknown:
		say("shape", Violated, "What there is of it is no dump of identities.")
	default:
		say("shape", Holds, "%s", shapeText[i.Shape])
	}
	if i.Broken != "" { // what is not there may have been cut away: nothing is said of it
		say("whole", Violated, "%s", sentence(i.Broken))
		return found
	}
	say("whole", Holds, "It can be read to its end.")
	p := i.Participant
	switch {
	case p == nil || p.ID == "" || !p.hasKeys:
		say("participant", Violated, "It has no participant with its keys.")
		return found
	case !strings.HasPrefix(p.ID, "PAR::") || Namespace(p.ID) == "":
		say("participant", Violated, "What it calls a participant is none: %s.", p.ID)
		return found
	}
	say("participant", Holds, "It is that of %s.", p.ID)
	switch own := Namespace(p.ID); {
	case i.Party == "":
		say("party", NotDetermined, "It names no party: compare the participant with the one that the network knows.")
	case Namespace(i.Party) == own:
		say("party", Holds, "The party %s is in the namespace of the participant.", i.Party)
	default:
		say("party", Violated, "The party %s is not in the namespace of the participant, so its keys cannot act for it.", i.Party)
	}
	found = append(found, p.checkKeys()...)
	switch {
	case p.TopologyProblem != "":
		say("topology", Violated, "The snapshot of its topology cannot be used: %s.", p.TopologyProblem)
	case p.Topology == 0:
		say("topology", Violated, "It has no snapshot of the participant's topology.")
	default:
		say("topology", Holds, "It has the snapshot of the participant's topology, %d bytes.", p.Topology)
	}
	return found
}

// Problem says in a few words why no participant comes up from the dump; empty: nothing is known against it.
func (i Identities) Problem() string {
	for _, f := range i.Check() {
		if f.Verdict == Violated {
			return strings.ToLower(f.Detail[:1]) + strings.TrimSuffix(f.Detail[1:], ".")
		}
	}
	return ""
}

// Owner says whether the dump is of the SV with that party: its party is the same, where it names one, and its participant is of the same
// namespace (reference/apis.md 5.4: a dump of another SV boots fine and shows only as a wrong party).
func (i Identities) Owner(party string) bool {
	own := i.Namespace()
	return (i.Party == "" || i.Party == party) && own != "" && own == Namespace(party)
}

// Namespace is that of the participant; empty where none could be read.
func (i Identities) Namespace() string {
	if i.Participant == nil {
		return ""
	}
	return Namespace(i.Participant.ID)
}

// Whole says that sequencer and mediator are in it as well, as in what the SV app answers (reference/apis.md 5.1).
func (i Identities) Whole() bool {
	return i.Sequencer != nil && i.Sequencer.ID != "" && i.Sequencer.hasKeys && i.Mediator != nil && i.Mediator.ID != "" && i.Mediator.hasKeys
}

// checkKeys says whether the keys are there, and whether the one of the namespace is.
func (n *Node) checkKeys() []Finding {
	if len(n.Keys) == 0 {
		return []Finding{{"keys", Violated, "It holds no key, and names none in a KMS."}}
	}
	pairs, kms := n.Counts()
	found := []Finding{{"keys", Holds, countText(pairs, kms)}}
	for at, k := range n.Keys {
		if k.Problem != "" {
			found[0] = Finding{"keys", Violated, fmt.Sprintf("Key %d of %d cannot be used: %s.", at+1, len(n.Keys), k.Problem)}
			break
		}
	}
	own, remote, opaque := Namespace(n.ID), false, false
	for _, k := range n.Keys {
		switch {
		case k.Fingerprint == own && k.Proven:
			return append(found, Finding{"namespace-key", Holds, "The private key of the namespace is in it, and it is the right one."})
		case k.Fingerprint == own && k.Problem != "":
			return append(found, Finding{"namespace-key", Violated, "The key of the namespace is in it, and " + strings.TrimPrefix(k.Problem, "its ") + "."})
		case k.Fingerprint == own:
			return append(found, Finding{"namespace-key", NotDetermined,
				"A key that calls itself the one of the namespace is in it; its form is one that cannot be checked here."})
		case k.Remote != "" && k.Namespace():
			remote = true
		case k.Remote == "" && k.Fingerprint == "":
			opaque = true
		}
	}
	switch {
	case remote:
		return append(found, Finding{"namespace-key", NotDetermined, "The key of the namespace is in a KMS: the dump is worth as much as that KMS."})
	case opaque:
		return append(found, Finding{"namespace-key", NotDetermined, "Its keys are of a form that cannot be looked into here."})
	}
	return append(found, Finding{"namespace-key", NotDetermined,
		"None of its keys is that of the namespace itself. Another of them may act for it, if it was delegated; that cannot be seen here."})
}

// Namespace is that of a party or of a member: what stands after the last "::", empty where there is nothing.
func Namespace(id string) string {
	at := strings.LastIndex(id, "::")
	if at <= 0 {
		return ""
	}
	return id[at+2:]
}

// Overall is the verdict of all that was found: what is violated counts before what is not determined.
func Overall(found []Finding) Verdict {
	all := Holds
	for _, f := range found {
		if f.Verdict == Violated {
			return Violated
		}
		if f.Verdict == NotDetermined {
			all = NotDetermined
		}
	}
	return all
}

var shapeText = map[Shape]string{
	SVDump:          "It is an SV's dump, as the SV app answers it.",
	SVDumpUnwrapped: "It is an SV's dump without its wrapper.",
	ParticipantDump: "It is the dump of a participant alone.",
	MigrationDump:   "It is a migration dump: identities and data of a node.",
}

func countText(pairs, kms int) string {
	switch {
	case kms == 0:
		return fmt.Sprintf("It holds %s.", count(pairs, "private key", "private keys"))
	case pairs == 0:
		return fmt.Sprintf("It names %s in a KMS and holds no private key.", count(kms, "key", "keys"))
	}
	return fmt.Sprintf("It holds %s and names %s in a KMS.", count(pairs, "private key", "private keys"), count(kms, "key", "keys"))
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func sentence(text string) string { return strings.ToUpper(text[:1]) + text[1:] + "." }
