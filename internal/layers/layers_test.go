// Package layers holds no code: its test enforces which folder may import what, so that the folder tells it.
package layers

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "canton.example/svrescue"

type pkg struct {
	ImportPath string
	Name       string
	Dir        string
	GoFiles    []string
	Imports    []string
}

// packages are the product's, without test files and without what stands behind build tags.
func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Name,Dir,GoFiles,Imports", module+"/...")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var all []pkg
	for dec := json.NewDecoder(out); ; {
		var p pkg
		if err := dec.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if len(all) < 10 {
		t.Fatalf("only %d packages were listed", len(all))
	}
	return all
}

// layer is what may be imported of this module, by the first rule whose folder fits.
var layers = []struct {
	folder string
	may    []string
}{
	{"internal/", nil},
	{"assets", nil},
	{"svapp/sim", []string{"svapp", "internal/"}},
	{"svapp", []string{"svapp", "internal/"}},
	{"kube/sim", []string{"kube/sim", "internal/"}},
	{"kube", []string{"kube", "internal/"}},
	{"steps/wire", []string{"internal/plain", "internal/secret"}}, // what is hidden crosses it, and has no printed form
	{"steps/postgres/client", []string{"steps/postgres", "steps/wire", "internal/"}},
	{"steps/postgres", []string{"steps/postgres", "steps/wire", "internal/"}},
	// Triage judges and does not gather: its words are those of the packages that recognise a node, a backup and a pod.
	{"steps/triage", []string{"steps/backup", "steps/node", "steps/postgres", "steps/wire", "kube", "internal/"}},
	// Payment is proven by a model of a ledger: it knows no cluster and no engine.
	{"steps/reonboard/payment", []string{"steps/wire", "svapp", "internal/"}},
	{"steps/rehearsal", []string{"steps", "kube", "svapp", "internal/", "assets"}},
	{"steps", []string{"steps", "kube", "svapp", "internal/", "assets"}},
	{"ui/theme", []string{"ui/theme", "internal/"}},
	{"ui/wizard", []string{"ui/wizard", "ui/theme", "steps/wire", "internal/"}},
	{"ui/linear", []string{"steps/wire", "internal/"}},
	{"ui/stories", []string{"ui", "steps", "kube", "internal/"}},
	{"ui/command/config", []string{"internal/"}},
	{"ui/command", []string{"ui", "steps", "kube", "svapp", "internal/", "assets"}},
	{"e2e", []string{""}},
	{"bench", []string{"ui", "kube", "steps/engine/journal", "steps/wire"}},
	{"", []string{"ui/command"}},
}

// The only folders that may import a library, by the start of its import path.
var libraries = map[string][]string{
	"github.com/charmbracelet":                   {"ui/", "bench/empty"},
	"k8s.io/client-go":                           {"kube", "e2e"},
	"k8s.io/api/":                                {"kube", "e2e"},
	"github.com/kubernetes-csi":                  {"kube", "e2e"},
	"helm.sh/helm":                               {"kube/release"},
	"github.com/santhosh-tekuri/jsonschema":      {"kube/release"},
	"github.com/spf13/cobra":                     {"ui/command"},
	module + "/kube/sim":                         {"kube/sim", "steps/rehearsal", "e2e"},
	module + "/svapp/sim":                        {"svapp/sim", "steps/rehearsal", "e2e"},
	module + "/steps/postgres/sim":               {"steps/postgres/sim", "steps/rehearsal", "e2e"},
	"github.com/jackc/pgx":                       {"steps/postgres/client", "steps/postgres/sim", "e2e"},
	"github.com/klauspost/compress":              {"steps/postgres/dump", "svapp"},
	"github.com/ulikunitz/xz":                    {"steps/postgres/dump"},
	"github.com/pierrec/lz4":                     {"steps/postgres/dump"},
	"k8s.io/streaming":                           {"kube"},
	"k8s.io/cri-streaming":                       {"kube/sim"},
	"github.com/shopspring/decimal":              {"steps/reonboard/payment"},
	"google.golang.org/grpc":                     {"e2e", "svapp/sim"},
	"golang.org/x/oauth2":                        {"svapp"},
	"golang.org/x/net":                           {"svapp"},
	"github.com/coreos/go-oidc":                  {},
	"github.com/go-jose":                         {},
	"github.com/google/go-cmp":                   {},
	"github.com/rogpeppe/go-internal":            {},
	"k8s.io/utils/clock/testing":                 {},
	"github.com/hinshun/vt10x":                   {"e2e"},
	"github.com/creack/pty":                      {"e2e", "bench"},
	"k8s.io/apimachinery/pkg/util/managedfields": {"kube/sim"},
}

func TestImportsGoDownOnly(t *testing.T) {
	for _, p := range packages(t) {
		folder := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		var may []string
		for _, l := range layers {
			if within(folder, l.folder) {
				may = l.may
				break
			}
		}
		for _, i := range p.Imports {
			if own, ok := strings.CutPrefix(i, module+"/"); ok && !slices.ContainsFunc(may, func(m string) bool { return within(own, m) }) {
				t.Errorf("%s imports %s; it may import %v", folder, own, may)
			}
			for library, where := range libraries {
				if strings.HasPrefix(i, library) && !slices.ContainsFunc(where, func(w string) bool { return within(folder, w) }) {
					t.Errorf("%s imports %s, which only %v may", folder, i, where)
				}
			}
		}
	}
}

// within says whether folder is rule's folder or lies below it.
func within(folder, rule string) bool {
	rule = strings.TrimSuffix(rule, "/")
	return rule == "" || folder == rule || strings.HasPrefix(folder, rule+"/")
}

var vague = regexp.MustCompile(`^(util|utils|common|helper|helpers|misc|shared)$`)

func TestPackageNamesSayWhatIsInside(t *testing.T) {
	for _, p := range packages(t) {
		if vague.MatchString(p.Name) {
			t.Errorf("package %s is named %s", p.ImportPath, p.Name)
		}
	}
}

// clockReaders may call the clock itself: main passes it to everybody else, and what stands in for a real component
// outside this program (the test clusters' parts) has its own.
var clockReaders = []string{"e2e", "bench"}

func TestNoClockBelowMain(t *testing.T) {
	forbidden := map[string]bool{"Now": true, "Since": true, "Until": true, "Sleep": true, "After": true, "Tick": true, "NewTimer": true, "NewTicker": true, "AfterFunc": true}
	for _, p := range packages(t) {
		folder := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		if slices.ContainsFunc(clockReaders, func(w string) bool { return within(folder, w) }) || strings.HasPrefix(folder, "kube/sim/contract") {
			continue
		}
		for _, name := range p.GoFiles {
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok && forbidden[s.Sel.Name] {
					if x, ok := s.X.(*ast.Ident); ok && x.Name == "time" && x.Obj == nil {
						t.Errorf("%s/%s reads the clock by time.%s; take a clock as an argument", folder, name, s.Sel.Name)
					}
				}
				return true
			})
		}
	}
}
