package network

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/releases"
	"canton.example/svrescue/steps/wire"
)

// placeFree proves that the names of the new releases, of their objects and of the claims that their pods use are free, or of this run.
func placeFree(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	running, err := releases.InForce(ctx, w, f.Namespace)
	if err != nil {
		return nil, err
	}
	var found []wire.Finding
	var taken, claims []string
	for _, d := range f.Successor.Releases {
		ours, err := f.installed(ctx, w, d)
		if err != nil {
			return nil, err
		}
		if d.Digest == "" {
			found = append(found, wire.Finding{ID: "unseen-" + d.Name, Verdict: wire.Attention, Text: fmt.Sprintf("what %s renders for %s is known only when it is there: its names, claims and Secrets are not looked at here", d.Managed, d.Name),
				Next: "See in its repository that it takes up no claim and no database that is there already"})
			continue
		}
		if ours {
			continue
		}
		if r, err := releases.Named(running, d.Name); err == nil {
			taken = append(taken, fmt.Sprintf("release %s (%s)", d.Name, r.Status))
		}
		made := map[string]bool{}
		for _, p := range d.Parts {
			if made[p.String()] = true; p.Kind == "PersistentVolumeClaim" {
				made[p.Name] = true
			}
			_, there, err := w.Kube.Find(ctx, p.Place, p.Namespace, p.Name)
			switch {
			case err != nil:
				return nil, err
			case there && p.Kind == "PersistentVolumeClaim":
				claims = append(claims, p.Name)
			case there:
				taken = append(taken, p.String())
			}
		}
		used, err := claimsUsed(ctx, w, d)
		if err != nil {
			return nil, err
		}
		for _, name := range used {
			if made[name] {
				continue
			}
			if _, there, err := w.Kube.Claim(ctx, f.Namespace, name); err != nil {
				return nil, err
			} else if there {
				claims = append(claims, name)
			}
		}
	}
	if len(taken) > 0 {
		found = append(found, wire.Finding{ID: "names", Verdict: wire.Violated, Text: "there already, and not of this run: " + strings.Join(taken, ", "),
			Next: "Find out who made them: somebody may have prepared the new synchronizer. Remove them only if nothing of them is needed, then look again"})
	}
	if len(claims) > 0 {
		var commands []string
		for _, c := range claims {
			commands = append(commands, kube.CommandDeleteClaim(f.Where, f.Namespace, c))
		}
		found = append(found, wire.Finding{ID: "claims", Verdict: wire.Violated, Text: "these claims are there already, and the new pods would take up what is in them: " + strings.Join(claims, ", "),
			Next: "Look whose they are. If they are of an earlier try and nothing in them is needed: " + strings.Join(commands, "; ")})
	}
	if len(taken)+len(claims) == 0 {
		found = append(found, wire.Finding{ID: "names", Verdict: wire.Holds, Text: "the names of the new releases, their objects and their claims are free, or of this run"})
	}
	return found, nil
}

// objects are what a new release makes, as it was shown.
func objects(ctx context.Context, w steps.World, d Deployed) ([]kube.Object, error) {
	if d.Digest == "" { // it is rendered in a repository
		return nil, nil
	}
	s, err := d.Render(ctx, w)
	if err != nil {
		return nil, err
	}
	return s.Objects()
}

// claimsUsed are the claims that the pods of a new release mount.
func claimsUsed(ctx context.Context, w steps.World, d Deployed) (names []string, err error) {
	all, err := objects(ctx, w, d)
	for _, o := range all {
		if wl, ok := o.Workload(); ok {
			names = append(names, wl.ClaimNames()...)
		}
	}
	return names, err
}

// databasesNew proves that the databases of the new synchronizer are not there yet, but for those of this run: what is there would be taken up.
func databasesNew(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	ours := false
	for _, d := range f.Successor.Releases {
		installed, err := f.installed(ctx, w, d)
		if err != nil {
			return nil, err
		}
		ours = ours || installed
	}
	var names, there, unread, drops []string
	have := map[string][]postgres.Stored{}
	for _, d := range f.Successor.Databases {
		names = append(names, d.Name)
		server := d.Server.String()
		if _, read := have[server]; !read {
			var stored []postgres.Stored
			err := fmt.Errorf("there is no way to it in this run")
			if w.Databases != nil {
				stored, _, err = w.Databases.Databases(ctx, d.Server)
			}
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if have[server] = stored; err != nil {
				unread = append(unread, fmt.Sprintf("%s: %s", server, steps.FailureOf("", err).Seen))
				continue
			}
		}
		if slices.ContainsFunc(have[server], func(s postgres.Stored) bool { return s.Name == d.Name }) {
			there = append(there, d.Name+" on "+server)
			drops = append(drops, fmt.Sprintf("DROP DATABASE %q on %s", d.Name, server))
		}
	}
	finding := wire.Finding{ID: "databases", Verdict: wire.Holds, Text: "the databases of the new synchronizer are not there yet: " + strings.Join(names, ", ")}
	switch {
	case len(there) > 0 && ours:
		finding.Text = "the databases of the new synchronizer are those of this run: " + strings.Join(there, ", ")
	case len(there) > 0:
		finding.Verdict, finding.Text = wire.Violated, "these databases are there already, and what they hold would be taken up: "+strings.Join(there, ", ")
		finding.Next = "Look whose they are, such as of an earlier try. Only if nothing in them is needed, have them removed by somebody who may: " + strings.Join(drops, "; ")
		if f.Successor.Deployed { // this step was taken back: before anything migrated, they hold nothing
			finding.Waive = "this run has made them, and nothing has migrated since"
		}
	case len(unread) > 0:
		finding.Verdict, finding.Text = wire.Undetermined, "whether the databases of the new synchronizer are there already: "+strings.Join(unread, "; ")
		finding.Next = "Look by yourself, with psql and \\l, for " + strings.Join(names, ", ")
	case len(names) < 3:
		finding.Verdict, finding.Text = wire.Undetermined, "on which servers the databases of the new synchronizer will be is not known of all of them"
		finding.Next = "Look by yourself that they are not there yet: they are named in the values that were shown"
	}
	return []wire.Finding{finding}, nil
}

// needsThere proves that what the new pods refer to and no release makes is there: Secrets with their keys, ConfigMaps, ServiceAccounts. Values are
// not looked at.
func needsThere(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	made := map[string]bool{}
	for _, d := range f.Successor.Releases {
		for _, p := range d.Parts {
			made[p.String()] = true
		}
	}
	var missing, seen []string
	for _, d := range f.Successor.Releases {
		all, err := objects(ctx, w, d)
		if err != nil {
			return nil, err
		}
		for _, o := range all {
			for _, n := range o.Needs() {
				if n.Optional || made[n.Kind+"/"+n.Name] {
					continue
				}
				lacks, err := lacking(ctx, w, f.Namespace, n)
				if err != nil {
					return nil, err
				}
				what := n.Kind + " " + n.Name
				switch {
				case lacks != "" && !slices.Contains(missing, what+lacks):
					missing = append(missing, what+lacks)
				case lacks == "" && !slices.Contains(seen, what):
					seen = append(seen, what)
				}
			}
		}
	}
	if len(missing) > 0 {
		return []wire.Finding{{ID: "needs", Verdict: wire.Violated, Text: "the new pods need what is not there: " + strings.Join(missing, "; "),
			Next: "Make it in namespace " + f.Namespace + ", and look again", Waive: "something makes it when the pods start"}}, nil
	}
	return []wire.Finding{{ID: "needs", Verdict: wire.Holds, Text: "what the new pods need is there: " + strings.Join(seen, ", ")}}, nil
}

// lacking says what is missing of something that pods need: " is not there", or which keys; empty where all is there.
func lacking(ctx context.Context, w steps.World, namespace string, n kube.Needed) (string, error) {
	if n.Kind == "Secret" {
		have, there, err := w.Kube.SecretKeys(ctx, namespace, n.Name)
		if err != nil || !there {
			return " is not there", err
		}
		if lost := slices.DeleteFunc(slices.Clone(n.Keys), func(k string) bool { return slices.Contains(have, k) }); len(lost) > 0 {
			return " lacks the keys " + strings.Join(lost, ", "), nil
		}
		return "", nil
	}
	place := kube.Place{Version: "v1", Resource: map[string]string{"ConfigMap": "configmaps", "ServiceAccount": "serviceaccounts"}[n.Kind], Namespaced: true}
	if _, there, err := w.Kube.Find(ctx, place, namespace, n.Name); err != nil || !there {
		return " is not there", err
	}
	return "", nil
}

// quotas tells the limits of the namespace, where there are any that may be read. Whether the cluster's nodes have room is seen only when the pods
// are scheduled.
func quotas(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	all, err := w.Kube.Customs(ctx, "", "resourcequotas", f.Namespace)
	if kube.IsMissing(err) {
		return []wire.Finding{{ID: "quota", Verdict: wire.Attention, Text: "whether the namespace has quotas could not be seen", Next: "Four more pods and one more volume need room"}}, nil
	}
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return []wire.Finding{quota(all, w.Clock.Now())}, nil
}

func quota(all []kube.Custom, now time.Time) wire.Finding {
	finding := wire.Finding{ID: "quota", Verdict: wire.Attention, Text: "the namespace has quotas, and four more pods and one more volume must fit into them", Next: "Have them raised where they are nearly used up"}
	for _, q := range all {
		var o struct {
			Status struct{ Hard, Used map[string]string }
		}
		if json.Unmarshal(q.Content, &o) != nil {
			continue
		}
		var lines []string
		for what, hard := range o.Status.Hard {
			lines = append(lines, plain.Line(fmt.Sprintf("%s: %s of %s used", what, o.Status.Used[what], hard)))
		}
		slices.Sort(lines)
		finding.Evidence = append(finding.Evidence, wire.Evidence{Source: "resourcequota/" + q.Name, Seen: strings.Join(lines, "; "), At: now})
	}
	return finding
}
