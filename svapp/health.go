package svapp

import (
	"context"
	"net/http"

	"canton.example/svrescue/internal/plain"
)

// Version is the release of an app (reference/apis.md 2.2). What an app can do is decided by it, before anything else is asked.
type Version struct {
	Release    string `json:"version"`   // such as 0.5.10
	CommitTime string `json:"commit_ts"` // ISO-8601
}

// Version asks for the release. No token is needed.
func (c *Client) Version(ctx context.Context) (Version, error) {
	var v Version
	err := c.do(ctx, ask{what: "read the version", path: "/version", into: &v})
	v.Release, v.CommitTime = plain.Line(v.Release), plain.Line(v.CommitTime)
	return v, err
}

// Alive asks whether the process answers: nil if so. It says nothing else about the app (reference/apis.md 14, 18).
func (c *Client) Alive(ctx context.Context) error {
	return c.do(ctx, ask{what: "ask for a sign of life", path: "/livez"})
}

// Ready asks whether the app is initialised and active. Since release 0.6.7 its background work may stand still all the same
// (reference/deployment.md 1). An app that is not ready answers 503 without a body, which is false here; ingresses that do not reach the app
// send a text or a page with it, which is an error.
func (c *Client) Ready(ctx context.Context) (bool, error) {
	err := c.do(ctx, ask{what: "ask for the readiness", path: "/readyz"})
	if e, ok := err.(*Error); ok && e.Code == http.StatusServiceUnavailable && e.empty {
		return false, nil
	}
	return err == nil, err
}

// NodeState is the case of a NodeStatus.
type NodeState string

const (
	Running        NodeState = "running"
	NotInitialized NodeState = "not initialized"
	Failed         NodeState = "failed"
)

// NodeStatus is what an app, a sequencer or a mediator says of itself (reference/apis.md 2.2). A node that is down is Failed, in an
// answer of status 200.
type NodeStatus struct {
	State  NodeState        `json:"state"`
	Active bool             `json:"active"`
	ID     string           `json:"id,omitempty"`     // only when running
	Uptime string           `json:"uptime,omitempty"` // only when running; of no fixed form
	Ports  map[string]int32 `json:"ports,omitempty"`
	Cause  string           `json:"cause,omitempty"` // only when failed; clean text
}

// nodeStatus is the union as it is sent: the key tells the case.
type nodeStatus struct {
	Success *struct {
		ID     string           `json:"id"`
		Uptime string           `json:"uptime"`
		Ports  map[string]int32 `json:"ports,omitempty"`
		Active bool             `json:"active"`
	} `json:"success,omitempty"`
	NotInitialized *struct {
		Active bool `json:"active"`
	} `json:"not_initialized,omitempty"`
	Failed *struct {
		Error string `json:"error"`
	} `json:"failed,omitempty"`
}

// Status asks what the app says of itself. No token is needed.
func (c *Client) Status(ctx context.Context) (NodeStatus, error) {
	return c.status(ctx, ask{what: "read the status", path: "/status"})
}

func (c *Client) status(ctx context.Context, a ask) (NodeStatus, error) {
	var u nodeStatus
	a.into = &u
	if err := c.do(ctx, a); err != nil {
		return NodeStatus{}, err
	}
	switch {
	case u.Success != nil:
		if len(u.Success.Ports) == 0 {
			u.Success.Ports = nil
		}
		return NodeStatus{State: Running, Active: u.Success.Active, ID: plain.Line(u.Success.ID), Uptime: plain.Line(u.Success.Uptime), Ports: u.Success.Ports}, nil
	case u.NotInitialized != nil:
		return NodeStatus{State: NotInitialized, Active: u.NotInitialized.Active}, nil
	case u.Failed != nil:
		return NodeStatus{State: Failed, Cause: clean(u.Failed.Error)}, nil
	}
	return NodeStatus{}, c.malformed(a, "a status of none of the known cases")
}

// malformed is the error of an answer whose parts are there but make no sense together.
func (c *Client) malformed(a ask, seen string) error {
	e := &Error{Kind: Malformed, Code: http.StatusOK, Tried: a.what + " from " + c.app.String() + " (" + c.settings.Way.Name + ")", Seen: clean(seen)}
	e.Next = next(e)
	return e
}
