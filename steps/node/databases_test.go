package node

import (
	"testing"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/postgres"
	"github.com/google/go-cmp/cmp"
)

const appConfig = `canton.sv-apps.sv.storage {
  config {
    properties = {
      databaseName = "cantonnet_sv"
      currentSchema = "sv"
      serverName = "apps-pg.sv.svc.cluster.local"
      portNumber = 5432
      user = "splice"
      password = ${SPLICE_APP_POSTGRES_PASSWORD}
    }
  }
}`

const driverConfig = `canton.sequencers.sequencer.sequencer {
  config {
    storage = ${_storage}
    storage.config.properties.serverName = "sequencer-pg"
    storage.config.properties.user = "cnadmin"
    storage.config.properties.password = ${?SEQUENCER_DRIVER_BFT_POSTGRES_PASSWORD}
    storage.config.properties.currentSchema = "sequencer"
    storage.config.properties.databaseName = "bft_1"
    storage.config.properties.portNumber = 5433
  }
}`

// component is a workload with an environment; values that begin with "secret " come from there.
func component(name, container string, env map[string]string) kube.Workload {
	w := made{name: name, container: container, chart: map[string]string{"postgres": "splice-postgres-0.6.4"}[container]}.workload()
	if container == "postgres" {
		w.Kind = kube.StatefulSet
		w.Containers = []kube.Container{{Name: name}, {Name: "metrics"}}
		return w
	}
	w.Containers = []kube.Container{{Name: "pg-init", Init: true, Image: "postgres:14", Env: []kube.EnvVar{{Name: "PGPASSWORD", From: "secret x/postgresPassword"}}}, {Name: container}}
	for k, v := range env {
		e := kube.EnvVar{Name: k, Value: v}
		if len(v) > 7 && v[:7] == "secret " {
			e = kube.EnvVar{Name: k, From: v}
		}
		w.Containers[1].Env = append(w.Containers[1].Env, e)
	}
	return w
}

func TestDatabasesAreReadFromTheEnvironment(t *testing.T) {
	servers := []kube.Workload{component("apps-pg", "postgres", nil), component("sequencer-pg", "postgres", nil)}
	pg := func(name, ns string) postgres.Server {
		return postgres.Server{Namespace: "sv", Workload: name, Selector: "app=" + name, Container: name, Host: name + ns, Port: 5432, User: "cnadmin",
			Secret: name + "-secret", Key: "postgresPassword", Admin: "cantonnet", Image: "postgres:14"}
	}
	app := pg("apps-pg", ".sv.svc.cluster.local")
	app.User = "splice"
	managed := postgres.Server{Namespace: "sv", Host: "10.1.2.3", Port: 6432, User: "cnadmin", Secret: "p-secret", Key: "pw", Admin: "cantonnet", Image: "postgres:14"}
	driver := pg("sequencer-pg", "")
	driver.Port = 5433
	participant := map[string]string{"CANTON_PARTICIPANT_POSTGRES_SERVER": "10.1.2.3", "CANTON_PARTICIPANT_POSTGRES_PORT": "6432",
		"CANTON_PARTICIPANT_POSTGRES_SCHEMA": "participant", "CANTON_PARTICIPANT_POSTGRES_DB": "participant_0", "CANTON_PARTICIPANT_POSTGRES_PASSWORD": "secret p-secret/pw"}
	sequencer := map[string]string{"CANTON_DOMAIN_POSTGRES_SERVER": "sequencer-pg", "CANTON_SEQUENCER_POSTGRES_DB": "sequencer_1",
		"CANTON_DOMAIN_POSTGRES_PASSWORD": "secret sequencer-pg-secret/postgresPassword"}
	bft := map[string]string{"ADDITIONAL_CONFIG_SEQUENCER_DRIVER_BFT": driverConfig, "SEQUENCER_DRIVER_BFT_POSTGRES_PASSWORD": "secret sequencer-pg-secret/postgresPassword"}
	for k, v := range sequencer {
		bft[k] = v
	}
	for _, c := range []struct {
		name string
		w    kube.Workload
		want []postgres.Database
	}{
		{"an app's block of configuration, a host with its domain", component("sv-app", "sv-app", map[string]string{"ADDITIONAL_CONFIG_PERSISTENCE": appConfig,
			"SPLICE_APP_POSTGRES_PASSWORD": "secret apps-pg-secret/postgresPassword"}), []postgres.Database{{Role: postgres.SV, Name: "cantonnet_sv", Schema: "sv", Server: app}}},
		{"a participant on a managed server", component("participant", "participant", participant),
			[]postgres.Database{{Role: postgres.Participant, Name: "participant_0", Schema: "participant", Server: managed}}},
		{"a sequencer without port and schema", component("global-domain-1-sequencer", "sequencer", sequencer),
			[]postgres.Database{{Role: postgres.Sequencer, Name: "sequencer_1", Server: pg("sequencer-pg", "")}}},
		{"CantonBFT with a database of its own", component("global-domain-1-sequencer", "sequencer", bft),
			[]postgres.Database{{Role: postgres.Sequencer, Name: "sequencer_1", Server: pg("sequencer-pg", "")}, {Role: postgres.Sequencer, Name: "bft_1", Schema: "sequencer", Server: driver}}},
		{"nothing is guessed", component("scan-app", "scan-app", nil), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, err := Discover(Seen{Namespace: "sv", Workloads: append([]kube.Workload{c.w}, servers...)})
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, n.Databases); d != "" {
				t.Error(d)
			}
		})
	}
}
