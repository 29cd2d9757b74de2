package network

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/wire"
)

// Beside the participant that the SV app uses there is another one: it is not the node's current one, whatever runs.
func TestParticipantsAreToldApart(t *testing.T) {
	for name, c := range map[string]struct {
		env  string // of the SV app
		want string // of participant-3 and participant-4
	}{
		"the new one":              {"participant-4", "participant-3=legacy participant-4=current"},
		"with a scheme and a port": {"http://participant-4.sv.svc:5001", "participant-3=legacy participant-4=current"},
		"in a block":               {"canton.x { address = \"participant-4\" }", "participant-3=legacy participant-4=current"},
		"the old one":              {"participant-3", "participant-3=current participant-4=successor"},
		"none":                     {"participant-4-pg", "participant-3= participant-4="},
		"both":                     {"participant-3,participant-4", "participant-3= participant-4="},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, "0.5.10")
				second := fmt.Sprintf(deployment, "participant-4", "participant", "splice-participant-0.5.10", "")
				if err := r.sim.LoadYAML([]byte(second + "\n---\n" + fmt.Sprintf(deployment, "sv-app", "sv-app", "splice-sv-node-0.5.10", fmt.Sprintf("{name: X, value: %q}", c.env)))); err != nil {
					t.Fatal(err)
				}
				f := Facts{Wanted: "sv", Where: kube.Where{Context: "test"}}
				look := CleanUp().Steps[0]
				found, err := look.Verify(t.Context(), r.world, &f)
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, x := range f.Node.Components {
					if x.Part == node.Participant {
						got = append(got, x.Ref.Name+"="+string(x.Role))
					}
				}
				if strings.Join(got, " ") != c.want {
					t.Errorf("it is %s", got)
				}
				told := strings.Contains(said(found), "attention participants")
				if apart := !strings.HasSuffix(c.want, "="); told == apart {
					t.Errorf("found %s", said(found))
				}
				if n := find(t, found, "node"); strings.HasPrefix(name, "the new") && (strings.Contains(n.Text, "participant-3") || n.Verdict != wire.Holds) {
					t.Errorf("%+v", n)
				}
			})
		})
	}
}

// deployment is one of a chart: name, container, chart, variable.
const deployment = `---
apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s, namespace: sv, labels: {app: %[1]s, helm.sh/chart: %[3]s}}
spec:
  replicas: 1
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec: {containers: [{name: %[2]s, image: "i:0.5.10", env: [%[4]s]}]}
`
