package action

import (
	"context"
	"strings"
	"testing"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"k8s.io/utils/clock"
)

// told answers every request to a pod with one text.
type told string

func (t told) Get(context.Context, string, string, int, string) ([]byte, error) {
	return []byte(t), nil
}

func TestAcknowledged(t *testing.T) {
	const name = "daml_sequencer_block_acknowledgments_micros"
	at := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	line := func(sender, value string) string {
		return name + `{component="sequencer",sender="` + sender + `"} ` + value + "\n"
	}
	for _, c := range []struct {
		what, text, id string
		want           time.Time
		err            string
	}{
		{"its own", line("PAR::acme::1220aabbccdd", "1.7953164E15") + line("PAR::other::1220ff", "1.7953999E15"), "acme::1220aabbccdd", at, ""},
		{"cut short, as Canton prints members in places", line("PAR::acme::1220aabb...", "1795316400000000"), "acme::1220aabbccdd", at, ""},
		{"the newest of several", line("PAR::acme::1220aa", "5") + line("PAR::acme::1220aa", "1.7953164E15"), "acme::1220aa", at, ""},
		{"a mediator of the same name", line("MED::acme::1220aabbccdd", "1.7953164E15"), "acme::1220aabbccdd", time.Time{}, ""},
		{"another with the same beginning", line("PAR::acme::1220aabbccdd", "1.7953164E15"), "acme::1220aabbccddee", time.Time{}, ""},
		{"cut too short to tell", line("PAR::acme::12...", "1.7953164E15"), "acme::1220aabbccdd", time.Time{}, ""},
		{"nobody since it started", "other 1\n", "acme::1220aabbccdd", time.Time{}, "it has no metric " + name},
		{"not knowing who", line("PAR::acme::1220aa", "1"), "", time.Time{}, "is not known"},
	} {
		w := steps.World{Pods: told(c.text), Clock: clock.RealClock{}}
		got, err := ReadAcknowledged(t.Context(), w, Pods{Workload: kube.WorkloadRef{Kind: kube.Deployment, Namespace: "sv", Name: "sequencer"}}, c.id)
		if !got.Equal(c.want) || (c.err == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %s, %v", c.what, got, err)
		}
	}
}
