package rehearsal

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"canton.example/svrescue/steps/engine/report"
	"canton.example/svrescue/steps/reonboard"
	"canton.example/svrescue/steps/wire"
)

// secrets are what must be met nowhere but in the cluster: passwords, client secrets and private keys of the simulated node (they all
// begin so), and the credential of the kubeconfig.
var secrets = [][]byte{[]byte("invented-"), []byte("invented for"), []byte(credential)}

// keys are those of the ledger's worlds: what the identities backup holds, and the tokens of the apps.
func keys(t *testing.T, r *rig) [][]byte {
	t.Helper()
	if r.scenario.Books == nil {
		return nil
	}
	var all [][]byte
	for _, h := range []holder{lost(), holderOf(nameOfPeer(4))} {
		pair, err := h.pair()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, []byte(pair))
	}
	return append(all, []byte(validatorToken()), []byte(token(svAudience)))
}

// checkNoSecret looks for secrets in all that a run has left: the journal, the report, and the files of the run folder. It is called
// at the end of every machine of every test.
func checkNoSecret(t *testing.T, r *rig) {
	t.Helper()
	known := append(keys(t, r), secrets...)
	look := func(where string, data []byte) {
		t.Helper()
		for _, s := range known {
			if bytes.Contains(data, s) {
				t.Errorf("%s holds %q: %.300s", where, s, data)
			}
		}
	}
	for _, e := range r.journal {
		data, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		look("the journal", data)
	}
	d := report.Of(wire.FoldAll(r.journal))
	data, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	look("the report", data)
	look("the report", []byte(report.Markdown(d)))
	err = filepath.WalkDir(r.folder.Path, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || entry.Name() == reonboard.IdentitiesFile { // which is there for its keys
			return err
		}
		data, err := os.ReadFile(path)
		look(path, data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
