package survey

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"canton.example/svrescue/internal/secret"
	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
	"github.com/google/go-cmp/cmp"
)

// cluster is one in memory.
type cluster struct {
	customs   map[string][]kube.Custom // by resource
	forbidden map[string]bool          // resource: not in all namespaces
	secrets   map[string]map[string]string
	values    map[string]map[string]any // of Helm releases, by release
	chart     map[string]string
	snapshots []kube.Snapshot
	denied    error // for secrets
	mu        sync.Mutex
	read      []string // keys of secrets that were asked for
}

func (c *cluster) Customs(_ context.Context, _, resource, ns string) ([]kube.Custom, error) {
	if c.forbidden[resource] && ns == "" {
		return nil, &kube.Error{Kind: kube.Forbidden, Seen: "not allowed"}
	}
	var found []kube.Custom
	for _, o := range c.customs[resource] {
		if ns == "" || o.Namespace == ns {
			found = append(found, o)
		}
	}
	return found, nil
}

func (c *cluster) Secrets(context.Context, string, string) ([]kube.SecretName, error) {
	var all []kube.SecretName
	for name := range c.values {
		all = append(all, kube.SecretName{Meta: kube.Meta{Name: "record-" + name, Labels: map[string]string{"owner": "helm", "name": name, "status": "deployed", "version": "1"}}})
	}
	return all, c.denied
}

func (c *cluster) SecretValue(_ context.Context, _, name, key string) (secret.String, bool, error) {
	c.mu.Lock()
	c.read = append(c.read, name+"/"+key)
	c.mu.Unlock()
	if release, ok := strings.CutPrefix(name, "record-"); ok {
		body, _ := json.Marshal(map[string]any{"name": release, "version": 1, "config": c.values[release], "info": map[string]any{"status": "deployed"},
			"chart": map[string]any{"metadata": map[string]any{"name": c.chart[release], "version": "0.6.4", "apiVersion": "v2"}}})
		var packed bytes.Buffer
		zip := gzip.NewWriter(&packed)
		_, _ = zip.Write(body)
		_ = zip.Close()
		return secret.New(base64.StdEncoding.EncodeToString(packed.Bytes())), true, nil
	}
	value, ok := c.secrets[name][key]
	return secret.New(value), ok, c.denied
}

func (c *cluster) Snapshots(context.Context, string) ([]kube.Snapshot, error) {
	return c.snapshots, nil
}
func (c *cluster) SnapshotContents(context.Context) ([]kube.SnapshotContent, error) {
	return nil, errors.New("not allowed")
}

func object(ns, name, spec string) kube.Custom {
	return kube.Custom{Meta: kube.Meta{Namespace: ns, Name: name}, Content: json.RawMessage(`{"spec":` + spec + `}`)}
}

func component(part node.Part, name, release string) node.Component {
	return node.Component{Part: part, Ref: kube.WorkloadRef{Kind: kube.Deployment, Namespace: "sv", Name: name}, Release: release}
}

func sample() (node.Node, *cluster) {
	n := node.Node{Subject: wire.Subject{Network: "testnet", SV: "Acme-SV", Namespace: "sv"}, Components: []node.Component{
		component(node.SVApp, "sv-app", "sv"), component(node.UI, "sv-web-ui", "sv"), component(node.ScanApp, "scan-app", "scan"), component(node.UI, "scan-web-ui", "scan"),
		component(node.Validator, "validator-app", "validator"), component(node.UI, "wallet-web-ui", "validator"), component(node.UI, "ans-web-ui", "validator"),
		component(node.Participant, "participant", "participant")},
		Claims: []node.Claim{{Claim: kube.Claim{Meta: kube.Meta{Name: "data"}}}}}
	return n, &cluster{
		values: map[string]map[string]any{
			"sv":          {"auth": map[string]any{"audience": "https://sv.api", "password": "hidden"}, "scan": map[string]any{"publicUrl": "https://scan.sv.acme.example/"}},
			"validator":   {"auth": map[string]any{"audience": "https://ledger.api"}},
			"participant": {"auth": map[string]any{"targetAudience": "https://ledger.api"}}},
		chart: map[string]string{"sv": "splice-sv-node", "validator": "splice-validator", "participant": "splice-participant"},
		secrets: map[string]map[string]string{
			"splice-app-sv-ledger-api-auth":        {"url": "https://auth.acme.example/.well-known/openid-configuration", "client-secret": "hidden", "audience": "hidden"},
			"splice-app-validator-ledger-api-auth": {"url": "https://auth.acme.example/.well-known/openid-configuration", "client-secret": "hidden"}},
		customs: map[string][]kube.Custom{
			"ingresses": {
				object("sv", "sv", `{"rules":[{"host":"sv.sv.acme.example","http":{"paths":[{"path":"/api/sv","backend":{"service":{"name":"sv-app","port":{"number":5014}}}},{"path":"/","backend":{"service":{"name":"sv-web-ui"}}}]}}]}`),
				object("other", "sv", `{"rules":[{"host":"sv.other.example","http":{"paths":[{"backend":{"service":{"name":"sv-app"}}}]}}]}`),
				object("sv", "any", `{"rules":[{"host":"*.acme.example","http":{"paths":[{"backend":{"service":{"name":"sv-app"}}}]}}]}`)},
			"virtualservices": {
				object("cluster-ingress", "cns", `{"hosts":["cns.sv.acme.example"],"http":[{"route":[{"destination":{"host":"validator-app.sv.svc.cluster.local"}}]}]}`),
				object("cluster-ingress", "wallet", `{"hosts":["wallet.sv.acme.example"],"http":[{"route":[{"destination":{"host":"validator-app.sv.svc.cluster.local"}}]}]}`),
				object("sv", "inside", `{"hosts":["validator-app","validator-app.sv.svc.cluster.local"],"http":[{"route":[{"destination":{"host":"validator-app"}}]}]}`),
				object("cluster-ingress", "elsewhere", `{"hosts":["wallet.elsewhere.example"],"http":[{"route":[{"destination":{"host":"validator-app"}}]}]}`)},
			"httproutes": {object("gateway", "scan", `{"hostnames":["scan-2.sv.acme.example"],"rules":[{"backendRefs":[{"name":"scan-web-ui","namespace":"sv"}]}]}`)}}}
}

func scans(found []svapp.Address, err error) func(context.Context) ([]svapp.Address, error) {
	return func(context.Context) ([]svapp.Address, error) { return found, err }
}

func TestLook(t *testing.T) {
	n, c := sample()
	n.Databases = []postgres.Database{{Role: postgres.SV, Name: "cantonnet_sv", Server: postgres.Server{Host: "db.provider.example", Port: 5432}}}
	taken := time.Date(2026, 5, 1, 2, 0, 0, 0, time.UTC)
	c.snapshots = []kube.Snapshot{{Meta: kube.Meta{Name: "data-7"}, SourceClaim: "data", Ready: true, Taken: &taken}, {Meta: kube.Meta{Name: "by-hand"}, SourceClaim: "data"}}
	got := Look(t.Context(), c, n, scans([]svapp.Address{{SVName: "Acme-SV", URL: "https://scan.sv.acme.example"}, {SVName: "B", URL: "https://scan.b.example"},
		{SVName: "B", URL: "https://scan.b.example"}, {SVName: "C", URL: "nonsense"}}, nil))
	want := Survey{Node: n,
		SV:   Answer{Values: []string{"https://sv.sv.acme.example"}, From: "Ingress sv/sv, which names the host; https is assumed"},
		Scan: Answer{Values: []string{"https://scan.sv.acme.example"}, From: "scan.publicUrl in the values of release sv", Notes: []string{"HTTPRoute gateway/scan leads to scan-app from another host: scan-2.sv.acme.example."}},
		Wallet: Answer{Values: []string{"https://wallet.sv.acme.example"}, From: "VirtualService cluster-ingress/wallet, which names the host; https is assumed",
			Notes: []string{"cns.sv.acme.example leads there too, by VirtualService cluster-ingress/cns."}},
		Discovery: Answer{Values: []string{"https://auth.acme.example/.well-known/openid-configuration"}, From: "key url of Secret splice-app-sv-ledger-api-auth"},
		AudienceSV: Answer{Values: []string{"https://sv.api"}, From: "auth.audience in the values of release sv",
			Notes: []string{"Do not take the one from the Secrets: that is the ledger's, https://ledger.api (auth.targetAudience of release participant)."}},
		AudienceValidator: Answer{Values: []string{"https://ledger.api"}, From: "auth.audience in the values of release validator",
			Notes: []string{"It is the ledger's too (auth.targetAudience of release participant)."}},
		Peers: Answer{Values: []string{"https://scan.b.example"}, From: "this node's own scan",
			Notes: []string{"The scan of C has no address that can be used.", "Compare them with a list that you trust: in an incident they say whether the network is well."}},
		Snapshots: []string{"VolumeSnapshots need no key: 1 backup run of this node was found in namespace sv, the newest 7, taken at 2026-05-01 02:00 UTC, with 1 of 1 volumes.",
			"1 snapshot of its volumes belongs to no run, because its name does not begin with its claim's: by-hand."},
		Managed: []string{"Database server db.provider.example:5432 lies outside the cluster: its backups are at its provider, and only you can say what is known of them."}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, key := range c.read {
		if !strings.HasSuffix(key, "/url") && !strings.HasSuffix(key, "/release") {
			t.Errorf("%s was read", key)
		}
	}
}

// What may not be read, or is not there, is said for each answer; nothing is made up.
func TestLookAtWhatCannotBeSeen(t *testing.T) {
	n, c := sample()
	c.denied = &kube.Error{Kind: kube.Forbidden, Tried: "read", Seen: "secrets is forbidden"}
	c.forbidden = map[string]bool{"ingresses": true, "virtualservices": true}
	got := Look(t.Context(), c, n, scans(nil, &kube.Error{Kind: kube.Forbidden, Seen: "no port-forward for you."}))
	for what, c := range map[string]struct{ got, want string }{
		"audience":  {got.AudienceSV.Why, "Helm's records could not be read: secrets is forbidden"},
		"wallet":    {got.Wallet.Why, "no Ingress, VirtualService or HTTPRoute leads to validator-app; ingresses of other namespaces may not be read; virtualservices of other namespaces may not be read"},
		"discovery": {got.Discovery.Why, "Secret splice-app-sv-ledger-api-auth could not be read: secrets is forbidden; Secret splice-app-validator-ledger-api-auth could not be read: secrets is forbidden"},
		"peers":     {got.Peers.Why, "this node's scan could not be asked for the others: no port-forward for you"},
		"sv":        {strings.Join(got.SV.Values, " "), "https://sv.sv.acme.example"}, // an Ingress of its own namespace
		"scan":      {strings.Join(got.Scan.Values, " ") + " " + strings.Join(got.Scan.Notes, " "), "https://scan-2.sv.acme.example It leads to the web page of scan-app; its interface is expected below the same host."},
	} {
		if c.got != c.want {
			t.Errorf("%s: %q, want %q", what, c.got, c.want)
		}
	}
}

// An address with a password in it is not taken over, nor repeated.
func TestLookTakesNoPassword(t *testing.T) {
	n, c := sample()
	for _, s := range c.secrets {
		s["url"] = "https://user:hidden@auth.example"
	}
	c.values["sv"]["scan"] = map[string]any{"publicUrl": "https://user:hidden@scan.example"}
	c.customs = nil
	got := Look(t.Context(), c, n, scans([]svapp.Address{{SVName: "B", URL: "https://user:hidden@scan.b.example"}}, nil))
	text, err := json.Marshal(got)
	if err != nil || strings.Contains(string(text), "hidden") {
		t.Errorf("%v %s", err, text)
	}
	if len(got.Discovery.Values)+len(got.Scan.Values)+len(got.Peers.Values) > 0 || !strings.Contains(got.Discovery.Why, "is no address") {
		t.Errorf("%+v", got)
	}
}
