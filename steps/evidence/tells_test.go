package evidence

import (
	"slices"
	"strings"
	"testing"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/postgres"
)

// Variables that may set up a KMS are named, whatever they are called, and nothing of what they hold is told.
func TestVariablesThatTellOfAKMS(t *testing.T) {
	of := kube.Workload{Kind: kube.Deployment, Containers: []kube.Container{{Name: "participant", Env: []kube.EnvVar{
		{Name: "CANTON_PARTICIPANT_POSTGRES_SERVER", Value: "participant-pg"},
		{Name: "ADDITIONAL_CONFIG_CRYPTO", Value: "canton.participants.participant.crypto.kms { type = aws, region = invented }"},
		{Name: "KMS_KEY", Value: "invented-key"},
		{Name: "SETTINGS", From: "config map participant-kms/config"},
		{Name: "AWS_REGION", Value: "invented"},
		{Name: "GOOGLE_APPLICATION_CREDENTIALS", Value: "/invented"},
	}}}}
	of.Name = "participant"
	other := of
	other.Name = "scan-app"
	l := &look{workloads: func() ([]kube.Workload, error) { return []kube.Workload{other, of}, nil }}
	got := l.tellOfKMS([]node.Component{{Part: node.Participant, Ref: of.Ref()}})
	if len(got) != 5 || strings.Contains(strings.Join(got, " "), "invented") || strings.Contains(strings.Join(got, " "), "POSTGRES") {
		t.Errorf("%q", got)
	}
	if got := l.tellOfKMS(nil); len(got) != 0 {
		t.Errorf("of no participant: %q", got)
	}
}

// A database of the same kind under another number is what a changed ID leaves behind; one that another part names, or of another kind, is not.
func TestDatabasesThatAreLikeAMissingOne(t *testing.T) {
	stored := []postgres.Stored{{Name: "participant_4"}, {Name: "participant_3"}, {Name: "sequencer_4"}, {Name: "participant"}, {Name: "participant_4_old"}}
	wanted := []postgres.Database{{Name: "participant_5"}, {Name: "participant_3"}}
	if got := likes("participant_5", stored, wanted); !slices.Equal(got, []string{"participant_4", "participant"}) {
		t.Errorf("%q", got)
	}
	if got := likes("cantonnet_sv", stored, wanted); len(got) != 0 {
		t.Errorf("%q", got)
	}
}

// A volume with less room than one segment of the write-ahead log is full, unless it is tiny.
func TestFullBeforeNothingIsLeft(t *testing.T) {
	for _, c := range []struct {
		free, size int64
		want       int
	}{{160 << 10, 1 << 30, 100}, {15 << 20, 1 << 30, 100}, {17 << 20, 1 << 30, 98}, {1 << 20, 32 << 20, 96}} {
		if got := percent(c.free, c.size); got != c.want {
			t.Errorf("%d of %d: %d, want %d", c.free, c.size, got, c.want)
		}
	}
}
