package kube

import (
	"context"
	"sync"

	authzv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Verdict is the server's answer about one Access. Reason is clean text, often empty.
type Verdict struct {
	Access  Access `json:"access"`
	Allowed bool   `json:"allowed"`
	Reason  string `json:"reason,omitempty"`
}

// reviewers bounds how many questions are under way at once.
const reviewers = 8

// Allowed asks the server which of these it would let us do, in the order given. Equal questions are asked once. The first question that
// cannot be asked ends the call with its error: there is no answer that is half a guess.
func (c *Cluster) Allowed(ctx context.Context, list []Access) ([]Verdict, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	answers := map[Access]*Verdict{}
	var ask []*Verdict
	for _, a := range list {
		if answers[a] == nil {
			answers[a] = &Verdict{Access: a}
			ask = append(ask, answers[a])
		}
	}
	next := make(chan *Verdict, len(ask))
	for _, v := range ask {
		next <- v
	}
	close(next)
	var wg sync.WaitGroup
	for range min(reviewers, len(ask)) {
		wg.Go(func() {
			for v := range next {
				if ctx.Err() != nil {
					return
				}
				if err := c.review(ctx, v); err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return nil, explain("ask which permissions there are", nil, context.Cause(ctx))
	}
	out := make([]Verdict, len(list))
	for i, a := range list {
		out[i] = *answers[a]
	}
	return out, nil
}

func (c *Cluster) review(ctx context.Context, v *Verdict) error {
	a := v.Access
	name := a.Name
	if a.Verb == "create" && a.Subresource == "" {
		name = "" // a server does not know the name of a new object when it authorises its creation
	}
	r, err := c.kube.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, &authzv1.SelfSubjectAccessReview{
		Spec: authzv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authzv1.ResourceAttributes{
			Verb: a.Verb, Group: a.Group, Resource: a.Resource, Subresource: a.Subresource, Namespace: a.Namespace, Name: name,
		}},
	}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	v.Allowed = r.Status.Allowed && !r.Status.Denied
	v.Reason = clean(r.Status.Reason, maxSeen)
	if v.Reason == "" {
		v.Reason = clean(r.Status.EvaluationError, maxSeen)
	}
	return nil
}
