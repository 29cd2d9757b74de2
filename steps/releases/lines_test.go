package releases

import (
	"strings"
	"testing"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/release"
)

// TestSecretsAreNotShown: what looks like a secret by its name or by itself is not in a line; names, addresses and numbers are.
func TestSecretsAreNotShown(t *testing.T) {
	for _, c := range []struct {
		path string
		x    any
		want string
	}{
		{"password", "hunter2", unseen},
		{"auth.clientSecret", "x", unseen},
		{"auth.client_secret", "x", unseen},
		{"oidcSecret", "x", unseen},
		{"db.secret", "x", unseen},
		{"token", 12345.0, unseen},
		{"kms.apiKey", "x", unseen},
		{"privateKey", "x", unseen},
		{"auth.secrets.first", "x", unseen},
		{"additionalConfig", "canton.x { password = \"hunter2\" }", unseen},
		{"jdbc", "postgres://user:hunter2@host/db", unseen},
		{"x", "-----BEGIN PRIVATE KEY-----", unseen},
		{"x", "dGhpcyBpcyBhIHNlY3JldCBvZiBzb21lYm9keQ==", unseen},
		{"x", "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln", unseen},
		{"list", []any{map[string]any{"name": "DB_PASSWORD", "value": "x"}}, unseen},
		{"list", []any{map[string]any{"name": "A", "value": "token: x"}}, unseen},
		{"persistence.secretName", "apps-pg-secret", "apps-pg-secret"},
		{"node.keysSecret", "cometbft-keys", "cometbft-keys"},
		{"onboardingSecretFrom.secretKeyRef.name", "splice-app", "splice-app"},
		{"onboardingSecretFrom.secretKeyRef.literal", "x", unseen},
		{"auth.tokenUrl", "https://login.example/oauth/token", "https://login.example/oauth/token"},
		{"driver.host", "global-domain-4-cometbft-cometbft-rpc-of-the-node", "global-domain-4-cometbft-cometbft-rpc-of-the-node"},
		{"migration.id", "4", "4"},
		{"replicas", 2.0, "2"},
		{"on", true, "true"},
		{"empty", "", `""`},
		{"null", nil, "null"},
		{"lines", "a\nb", "a b"},
		{"long", strings.Repeat("word ", 100), strings.Repeat("word ", 100)[:longest-1] + "…"},
	} {
		if got := shown(strings.Split(c.path, "."), c.x); got != c.want {
			t.Errorf("%s: %v is shown as %q, want %q", c.path, c.x, got, c.want)
		}
	}
}

func values(t *testing.T, text string) release.Values {
	t.Helper()
	v, err := release.ReadValues([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestEdit(t *testing.T) {
	v, err := Edit{
		Set:  map[string]any{"migration.id": "4", "migration.migrating": true, "cometBFT": map[string]any{"enabled": true}, "new.deep.path": 1},
		Add:  map[string][]any{"env": {map[string]any{"name": "A", "value": "9"}, map[string]any{"name": "B", "value": "2"}}, "fresh": {"x"}},
		Drop: []string{"migration.legacyId", "not.there", "gone"},
	}.on(values(t, "migration: {id: '3', legacyId: '2', kept: x}\ncometBFT: {enabled: false, uri: y}\nenv: [{name: A, value: '1'}, {name: C, value: '3'}]\ngone: 1\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := values(t, "migration: {id: '4', migrating: true, kept: x}\ncometBFT: {enabled: true}\nenv: [{name: A, value: '9'}, {name: C, value: '3'}, {name: B, value: '2'}]\nnew: {deep: {path: 1}}\nfresh: [x]\n")
	if lines := ofValues(want, v); len(lines) > 0 {
		t.Errorf("%v", lines)
	}
	if _, err := (Edit{Add: map[string][]any{"a": {"x"}}}).on(values(t, "a: hunter2")); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("an item for what is no list: %v", err)
	}
}

func TestValueLines(t *testing.T) {
	got := ofValues(values(t, "a: 1\nb: {c: x, password: old}\nl: [1, 2]\nvars: {additionalEnvVars: [{name: A, value: '1'}, {name: KEY_PASSWORD, value: x}]}\ngone: x\n"),
		values(t, "a: 2\nb: {c: x, password: new}\nl: [1, 3]\nvars: {additionalEnvVars: [{name: A, value: '2'}, {name: KEY_PASSWORD, value: y}, {name: S, valueFrom: {secretKeyRef: {name: s, key: k}}}]}\nfresh: {x: 1}\n"))
	same(t, "lines", got, "a: 1 -> 2", "b.password: changed "+unseen, "fresh.x: (not set) -> 1", "gone: x -> (not set)", "l: [1,2] -> [1,3]",
		"vars.additionalEnvVars[A]: 1 -> 2", "vars.additionalEnvVars[KEY_PASSWORD]: changed "+unseen, "vars.additionalEnvVars[S]: (not set) -> from secret s/k")
}

func object(t *testing.T, text string) map[string]any {
	t.Helper()
	o, err := kube.Objects([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return o[0].Content()
}

func TestObjectLines(t *testing.T) {
	pods := func(containers string) string {
		return "{apiVersion: apps/v1, kind: Deployment, metadata: {name: d}, spec: {replicas: 1, template: {spec: {containers: " + containers + "}}}}"
	}
	two := pods("[{name: a, image: a:1, env: [{name: X, value: '1'}]}, {name: b, image: b:1}]")
	for _, c := range []struct {
		name, was, now, live, after string
		want                        []string
	}{
		{"two containers", two, pods("[{name: a, image: a:2, env: [{name: X, valueFrom: {secretKeyRef: {name: s, key: k}}}]}]"), two, pods("[{name: a, image: a:2, env: [{name: X, valueFrom: {secretKeyRef: {name: s, key: k}}}]}]"),
			[]string{"Deployment/d container b image: b:1 -> (not set)", "Deployment/d container b name: b -> (not set)",
				"Deployment/d container a env X: 1 -> from secret s/k", "Deployment/d container a image: a:1 -> a:2"}},
		{"by hand", pods("[{name: a, image: a:1}]"), pods("[{name: a, image: a:1}]"), strings.Replace(pods("[{name: a, image: a:1}]"), "replicas: 1", "replicas: 0", 1), pods("[{name: a, image: a:1}]"),
			[]string{"Deployment/d spec.replicas: 0 -> 1 (changed in the cluster since; what the chart says comes back)"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := release.Difference{Touched: release.Touched{Part: release.Part{Kind: "Deployment", Name: "d"}, Verb: release.Changes},
				Was: object(t, c.was), Now: object(t, c.now), Live: object(t, c.live), After: object(t, c.after)}
			same(t, "lines", ofObject(d), c.want...)
		})
	}
	secret := func(v string) map[string]any {
		return object(t, "{apiVersion: v1, kind: Secret, metadata: {name: s}, data: {user: "+v+"}}")
	}
	d := release.Difference{Touched: release.Touched{Part: release.Part{Kind: "Secret", Name: "s"}, Verb: release.Changes}, Was: secret("eA=="), Now: secret("eQ=="), Live: secret("eA=="), After: secret("eQ==")}
	same(t, "of a Secret", ofObject(d), "Secret/s data.user: changed "+unseen)
}
