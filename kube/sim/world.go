package sim

import (
	"fmt"
	"net"
	"sort"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
)

// World is the present state for comparing two runs: objects by "resource.group namespace/name", volume and snapshot texts
// by "content namespace/claim". What may differ between equal runs is normalised or left out: uids and the names made from
// them, generated names, names made from pod templates, versions, times, IPs; events and Leases, which tell who was
// there, are left out. Encode it as JSON to compare.
func (s *Server) World() map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.normaliser()
	out := map[string]any{}
	for _, r := range table {
		if r == rEvent || r == rLease || r.virtual {
			continue
		}
		for _, o := range s.store.list(r, "") {
			m := o.DeepCopy().Object
			meta := m["metadata"].(map[string]any)
			delete(meta, "uid")
			delete(meta, "resourceVersion")
			delete(meta, "creationTimestamp")
			out[r.gr().String()+" "+n.text(path(o.GetNamespace(), o.GetName()))] = n.value(m)
		}
	}
	for _, o := range s.store.list(rClaim, "") {
		if h := s.handleOf(o.GetNamespace(), o.GetName()); h != "" {
			out["content "+path(o.GetNamespace(), o.GetName())] = s.disks[h].text
		}
	}
	for _, o := range s.store.list(rSnapshot, "") {
		if h := s.snapshotHandle(o.GetNamespace(), o.GetName()); h != "" {
			out["snapshot content "+path(o.GetNamespace(), o.GetName())] = s.disks[h].text
		}
	}
	return out
}

// normaliser replaces what is random in strings.
type normaliser struct{ replace *strings.Replacer }

func (s *Server) normaliser() normaliser {
	type generated struct {
		version int
		name    string
	}
	var pairs []string
	byBase := map[string][]generated{}
	for _, r := range table {
		for _, o := range s.store.list(r, "") {
			if g := o.GetGenerateName(); g != "" && strings.HasPrefix(o.GetName(), g) && len(o.GetName()) == len(g)+5 {
				v, _ := strconv.Atoi(o.GetResourceVersion())
				byBase[path(o.GetNamespace(), g)] = append(byBase[path(o.GetNamespace(), g)], generated{v, o.GetName()})
			}
		}
	}
	names := map[string]string{}
	for base, list := range byBase {
		sort.Slice(list, func(i, j int) bool { return list[i].version < list[j].version })
		for i, g := range list {
			names[g.name] = fmt.Sprintf("%s#%d", base[strings.IndexByte(base, '/')+1:], i+1)
		}
	}
	for _, r := range table {
		for _, o := range s.store.list(r, "") {
			name := o.GetName()
			if to, ok := names[name]; ok {
				name = to
			}
			if u := string(o.GetUID()); u != "" && !strings.Contains(name, u) {
				pairs = append(pairs, u, fmt.Sprintf("uid(%s %s)", r.singular, path(o.GetNamespace(), name)))
			} else if u != "" {
				pairs = append(pairs, u, fmt.Sprintf("uid(%s of another)", r.singular))
			}
		}
	}
	for from, to := range names {
		pairs = append(pairs, from, to)
	}
	return normaliser{strings.NewReplacer(append(pairs, s.templates()...)...)}
}

// templates replaces what is made of pod templates, whose times may differ: the hash of one by the number of its revision, or by its set.
func (s *Server) templates() (pairs []string) {
	for _, o := range s.store.list(rReplicaSet, "") {
		if hash := o.GetLabels()[appsv1.DefaultDeploymentUniqueLabelKey]; hash != "" {
			pairs = append(pairs, hash, "template"+o.GetAnnotations()[revisionNote])
		}
	}
	for _, o := range s.store.list(rStatefulSet, "") {
		if template := as[appsv1.StatefulSet](o).Spec.Template; template.Spec.Containers != nil {
			pairs = append(pairs, o.GetName()+"-"+templateHash(template), o.GetName()+"-template")
		}
	}
	return pairs
}

func (n normaliser) text(t string) string {
	if _, err := time.Parse(time.RFC3339, t); err == nil {
		return "TIME"
	}
	if net.ParseIP(t) != nil {
		return "IP"
	}
	return n.replace.Replace(n.replace.Replace(t)) // the name of what was found by its uid can have another uid in it
}

// value normalises a JSON value.
func (n normaliser) value(v any) any {
	switch x := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(x))
		for k, e := range x {
			if k != "resourceVersion" && k != "creationTime" {
				out[n.text(k)] = n.value(e)
			}
		}
		return out
	case []any:
		for i := range x {
			x[i] = n.value(x[i])
		}
		return x
	case string:
		return n.text(x)
	}
	return v
}
