package kube

import (
	"strings"
	"testing"
	"time"
)

func TestWhy(t *testing.T) {
	now := time.Date(2026, 5, 1, 3, 0, 0, 0, time.UTC)
	at := func(d time.Duration) *time.Time { t := now.Add(d); return &t }
	pod := func(change func(*Pod)) Pod {
		p := Pod{Meta: Meta{Name: "p"}, Phase: "Running", Node: "n1", Containers: []ContainerStatus{{Name: "c", Image: "img:1", State: "running"}}}
		change(&p)
		return p
	}
	waiting := func(reason, message string) func(*Pod) {
		return func(p *Pod) {
			c := &p.Containers[0]
			c.State, c.Reason, c.Message, c.Restarts = "waiting", reason, message, 3
			c.Last = &Termination{Code: 1, Reason: "Error", Finished: now}
		}
	}
	unplaced := func(message string) func(*Pod) {
		return func(p *Pod) {
			p.Phase, p.Node, p.Claims, p.Containers[0].State = "Pending", "", []string{"data"}, ""
			p.Conditions = []Condition{{Type: "PodScheduled", Status: "False", Reason: "Unschedulable", Message: message}}
		}
	}
	pendingOn := func(p *Pod) { p.Phase, p.Containers[0].State = "Pending", "waiting" }
	for _, c := range []struct {
		name, summary, detail, hint string
		wait                        bool
		pod                         Pod
		events                      []Event
	}{
		{name: "crash", summary: "container c of pod p crashes again and again (3 restarts)", detail: "exit code 1 at 03:00:00 UTC", hint: "log", pod: pod(waiting("CrashLoopBackOff", "back-off"))},
		{name: "crash by memory", summary: "using more memory", detail: "137 (OOMKilled)", hint: "raise", pod: pod(func(p *Pod) {
			waiting("CrashLoopBackOff", "")(p)
			p.Containers[0].Last = &Termination{Code: 137, Reason: "OOMKilled"}
		})},
		{name: "killed by memory, running again", summary: "was killed for using more memory", hint: "raise", pod: pod(func(p *Pod) {
			p.Containers[0].Last = &Termination{Code: 137, Reason: "OOMKilled"}
		})},
		{name: "image", summary: "the image of container c of pod p cannot be fetched", detail: "img:1: not found", hint: "pull secret", pod: pod(waiting("ImagePullBackOff", "not found"))},
		{name: "image, first try", summary: "cannot be fetched", detail: "img:1", hint: "registry", pod: pod(waiting("ErrImagePull", ""))},
		{name: "secret missing", summary: "cannot be created", detail: `secret "s" not found`, hint: "secret", pod: pod(waiting("CreateContainerConfigError", `secret "s" not found`))},
		{name: "no room", summary: "no node has enough room", detail: "Insufficient cpu", hint: "node", pod: pod(unplaced("0/3 nodes are available: 3 Insufficient cpu."))},
		{name: "no claim", summary: "claim data does not exist", hint: "create the claim", pod: pod(unplaced(`persistentvolumeclaim "data" not found`))},
		{name: "claim going", summary: "claim data is being deleted", hint: "scale", pod: pod(unplaced(`persistentvolumeclaim "data" is being deleted`))},
		{name: "claim not bound", summary: "until its claim data is bound", hint: "events", pod: pod(unplaced("0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims."))},
		{name: "zone", summary: "another zone or node", hint: "zone", pod: pod(unplaced("0/3 nodes are available: 3 node(s) had volume node affinity conflict."))},
		{name: "taints", summary: "no node is meant for it", hint: "tolerations", pod: pod(unplaced("0/1 nodes are available: 1 node(s) had untolerated taint {x: y}."))},
		{name: "scheduler", summary: "waits for the scheduler", hint: "scheduler", wait: true, pod: pod(func(p *Pod) { pendingOn(p); p.Node = "" })},
		{name: "volume held", summary: "cannot be mounted on node n1", detail: "Multi-Attach", hint: "another pod still holds", pod: pod(pendingOn),
			events: []Event{{Reason: "FailedAttachVolume", Message: "Multi-Attach error for volume"}}},
		{name: "starting", summary: "is starting on node n1", hint: "images", wait: true, pod: pod(pendingOn)},
		{name: "ready", pod: pod(func(p *Pod) { p.Ready = true })},
		{name: "ready after a kill", pod: pod(func(p *Pod) {
			p.Ready, p.Containers[0].Ready = true, true
			p.Containers[0].Last = &Termination{Code: 137, Reason: "OOMKilled"}
		})},
		{name: "not ready", summary: "container c of pod p runs but is not ready", detail: "probe failed: 503", hint: "log", wait: true, pod: pod(func(*Pod) {}),
			events: []Event{{Reason: "Pulled"}, {Reason: "Unhealthy", Type: "Warning", Message: "Readiness probe failed: 503"}}},
		{name: "evicted", summary: "was evicted from node n1", detail: "low on resource", hint: "short", pod: pod(func(p *Pod) { p.Phase, p.Reason, p.Message = "Failed", "Evicted", "low on resource: memory" })},
		{name: "grace", summary: "has 20s of its grace period left", hint: "wait", wait: true, pod: pod(func(p *Pod) { p.Deleting = at(20 * time.Second) })},
		{name: "does not end", summary: "should have ended 1m0s ago and still runs", hint: "n1", pod: pod(func(p *Pod) { p.Deleting = at(-time.Minute) })},
		{name: "finalizer", summary: "kept by the finalizer a/b", hint: "finalizer", pod: pod(func(p *Pod) {
			p.Deleting, p.Finalizers, p.Containers[0].State = at(-time.Minute), []string{"a/b"}, "terminated"
		})},
		{name: "dead node", summary: "its node n1 does not answer", hint: "database", pod: pod(func(p *Pod) {
			p.Deleting, p.Conditions = at(-time.Minute), []Condition{{Type: "Ready", Status: "False", Reason: "NodeNotReady"}}
		})},
		{name: "still there", summary: "still there, 1m0s after its grace period", hint: "n1", pod: pod(func(p *Pod) {
			p.Deleting, p.Containers[0].State = at(-time.Minute), "terminated"
		})},
	} {
		got := Why(c.pod, c.events, now)
		for _, x := range []struct{ part, got, want string }{
			{"summary", got.Summary, c.summary}, {"detail", got.Detail, c.detail}, {"hint", got.Hint, c.hint},
		} {
			if !strings.Contains(x.got, x.want) || x.want == "" && x.part == "summary" && x.got != "" {
				t.Errorf("%s: %s is %q, want %q", c.name, x.part, x.got, x.want)
			}
		}
		if got.Waiting != c.wait {
			t.Errorf("%s: waiting is %v", c.name, got.Waiting)
		}
		if strings.ContainsAny(got.Summary, "\n") || strings.HasSuffix(got.Summary, ".") {
			t.Errorf("%s: not one sentence: %q", c.name, got.Summary)
		}
	}
}

func TestWhyClaim(t *testing.T) {
	first := &StorageClass{Meta: Meta{Name: "fast"}, BindingMode: "WaitForFirstConsumer"}
	claim := Claim{Meta: Meta{Name: "data"}, Phase: "Pending"}
	lost := claim
	lost.Phase, lost.Volume = "Lost", "pv-1"
	for _, c := range []struct {
		name, want string
		wait       bool
		claim      Claim
		class      *StorageClass
		events     []Event
	}{
		{"first consumer is normal", "waits for the first pod that uses it", true, claim, first, nil},
		{"a warning goes before", "cannot be bound", false, claim, first, []Event{{Type: "Warning", Reason: "ProvisioningFailed", Message: "no snapshot"}}},
		{"slow", "is not bound yet", true, claim, nil, nil},
		{"lost", "has lost its volume pv-1", false, lost, nil, nil},
	} {
		if got := WhyClaim(c.claim, c.class, c.events); !strings.Contains(got.Summary, c.want) || got.Waiting != c.wait {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}
