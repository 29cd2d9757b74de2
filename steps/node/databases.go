package node

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/postgres"
)

// dataRole are the parts that have a database of their own, and whose data it is.
var dataRole = map[Part]postgres.Role{
	SVApp: postgres.SV, ScanApp: postgres.Scan, Validator: postgres.Validator,
	Participant: postgres.Participant, Sequencer: postgres.Sequencer, Mediator: postgres.Mediator,
}

// DataRoles are the parts that have a database of their own, and whose data it is.
func DataRoles() map[Part]postgres.Role { return maps.Clone(dataRole) }

// The defaults of the charts (reference/deployment.md 3.6).
const (
	adminDatabase = "cantonnet"
	databaseUser  = "cnadmin"
	postgresPort  = 5432
)

// databasesOf reads from the environment of the components where their data is: the Canton nodes have a variable for each part of the
// address (CANTON_PARTICIPANT_POSTGRES_SERVER and the like), the apps a block of configuration (ADDITIONAL_CONFIG_PERSISTENCE), as the
// charts splice-participant, splice-global-domain, splice-sv-node, splice-scan and splice-validator write them. A component whose
// environment does not say it has no entry. Components of legacy and successor synchronizers are left out.
func databasesOf(components []Component, workloads []kube.Workload) []postgres.Database {
	var found []postgres.Database
	for _, c := range components {
		role, has := dataRole[c.Part]
		if !has || c.Role == Legacy || c.Role == Successor {
			continue
		}
		i := slices.IndexFunc(workloads, func(w kube.Workload) bool { return w.Kind == c.Ref.Kind && w.Name == c.Ref.Name })
		if i < 0 {
			continue
		}
		for _, d := range databases(role, workloads[i]) {
			d.Server.Namespace = c.Ref.Namespace
			d.Server.Image = clientImage(workloads[i])
			place(&d.Server, components, workloads)
			found = append(found, d)
		}
	}
	return found
}

// databases are those that one workload is configured with: one, or two for a sequencer whose CantonBFT driver has its own.
func databases(role postgres.Role, w kube.Workload) []postgres.Database {
	env := map[string]kube.EnvVar{}
	for _, k := range w.Containers {
		if k.Init {
			continue
		}
		for _, e := range k.Env {
			env[e.Name] = e
		}
	}
	d := postgres.Database{Role: role, Server: postgres.Server{Admin: adminDatabase}}
	password := "SPLICE_APP_POSTGRES_PASSWORD"
	switch {
	case role.App():
		p := properties(env["ADDITIONAL_CONFIG_PERSISTENCE"].Value)
		d.Name, d.Schema, d.Server.Host, d.Server.User = p["databaseName"], p["currentSchema"], p["serverName"], p["user"]
		d.Server.Port, _ = strconv.Atoi(p["portNumber"])
	default:
		prefix, name := "CANTON_DOMAIN_POSTGRES_", "CANTON_"+strings.ToUpper(string(role))+"_POSTGRES_DB"
		if role == postgres.Participant {
			prefix = "CANTON_PARTICIPANT_POSTGRES_"
		}
		password = prefix + "PASSWORD"
		d.Name, d.Schema, d.Server.Host, d.Server.User = env[name].Value, env[prefix+"SCHEMA"].Value, env[prefix+"SERVER"].Value, env[prefix+"USER"].Value
		d.Server.Port, _ = strconv.Atoi(env[prefix+"PORT"].Value)
		if d.Server.Host == "" { // some releases of the charts give every component a block
			p := properties(env["ADDITIONAL_CONFIG_PERSISTENCE"].Value)
			d.Name, d.Schema, d.Server.Host, d.Server.User = p["databaseName"], p["currentSchema"], p["serverName"], p["user"]
			d.Server.Port, _ = strconv.Atoi(p["portNumber"])
		}
	}
	d.Server.Secret, d.Server.Key = secretOf(env[password])
	var found []postgres.Database
	if d.Name != "" && d.Server.Host != "" {
		found = append(found, withDefaults(d))
	}
	if bft := properties(env["ADDITIONAL_CONFIG_SEQUENCER_DRIVER_BFT"].Value); bft["databaseName"] != "" && (bft["databaseName"] != d.Name || bft["serverName"] != d.Server.Host) {
		own := postgres.Database{Role: role, Name: bft["databaseName"], Schema: bft["currentSchema"], Server: postgres.Server{Admin: adminDatabase, Host: bft["serverName"], User: bft["user"]}}
		own.Server.Port, _ = strconv.Atoi(bft["portNumber"])
		own.Server.Secret, own.Server.Key = secretOf(env["SEQUENCER_DRIVER_BFT_POSTGRES_PASSWORD"])
		found = append(found, withDefaults(own))
	}
	return found
}

func withDefaults(d postgres.Database) postgres.Database {
	d.Server.User = cmp.Or(d.Server.User, databaseUser)
	d.Server.Port = cmp.Or(d.Server.Port, postgresPort)
	return d
}

var property = regexp.MustCompile(`(?m)\b(databaseName|currentSchema|serverName|portNumber|user)\s*[=:]\s*"?([^"\s}]+)"?`)

// properties are the values of a block of configuration that tell of a database; what refers to a variable is no value.
func properties(config string) map[string]string {
	found := map[string]string{}
	for _, m := range property.FindAllStringSubmatch(config, -1) {
		if !strings.HasPrefix(m[2], "${") {
			found[m[1]] = m[2]
		}
	}
	return found
}

// secretOf is the secret and the key that a variable comes from.
func secretOf(e kube.EnvVar) (name, key string) {
	from, ok := strings.CutPrefix(e.From, "secret ")
	if !ok {
		return "", ""
	}
	name, key, _ = strings.Cut(from, "/")
	return name, key
}

// clientImage is the image of the init container that makes the database: it has psql (reference/deployment.md 3.6).
func clientImage(w kube.Workload) string {
	for _, k := range w.Containers {
		if k.Init && slices.ContainsFunc(k.Env, func(e kube.EnvVar) bool { return e.Name == "PGPASSWORD" }) {
			return k.Image
		}
	}
	return ""
}

// place finds the workload of the namespace that is the server: the one that the first word of its host names.
func place(s *postgres.Server, components []Component, workloads []kube.Workload) {
	name, rest, _ := strings.Cut(s.Host, ".")
	if rest != "" && rest != s.Namespace && !strings.HasPrefix(rest, s.Namespace+".svc") {
		return
	}
	for _, c := range components {
		if c.Part != Postgres || c.Ref.Name != name {
			continue
		}
		s.Workload, s.Selector = c.Ref.Name, c.Selector
		for _, w := range workloads {
			if w.Kind != c.Ref.Kind || w.Name != c.Ref.Name {
				continue
			}
			for _, k := range w.Containers {
				if !k.Init && (s.Container == "" || k.Name == c.Ref.Name || k.Name == "postgresql") {
					s.Container = k.Name
				}
			}
		}
	}
}

// Servers are the database servers of the node, each once, in the order in which its components name them.
func (n Node) Servers() []postgres.Server {
	var found []postgres.Server
	for _, d := range n.Databases {
		if !slices.ContainsFunc(found, func(s postgres.Server) bool { return s.String() == d.Server.String() }) {
			found = append(found, d.Server)
		}
	}
	return found
}

// On are the databases of a server.
func (n Node) On(s postgres.Server) []postgres.Database {
	var found []postgres.Database
	for _, d := range n.Databases {
		if d.Server.String() == s.String() {
			found = append(found, d)
		}
	}
	return found
}

// DatabaseOf is the database of that name, or of the only component with that role.
func (n Node) DatabaseOf(role postgres.Role, name string) (postgres.Database, bool) {
	var ofRole []postgres.Database
	for _, d := range n.Databases {
		if d.Name == name && (role == postgres.Unknown || d.Role == role) {
			return d, true
		}
		if d.Role == role {
			ofRole = append(ofRole, d)
		}
	}
	if len(ofRole) == 1 && role != postgres.Unknown {
		return ofRole[0], true
	}
	return postgres.Database{}, false
}
