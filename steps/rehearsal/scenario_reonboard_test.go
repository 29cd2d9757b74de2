package rehearsal

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"canton.example/svrescue/steps/engine/lease"
	"canton.example/svrescue/steps/wire"
)

// Every scenario of a re-onboarding ends for a good operator as it says it does, no coin is made or lost, and no payment is made more than once. The
// runs are those that the matrices compare with.
func TestReonboardScenarios(t *testing.T) {
	beside(t)
	for _, c := range reonboardCourses() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.name != operatorMachineLost().ID { // that takes two machines
				c.alone(t)
				return
			}
			inScenario(t, c.in(), nil, func(t *testing.T, r *rig) {
				c.prepare(t, r)
				r.diesAtPayment(t)
				v, _, _ := c.drive(r, t.Context(), 0, c.answer(r))
				must(t, v, r.scenario.Expect)
				checkMet(t, r, v)
				checkScenario(t, r, v)
				checkPayments(t, r, v)
				r.tookOver(t)
			})
		})
	}
}

// checkScenario: its fault was met, where one machine can meet it; a recovery validator was deployed where the run says that all was recovered, and
// nothing was sent to a pod that is not known.
func checkScenario(t *testing.T, r *rig, v wire.View) {
	t.Helper()
	if r.scenario.ID != operatorMachineLost().ID {
		checkMet(t, r, v)
	}
	if deployed := r.pods.tenants.validator(); deployed != (r.scenario.Expect == wire.Recovered) {
		t.Errorf("a recovery validator was deployed: %v\n%s", deployed, lines(v))
	}
	for _, what := range r.pods.Unknown() {
		t.Errorf("sent to a pod, and not one of the product's statements and commands: %s", what)
	}
}

// validator says whether a recovery validator runs.
func (t *tenants) validator() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.spaces[validatorNamespace]
	return s != nil && s.validator != nil
}

// diesAtPayment plays the first machine: it dies when the ledger has taken the first transfer, before it knows. What comes next is another machine,
// which has the journal alone.
func (r *rig) diesAtPayment(t *testing.T) {
	t.Helper()
	taken, books := r.pods.changed, r.pods.tenants.books
	r.pods.changed = func() {
		taken()
		if r.host == "here" && len(books.Created()) > 0 {
			r.wire.die()
		}
	}
	v, _, dead := r.play(t.Context(), 0, r.player())
	if !dead || v.CurrentStep().ID != "reonboard/test-transfer" {
		t.Fatalf("the first machine lives\n%s", lines(v))
	}
	r.hangUp()
	r.carried(t)
}

// tookOver: the machine that the run was carried to met the Lease of the one that was lost, waited until it was not renewed, and took the node over by
// a word of its operator's.
func (r *rig) tookOver(t *testing.T) {
	t.Helper()
	asked := slices.ContainsFunc(r.journal, func(e wire.Event) bool {
		return e.Kind == wire.KindAsk && strings.HasSuffix(e.Question.Name, ".take-over") && strings.HasPrefix(e.Question.Text, "you on here ")
	})
	l, found, err := r.cluster().Lease(t.Context(), namespace)
	if !asked || err != nil || !found || l.Annotations[lease.Host] != "there" {
		t.Errorf("asked to take over: %v; the Lease: %+v, %v", asked, l, err)
	}
}

var trackedPayment = regexp.MustCompile(`^svrescue-[0-9a-f]+-([0-9]+)-[0-9]+$`)

// checkPayments: the ledger is sound, each attempt was made once and each planned payment moved coins at most once; and after a recovery all of the
// plan is in the fresh SV's wallet.
func checkPayments(t *testing.T, r *rig, v wire.View) {
	t.Helper()
	books := r.pods.tenants.books
	if err := books.Check(); err != nil {
		t.Error(err)
	}
	moved := map[string]int{}
	transfers, _ := books.State()["transfers"].(map[string]any)
	for id, n := range books.Created() {
		number := trackedPayment.FindStringSubmatch(id)
		if number == nil || n != 1 {
			t.Fatalf("%d transfers under tracking ID %s", n, id)
		}
		if one := transfers[id].(map[string]any); one["state"] != "failed" {
			moved[number[1]]++
		}
	}
	recovered := v.Ended.Outcome == wire.Recovered
	if !recovered && len(books.Created()) > 0 || recovered && len(moved) < 2 {
		t.Errorf("transfers: %v", transfers)
	}
	for number, n := range moved {
		if n != 1 {
			t.Errorf("payment %s was made %d times: %v", number, n, transfers)
		}
	}
	if got, _ := books.Owns(r.pods.tenants.partyOf(freshNamespace)); recovered && !strings.HasPrefix(got, "90071992547409") {
		t.Errorf("the fresh SV owns %s", got)
	}
}

var anyTime = regexp.MustCompile(`20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(\.[0-9]+)?Z`)

// anyLog is made of the UIDs of objects, which count what was made before them.
var anyLog = regexp.MustCompile(`"log": "[0-9a-f]{16}"`)

// anyContract is the contract of an attempt that was stored last: its offer's, or that of its acceptance.
var anyContract = regexp.MustCompile(`"contract_id": "[0-9a-f]{10}"`)

// reonboarded is the world after a re-onboarding, the ledger included, without times and UIDs, and without how often a container was started:
// what waits for others ends again and again, the longer they take.
func reonboarded(t *testing.T, r *rig) any {
	t.Helper()
	time.Sleep(10 * time.Minute) // the world comes to rest
	var walk func(v any) any
	walk = func(v any) any {
		switch v := v.(type) {
		case map[string]any:
			if _, container := v["restartCount"]; container {
				delete(v, "restartCount")
				delete(v, "containerID")
				delete(v, "lastState")
			}
			for k, x := range v {
				v[k] = walk(x)
			}
		case []any:
			for i, x := range v {
				v[i] = walk(x)
			}
		case string:
			v = anyTime.ReplaceAllString(v, "TIME")
			return anyContract.ReplaceAllString(anyLog.ReplaceAllString(v, `"log": "LOG"`), `"contract_id": "ID"`)
		}
		return v
	}
	return walk(installedWorld(t, r))
}
