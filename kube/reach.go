package kube

import (
	"context"
	"encoding/json"
	"time"

	authnv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/version"
)

// Reached is the first thing a cluster says about itself.
type Reached struct {
	Version    string        `json:"version"`              // such as v1.35.1
	ServerTime *time.Time    `json:"serverTime,omitempty"` // nil if the answer had no date
	Skew       time.Duration `json:"skew"`                 // nanoseconds; server's clock minus ours, good to about a second; 0 without ServerTime
	User       string        `json:"user,omitempty"`       // whom the server takes us for; empty where it does not tell
	Groups     []string      `json:"groups,omitempty"`
}

// Reach asks the server for its version, its time and whom it takes us for. A server that tells its version but takes the credentials
// for nobody's answers an error of kind Unauthorized.
func (c *Cluster) Reach(ctx context.Context) (Reached, error) {
	body, err := raw(ctx, c.kube.CoreV1().RESTClient().Get().AbsPath("/version"))
	if err != nil {
		return Reached{}, explain("reach the cluster at "+c.server, nil, err)
	}
	var v version.Info
	if err := json.Unmarshal(body, &v); err != nil || v.GitVersion == "" {
		return Reached{}, &Error{Kind: Unreachable, Tried: "reach the cluster at " + c.server, Seen: "an answer that is not a Kubernetes version: " + clean(string(body), 80),
			Next: "check the server's address in the kubeconfig: something else answers there"}
	}
	r := Reached{Version: v.GitVersion}
	if d := c.date.Load(); d != nil {
		r.ServerTime = &d.server
		r.Skew = d.skew()
	}
	me, err := c.kube.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authnv1.SelfSubjectReview{}, metav1.CreateOptions{})
	switch k := KindOf(err); {
	case err == nil:
		r.User, r.Groups = me.Status.UserInfo.Username, me.Status.UserInfo.Groups
	case k == NotFound, k == Forbidden: // servers before 1.28, or a policy
	default:
		return r, explain("ask the cluster at "+c.server+" who we are", nil, err)
	}
	return r, nil
}

// Skew is the server's clock minus ours, as its last answer told it; false where no answer has.
func (c *Cluster) Skew() (by time.Duration, known bool) {
	d := c.date.Load()
	if d == nil {
		return 0, false
	}
	return d.skew(), true
}
