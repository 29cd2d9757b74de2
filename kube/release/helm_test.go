package release

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What is rendered is what Helm itself would keep, byte for byte of the manifest, but for times, for its state, and for how it was sent:
// this program does not leave that to the server. The file was written by Helm 4.3.1, in testdata/as-helm:
//
//	helm install scan chart -n sv -f one.yaml -f two.yaml --dry-run=client -o json
//
// Where there is a helm on this machine, it is asked too.
func TestRenderedAsHelmDoes(t *testing.T) {
	folder := filepath.Join("testdata", "as-helm")
	var v Values
	for _, name := range []string{"one.yaml", "two.yaml"} {
		data, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		v = v.With(valuesOf(t, string(data)))
	}
	r, err := (Chart{Path: filepath.Join(folder, "chart"), Name: "splice-scan"}).Render(t.Context(), "scan", "sv", v, cluster)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := json.Marshal(r.rls)
	if err != nil {
		t.Fatal(err)
	}
	theirs := map[string][]byte{}
	if theirs["helm 4.3.1"], err = os.ReadFile(filepath.Join(folder, "helm-4.3.1.json")); err != nil {
		t.Fatal(err)
	}
	if helm, err := exec.LookPath("helm"); err == nil {
		cmd := exec.Command(helm, "install", "scan", "chart", "-n", "sv", "-f", "one.yaml", "-f", "two.yaml", "--dry-run=client", "-o", "json")
		cmd.Dir, cmd.Env = folder, append(os.Environ(), "KUBECONFIG="+os.DevNull)
		if theirs[helm], err = cmd.Output(); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range theirs {
		if diff := cmp.Diff(lasting(t, text), lasting(t, ours)); diff != "" {
			t.Errorf("it differs (-%s +this):\n%s", name, diff)
		}
	}
}

// lasting is a record without what is of its moment.
func lasting(t *testing.T, text []byte) any {
	t.Helper()
	var all any
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	var walk func(any)
	walk = func(x any) {
		switch x := x.(type) {
		case map[string]any:
			for _, key := range []string{"modtime", "schemamodtime", "first_deployed", "last_deployed", "deleted", "last_run", "apply_method"} {
				delete(x, key)
			}
			if _, info := x["notes"]; info {
				delete(x, "description")
				delete(x, "status")
			}
			for _, y := range x {
				walk(y)
			}
		case []any:
			for _, y := range x {
				walk(y)
			}
		}
	}
	walk(all)
	return all
}
