package kube

import (
	"context"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/pager"
)

// Event is what some component said about an object; servers keep it about an hour. First and Last are the same for one that happened
// once.
type Event struct {
	Kind    string    `json:"kind"` // of the object
	Name    string    `json:"name"`
	UID     string    `json:"uid,omitempty"`
	Type    string    `json:"type"` // Normal or Warning
	Reason  string    `json:"reason"`
	Message string    `json:"message"`
	Source  string    `json:"source,omitempty"`
	Count   int32     `json:"count"`
	First   time.Time `json:"first"`
	Last    time.Time `json:"last"`
}

// eventPage is how many events are asked for at once: enough for one request as a rule, and a bound for what is held of an answer.
const eventPage = 10000

// Events lists the events about the object of this kind and name, newest first; empty kind or name stand for all.
func (c *Cluster) Events(ctx context.Context, ns, kind, name string) ([]Event, error) {
	var sel []fields.Selector
	if kind != "" {
		sel = append(sel, fields.OneTermEqualSelector("involvedObject.kind", kind))
	}
	if name != "" {
		sel = append(sel, fields.OneTermEqualSelector("involvedObject.name", name))
	}
	pages := pager.New(pager.SimplePageFunc(func(o metav1.ListOptions) (runtime.Object, error) { return c.kube.CoreV1().Events(ns).List(ctx, o) }))
	pages.PageSize, pages.PageBufferSize = eventPage, 0
	var out []Event
	err := pages.EachListItem(ctx, metav1.ListOptions{FieldSelector: fields.AndSelectors(sel...).String()}, func(o runtime.Object) error {
		e, is := o.(*corev1.Event)
		if is {
			out = append(out, eventOf(e))
		}
		return nil
	})
	if err != nil {
		return nil, failed(access("list", "", "events", ns, ""), err)
	}
	slices.SortStableFunc(out, func(a, b Event) int { return b.Last.Compare(a.Last) })
	return out, nil
}

func eventOf(e *corev1.Event) Event {
	out := Event{
		Kind: e.InvolvedObject.Kind, Name: e.InvolvedObject.Name, UID: string(e.InvolvedObject.UID), Type: e.Type, Reason: e.Reason,
		Message: clean(e.Message, maxSeen), Source: e.Source.Component, Count: max(e.Count, 1),
		First: e.FirstTimestamp.UTC(), Last: e.LastTimestamp.UTC(),
	}
	// Events of the newer API carry their times in other fields.
	if out.Source == "" {
		out.Source = e.ReportingController
	}
	if e.FirstTimestamp.IsZero() {
		out.First = e.EventTime.UTC()
	}
	if s := e.Series; s != nil {
		out.Count, out.Last = s.Count, s.LastObservedTime.UTC()
	} else if e.LastTimestamp.IsZero() {
		out.Last = out.First
	}
	return out
}
