package release

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/release/common"
	rspb "helm.sh/helm/v4/pkg/release/v1"
	"helm.sh/helm/v4/pkg/storage/driver"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	typedv1 "k8s.io/client-go/kubernetes/typed/core/v1"

	"canton.example/svrescue/internal/secret"
	"canton.example/svrescue/kube"
)

// store keeps what Helm's own driver writes, so that what is read is what Helm makes.
type store struct {
	typedv1.SecretInterface
	t    *testing.T
	kept []corev1.Secret
	fail error
}

func (s *store) Create(_ context.Context, o *corev1.Secret, _ metav1.CreateOptions) (*corev1.Secret, error) {
	s.kept = append(s.kept, *o)
	return o, nil
}

func (s *store) Secrets(_ context.Context, ns, selector string) ([]kube.SecretName, error) {
	if ns != "sv" || selector != "owner=helm" {
		s.t.Errorf("asked for %q in %q", selector, ns)
	}
	var out []kube.SecretName
	for _, o := range s.kept {
		out = append(out, kube.SecretName{Meta: kube.Meta{Namespace: ns, Name: o.Name, Labels: o.Labels}})
	}
	return out, nil
}

func (s *store) SecretValue(_ context.Context, _, name, key string) (secret.String, bool, error) {
	if s.fail != nil {
		return secret.String{}, false, s.fail
	}
	for _, o := range s.kept {
		if o.Name == name {
			return secret.New(string(o.Data[key])), true, nil
		}
	}
	return secret.String{}, false, nil
}

func (s *store) put(name string, revision int, status common.Status, config map[string]any) {
	s.t.Helper()
	key := fmt.Sprintf("sh.helm.release.v1.%s.v%d", name, revision)
	err := driver.NewSecrets(s).Create(key, &rspb.Release{
		Name: name, Version: revision, Namespace: "sv", Config: config, Manifest: "kind: Secret",
		Chart: &v2.Chart{Metadata: &v2.Metadata{Name: "splice-" + name, Version: "0.6.1", AppVersion: "0.6.1"}},
		Info:  &rspb.Info{Status: status, LastDeployed: time.Date(2026, 5, 1, 3, 0, 0, 0, time.UTC), Description: "Upgrade \"x\"\nfailed"},
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

func TestList(t *testing.T) {
	s := &store{t: t}
	s.put("sv-node", 9, common.StatusSuperseded, nil)
	s.put("sv-node", 10, common.StatusDeployed, map[string]any{"password": "hunter2"})
	s.put("participant", 3, common.StatusDeployed, map[string]any{"a": 1})
	s.put("participant", 4, common.StatusFailed, map[string]any{"password": "hunter2"})
	s.put("broken", 1, common.StatusDeployed, nil)
	s.kept[len(s.kept)-1].Data["release"] = []byte("!!")
	s.kept = append(s.kept, corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "stray", Labels: map[string]string{"owner": "helm"}}})
	list, err := In(s, "sv").List(t.Context())
	if err != nil || len(list) != 3 {
		t.Fatalf("%+v, %v", list, err)
	}
	if b := list[0]; b.Name != "broken" || !strings.Contains(b.Problem, "sh.helm.release.v1.broken.v1") || b.Revision != 1 {
		t.Errorf("%+v", b)
	}
	if p := list[1]; p.Name != "participant" || p.Revision != 4 || p.Deployed != 3 || p.Status != "failed" || p.Description != `Upgrade "x" failed` || p.Problem != "" {
		t.Errorf("%+v", p)
	}
	v := list[2]
	if v.Revision != 10 || v.Deployed != 10 || v.Chart != "splice-sv-node" || v.ChartVersion != "0.6.1" || v.Values.Reveal() != "password: hunter2\n" ||
		v.Manifest.Reveal() != "kind: Secret" || v.ServerSide || !v.Updated.Equal(time.Date(2026, 5, 1, 3, 0, 0, 0, time.UTC)) {
		t.Errorf("%+v", v)
	}
	b, err := json.Marshal(list)
	if err != nil || strings.Contains(string(b)+fmt.Sprintf("%v%+v%#v", list, list, list), "hunter2") {
		t.Errorf("a value is printed: %s, %v", b, err)
	}
}

func TestListErrors(t *testing.T) {
	s := &store{t: t, fail: &kube.Error{Kind: kube.Forbidden, Tried: "get secrets"}}
	s.put("sv", 1, common.StatusDeployed, nil)
	_, err := In(s, "sv").List(t.Context())
	var e *kube.Error
	if !errors.As(err, &e) || e.Kind != kube.Forbidden {
		t.Errorf("%v", err)
	}
}
