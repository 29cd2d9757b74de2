package evidence

import (
	"testing"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/node"
)

// The schedule is told from a literal variable, and nothing else that stands in it is.
func TestScheduleOfTheEnvironment(t *testing.T) {
	ref := kube.WorkloadRef{Kind: kube.Deployment, Namespace: "sv", Name: "validator-app"}
	for text, want := range map[string]string{
		"canton.validator-apps.validator_backend.participant-pruning-schedule {\n cron = \"0 0 3 * * ?\"\n max-duration = \"1h\"\n retention = \"30d\"\n}": "it prunes by the schedule 0 0 3 * * ? and keeps 30d (variable X of validator-app)",
		"participant-pruning-schedule = ${?SCHEDULE}":                  "it is set (variable X of validator-app)",
		"canton.validator-apps.password = canary, retention = \"30d\"": "",
	} {
		l := &look{workloads: func() ([]kube.Workload, error) {
			return []kube.Workload{{Kind: ref.Kind, Meta: kube.Meta{Namespace: "sv", Name: ref.Name}, Containers: []kube.Container{{Env: []kube.EnvVar{{Name: "X", Value: text}}}}}}, nil
		}}
		got, has := l.scheduleOf(node.Component{Ref: ref})
		if got != want || has != (want != "") {
			t.Errorf("%q: %q, %t", text, got, has)
		}
	}
}
