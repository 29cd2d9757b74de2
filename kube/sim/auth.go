package sim

import (
	"fmt"
	"net/http"
	"strings"

	authv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// User is who a bearer token stands for.
type User struct {
	Name  string `json:"name"`
	Admin bool   `json:"admin,omitempty"` // may everything
	Rules []Rule `json:"rules,omitempty"` // what a user who is not Admin may do; nothing else
}

// Rule matches requests. Every list must match; an empty list and "*" match anything. Resources are written
// "deployments" or "deployments/scale"; "deployments/*" matches the resource and all its subresources.
type Rule struct {
	Users      []string `json:"users,omitempty"` // only for Knobs.Deny
	Verbs      []string `json:"verbs,omitempty"`
	Groups     []string `json:"groups,omitempty"` // "" is the core group
	Resources  []string `json:"resources,omitempty"`
	Namespaces []string `json:"namespaces,omitempty"`
	Names      []string `json:"names,omitempty"`
}

// attributes is what an authoriser looks at.
type attributes struct{ user, verb, group, resource, sub, ns, name string }

func (r Rule) matches(a attributes) bool {
	full := a.resource
	if a.sub != "" {
		full += "/" + a.sub
	}
	resource := len(r.Resources) == 0
	for _, p := range r.Resources {
		resource = resource || p == "*" || p == full || strings.TrimSuffix(p, "/*") == a.resource && strings.HasSuffix(p, "/*")
	}
	return resource && oneOf(r.Users, a.user) && oneOf(r.Verbs, a.verb) && oneOf(r.Groups, a.group) &&
		oneOf(r.Namespaces, a.ns) && oneOf(r.Names, a.name)
}

func oneOf(list []string, v string) bool {
	for _, p := range list {
		if p == "*" || p == v {
			return true
		}
	}
	return len(list) == 0
}

func (s *Server) authenticate(r *http.Request) (User, bool) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	u, known := s.users[token]
	return u, ok && known
}

// allowed answers for the request's user. The mutex is held.
func (s *Server) allowed(u User, a attributes) bool {
	a.user = u.Name
	for _, r := range s.knobs.Deny {
		if r.matches(a) {
			return false
		}
	}
	if u.Admin {
		return true
	}
	for _, r := range u.Rules {
		if r.matches(a) {
			return true
		}
	}
	return false
}

func (s *Server) authorize(q *request) error {
	if q.res == rReview {
		return nil // everybody may ask about themselves
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := attributes{verb: q.verb, group: q.res.group, resource: q.res.name, sub: q.sub, ns: q.ns, name: q.name}
	verb, ok := q.verb, s.allowed(q.user, a)
	if q.streams() && q.Method == http.MethodGet { // a WebSocket: the method counts, and from 1.35 on the creation too
		a.verb = "get"
		if !s.allowed(q.user, a) {
			verb, ok = "get", false
		}
	}
	if ok {
		return nil
	}
	where := "at the cluster scope"
	if q.ns != "" {
		where = fmt.Sprintf("in the namespace %q", q.ns)
	}
	return apierrors.NewForbidden(q.res.gr(), q.name, fmt.Errorf("User %q cannot %s resource %q in API group %q %s",
		q.user.Name, verb, q.resourceName(), q.res.group, where))
}

// review answers a SelfSubjectAccessReview.
func (s *Server) review(q *request) (*object, error) {
	o, err := decode(q, rReview)
	if err != nil {
		return nil, err
	}
	v := as[authv1.SelfSubjectAccessReview](o)
	if (v.Spec.ResourceAttributes == nil) == (v.Spec.NonResourceAttributes == nil) {
		return nil, invalid(rReview, "", required("spec.resourceAttributes", "exactly one of nonResourceAttributes or resourceAttributes must be specified"))
	}
	if r := v.Spec.ResourceAttributes; r != nil {
		v.Status.Allowed = s.allowed(q.user, attributes{
			verb: r.Verb, group: r.Group, resource: r.Resource, sub: r.Subresource, ns: r.Namespace, name: r.Name})
	} else {
		v.Status.Allowed = v.Spec.NonResourceAttributes.Verb == "get"
	}
	if v.Status.Allowed {
		v.Status.Reason = "RBAC: allowed by the rules of " + q.user.Name
	}
	return raw(rReview, v), nil
}
