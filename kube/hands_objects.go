package kube

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Place is where objects of a kind are: the name of the resource in addresses and rights, and whether it has namespaces.
type Place struct {
	Group, Version, Resource string
	Namespaced               bool
}

// Access is a verb on the object of that name in a namespace, which is left out for objects of the cluster.
func (p Place) Access(verb, ns, name string) Access {
	if !p.Namespaced {
		ns = ""
	}
	return access(verb, p.Group, p.Resource, ns, name)
}

// Place asks the server how objects of this kind are addressed; a kind that is not served is an *Error of kind NotFound.
func (c *Cluster) Place(ctx context.Context, o Object) (Place, error) {
	path := "/apis/" + o.Group() + "/" + o.Version()
	if o.Group() == "" {
		path = "/api/" + o.Version()
	}
	a := access("get", o.Group(), strings.ToLower(o.Kind()), "", "")
	body, err := raw(ctx, c.kube.CoreV1().RESTClient().Get().AbsPath(path))
	if err != nil {
		return Place{}, failed(a, err)
	}
	var l metav1.APIResourceList
	if err := json.Unmarshal(body, &l); err != nil {
		return Place{}, &Error{Kind: Server, Tried: a.sentence(), Seen: "an answer that is not a list of resources", Next: next(Server, &a, nil), Access: &a}
	}
	i := slices.IndexFunc(l.APIResources, func(r metav1.APIResource) bool { return r.Kind == o.Kind() && !strings.Contains(r.Name, "/") })
	if i < 0 {
		return Place{}, &Error{Kind: NotFound, Tried: "find how " + clean(o.Kind(), 60) + " of " + clean(o.Group()+"/"+o.Version(), 100) + " is addressed",
			Seen: "the cluster does not serve this kind", Next: "install its definition (CRD) first, as it was on the cluster that is lost", Access: &a}
	}
	return Place{Group: o.Group(), Version: o.Version(), Resource: l.APIResources[i].Name, Namespaced: l.APIResources[i].Namespaced}, nil
}

func (p Place) path(ns, name string) string {
	seg := []string{"", "apis", p.Group, p.Version}
	if p.Group == "" {
		seg = []string{"", "api", p.Version}
	}
	if p.Namespaced {
		seg = append(seg, "namespaces", ns)
	}
	seg = append(seg, p.Resource)
	if name != "" {
		seg = append(seg, name)
	}
	return strings.Join(seg, "/")
}

// Find looks up what an object is called by and marked with, without its content.
func (c *Cluster) Find(ctx context.Context, p Place, ns, name string) (Meta, bool, error) {
	a := p.Access("get", ns, name)
	body, err := raw(ctx, c.kube.CoreV1().RESTClient().Get().AbsPath(p.path(ns, name)).
		SetHeader("Accept", "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"))
	if err == nil {
		o, jsonErr := metadata(body)
		if jsonErr != nil {
			return Meta{}, false, &Error{Kind: Server, Tried: a.sentence(), Seen: "an answer that is not an object", Next: next(Server, &a, nil), Access: &a}
		}
		return metaOf(&o), true, nil
	}
	if e := failed(a, err); KindOf(e) != NotFound {
		return Meta{}, false, e
	}
	return Meta{}, false, nil
}

// Names lists what objects of a resource are called and marked with, without their content, by name. A resource that is not
// served is an *Error of kind NotFound.
func (c *Cluster) Names(ctx context.Context, group, resource, ns string) ([]Meta, error) {
	a := access("list", group, resource, ns, "")
	path, err := c.path(ctx, a)
	if err != nil {
		return nil, err
	}
	body, err := raw(ctx, c.kube.CoreV1().RESTClient().Get().AbsPath(path).
		SetHeader("Accept", "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"))
	if err != nil {
		return nil, failed(a, err)
	}
	var l metav1.PartialObjectMetadataList
	if err := json.Unmarshal(body, &l); err != nil {
		return nil, &Error{Kind: Server, Tried: a.sentence(), Seen: "an answer that is not a list", Next: next(Server, &a, nil), Access: &a}
	}
	var out []Meta
	for i := range l.Items {
		out = append(out, metaOf(&l.Items[i]))
	}
	return byName(out, func(m Meta) Meta { return m }), nil
}

// Create makes an object as its manifest says, in the name of a field manager. Its precondition is that there is none of the
// name (AlreadyExists).
func (h *Hands) Create(ctx context.Context, p Place, o Object, manager string) error {
	a := p.Access("create", o.Namespace(), o.Name())
	if err := h.ready(a); err != nil {
		return err
	}
	body, err := o.u.MarshalJSON()
	if err != nil {
		return failed(a, err)
	}
	return failed(a, h.kube.CoreV1().RESTClient().Post().AbsPath(p.path(o.Namespace(), "")).
		Param("fieldManager", manager).SetHeader("Content-Type", "application/json").Body(body).Do(ctx).Error())
}

// Replace puts an object in the place of the one that has this uid and this version.
func (h *Hands) Replace(ctx context.Context, p Place, o Object, was Meta, manager string) error {
	a := p.Access("update", o.Namespace(), o.Name())
	if err := h.ready(a); err != nil {
		return err
	}
	if was.UID == "" || was.ResourceVersion == "" {
		return failed(a, errors.New("a replacement without uid and version"))
	}
	u := o.u.DeepCopy()
	u.SetUID(types.UID(was.UID))
	u.SetResourceVersion(was.ResourceVersion)
	body, err := u.MarshalJSON()
	if err != nil {
		return failed(a, err)
	}
	err = failed(a, h.kube.CoreV1().RESTClient().Put().AbsPath(p.path(o.Namespace(), o.Name())).
		Param("fieldManager", manager).SetHeader("Content-Type", "application/json").Body(body).Do(ctx).Error())
	return h.changed(ctx, a, err, test("/metadata/uid", was.UID), test("/metadata/resourceVersion", was.ResourceVersion))
}

// Remove deletes the object of this uid; what belongs to it goes after it. One that is gone, or that another has replaced, is no error.
func (h *Hands) Remove(ctx context.Context, p Place, ns, name, uid string) error {
	a := p.Access("delete", ns, name)
	if err := h.ready(a); err != nil {
		return err
	}
	o, err := ifUID(a, uid)
	if err != nil {
		return err
	}
	background := metav1.DeletePropagationBackground
	o.PropagationPolicy = &background
	o.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "DeleteOptions"}
	body, err := json.Marshal(o)
	if err != nil {
		return failed(a, err)
	}
	err = failed(a, h.kube.CoreV1().RESTClient().Delete().AbsPath(p.path(ns, name)).SetHeader("Content-Type", "application/json").Body(body).Do(ctx).Error())
	if KindOf(err) == NotFound {
		return nil
	}
	return err
}

// CommandHelm is a command line of Helm for the same cluster.
func CommandHelm(w Where, ns string, words ...string) string {
	line := []string{"helm"}
	for _, flag := range [][2]string{{"--kubeconfig", w.Kubeconfig}, {"--kube-context", w.Context}, {"-n", ns}} {
		if flag[1] != "" {
			line = append(line, flag[0], quote(flag[1]))
		}
	}
	for _, x := range words {
		line = append(line, quote(x))
	}
	return strings.Join(line, " ")
}
