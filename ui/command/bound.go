package command

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/backup"
	"canton.example/svrescue/steps/network"
	"canton.example/svrescue/steps/network/card"
	"canton.example/svrescue/steps/network/rollforward"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/reonboard"
	"canton.example/svrescue/steps/restore"
	"canton.example/svrescue/steps/wire"
)

// What an answer that was written in advance must name before it destroys something, for each path. The ids are made of what the
// path's facts hold, so that plan and run come to the same ones, and another node, another backup or another set of volumes to others.

// bindRestore: the uid of the participant's workload, since two clusters may well hold nodes of one name; for a lost node, which has
// none, the digest of its record. And the set that is restored.
func bindRestore(f restore.Facts) wire.Bound {
	var b wire.Bound
	switch {
	case f.Lost != nil && f.Lost.Digest != "":
		b.Target = "record-" + f.Lost.Digest
	case f.Lost == nil && f.Node != nil:
		if found := f.Node.Of(node.Participant); len(found) > 0 {
			b.Target = found[0].UID
		}
	}
	if f.Set != nil {
		b.Backup = setID(*f.Set)
	}
	return b
}

// setID is the run of volume snapshots as their names end; where dumps or a managed service are part of the set, with a digest of
// which file each database comes from and of the times to which servers are restored.
func setID(s backup.Set) string {
	type source struct {
		What, From string
		Bytes      int64
		At         time.Time
	}
	var others []source
	for _, d := range s.Dumps {
		others = append(others, source{What: d.Database.String(), From: d.File, Bytes: d.Bytes, At: d.Started.UTC()})
	}
	for _, m := range s.Managed {
		others = append(others, source{What: m.Server.String(), From: "managed service", At: m.Target.UTC()})
	}
	if len(others) == 0 {
		return s.Run
	}
	slices.SortFunc(others, func(a, b source) int { return strings.Compare(a.What, b.What) })
	return strings.TrimPrefix(s.Run+"-"+digest(others), "-")
}

// bindRelease: which volumes and databases go, and which runs have kept them. A database that a run with a volume among them has put aside
// goes by the name of that run: a plan makes no pod, and does not see it where only a pod does.
func bindRelease(f restore.ReleaseFacts) wire.Bound {
	if !f.Looked {
		return wire.Bound{}
	}
	var what, keptBy []string
	for _, v := range f.Volumes {
		what, keptBy = append(what, v.UID), append(keptBy, v.Run)
	}
	for _, d := range f.Databases {
		if !slices.ContainsFunc(keptBy, func(run string) bool { return postgres.KeptBy(d.Name, run) }) {
			what = append(what, d.Server.String()+"/"+d.Name)
		}
	}
	slices.Sort(what)
	slices.Sort(keptBy)
	b := wire.Bound{Target: "kept-" + digest(what), Backup: strings.Join(slices.Compact(keptBy), "+")}
	if len(what) == 1 {
		b.Target = what[0]
	}
	return b
}

// bindReonboard names the party that is replaced, and the identities by which what it owned is taken over.
func bindReonboard(f reonboard.Facts) wire.Bound {
	var b wire.Bound
	if f.Old.Party != "" {
		b.Target = "party-" + digest([]string{f.Old.Party})
	}
	if f.Identities != nil {
		b.Backup = "identities-" + digest([]string{f.Identities.SHA256})
	}
	return b
}

// bindNetwork names the participant's workload of the node that is migrated, and the values that all SVs use alike.
func bindNetwork(f network.Facts) wire.Bound { return bindCall(f.Node, f.Card) }

// bindRollForward names the participant that is moved, and the card by which it is.
func bindRollForward(f rollforward.Facts) wire.Bound { return bindCall(f.Node, f.Card) }

func bindCall(n *node.Node, agreed *card.Card) wire.Bound {
	var b wire.Bound
	if n != nil {
		if found := n.Of(node.Participant); len(found) > 0 {
			b.Target = found[0].UID
		}
	}
	if agreed != nil {
		b.Backup = "card-" + agreed.Fingerprint()
	}
	return b
}

// digest is short enough to be copied by hand and long enough not to be met by chance.
func digest(value any) string {
	text, _ := json.Marshal(value) // of plain values: there is nothing that could fail
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:6])
}

// bind adds to a path what answers to it are bound to.
func bind[F any](p steps.Path[F], to func(F) wire.Bound) steps.Path[F] {
	p.Bound = to
	return p
}
