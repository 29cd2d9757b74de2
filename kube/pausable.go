package kube

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
)

// Pausable is an object on whose behalf a controller puts back what a recovery changes: replicas, claims, pods. It is paused by
// one field and resumed by the value that the field had, which is kept here.
type Pausable struct {
	Meta
	Kind     string          `json:"kind"` // Application, Kustomization, HelmRelease or ScaledObject
	Group    string          `json:"group"`
	Resource string          `json:"resource"`
	Paused   bool            `json:"paused"`
	Path     []string        `json:"path"`              // of the field
	Present  json.RawMessage `json:"present,omitempty"` // its value when it was read; empty: absent
	Pausing  json.RawMessage `json:"pausing,omitempty"` // the value that pauses; empty: absent
	Note     string          `json:"note,omitempty"`    // why pausing may not hold, or what to know of it
}

// Object names it; the verb is "get".
func (p Pausable) Object() Access { return access("get", p.Group, p.Resource, p.Namespace, p.Name) }

// AccessPause is what Pause and Resume need.
func AccessPause(p Pausable) []Access { return AccessSetField(p.Object()) }

// CommandPause is Pause as a command line.
func CommandPause(w Where, p Pausable) string {
	return CommandSetField(w, p.Object(), p.Path, p.Present, p.Pausing)
}

// CommandResume is Resume as a command line.
func CommandResume(w Where, p Pausable) string {
	return CommandSetField(w, p.Object(), p.Path, p.Pausing, p.Present)
}

// Pause stops the controller, if the object is still as p was read. What its controller has begun, it ends: Flux says so, so look
// again after a while.
func (h *Hands) Pause(ctx context.Context, p Pausable) error {
	return h.SetField(ctx, p.Object(), "", p.UID, p.Path, p.Present, p.Pausing)
}

// Resume puts the field back to what it was when p was read, before it was paused.
func (h *Hands) Resume(ctx context.Context, p Pausable) error {
	return h.SetField(ctx, p.Object(), "", p.UID, p.Path, p.Pausing, p.Present)
}

const (
	groupArgo      = "argoproj.io"
	groupKustomize = "kustomize.toolkit.fluxcd.io"
	groupHelm      = "helm.toolkit.fluxcd.io"
	groupKEDA      = "keda.sh"
)

// pausable is a kind of Pausable: how it is found and what pauses it. Sources: Argo CD, docs/user-guide/auto_sync.md; Flux, the types of
// kustomize-controller (v1) and helm-controller (v2); KEDA, apis/keda/v1alpha1/scaledobject_types.go.
type pausable struct {
	kind, group, resource string
	path                  []string
	pausing               string
	acts                  func(o Custom, on within) bool
	paused                func(o Custom, present json.RawMessage) bool
	note                  func(o Custom) string
}

// within is the namespace that is asked about, with what the labels of its workloads say about who owns them.
type within struct {
	ns     string
	owners map[string]bool // group + " " + namespace/name
}

var pausables = []pausable{
	{"Application", groupArgo, "applications", []string{"spec", "syncPolicy", "automated"}, "", argoActs, argoPaused, argoNote},
	{"Kustomization", groupKustomize, "kustomizations", []string{"spec", "suspend"}, "true", kustomizationActs, isTrue, nil},
	{"HelmRelease", groupHelm, "helmreleases", []string{"spec", "suspend"}, "true", helmReleaseActs, isTrue, nil},
	{"ScaledObject", groupKEDA, "scaledobjects", []string{"metadata", "annotations", kedaPaused}, `"true"`,
		func(o Custom, on within) bool { return o.Namespace == on.ns }, kedaIsPaused, kedaNote},
}

// AccessPausables is what Pausables reads. Applications and the objects of Flux act on other namespaces than their own.
func AccessPausables(ns string) []Access {
	return []Access{
		access("list", groupApps, "deployments", ns, ""), access("list", groupApps, "statefulsets", ns, ""),
		access("list", groupArgo, "applications", "", ""), access("list", groupKustomize, "kustomizations", "", ""),
		access("list", groupHelm, "helmreleases", "", ""), access("list", groupKEDA, "scaledobjects", ns, ""),
	}
}

// Pausables lists what acts on a namespace: by its own word (destination, target namespace, the objects that it says it has applied), or
// by the labels that Flux leaves on workloads. Kinds that the cluster does not serve have none. What cannot be read does not
// hide what can: the list then comes with an error.
func (c *Cluster) Pausables(ctx context.Context, ns string) ([]Pausable, error) {
	on := within{ns, map[string]bool{}}
	workloads, err := c.Workloads(ctx, ns)
	errs := []error{err}
	for _, w := range workloads {
		for _, g := range []string{groupKustomize, groupHelm} {
			if name := w.Labels[g+"/name"]; name != "" {
				on.owners[g+" "+w.Labels[g+"/namespace"]+"/"+name] = true
			}
		}
	}
	var out []Pausable
	for _, k := range pausables {
		where := ""
		if k.group == groupKEDA {
			where = ns
		}
		list, err := c.Customs(ctx, k.group, k.resource, where)
		errs = append(errs, err)
		for _, o := range list {
			if k.acts(o, on) {
				out = append(out, k.read(o))
			}
		}
	}
	return out, errors.Join(errs...)
}

func (k pausable) read(o Custom) Pausable {
	present, _ := o.Field(k.path...)
	p := Pausable{Meta: o.Meta, Kind: k.kind, Group: k.group, Resource: k.resource, Path: k.path, Present: slices.Clone(present), Paused: k.paused(o, present)}
	if k.pausing != "" {
		p.Pausing = json.RawMessage(k.pausing)
	}
	if k.note != nil {
		p.Note = k.note(o)
	}
	if string(p.Present) == "null" {
		p.Present = nil
	}
	return p
}

func argoActs(o Custom, on within) bool {
	if o.Text("spec", "destination", "namespace") == on.ns {
		return true
	}
	var applied []struct{ Namespace string }
	if raw, ok := o.Field("status", "resources"); ok && json.Unmarshal(raw, &applied) != nil {
		return false
	}
	return slices.ContainsFunc(applied, func(r struct{ Namespace string }) bool { return r.Namespace == on.ns })
}

func argoPaused(_ Custom, present json.RawMessage) bool {
	if len(present) == 0 || string(present) == "null" {
		return true
	}
	var automated struct{ Enabled *bool }
	return json.Unmarshal(present, &automated) == nil && automated.Enabled != nil && !*automated.Enabled
}

func argoNote(o Custom) string {
	if i := slices.IndexFunc(o.Owners, func(w Owner) bool { return w.Kind == "ApplicationSet" }); i >= 0 {
		return "ApplicationSet " + clean(o.Owners[i].Name, 100) + " makes it and puts its policy back: pause it there"
	}
	server, name := o.Text("spec", "destination", "server"), o.Text("spec", "destination", "name")
	if server != "" && server != "https://kubernetes.default.svc" || name != "" && name != "in-cluster" {
		return "its destination is cluster " + clean(server+name, 200) + ": make sure that this is it"
	}
	return ""
}

func kustomizationActs(o Custom, on within) bool {
	if o.Text("spec", "targetNamespace") == on.ns || on.owners[groupKustomize+" "+o.Namespace+"/"+o.Name] {
		return true
	}
	var entries []struct{ ID string } // <namespace>_<name>_<group>_<kind>
	if raw, ok := o.Field("status", "inventory", "entries"); ok && json.Unmarshal(raw, &entries) != nil {
		return false
	}
	return slices.ContainsFunc(entries, func(e struct{ ID string }) bool { return strings.HasPrefix(e.ID, on.ns+"_") })
}

func helmReleaseActs(o Custom, on within) bool {
	target := o.Text("spec", "targetNamespace")
	return target == on.ns || target == "" && o.Namespace == on.ns || on.owners[groupHelm+" "+o.Namespace+"/"+o.Name]
}

func isTrue(_ Custom, present json.RawMessage) bool { return string(present) == "true" }

const (
	kedaPaused   = "autoscaling.keda.sh/paused"
	kedaReplicas = "autoscaling.keda.sh/paused-replicas"
)

// kedaIsPaused follows KEDA: what is no boolean counts as true, and a number of replicas to pause at goes before.
func kedaIsPaused(o Custom, _ json.RawMessage) bool {
	value, ok := o.Annotations[kedaPaused]
	_, held := o.Annotations[kedaReplicas]
	v, err := strconv.ParseBool(value)
	return ok && !held && (v || err != nil)
}

func kedaNote(o Custom) string {
	if n, held := o.Annotations[kedaReplicas]; held {
		return "annotation " + kedaReplicas + " makes KEDA scale to " + clean(n, 20) + " and goes before: take it away first"
	}
	return ""
}
