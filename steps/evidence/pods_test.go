package evidence

import (
	"testing"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/triage"
	clocktesting "k8s.io/utils/clock/testing"
)

// A sequencer's log tells of other members: only a participant or a mediator says of itself that it was disabled.
func TestWhoIsDisabled(t *testing.T) {
	const disabled = `{"message":"PERMISSION_DENIED: MemberDisabled(PAR::Other-SV::1220bb)"}`
	for _, c := range []struct {
		part node.Part
		log  string
		want triage.Kind
	}{
		{node.Participant, disabled, triage.Disabled},
		{node.Mediator, disabled, triage.Disabled},
		{node.Sequencer, disabled, ""},
		{node.Sequencer, "No space left on device\n" + disabled, triage.DiskFull},
		{node.SVApp, "EventsUnavailableForTimestamp", ""},
		{node.Participant, "EventsUnavailableForTimestamp\nstarting", triage.Pruned},
		{node.Postgres, "LOG: ready\nPANIC:  could not locate a valid checkpoint record\nLOG: shut down", triage.Damaged},
		{node.Postgres, "LOG: ready", ""},
	} {
		if _, got := telling(c.part, c.log); got != c.want {
			t.Errorf("%s, %q: %q, want %q", c.part, c.log, got, c.want)
		}
	}
}

// Only a volume on which nothing is free is full.
func TestPercent(t *testing.T) {
	for _, c := range []struct {
		free, size int64
		want       int
	}{{0, 100, 100}, {-1, 100, 100}, {1, 1000, 99}, {390, 1000, 61}, {1000, 1000, 1}, {1200, 1000, 1}} {
		if got := percent(c.free, c.size); got != c.want {
			t.Errorf("%d free of %d: %d, want %d", c.free, c.size, got, c.want)
		}
	}
}

// Whose data a claim holds is told by the documented names, and else it may be anybody's.
func TestPartsOfAClaim(t *testing.T) {
	for claim, want := range map[string]node.Part{"pg-data-participant-pg-0": node.Participant, "pg-data-hd-apps-pg-0": node.SVApp,
		"global-domain-3-cometbft-cometbft-data": node.CometBFT, "data-postgres-0": ""} {
		parts := partsOf(node.Node{}, claim)
		if want == "" && parts != nil || want != "" && (len(parts) == 0 || parts[0] != want) {
			t.Errorf("%s: %v, want %q", claim, parts, want)
		}
	}
}

// What an event told before a container started is over: a volume that could not be mounted at once is no trouble of a pod that runs.
func TestEventsOfBefore(t *testing.T) {
	now := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	at := func(ago time.Duration) *time.Time { a := now.Add(-ago); return &a }
	mount := kube.Event{Type: "Warning", Reason: "FailedMount", Message: `MountVolume.SetUp failed for volume "kube-api-access-x": failed to sync configmap cache: timed out`}
	pod := kube.Pod{Phase: "Running", Node: "rig", Containers: []kube.ContainerStatus{{Name: "one", State: "running", Started: at(4 * time.Minute)}}}
	pod.Name, pod.Created = "one-x", *at(5 * time.Minute)
	l := &look{Options: Options{Clock: clocktesting.NewFakeClock(now)}}
	for _, c := range []struct {
		name  string
		event time.Duration
		state string
		want  triage.Kind
	}{
		{"before it started", 4*time.Minute + 20*time.Second, "running", triage.Starting},
		{"after it started", time.Minute, "running", triage.Mount},
		{"while none has started", time.Minute, "waiting", triage.Mount},
	} {
		p, e := pod, mount
		e.Last = now.Add(-c.event)
		if c.state == "waiting" {
			p.Phase, p.Containers = "Pending", []kube.ContainerStatus{{Name: "one", State: "waiting", Reason: "ContainerCreating"}}
		}
		if got, _ := l.troubleOf(node.Component{Part: node.ScanApp}, p, []kube.Event{e}); got.Kind != c.want {
			t.Errorf("%s: %q, want %q (%+v)", c.name, got.Kind, c.want, got.Why)
		}
	}
}

// A container between two crashes is ready for a moment, and no healthy one.
func TestBetweenTwoCrashes(t *testing.T) {
	now := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name    string
		running time.Duration
		change  func(*kube.ContainerStatus)
		want    triage.Kind
	}{
		{"a second after a crash", time.Second, func(*kube.ContainerStatus) {}, triage.Starting},
		{"for long", settling, func(*kube.ContainerStatus) {}, ""},
		{"never crashed", time.Second, func(k *kube.ContainerStatus) { k.Restarts, k.Last = 0, nil }, ""},
		{"ended in order", time.Second, func(k *kube.ContainerStatus) { k.Last.Code = 0 }, ""},
	} {
		started := now.Add(-c.running)
		k := kube.ContainerStatus{Name: "one", Ready: true, State: "running", Restarts: 2, Started: &started, Last: &kube.Termination{Code: 1, Reason: "Error"}}
		c.change(&k)
		p := kube.Pod{Phase: "Running", Ready: true, Containers: []kube.ContainerStatus{k}}
		l := &look{Options: Options{Clock: clocktesting.NewFakeClock(now)}}
		if got, is := l.troubleOf(node.Component{Part: node.Postgres}, p, nil); got.Kind != c.want || is != (c.want != "") {
			t.Errorf("%s: %q, %v: %+v", c.name, got.Kind, is, got.Why)
		}
	}
}
