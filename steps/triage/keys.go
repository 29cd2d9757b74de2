package triage

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/steps/node"
)

// keys is what still holds the keys of the participant. One of a database backup, an identities backup or a KMS must exist, or the assets
// cannot be recovered (design, section 1).
type keys struct {
	verdict    Verdict
	documented bool // by a way that upstream describes: an identities dump, or a participant's database to make one from
	from       []string
	evidence   []string // ids
	kms        KMSState // empty: not known
	leftovers  []string // what may still hold them
}

func keysOf(e Evidence, c condition, b backups, now time.Time) (keys, []Item) {
	k := keys{verdict: NotDetermined}
	kms, kmsItem := kmsOf(e, now)
	file, filesItem := identitiesOf(e, kms, now)
	leftovers, searched := k.search(e, now)
	k.kms = kms
	// With a KMS an identities dump holds no private keys (reference/deployment.md 9.6), so neither does the database it is made from: an
	// inference, on the side of caution.
	inDatabase := kms == KMSNone || kms == KMSHolds

	if file.verdict == Holds {
		k.add(true, "the identities backup "+file.Name, "identities")
	}
	if len(b.keys) > 0 && inDatabase {
		k.add(true, "the participant's database in "+either(len(b.keys), "backup set ", "backup sets ")+list(b.keys), "backup-set")
	}
	if c.participantWhole && inDatabase {
		k.add(true, "the participant's own database, which still answers", "databases")
	}
	if kms == KMSHolds {
		k.add(false, "the KMS, which answers that it holds them", "kms")
	}
	open := k.open(e, b, file, kms, searched, now)
	item := Item{ID: "keys", Verdict: Holds, Source: "backups, identities, KMS and databases", At: latest(e.Identities.At, e.KMS.At, e.Databases.At, e.Backups.Snapshots.At)}
	rule := "A database backup, an identities backup or a KMS must exist, else the assets cannot be recovered."
	switch {
	case len(k.from) > 0:
		item.Detail = sentences("the keys of the participant can still be had from "+list(k.from), rule)
	case len(open) > 0:
		item.Verdict = NotDetermined
		item.Detail = sentences(append([]string{rule, "none of them has been seen, and not everything has been looked at"}, open...)...)
	case len(k.leftovers) > 0:
		item.Verdict = NotDetermined
		item.Detail = sentences(rule, "none of them was found, but these may still hold the keys: "+list(k.leftovers), "look into them before you give anything up, and delete nothing")
	default:
		item.Verdict = Violated
		item.Detail = sentences(rule, "none of them exists, and no released volume, no unused claim and no secret was found that could hold the keys: the assets of this SV cannot be recovered")
	}
	k.verdict = item.Verdict
	return k, append(append([]Item{filesItem, kmsItem}, leftovers...), item)
}

func (k *keys) add(documented bool, from, id string) {
	k.documented = k.documented || documented
	k.from, k.evidence = append(k.from, from), append(k.evidence, id)
}

// open is what has not been looked at, in sentences. While there is any, nobody is told that all is lost.
func (k keys) open(e Evidence, b backups, file judgedFile, kms KMSState, searched bool, now time.Time) (open []string) {
	open = append(open, b.unread...)
	if e.Answers.BackupsElsewhere != No {
		open = append(open, "whether there are database backups elsewhere is not known")
	}
	if !e.Identities.known(now) {
		open = append(open, e.Identities.why("identities backups", now))
	} else if file.verdict == NotDetermined {
		open = append(open, file.why)
	}
	if e.Answers.IdentitiesElsewhere != No {
		open = append(open, "whether there are identities backups elsewhere is not known")
	}
	switch kms {
	case "":
		open = append(open, e.KMS.why("the KMS", now))
	case KMSSilent:
		open = append(open, "the KMS is configured and did not answer")
	case KMSEmpty:
		open = append(open, "the KMS says that the keys are gone, and whether that can be called off is not known; no database holds them")
	}
	if !e.Databases.known(now) {
		open = append(open, e.Databases.why("the participant's database", now))
	} else if slices.ContainsFunc(e.Databases.All, func(d Database) bool { return d.Role == "participant" && d.State == DatabaseSilent }) {
		open = append(open, "the participant's database does not answer, and its disk may hold the keys")
	}
	if e.Databases.known(now) && slices.ContainsFunc(e.Databases.All, func(d Database) bool { return d.Role == "participant" && d.State == DatabaseOther }) {
		open = append(open, "the database server of the participant has another database, which may hold the keys")
	}
	if since, is := madeAnew(e, now); is && b.found > len(b.keys) {
		open = append(open, "whether a set that was taken after "+clock(since)+" holds the participant's database is not known")
	}
	if !searched {
		open = append(open, "released volumes, unused claims and secrets have not all been searched")
	}
	return open
}

// search reads the three places where keys are found that nobody thought of.
func (k *keys) search(e Evidence, now time.Time) (items []Item, searched bool) {
	searched = true
	for _, p := range []struct {
		id, what, one, many string
		Search
	}{
		{"leftover-volumes", "released volumes", "released volume", "released volumes", e.Leftovers.Volumes},
		{"leftover-claims", "claims that nothing uses", "unused claim", "unused claims", e.Leftovers.Claims},
		{"leftover-secrets", "secrets that may hold keys", "secret", "secrets", e.Leftovers.Secrets},
	} {
		item := Item{ID: p.id, Verdict: Holds, Source: cmp.Or(p.Source, p.what), At: p.At}
		if !p.known(now) {
			searched = false
			item.Verdict, item.Detail, item.At = NotDetermined, p.why(p.what, now), time.Time{}
			items = append(items, item)
			continue
		}
		var names []string
		for _, l := range p.Found {
			if len(l.Parts) == 0 || slices.Contains(l.Parts, node.Participant) {
				names = append(names, l.Name)
				k.leftovers = append(k.leftovers, p.one+" "+l.Name)
			}
		}
		switch {
		case len(names) > 0:
			item.Detail = sentence(fmt.Sprintf("%s may hold keys of the participant: %s", count(len(names), p.one, p.many), list(names)))
		case len(p.Found) > 0:
			item.Detail = sentence(fmt.Sprintf("%s found, and none that could hold keys of the participant", count(len(p.Found), p.one+" was", p.many+" were")))
		default:
			item.Detail = sentence("searched: there are no " + p.what)
		}
		items = append(items, item)
	}
	return items, searched
}

type judgedFile struct {
	IdentitiesFile
	verdict Verdict
	why     string
}

// identitiesOf takes the newest identities backup that is this node's. One of another node boots fine and is noticed only by its wrong
// party (reference/apis.md 5.4), so a file whose party cannot be compared is not determined.
func identitiesOf(e Evidence, kms KMSState, now time.Time) (judgedFile, Item) {
	item := Item{ID: "identities", Verdict: Violated, Source: cmp.Or(e.Identities.Source, "identities backups"), At: e.Identities.At}
	if !e.Identities.known(now) {
		item.Verdict, item.Detail, item.At = NotDetermined, e.Identities.why("identities backups", now), time.Time{}
		return judgedFile{verdict: NotDetermined, why: item.Detail}, item
	}
	if len(e.Identities.Files) == 0 {
		item.Detail = "No identities backup was found."
		return judgedFile{verdict: Violated, why: item.Detail}, item
	}
	var all []judgedFile
	for _, f := range e.Identities.Files {
		all = append(all, judgeFile(f, e, kms, now))
	}
	rank := map[Verdict]int{Holds: 0, NotDetermined: 1, Violated: 2}
	slices.SortStableFunc(all, func(a, b judgedFile) int {
		return cmp.Or(cmp.Compare(rank[a.verdict], rank[b.verdict]), b.Taken.Compare(a.Taken), cmp.Compare(a.Name, b.Name))
	})
	best := all[0]
	item.Verdict, item.Detail = best.verdict, best.why
	if best.verdict == Holds && best.Open {
		item.Detail += " Others can read the file, and it holds private keys: take that right away from them."
	}
	return best, item
}

func judgeFile(f IdentitiesFile, e Evidence, kms KMSState, now time.Time) judgedFile {
	j := judgedFile{IdentitiesFile: f, verdict: Violated}
	name := "the identities backup " + f.Name
	own := e.Own.known(now)
	switch {
	case f.Problem != "":
		j.why = sentence(name + " cannot be used: " + strings.TrimSuffix(f.Problem, "."))
	case f.Keys+f.Remote == 0:
		j.why = sentence(name + " has no keys in it")
	case own && e.Own.DSO != "" && f.DSO != "" && f.DSO != e.Own.DSO:
		j.why = sentence(name + " is of another network, or of this one before it was reset")
	case own && e.Own.Party != "" && f.Party != "" && f.Party != e.Own.Party:
		j.why = sentence(name + " belongs to another node: its party is " + f.Party)
	case own && e.Own.Party != "" && f.Party == "" && f.Namespace != "" && f.Namespace != namespaceOf(e.Own.Party):
		j.why = sentence(name + " belongs to another node: its namespace is " + f.Namespace)
	case !own || e.Own.Party == "" || f.Party == "" && f.Namespace == "":
		j.verdict, j.why = NotDetermined, sentence(name+" parses, and whether it is this node's is not known: the parties could not be compared")
	case f.Remote > 0 && kms == KMSHolds:
		j.verdict, j.why = Holds, sentence(fmt.Sprintf("%s is this node's; its keys are in the KMS, which answers", name))
	case f.Remote > 0 && (kms == KMSEmpty || kms == KMSNone):
		j.why = sentence(name + " holds no private keys, since a KMS has them, and no KMS has them now")
	case f.Remote > 0:
		j.verdict, j.why = NotDetermined, sentence(name+" holds no private keys, since a KMS has them, and the KMS has not answered")
	default:
		age := ""
		if !f.Taken.IsZero() {
			age = ", " + span(now.Sub(f.Taken)) + " old"
		}
		j.verdict, j.why = Holds, sentence(fmt.Sprintf("%s is whole, this node's%s, and has %s", name, age, count(f.Keys, "key", "keys")))
	}
	return j
}

// namespaceOf is the fingerprint in the ID of a party, which is its participant's too (reference/apis.md 5.4).
func namespaceOf(party string) string {
	_, namespace, _ := strings.Cut(party, "::")
	return namespace
}

// kmsOf is the state of the KMS; empty where it is not known.
func kmsOf(e Evidence, now time.Time) (KMSState, Item) {
	item := Item{ID: "kms", Verdict: NotDetermined, Source: cmp.Or(e.KMS.Source, "the participant's configuration"), At: e.KMS.At}
	if !e.KMS.known(now) {
		item.Detail, item.At = e.KMS.why("the KMS", now), time.Time{}
		return "", item
	}
	switch e.KMS.State {
	case KMSHolds:
		item.Verdict, item.Detail = Holds, sentences("the KMS answers and holds the keys of the participant", e.KMS.Seen)
	case KMSNone:
		item.Verdict, item.Detail = Violated, "The participant uses no KMS: it keeps its keys in its database."
	case KMSEmpty:
		item.Verdict, item.Detail = Violated, sentences("the KMS answers that the keys are gone", e.KMS.Seen)
	case KMSSilent:
		item.Detail = sentences("a KMS is configured and did not answer", e.KMS.Seen)
		return KMSSilent, item
	default:
		item.Detail = "Whether the participant uses a KMS could not be told."
		return "", item
	}
	return e.KMS.State, item
}

func latest(times ...time.Time) (last time.Time) {
	for _, t := range times {
		if t.After(last) {
			last = t
		}
	}
	return last
}
